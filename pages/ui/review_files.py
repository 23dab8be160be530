"""What can be taken along from a review: decisions, accepted masks, overlay pictures."""

from __future__ import annotations

import streamlit as st

from core.pipeline.reviews import exported
from core.report.reviews import accepted_files
from core.store import Store
from core.types import NamedBytes, Progress
from core.view.words import count
from pages.ui import outcomes, ready, tables
from pages.ui.review_queue import Queue
from pages.ui.save import save_button


def show(store: Store, queue: Queue) -> None:
    """Decisions as CSV and JSON; masks and pictures of what this reader accepted as one zip."""
    who = st.segmented_control(
        "Whose decisions", ["Mine", "All readers"], default="Mine", required=True, key="take_whose",
        help="Those of all readers end the blinding: they name what others decided on cases that you have "
        "not decided yet.",
    )  # fmt: skip
    subjects = {each.subject for each in queue.items}
    record = exported(store, subjects, queue.reader.name if who == "Mine" else None)
    st.caption(
        f"{count(len(record['rows']), 'entry', 'entries')} about this run. In force is what no later entry "
        "of the same reader replaced or took back."
    )
    tables.downloads("decisions", record, record["rows"])
    accepted = [
        each
        for each in queue.items
        if each.analysis_key and each.subject in queue.standing
        and queue.standing[each.subject].decision == "accept"
    ]  # fmt: skip
    if not accepted:
        st.caption("No outline is accepted by you yet, so there are no masks to take along.")
        return
    keys = tuple(each.analysis_key for each in accepted if each.analysis_key)
    if not st.toggle(
        f"Pack the masks and pictures of {count(len(keys), 'accepted case')}", key="take_masks",
        help="Masks in the geometry of the input and overlay pictures, in one zip with a list.",
    ):  # fmt: skip
        return

    def work(progress: Progress) -> NamedBytes:
        return accepted_files(store, keys, progress)

    file = ready.ready("accepted", "Packing masks and pictures", (keys, outcomes.deletions()), work)
    if file is not None:
        save_button("Masks and pictures (zip)", file, key="take_accepted", width="content")
