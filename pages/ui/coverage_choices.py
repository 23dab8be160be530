"""What can be chosen on the Risk and coverage page: scores, conventions and the target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.detector import FAMILIARITY, QUALITY_SPECS
from core.detector.attention import ATTENTION_SPECS
from core.metrics.selective.class_scores import CLASS_SCORES
from core.metrics.selective.conventions import under_conventions
from core.metrics.selective.coverage_report import CoverageReport
from core.metrics.selective.operating import Target
from core.pipeline.prompt_runs import AGREEMENT, AGREEMENT_LABEL
from core.types import RiskConventions, UnitTable
from core.uncertainty import SCORES
from core.view.words import number
from pages.ui import tables
from pages.ui.run_tables import Loaded
from pages.ui.text import plain_text

TARGETS: dict[Target, str] = {"risk": "Highest risk allowed", "coverage": "Share to accept"}
RISKS = {"continuous": "1 - Dice", "failure": "Failure: Dice below a limit"}
EMPTIES = {
    "counted": "Both empty counts as right",
    "left out": "Both empty is left out",
    "prediction left out": "Empty predictions are left out",
}
LABELS = {
    spec.key: spec.label for spec in (*SCORES, *CLASS_SCORES, FAMILIARITY, *QUALITY_SPECS, *ATTENTION_SPECS)
} | {
    "confidence": "Confidence",
    AGREEMENT: AGREEMENT_LABEL,
}
SHOWN_AT_FIRST = 3
MOST_COMPARED = 5
STEP = 0.5
"""Of both targets, in per cent."""


@dataclass(frozen=True)
class Choices:
    """What is asked of the page. compared: the scores whose curves are drawn, the deciding one first."""

    score: str
    compared: tuple[str, ...]
    conventions: RiskConventions


def choose(loaded: Loaded) -> Choices:
    """The scores and conventions, folded away, with the difference that each convention makes."""
    table = loaded.table
    with st.expander("Scores and conventions", key="conventions"):
        left, right = st.columns(2, gap="large")
        with left:
            score, compared = _scores(table)
        with right:
            conventions = _conventions(table)
        st.markdown("**What each convention changes** (for the score that decides)")
        _differences(loaded, score, conventions)
    return Choices(score, compared, conventions)


def target(report: CoverageReport) -> tuple[Target, float]:
    """What the threshold has to keep: kind, and value in [0, 1]."""
    kinds, slider = st.columns([1, 2.2], gap="medium", vertical_alignment="bottom")
    kind = kinds.segmented_control(
        "Target", list(TARGETS), default="coverage", format_func=TARGETS.get, key="target", required=True,
        bind="query-params", persist_state="session",
        help="Choose the risk that may remain, and see how many cases go unreviewed; or choose how many go "
        "unreviewed, and see the risk that remains.",
    )  # fmt: skip
    if kind == "risk":
        value = slider.slider(
            "Mean risk among the accepted cases, at most (%)", 0.0, 100.0, _half_of_mean(report), STEP,
            key="target_risk", format="%.1f %%", bind="query-params", persist_state="session",
            help="The threshold accepts as many cases as it can while their mean risk stays at or below "
            "this, on the half of the patients that it is chosen on. Arrow keys move the slider.",
        )  # fmt: skip
        return "risk", value / 100.0
    value = slider.slider(
        "Share of cases that go unreviewed (%)", 0.0, 100.0, 80.0, STEP, key="target_coverage",
        format="%.1f %%", bind="query-params", persist_state="session",
        help="The most confident cases are accepted first. Arrow keys move the slider.",
    )  # fmt: skip
    return "coverage", value / 100.0


def label(key: str) -> str:
    """How a score is called on screen; plain text, not Markdown."""
    return LABELS.get(key) or plain_text(key, 60)


def _half_of_mean(report: CoverageReport) -> float:
    """Half the risk of accepting everything, in per cent, on the slider's grid."""
    mean = report.mean_risk.value or 0.1
    return float(np.clip(round(50.0 * mean / STEP) * STEP, STEP, 100.0 - STEP))


def _scores(table: UnitTable) -> tuple[str, tuple[str, ...]]:
    keys = _known_scores(table)
    score = st.selectbox(
        "Score that decides", keys, key="score", format_func=label, bind="query-params",
        persist_state="session",
        help="Cases are accepted from its highest value downwards. The first one is the default.",
    )  # fmt: skip
    others = [key for key in keys if key != score]
    compared = st.multiselect(
        "Scores to compare with", others, others[: SHOWN_AT_FIRST - 1], key=f"compared_{score}",
        format_func=label, max_selections=MOST_COMPARED, disabled=not others,
        help="Their curves are drawn beside the one that decides."
        if others
        else "These predictions come with one score only.",
    )  # fmt: skip
    return score, (score, *compared)


def _known_scores(table: UnitTable) -> list[str]:
    if not table.confidence:
        return [spec.key for spec in CLASS_SCORES]
    first = table.default_confidence
    defined = [key for key, values in table.confidence.items() if not np.isnan(values).any()]
    return sorted(defined or table.confidence, key=lambda key: key != first)


def _conventions(table: UnitTable) -> RiskConventions:
    if not table.has_ref.any():
        st.caption("No case has a reference, so no risk is known.")
        return RiskConventions(level=table.level)
    if "dice" not in table.metrics:
        st.caption(
            "Risk is 1 where the predicted class is wrong and 0 where it is right."
            if table.prob is not None
            else "Risk is given by the table, so there is nothing to choose."
        )
        return RiskConventions(level=table.level)
    risk = st.radio(
        "Risk", list(RISKS), format_func=RISKS.get, key="risk", bind="query-params", horizontal=True,
        persist_state="session",
        help="Continuous: a mask that is half right is half a failure. Failure: right or wrong.",
    )  # fmt: skip
    below = st.slider(
        "Dice below which a case has failed", 0.3, 0.95, 0.82, 0.01, key="failure_below", bind="query-params",
        persist_state="session", disabled=risk != "failure",
        help="0.82 is about the same as a Jaccard of 0.7.",
    )  # fmt: skip
    empty = st.radio(
        "Nothing predicted", list(EMPTIES), format_func=EMPTIES.get, key="empty", bind="query-params",
        persist_state="session",
        help="Leaving cases out with the help of the reference flatters scores; the default counts them all.",
    )  # fmt: skip
    return RiskConventions(level=table.level, risk=risk, failure_below=below, empty=empty)


def _differences(loaded: Loaded, score: str, now: RiskConventions) -> None:
    rows = [
        (each.words, str(each.n), number(each.mean_risk), number(each.augrc), number(each.aurc))
        for each in under_conventions(loaded.table, now, score)
    ]
    tables.show(("Convention", "n", "Mean risk", "AUGRC", "AURC"), rows)
    st.caption(
        "Ties always enter the curve together. Bins and regions do not matter here; they are on the "
        "Reliability page."
    )
