"""Curves of a case along the severities, filled in as they get ready, and what they say in a table."""

from __future__ import annotations

import streamlit as st

from core.detector import RULES
from core.pipeline.lab import SEVERITIES, Reading, alarm_of
from core.store import Store
from core.view.charts import CONFIG
from core.view.severity_chart import Curve, severity_chart
from core.view.words import NOT_AVAILABLE, number, percent
from pages.ui import lab_work, tables
from pages.ui.lab_choices import Choices
from pages.ui.text import safe_text

POLL_SECONDS = 1.0

NUMBERS = (
    ("confidence", "Confidence"),
    ("dice", "Dice"),
    ("jaccard", "Jaccard"),
    ("boundary_f1", "Boundary F1 at 2 px"),
    ("prob", "Probability of the class"),
)
COMPARED = {"confidence", "dice", "prob"}
"""Numbers of a second model that are drawn beside the first."""


def show(store: Store, choices: Choices, severity: float) -> None:
    """Curves and table; while severities are computed ahead they are drawn again and again."""
    st.header("Along the severities")
    draw = st.fragment(_draw, run_every=POLL_SECONDS if lab_work.going_on() else None)
    draw(store, choices, severity)


def downloads(store: Store, choices: Choices) -> None:
    """The numbers known so far as JSON and CSV."""
    known = lab_work.readings(store, choices)
    with st.expander("Numbers to take along", key="lab_numbers"):
        if len(known) < len(SEVERITIES):
            st.caption(f"{len(known)} of {len(SEVERITIES)} severities are known so far.")
        record = {
            "corruption": choices.spec.key,
            "second": None if choices.second is None else choices.second.model_dump(),
            "seed": choices.seed,
            "config": choices.config.model_dump(mode="json"),
            "case": choices.case.id,
            "alarm": alarm_of(known, choices.loss).model_dump(),
            "quality_lost_when_dice_falls_by_more_than": choices.loss,
            "severities": [each.model_dump(mode="json") for each in known],
        }
        rows = [_file_row(choices, each) for each in known]
        tables.downloads(f"stress-{choices.spec.key}-{choices.case.id[:8]}", record, rows)


def _draw(store: Store, choices: Choices, severity: float) -> None:
    ahead = lab_work.going_on()
    known = {each.severity: each for each in lab_work.readings(store, choices)}
    others: dict[float, Reading] = {}
    if choices.compared is not None:
        others = {each.severity: each for each in lab_work.readings(store, choices, choices.compared)}
    alarm = alarm_of(known.values(), choices.loss)
    st.plotly_chart(
        severity_chart(
            SEVERITIES, [*_curves(known), *_compared(others, choices)], current=severity,
            review=[known[each].answer == "review" if each in known else False for each in SEVERITIES],
            lost_at=alarm.lost_at,
        ),
        key="severity_chart", config=CONFIG, theme="streamlit",
        alt=f"Confidence and quality against the severity of {choices.spec.label.lower()}",
    )  # fmt: skip
    st.caption(
        "How to read this: a cross is a severity whose verdict is review, a circle one that looks "
        "consistent. A confidence that stays high while Dice falls is the failure that matters."
    )
    if ahead is not None:
        st.caption(f"Computing other severities: {len(known)} of {len(SEVERITIES)} are there.")
    elif st.session_state.get("lab_polled"):
        # The job ended since the last full run: the answer above is written again with all severities.
        st.session_state["lab_polled"] = False
        st.rerun()
    st.session_state["lab_polled"] = ahead is not None
    _table(known, severity)


def _curves(known: dict[float, Reading]) -> list[Curve]:
    curves = []
    for key, label in NUMBERS:
        values = tuple(getattr(known[each], key) if each in known else None for each in SEVERITIES)
        if any(each is not None for each in values):
            curves.append(Curve(label, values))
    return curves


def _compared(others: dict[float, Reading], choices: Choices) -> list[Curve]:
    if choices.compared is None:
        return []
    name = choices.compared.model_id
    curves = [
        Curve(
            f"{label}, {name}",
            tuple(getattr(others[each], key) if each in others else None for each in SEVERITIES),
            quiet=True,
        )
        for key, label in NUMBERS
        if key in COMPARED
    ]
    return [each for each in curves if any(value is not None for value in each.values)]


def _table(known: dict[float, Reading], current: float) -> None:
    letters = {spec.key: spec.letter for spec in RULES}
    rows = []
    for severity in SEVERITIES:
        each = known.get(severity)
        name = f"**{severity:g}**" if severity == current else f"{severity:g}"
        if each is None:
            rows.append((name, *["…"] * 6))
            continue
        fired = " ".join(dict.fromkeys(letters.get(rule, "?") for rule in each.rules))
        rows.append(
            (
                name, "review" if each.answer == "review" else "consistent", fired or NOT_AVAILABLE,
                number(each.confidence), number(each.dice), number(each.boundary_f1), percent(each.damage),
            )
        )  # fmt: skip
    with st.expander("The same as a table", key="lab_table"):
        names = ("Severity", "Verdict", "Checks", "Confidence", "Dice", "Boundary F1", "Picture changed by")
        tables.show(names, rows)


def _file_row(choices: Choices, each: Reading) -> dict[str, object]:
    parameters = dict(
        zip((p.name for p in choices.spec.parameters), choices.spec.values_at(each.severity), strict=True)
    )
    return {
        "corruption": choices.spec.key, "severity": each.severity,
        "parameters": "; ".join(f"{name}={value:.6g}" for name, value in parameters.items()),
        "verdict": each.answer, "rules": " ".join(each.rules), "confidence": each.confidence,
        "dice": each.dice, "jaccard": each.jaccard, "boundary_f1_2px": each.boundary_f1,
        "predicted": None if each.predicted is None else safe_text(", ".join(each.predicted)),
        "damage": each.damage, "clipped_share": each.clipped_share, "ref_lost_share": each.lost_share,
        "key": each.key,
    }  # fmt: skip
