"""The Risk and coverage page below its title: target, curves, cases, saving, guarantees, numbers.

Everything is answered from one table in memory. The curves and the answer come at once; the intervals of the
areas are drawn in the background when somebody opens them.
"""

from __future__ import annotations

import time
from dataclasses import replace

import streamlit as st

from core.metrics.selective.certified import certified_threshold
from core.metrics.selective.class_scores import with_confidence
from core.metrics.selective.coverage_report import TARGET_RISK, CoverageReport, coverage_report, prepare_score
from core.metrics.selective.operating import Answer, Prepared
from core.metrics.selective.risk import risk_of
from core.store import Store
from core.types import RiskConventions, RunRecord
from pages.ui import (
    coverage_choices,
    coverage_curve,
    coverage_numbers,
    coverage_words,
    flagged,
    guarantees,
    outcomes,
    point_form,
    resources,
    run_tables,
)
from pages.ui.coverage_choices import Choices
from pages.ui.run_tables import Loaded

KEPT = 24
REPLICATES = 1000

State = tuple[object, ...]
"""What the numbers of a page depend on beside the table itself."""


def show(store: Store, writable: bool) -> None:
    """The page for the selected run."""
    answer_place = st.container(key="answer")
    left, right = st.columns([3, 1.4], gap="small", vertical_alignment="bottom")
    with left:
        run = run_tables.pick_run(store)
    if run is None:
        return
    with right:
        level = run_tables.pick_level(run)
    run_tables.notes(run)
    started = time.perf_counter()
    with store.trace() as trace:
        loaded = run_tables.load(run, level)
        found = _answer(loaded, answer_place)
    seconds = time.perf_counter() - started
    if found is None:
        return
    choices, report, answer = found
    point_form.form(store, loaded, choices.score, choices.conventions, answer, writable)
    guarantees.show(report, answer)
    coverage_numbers.show(loaded, choices, report, _state(loaded.run, choices.conventions))
    run_tables.footer(loaded, seconds, trace.sentence)


def _answer(
    loaded: Loaded, answer_place: st.delta_generator.DeltaGenerator
) -> tuple[Choices, CoverageReport, Answer] | None:
    """Choices, answer, curves and cases; None where the score cannot rank the cases. Reads no store."""
    target_place = st.container()
    choices = coverage_choices.choose(loaded)
    state = _state(loaded.run, choices.conventions)
    report = _report(loaded, choices.conventions, choices.compared, *state)
    prepared = _prepared(loaded, choices.conventions, choices.score, *state)
    if prepared is None:
        answer_place.markdown(coverage_words.cannot_rank(choices, loaded))
        return None
    with target_place:
        kind, value = coverage_choices.target(report)
    answer = prepared.at_risk(value) if kind == "risk" else prepared.at_coverage(value)
    answer_place.markdown(coverage_words.sentence(answer, report, loaded, choices))
    coverage_words.facts(answer)
    selected = coverage_curve.show(report, choices, answer, value if kind == "risk" else None, state)
    flagged.cases(loaded, choices.score, choices.conventions, answer, selected)
    risk = value if kind == "risk" and 0.0 < value < 1.0 else TARGET_RISK
    certified = certified_threshold(prepared, risk)
    return choices, replace(report, default=choices.score, operating=answer, certified=certified), answer


def _state(run: RunRecord, conventions: RiskConventions) -> State:
    return run.id, run.done, run.failed, outcomes.deletions(), conventions.model_dump_json()


@st.cache_resource(max_entries=KEPT, show_spinner=False, scope=resources.SCOPE)
def _report(
    _loaded: Loaded, _conventions: RiskConventions, scores: tuple[str, ...], *state: object
) -> CoverageReport:
    return coverage_report(_loaded.table, _conventions, scores, seed=0, replicates=0)


@st.cache_resource(max_entries=KEPT, show_spinner=False, scope=resources.SCOPE)
def _prepared(_loaded: Loaded, _conventions: RiskConventions, score: str, *state: object) -> Prepared | None:
    table = with_confidence(_loaded.table)
    return prepare_score(table, risk_of(table, _conventions), score, seed=0, replicates=REPLICATES)
