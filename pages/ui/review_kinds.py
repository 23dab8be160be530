"""The kinds of failure that readers can name, to be edited."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.errors import SecondLookError
from core.pipeline.reviews import edit_kinds
from core.review import GROUPS
from core.store import Store
from pages.ui.frame import show_problem
from pages.ui.reader import Reader
from pages.ui.text import plain_text


def edit(store: Store, reader: Reader, writable: bool) -> None:
    """A table of group and words; saving appends to the log."""
    used = [each for each in store.reviews.state().kinds if not each.retired]
    st.caption(
        "What a reader can name as the kind of failure. A kind that is removed or reworded stays with the "
        "decisions that named it. Every change is an entry of the log."
    )
    table = pd.DataFrame(
        {"Whose failure": [each.group for each in used], "Kind": [plain_text(each.label) for each in used]}
    )
    edited = st.data_editor(
        table, num_rows="dynamic", hide_index=True, key=f"kinds_{len(store.reviews.entries())}",
        disabled=not writable,
        column_config={
            "Whose failure": st.column_config.SelectboxColumn(options=list(GROUPS), required=True),
            "Kind": st.column_config.TextColumn(required=True, max_chars=80),
        },
    )  # fmt: skip
    rows = [(str(group), str(label)) for group, label in edited.itertuples(index=False)]
    changed = rows != list(table.itertuples(index=False, name=None))
    if st.button("Save the kinds", key="save_kinds", disabled=not (writable and changed)):
        try:
            edit_kinds(store, reader.name, rows, reader.identity)
        except SecondLookError as problem:
            show_problem(problem)
            return
        st.rerun()
