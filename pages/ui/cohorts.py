"""The Cohorts page below its title: what there is, the selected cohort, and how to add one."""

from __future__ import annotations

import streamlit as st

from core.cohort.layouts import LAYOUTS
from core.pipeline.cohorts import remove_cohort
from core.pipeline.prediction_tables import TABLE_LAYOUT
from core.store import Store
from core.types import CohortRecord
from core.view.words import count
from pages.ui import access, cohort_add, cohort_runs, jobs, outcomes, selection
from pages.ui.frame import boundary
from pages.ui.text import plain_text, safe_text

TASKS = {
    "segmentation": "outlines",
    "classification": "one class per case",
    "multilabel": "any number of findings per case",
}
FIRST_ROWS = 500
SCROLLED_FROM = 6
LIST_HEIGHT = 560
"""Pixels; a longer list scrolls in itself, so that the selected cohort stays near."""


def show(store: Store, writable: bool) -> None:
    """The whole page."""
    _job_under_way(store)
    known = store.cohorts()
    chosen = next(
        (each for each in known if each.id == selection.current().cohort), known[0] if known else None
    )
    st.markdown(_answer(known, len(store.runs())))
    if known:
        left, right = st.columns([2, 3], gap="large")
        with left:
            st.header("Cohorts")
            height = LIST_HEIGHT if len(known) >= SCROLLED_FROM else "content"
            with st.container(height=height, border=False, key="cohort_list"):
                for record in known:
                    _row(record, record == chosen)
        with right:
            _details(store, chosen, writable)
    st.header("Add a cohort")
    cohort_add.form(store, writable, first=not known)


def _answer(known: tuple[CohortRecord, ...], runs: int) -> str:
    if not known:
        return (
            "Nothing yet. **Add a set of cases with references**, or a table of predictions, and this "
            "program can tell how good a model is, how honest its confidence is, and which cases may go "
            "unreviewed."
        )
    cases = sum(each.items for each in known)
    return (
        f"**{count(len(known), 'cohort')} with {count(cases, 'case')}**, and {count(runs, 'set')} of "
        "predictions for them. Numbers on the Reliability and Risk pages come from these."
    )


def _job_under_way(store: Store) -> None:
    """Progress of adding or running; once it is over, its result is selected.

    Drawn first, so that no second run is needed: it would forget a click that came meanwhile.
    """
    job = jobs.selected()
    if job is None or jobs.kind_of(job) not in (jobs.ADD, jobs.RUN):
        return
    result = jobs.result_of(job)
    if result is None:
        return
    kind = jobs.kind_of(job)
    run = store.run(result)
    cohort = run.cohort_id if run else result
    selection.choose(job="", cohort=cohort, run=run.id if run else "")
    cohort_add.forget_uploads()
    record = store.cohort(cohort)
    if record is not None:
        words = "was added" if kind == jobs.ADD else "has new predictions"
        st.toast(f"{safe_text(record.name, 60)} {words}.")


def _row(record: CohortRecord, chosen: bool) -> None:
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", key=f"cohort_{record.id[:16]}"
    ):
        refused = f", {count(len(record.refused), 'file')} left out" if record.refused else ""
        st.markdown(
            f"**{safe_text(record.name, 60)}**  \n:gray[{count(record.items, 'case')} of "
            f"{count(record.groups, 'patient')}, {TASKS[record.task]}{refused}]",
            width="stretch",
        )
        st.button(
            "Shown" if chosen else "Show", key=f"show_cohort_{record.id[:16]}", disabled=chosen,
            on_click=selection.choose, kwargs={"cohort": record.id, "run": "", "unit": "", "job": ""},
            help="What was run on this cohort, and its cases.",
        )  # fmt: skip


def _removal(store: Store, record: CohortRecord, writable: bool) -> None:
    with st.popover("Remove", key=f"ask_cohort_{record.id[:16]}", disabled=not writable):
        st.markdown(
            f"Remove **{safe_text(record.name, 60)}**, every set of predictions for it, and those of its "
            "cases that no other cohort holds? This cannot be undone."
        )
        st.button(
            "Remove for good", type="primary", key=f"remove_cohort_{record.id[:16]}",
            on_click=_remove, args=(store, record),
        )  # fmt: skip


def _remove(store: Store, record: CohortRecord) -> None:
    with boundary():
        access.require("researcher")
        removed = remove_cohort(store, record.id)
        outcomes.forget()
        if selection.current().cohort == record.id:
            selection.choose(cohort="", run="", unit="", case="", analysis="")
        st.toast(f"Removed {safe_text(record.name, 60)} and {count(removed, 'case')}.")


def _details(store: Store, record: CohortRecord, writable: bool) -> None:
    title, button = st.columns([4, 1], vertical_alignment="bottom")
    title.header(safe_text(record.name, 60), anchor=False)
    with button:
        _removal(store, record, writable)
    classes = ", ".join(safe_text(each, 40) for each in record.class_names[:12])
    st.caption(
        f"{count(record.items, 'case')} of {count(record.groups, 'patient')}; read as: "
        f"{safe_text(_layout(record.layout))}; classes: {classes or 'none'}; id {record.id[:12]}"
    )
    cohort_runs.runs(store, record, writable)
    with st.expander(f"Cases ({record.items})", key="cohort_items"):
        _items(store, record)
    if record.refused:
        with st.expander(f"Left out ({len(record.refused)}), and why", key="cohort_refused"):
            st.dataframe(
                {
                    "File": [plain_text(each.name) for each in record.refused],
                    "Why": [plain_text(each.sentence, 300) for each in record.refused],
                },
                hide_index=True, key="refused_rows",
            )  # fmt: skip


def _layout(key: str) -> str:
    """How files were taken, in words."""
    if key == TABLE_LAYOUT:
        return "Table of predictions, without images"
    return next((spec.label for spec in LAYOUTS if spec.key == key), key)


def _items(store: Store, record: CohortRecord) -> None:
    items = store.cohort_items(record.id)[:FIRST_ROWS]
    rows: dict[str, list[str]] = {
        "Case": [plain_text(each.name) for each in items],
        "Patient": [plain_text(each.group) for each in items],
    }
    if record.task != "segmentation":
        rows["Reference"] = [", ".join(plain_text(name, 40) for name in each.labels or ()) for each in items]
    st.dataframe(rows, hide_index=True, key="item_rows", height=300, alt="The cases of the cohort")
    if record.items > FIRST_ROWS:
        st.caption(f"The first {FIRST_ROWS} of {record.items}.")
