"""The cases behind a threshold or a selected part of a curve, each a click from its own page."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.config import digest
from core.metrics.selective.class_scores import with_confidence
from core.metrics.selective.operating import Answer
from core.metrics.selective.risk import risk_of
from core.types import RiskConventions, UnitTable
from core.view.words import count, number
from pages.ui import coverage_curve, run_tables, selection, units
from pages.ui.menu import CASE
from pages.ui.run_tables import Loaded
from pages.ui.text import plain_text

SHOWN = 200
"""Rows of the list; the whole of it can be downloaded as a table."""


def cases(
    loaded: Loaded,
    score: str,
    conventions: RiskConventions,
    answer: Answer,
    selected: tuple[float, float] | None,
) -> None:
    """List the selected cases, or those below the threshold, riskiest first; a click opens one."""
    table = with_confidence(loaded.table)
    confidence = table.confidence[score]
    if selected is not None:
        listed = np.flatnonzero((confidence >= selected[0]) & (confidence <= selected[1]))
        ends = f"{number(selected[0])} to {number(selected[1])}"
        words = f"Selected in the curve: confidence {ends}"
    elif answer.threshold is not None:
        listed = np.flatnonzero(confidence < answer.threshold)
        words = f"{table.level.capitalize()}s to review: confidence below {number(answer.threshold)}"
    else:
        return
    title, clear = st.columns([4, 1], vertical_alignment="bottom")
    title.header(words)
    if selected is not None:
        clear.button(
            "Clear selection", key="clear_selection", on_click=coverage_curve.clear, width="stretch",
            help="Back to the cases below the threshold.",
        )  # fmt: skip
    if not listed.size:
        st.caption("None.")
        return
    order = listed[np.argsort(confidence[listed], kind="stable")][:SHOWN]
    more = f", {SHOWN} of them shown" if listed.size > SHOWN else ""
    st.caption(
        f"{count(int(listed.size), table.level)} of {table.units}, both halves of the patients{more}, the "
        "least confident first. Select a row, then open it."
    )
    event = st.dataframe(
        _rows(table, score, conventions, order), hide_index=True, on_select="rerun",
        selection_mode="single-row", key=f"flagged_{_list_id(loaded, score, order)}",
        height=min(420, 36 * (len(order) + 1) + 3),
        column_config={
            "Confidence": st.column_config.NumberColumn(format="%.3f"),
            "Risk": st.column_config.NumberColumn(format="%.3f", help="Needs the reference."),
        },
        alt="The listed cases with confidence and risk",
    )  # fmt: skip
    rows = [row for row in event.selection.rows if row < len(order)]
    if st.button(
        f"Open the selected {table.level}", key="open_flagged", disabled=not rows, type="primary",
        help="Goes to the Case page. Tick a row of the list first.",
    ):  # fmt: skip
        open_unit(loaded, int(order[rows[0]]))


def _list_id(loaded: Loaded, score: str, order: np.ndarray) -> str:
    """Another list is another table: a row selected in the one is another case in the other."""
    return digest([loaded.run.id, loaded.table.level, score, order.tolist()])[:16]


def open_unit(loaded: Loaded, place: int) -> None:
    """Go to the Case page with this unit selected; one without an image is shown from its table row."""
    table = loaded.table
    case_id, key = table.case_id[place], table.analysis_key[place]
    unit = units.address(place, table.level)
    selection.choose(case=case_id or "", analysis=key or "", unit=unit, run=loaded.run.id, job="")
    st.switch_page(CASE, query_params=selection.address_of(selection.current()))


def _rows(table: UnitTable, score: str, conventions: RiskConventions, order: np.ndarray) -> dict[str, list]:
    risks = risk_of(table, conventions)
    rows: dict[str, list] = {
        "Case": run_tables.names_of(table, order),
        "Patient": [plain_text(table.group[k]) for k in order],
        "Confidence": table.confidence[score][order].tolist(),
        "Risk": [None if np.isnan(risks.risk[k]) else float(risks.risk[k]) for k in order],
    }
    if table.prob is not None and table.label is not None:
        rows["Predicted"] = [_predicted(table, k) for k in order]
        rows["Reference"] = [_named(table, table.label[k]) for k in order]
    else:
        rows["Found"] = [_state(table, k) for k in order]
    return rows


def _predicted(table: UnitTable, place: int) -> str:
    prob = table.prob[place]
    if table.task == "multilabel":
        return _named(table, prob > 0.5)
    return plain_text(table.class_names[int(prob.argmax())])


def _named(table: UnitTable, present: np.ndarray) -> str:
    return ", ".join(
        plain_text(name) for name, there in zip(table.class_names, present, strict=True) if there
    )


def _state(table: UnitTable, place: int) -> str:
    if not table.metrics.get("dice", np.array([])).size:
        return ""
    return "nothing" if table.pred_empty[place] else "something"
