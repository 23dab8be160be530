"""The risk-coverage curves, and what was selected in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from core.config import digest
from core.metrics.selective.coverage_report import ORACLE, RANDOM, CoverageReport
from core.metrics.selective.operating import Answer
from core.view.charts import CONFIG, Line, Place, line_chart
from pages.ui.coverage_choices import Choices, label

VIEWS = {
    "generalised_risk": "Undetected risk, per case of the cohort",
    "selective_risk": "Risk among the accepted",
}
CHART = "coverage_chart"
CLEARED = "chart_cleared"

Range = tuple[float, float]


def show(
    report: CoverageReport, choices: Choices, answer: Answer, limit: float | None, state: tuple[object, ...]
) -> Range | None:
    """The chart; the lowest and highest confidence that was selected in it, None without a selection.

    limit: highest risk allowed. state: what the curves depend on; a selection lasts as long as they do.
    """
    view = st.segmented_control(
        "Curve", list(VIEWS), default="generalised_risk", format_func=VIEWS.get, key="curve", required=True,
        bind="query-params", persist_state="session",
        help="Undetected risk counts what slips through per case of the whole cohort; risk among the "
        "accepted is their mean alone, which jumps while few are accepted.",
    )  # fmt: skip
    event = st.plotly_chart(
        line_chart(
            _lines(report, choices, view), x_title="share of cases accepted", y_title=VIEWS[view].lower(),
            place=_place(report, choices, answer, view), limit=limit if view == "selective_risk" else None,
        ),
        key=f"{CHART}_{_curve_id(choices, view, state)}", on_select="rerun",
        selection_mode=("points", "box"), config=CONFIG,
        alt="Curves of risk against the share of accepted cases",
    )  # fmt: skip
    st.caption(
        "How to read this: cases enter from the most confident on; a lower curve is a better order. The grey "
        "lines are the best possible order and a random one. Drag over a part of the curve, or click a "
        "point, to list its cases. It cannot say what happens on patients unlike these."
    )
    return selected_range(event.selection.points)


def clear() -> None:
    """Forget what was selected in the chart."""
    st.session_state[CLEARED] = st.session_state.get(CLEARED, 0) + 1


def selected_range(points: Sequence[dict[str, Any]]) -> Range | None:
    """Lowest and highest threshold among the selected points of the curve that has any.

    >>> selected_range([{"customdata": ["0.25"]}, {"customdata": ["0.75"]}, {"x": 0.5}])
    (0.25, 0.75)
    """
    found = [float(each["customdata"][0]) for each in points if each.get("customdata")]
    known = [each for each in found if np.isfinite(each)]
    return (min(known), max(known)) if known else None


def _curve_id(choices: Choices, view: str, state: tuple[object, ...]) -> str:
    """Another curve is another chart: thresholds selected in the one mean nothing in the other."""
    return digest([choices.score, view, [str(each) for each in state], st.session_state.get(CLEARED, 0)])[:16]


def _lines(report: CoverageReport, choices: Choices, view: str) -> list[Line]:
    lines = [
        Line(name, each.coverage, getattr(each, view), quiet=True, dash=dash)
        for name, each, dash in (
            ("best order", report.comparison[ORACLE], "dot"),
            ("random order", report.comparison[RANDOM], "dash"),
        )
    ]
    for key in choices.compared:
        curve = report.scores[key].curve
        if curve is not None:
            ids = tuple(f"{each:.17g}" for each in curve.threshold) if key == choices.score else ()
            lines.append(Line(label(key), curve.coverage, getattr(curve, view), ids))
    return lines


def _place(report: CoverageReport, choices: Choices, answer: Answer, view: str) -> Place | None:
    curve = report.scores[choices.score].curve
    if answer.threshold is None or curve is None:
        return None
    accepted = np.flatnonzero(curve.threshold >= answer.threshold)
    if not accepted.size:
        return None
    at = int(accepted[-1])
    return Place(float(curve.coverage[at]), float(getattr(curve, view)[at]), "chosen threshold, all patients")
