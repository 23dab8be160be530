"""Where the case stands in a cohort at this severity, and how right its probabilities are."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.metrics.reliability.report import PreparedReliability
from core.metrics.selective.class_scores import with_confidence
from core.metrics.selective.coverage_report import coverage_report
from core.metrics.selective.risk_coverage import Curve
from core.pipeline.lab import unit_of
from core.pipeline.stress import Stressed
from core.store import Store
from core.types import RiskConventions, RunRecord
from core.view.charts import CONFIG, Line, Place, line_chart
from core.view.words import count, number, percent
from pages.ui import outcomes, reliability, resources, run_tables
from pages.ui.lab_choices import Choices
from pages.ui.lab_words import named
from pages.ui.menu import COHORTS
from pages.ui.options import distinct
from pages.ui.run_tables import Loaded
from pages.ui.text import plain_text, safe_text


def show(store: Store, choices: Choices, severity: float, stressed: Stressed) -> None:
    """The mark on a cohort's risk-coverage curve, and the regional reliability of the case."""
    left, right = st.columns(2, gap="large")
    with left:
        st.header("Among other cases")
        _standing(store, choices, severity, stressed)
    with right:
        st.header("Does 0.9 mean 0.9 here?")
        _reliability(stressed)


def _standing(store: Store, choices: Choices, severity: float, stressed: Stressed) -> None:
    run = _pick_run(store, choices)
    if run is None:
        st.markdown("No cohort has been run with this model yet, so there is nothing to compare with.")
        st.page_link(COHORTS, label="Run it over a cohort")
        return
    loaded = run_tables.load(run, "case")
    result = stressed.result
    scores = result.classification.scores if hasattr(result, "classification") else result.analysis.scores
    confidence, score = scores[0].value, scores[0].key
    curve = _curve(loaded, score, run.id, run.done, run.failed, outcomes.deletions())
    if curve is None or confidence is None:
        st.caption("The curve cannot be drawn: the confidence is undefined for some case.")
        return
    place = _place(curve, confidence, f"this case, {named(choices, severity)}")
    st.plotly_chart(
        line_chart(
            [Line("cases, most confident first", curve.coverage, curve.generalised_risk)],
            x_title="share of cases accepted", y_title="undetected risk", place=place, height=300,
        ),
        key="lab_coverage", config=CONFIG, alt="Risk-coverage curve with this case marked",
    )  # fmt: skip
    others = with_confidence(loaded.table).confidence[score]
    higher = float((others > confidence).mean())
    st.caption(
        f"Its confidence {number(confidence)} is lower than that of {percent(higher)} of "
        f"{count(len(others), 'case')} of {safe_text(loaded.cohort.name, 60)}. The mark moves to "
        "the right as it enters later."
        + (" This case is judged on a part of its slices, the others on all." if choices.windowed else "")
    )


def _pick_run(store: Store, choices: Choices) -> RunRecord | None:
    fitting = [
        run for run in store.runs()
        if run.done and run.config is not None and run.config.corruption is None
        and run.config.model_id == choices.config.model_id
    ]  # fmt: skip
    own = {cohort_id for cohort_id, _ in store.places_of(choices.whole.id)}
    fitting.sort(key=lambda run: (run.cohort_id not in own, _kind(run) != choices.config.estimator.kind))
    if not fitting:
        return None
    cohorts = {each.id: each.name for each in store.cohorts()}
    words = distinct({
        run.id: f"{plain_text(cohorts.get(run.cohort_id, 'removed cohort'), 60)}: {plain_text(run.title, 80)}"
        for run in fitting
    })  # fmt: skip
    by_id = {run.id: run for run in fitting}
    picked = st.selectbox(
        "Cohort", list(by_id), format_func=words.get, key="lab_run",
        help="Runs of this model over a cohort of clean pictures.",
    )  # fmt: skip
    return by_id[picked]


def _kind(run: RunRecord) -> str:
    return "" if run.config is None else run.config.estimator.kind


@st.cache_resource(max_entries=12, show_spinner=False, scope=resources.SCOPE)
def _curve(_loaded: Loaded, score: str, *state: object) -> Curve | None:
    table = with_confidence(_loaded.table)
    if score not in table.confidence or not table.has_ref.any():
        return None
    report = coverage_report(table, RiskConventions(), (score,), seed=0, replicates=0)
    return report.scores[score].curve


def _place(curve: Curve, confidence: float, words: str) -> Place:
    accepted = np.flatnonzero(curve.threshold >= confidence)
    if not accepted.size:
        return Place(0.0, 0.0, words)
    at = int(accepted[-1])
    return Place(float(curve.coverage[at]), float(curve.generalised_risk[at]), words)


def _reliability(stressed: Stressed) -> None:
    table = unit_of(stressed)
    if table is None:
        st.caption("Not available: it takes a reference mask.")
        return
    report = PreparedReliability(table, seed=0, replicates=0).report()
    reliability.diagrams(report, by_row=2)
    st.caption(
        "How to read this: points below the diagonal claim too much. Pixels of one case are no independent "
        "sample, so no interval is drawn."
    )
