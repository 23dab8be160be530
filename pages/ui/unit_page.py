"""The Case page for a case that came without an image: a row of an imported table."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.detector import chosen_for
from core.metrics.selective.risk import risk_of
from core.pipeline.points import point_of_run
from core.store import Store
from core.types import OperatingPoint, RiskConventions
from core.view.words import NOT_AVAILABLE, number
from pages.ui import tables, units
from pages.ui.labels import score_label
from pages.ui.text import plain_text, safe_text
from pages.ui.units import Unit

WITHOUT_IMAGE = "No image came with this table, so there is nothing to look at but its numbers."
IMAGE_GONE = "The image of this case is not kept here (any more); these are the numbers of the run."


def show(store: Store, unit: Unit) -> None:
    """The answer, the facts and the numbers of one row, and the way to its neighbours."""
    point = point_of_run(store, unit.loaded.run)
    with st.container(key="answer"):
        st.markdown(answer_sentence(unit, point))
    st.markdown(WITHOUT_IMAGE if unit.table.case_id[unit.row] is None else IMAGE_GONE)
    row = st.container(horizontal=True, vertical_alignment="center", key="place")
    units.links(unit, row)
    facts, classes = st.columns([2, 3], gap="large")
    with facts:
        st.header("This case", anchor=False)
        st.markdown("  \n".join(f"**{name}:** {safe_text(value, 300)}" for name, value in unit_facts(unit)))
    with classes:
        _classes(unit)
    with st.expander("Numbers", key="numbers"):
        _scores(unit)
    st.caption(
        "How to read this: a confidence ranks the cases of one run; it is not a probability of being right. "
        "Without the image nobody can say why it is low."
    )
    run = unit.loaded.run
    made = f"{run.config.model_id}, {run.config.estimator.kind}" if run.config else "imported predictions"
    st.caption(f"Made from row {unit.row + 1} of run {run.id[:12]} ({safe_text(made)}).")


def answer_sentence(unit: Unit, point: OperatingPoint | None) -> str:
    """Whether to review it, its confidence and the place of that among the others, as Markdown."""
    shown = f"Confidence **{number(_value(unit, unit.score))}** ({score_label(unit.score).lower()})"
    told = point is not None and point.score == unit.score and point.conventions.level == unit.table.level
    place = f"{units.place_words(unit)} in **{safe_text(unit.loaded.cohort.name, 60)}**"
    return f"{_verdict(unit, point)} {'It' if told else shown} is {place}."


def unit_facts(unit: Unit) -> tuple[tuple[str, str], ...]:
    """(name, value) of what the table says about the case."""
    table, row = unit.table, unit.row
    facts = [("Name", table.name[row]), ("Patient", table.group[row])]
    if table.prob is not None and table.label is not None:
        given = table.prob[row] > 0.5
        if table.task != "multilabel":
            given = np.arange(len(given)) == table.prob[row].argmax()
        facts.append(("Predicted", _names(unit, given)))
        facts.append(("Reference", _names(unit, table.label[row]) if table.has_ref[row] else NOT_AVAILABLE))
    risks = risk_of(table, RiskConventions(level=table.level))
    risk = risks.risk[row] if table.has_ref[row] else np.nan
    if table.prob is not None and not np.isnan(risk):
        facts.append(("Right or wrong", "wrong" if risk else "right"))
    else:
        facts.append((f"Risk ({risks.words})", number(risk)))
    return tuple(facts)


def _verdict(unit: Unit, point: OperatingPoint | None) -> str:
    if point is None:
        return "**Nothing decides about this case yet:** no operating point is saved for its run."
    label = (
        f"the operating point **{safe_text(point.label)}** ({number(point.threshold)}, {chosen_for(point)})"
    )
    if point.score not in unit.table.confidence:
        return f"**Nothing decides about this case:** {label} was chosen on a score that this table lacks."
    if point.conventions.level != unit.table.level:
        return f"**Nothing decides about this case:** {label} was chosen for single slices."
    value = _value(unit, point.score)
    shown = f"Its confidence **{number(value)}** ({score_label(point.score).lower()})"
    if value is None:
        return f"**Review this case.** Its confidence is undefined, so it cannot pass {label}."
    if value < point.threshold:
        return f"**Review this case.** {shown} lies below {label}."
    return f"**May go unreviewed.** {shown} reaches {label}, which proves nothing about this one case."


def _value(unit: Unit, key: str) -> float | None:
    values = unit.table.confidence.get(key)
    return None if values is None or np.isnan(values[unit.row]) else float(values[unit.row])


def _names(unit: Unit, present: np.ndarray) -> str:
    names = [name for name, there in zip(unit.table.class_names, present, strict=True) if there]
    return ", ".join(names) or "none"


def _classes(unit: Unit) -> None:
    table, row = unit.table, unit.row
    if table.prob is None or table.label is None:
        return
    st.header("Probability of each class", anchor=False)
    known = bool(table.has_ref[row])
    st.dataframe(
        {
            "Class": [plain_text(name) for name in table.class_names],
            "Probability": table.prob[row].tolist(),
            "Reference": ["reference" if known and there else "" for there in table.label[row]],
        },
        hide_index=True,
        key="unit_classes",
        column_config={
            "Probability": st.column_config.ProgressColumn(min_value=0.0, max_value=1.0, format="%.3f")
        },
        alt="Probability of each class, and the reference class",
    )


def _scores(unit: Unit) -> None:
    tables.show(
        ("Confidence", "Value"),
        [(score_label(key), number(_value(unit, key))) for key in unit.table.confidence],
    )
