"""Which run a page speaks of, and its table of units: read from the store once, then kept in memory.

No control of a page reads the store or runs a network again: everything is answered from this table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.pipeline.runs import find_cohort, unit_table
from core.store import Store
from core.types import CohortRecord, Level, RunRecord, UnitTable
from core.view.words import count
from pages.ui import outcomes, resources, selection
from pages.ui.menu import COHORTS
from pages.ui.options import distinct
from pages.ui.text import plain_text, safe_text

KEPT = 4
"""Tables in memory at a time; one of 2,000 cases with its histograms takes some 60 MB."""

LEVELS: dict[Level, str] = {"case": "Whole cases", "slice": "Single slices", "slab": "Slabs of slices"}


PARTS: dict[Level, str] = {"case": "", "slice": ", slice {}", "slab": ", slab from slice {}"}
"""What is added to the name of a case where a unit is a part of it."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """A run, its cohort and its table at one level. read: what was read from the store for it, in words."""

    run: RunRecord
    cohort: CohortRecord
    table: UnitTable
    read: str


def pick_run(store: Store) -> RunRecord | None:
    """The run chosen on the page; None, with what to do first, where there is none with a result."""
    runs = [each for each in store.runs() if each.done]
    if not runs:
        _nothing_yet()
        return None
    cohorts = {each.id: each for each in store.cohorts()}
    ids = [each.id for each in runs]
    by_id = dict(zip(ids, runs, strict=True))
    chosen = selection.current().run
    if chosen not in by_id:
        chosen = next((each.id for each in runs if each.cohort_id == selection.current().cohort), ids[0])
    words = distinct({each.id: _run_words(each, cohorts.get(each.cohort_id)) for each in runs})
    picked = st.selectbox(
        "Predictions",
        ids,
        index=ids.index(chosen),
        format_func=words.get,
        key="pick_run",
        help="One model over one cohort, or predictions that were imported. The Cohorts page makes them.",
    )
    unit = selection.current().unit if picked == selection.current().run else ""
    selection.choose(run=picked, cohort=by_id[picked].cohort_id, unit=unit)
    return by_id[picked]


def pick_level(run: RunRecord) -> Level:
    """Whether one mean counts cases or what they fall into; most classifications know cases only."""
    levels = list(run.levels)
    if len(levels) == 1 or not run.class_names:
        return levels[0]
    return st.segmented_control(
        "Counted once", levels, default=levels[0], format_func=LEVELS.get, key=level_key(levels[0]),
        required=True, bind="query-params", persist_state="session",
        help="What one mean counts once. Intervals always draw whole patients.",
    )  # fmt: skip


def level_key(level: Level) -> str:
    """Of the choice in the address: slabs have one of their own, as they are the first choice where there are
    any."""
    return "bag_level" if level == "slab" else "level"


def load(run: RunRecord, level: Level) -> Loaded:
    """The table of a run, from memory where nothing was added to the run since."""
    return _loaded(run.id, level, run.done, run.failed, outcomes.deletions())


def headline(loaded: Loaded) -> str:
    """What the numbers are of, in half a sentence."""
    table = loaded.table
    patients = len(set(table.group))
    return (
        f"{safe_text(loaded.cohort.name, 60)}, {count(table.units, table.level)} of "
        f"{count(patients, 'patient')}"
    )


def footer(loaded: Loaded, seconds: float, read: str) -> None:
    """What made the numbers, and what this rerun read for them."""
    run = loaded.run
    made = (
        "imported predictions"
        if run.config is None
        else f"{run.config.model_id}, {run.config.estimator.kind}"
    )
    st.caption(
        f"Made from run {run.id[:12]} ({safe_text(made)}), {run.done} of {run.items} cases done"
        + (f", {run.failed} failed" if run.failed else "")
        + f". When it was opened: {loaded.read} This answer took {1000 * seconds:.0f} ms. {read}"
    )


def notes(run: RunRecord) -> None:
    """Says so when numbers rest on part of a cohort, or on patients that the model was trained on."""
    for note in run.notes:
        place = st.warning if run.in_training else st.caption
        place(f"{safe_text(note, 300)}.")
    if not run.complete:
        st.warning(
            f"{run.done} of {run.items} cases are done so far; numbers change as the run goes on. "
            "The Cohorts page can continue it."
        )


def _run_words(run: RunRecord, cohort: CohortRecord | None) -> str:
    name = plain_text(cohort.name, 60) if cohort else "removed cohort"
    return f"{name}: {plain_text(run.title, 80)} ({run.done} of {run.items})"


def _nothing_yet() -> None:
    st.markdown(
        "There is nothing to judge yet. Add a cohort with references and run a model over it, "
        "or import predictions that were made elsewhere."
    )
    if st.button("Go to cohorts", type="primary", key="to_cohorts"):
        st.switch_page(COHORTS)


@st.cache_resource(max_entries=KEPT, show_spinner="Reading the results", scope=resources.SCOPE)
def _loaded(run_id: str, level: Level, done: int, failed: int, deletions: int) -> Loaded:
    store = resources.store()
    with store.trace() as trace:
        table = unit_table(store, run_id, level)
        run = store.run(run_id)
        assert run is not None
        cohort = find_cohort(store, run.cohort_id)
    return Loaded(run, cohort, table, trace.sentence)


def names_of(table: UnitTable, places: Sequence[int]) -> list[str]:
    """How units are called on screen: name, and the slice or slab where a unit is one."""
    return [plain_text(table.name[k]) + PARTS[table.level].format(table.slice[k] + 1) for k in places]
