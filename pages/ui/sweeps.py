"""The Sweeps page below its title: which sweep, what it says, and how to start one."""

from __future__ import annotations

import streamlit as st

from core.corruptions import CORRUPTIONS
from core.metrics.robustness.report import SweepReport, SweptTable
from core.pipeline.sweep_numbers import sweep_numbers
from core.pipeline.sweeps import Sweep, sweeps_of
from core.store import Store
from core.types import CohortRecord, Level, Progress
from core.view.words import count
from pages.ui import jobs, outcomes, ready, selection, subgroups, sweep_form, sweep_view
from pages.ui.menu import COHORTS
from pages.ui.options import distinct
from pages.ui.run_tables import LEVELS
from pages.ui.text import plain_text, safe_text

Numbers = tuple[SweepReport, tuple[SweptTable, ...]]


VIEWS = {"sweep": "Worse pictures", "groups": "Groups of cases", "shift": "Other data"}


def show(store: Store, writable: bool) -> None:
    """The whole page."""
    _job_under_way()
    view = st.segmented_control(
        "Look at", list(VIEWS), default="sweep", format_func=VIEWS.get, key="sweeps_view", required=True,
        bind="query-params", persist_state="session",
        help="What worse pictures do; on which cases the model is worst; the same model on another cohort.",
    )  # fmt: skip
    if view == "groups":
        subgroups.show_groups(store)
    elif view == "shift":
        subgroups.show_shift(store)
    else:
        _sweep(store, writable)


def _sweep(store: Store, writable: bool) -> None:
    cohort = _pick_cohort(store)
    if cohort is None:
        return
    answer_place = st.container(key="answer")
    known = sweeps_of(store, cohort.id)
    sweep = _pick_sweep(known)
    if sweep is None:
        answer_place.markdown(
            f"Nothing has been swept on **{safe_text(cohort.name, 60)}** yet. Choose a model and corruptions "
            "below: every case is asked about at every severity, and what goes wrong is counted."
        )
        sweep_form.form(store, cohort, writable, first=True)
        return
    level = _level(cohort)
    numbers = _numbers(store, sweep, level)
    if numbers is not None:
        missing = len(sweep.cells) - len(numbers[1])
        if missing:
            st.warning(
                f"{count(missing, 'severity', 'severities')} of this sweep are not finished and left out. "
                "Start it again below with the same choices to go on."
            )
        sweep_view.show(sweep, cohort, *numbers, answer_place)
    sweep_form.form(store, cohort, writable, first=False)


def _job_under_way() -> None:
    """Progress of a sweep; once it is over its cohort is selected."""
    job = jobs.selected()
    if job is None or jobs.kind_of(job) != jobs.SWEEP:
        return
    result = jobs.result_of(job)
    if result is not None:
        selection.choose(job="", cohort=result)
        st.toast("The sweep is done.")


def _pick_cohort(store: Store) -> CohortRecord | None:
    cohorts = {each.id: each for each in store.cohorts()}
    if not cohorts:
        st.markdown("There is no cohort yet. **Add a set of cases with references** first.")
        if st.button("Go to cohorts", type="primary", key="to_cohorts"):
            st.switch_page(COHORTS)
        return None
    ids = list(cohorts)
    words = distinct({each.id: plain_text(each.name, 60) for each in cohorts.values()})
    chosen = selection.current().cohort
    picked = st.selectbox(
        "Cohort", ids, index=ids.index(chosen) if chosen in cohorts else 0, format_func=words.get,
        key="sweep_cohort", help="Cases with references, added on the Cohorts page.",
    )  # fmt: skip
    if picked != chosen:
        selection.choose(cohort=picked, run="", unit="")
    return cohorts[picked]


def _pick_sweep(known: tuple[Sweep, ...]) -> Sweep | None:
    usable = [each for each in known if any(not cell.key for cell in each.cells)]
    if not usable:
        return None
    words = distinct({_id(each): _words(each) for each in usable})
    by_id = {_id(each): each for each in usable}
    if len(usable) == 1:
        return usable[0]
    picked = st.selectbox(
        "Sweep", list(by_id), format_func=words.get, key="sweep", help="One model, estimator and seed."
    )
    return by_id[picked]


def _level(cohort: CohortRecord) -> Level:
    if cohort.task != "segmentation":
        return "case"
    return st.segmented_control(
        "Counted once", list(LEVELS), default="case", format_func=LEVELS.get, key="sweep_level",
        required=True, bind="query-params", persist_state="session",
        help="What one mean counts once. Intervals always draw whole patients.",
    )  # fmt: skip


def _numbers(store: Store, sweep: Sweep, level: Level) -> Numbers | None:
    done = tuple(
        (run.done, run.failed) for cell in sweep.cells if (run := store.run(cell.run_id)) is not None
    )
    point = store.active_operating_point(sweep.config.model_id, sweep.config.estimator.kind)

    def work(progress: Progress) -> Numbers:
        return sweep_numbers(store, sweep, level, progress=progress)

    key = (_id(sweep), level, done, None if point is None else point.id, outcomes.deletions())
    return ready.ready("sweep", "Counting the sweep", key, work)


def _id(sweep: Sweep) -> str:
    return sweep.cells[0].run_id


def _words(sweep: Sweep) -> str:
    keys = {cell.key for cell in sweep.cells if cell.key}
    every = {spec.key for spec in CORRUPTIONS if not spec.adversarial}
    named = "all corruptions" if keys >= every else count(len(keys), "corruption")
    return f"{sweep.config.model_id}, {sweep.config.estimator.kind}, {named}, seed {sweep.seed}"
