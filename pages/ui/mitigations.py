"""The page on mitigations below its title: what to try on which cohort, and what it brought."""

from __future__ import annotations

import streamlit as st

from core.config import CorruptionStep
from core.corruptions import CORRUPTIONS, corruption_spec
from core.mitigation import MITIGATIONS, mitigation_spec
from core.models import list_models, promptless
from core.pipeline.mitigations import GainRow, mitigate
from core.report.mitigations import SIGNS, gain_sentence, place_words
from core.store import Store
from core.types import CohortRecord, Progress
from core.view.charts import CONFIG
from core.view.group_chart import Forest, forest_chart
from core.view.words import NOT_AVAILABLE, count, interval, number
from pages.ui import outcomes, ready, resources, selection, tables
from pages.ui.menu import COHORTS
from pages.ui.options import distinct
from pages.ui.text import plain_text, safe_text

CLEAN = "clean"
QUICK = ("mc_dropout", "clahe", "largest_component", "clean_up", "deferral", "temperature")
ASKED = "mitigations_asked"

Asked = tuple[str, str, str, float, tuple[str, ...]]
"""Cohort, model, corruption, severity, mitigations."""


def show(store: Store) -> None:
    """The whole page."""
    answer_place = st.container(key="answer")
    cohorts = {each.id: each for each in store.cohorts() if each.task == "segmentation"}
    if not cohorts:
        answer_place.markdown("It takes a cohort of pictures with reference masks. **Add one first.**")
        if st.button("Go to cohorts", type="primary", key="to_cohorts"):
            st.switch_page(COHORTS)
        return
    asked = _choose(cohorts)
    held: Asked | None = st.session_state.get(ASKED)
    if held is None:
        answer_place.markdown(
            "Choose what makes the pictures bad and what might help, and press **Try**. Every case is asked "
            "about once for each mitigation, so a cohort takes minutes."
        )
        return
    if held != asked:
        st.caption("The choices above were changed since; below is what was tried last.")
    rows = _rows(store, held)
    if rows is None:
        return
    answer_place.markdown(_answer(rows, cohorts.get(held[0])))
    _chart(rows)
    _table(rows)
    st.caption(
        f"Made by {safe_text(held[1])}, baseline one network without dropout, "
        f"{count(rows[0].patients, 'patient')}; gains are paired, with 95 % intervals from 1000 draws of "
        "whole patients, not corrected for their number. Nothing is kept in the store. Research use only."
    )


def _choose(cohorts: dict[str, CohortRecord]) -> Asked:
    left, right = st.columns(2)
    words = distinct({each.id: plain_text(each.name, 60) for each in cohorts.values()})
    chosen = selection.current().cohort
    cohort = left.selectbox(
        "Cohort", list(cohorts), index=list(cohorts).index(chosen) if chosen in cohorts else 0,
        format_func=words.get, key="mitigate_cohort", help="Cases with reference masks.",
    )  # fmt: skip
    models = {each.id: each for each in promptless(list_models()) if each.task == "segmentation"}
    model = right.selectbox(
        "Model", list(models), index=list(models).index("lgg-unet") if "lgg-unet" in models else 0,
        format_func=lambda each: plain_text(models[each].title), key="mitigate_model",
        help="The network whose answers are to be mended.",
    )  # fmt: skip
    keys = [CLEAN, *(spec.key for spec in CORRUPTIONS if not spec.adversarial)]
    corruption = left.selectbox(
        "Corruption", keys, format_func=lambda key: "None" if key == CLEAN else corruption_spec(key).label,
        key="mitigate_corruption", help="What makes the pictures bad.",
    )  # fmt: skip
    severity = right.select_slider(
        "Severity", (1.0, 2.0, 3.0, 4.0, 5.0), 3.0, key="mitigate_severity", disabled=corruption == CLEAN,
        format_func=lambda value: f"{value:g}", help="Whole levels of the suite.",
    )  # fmt: skip
    wanted = st.multiselect(
        "Mitigations", [spec.key for spec in MITIGATIONS], default=list(QUICK),
        format_func=lambda key: mitigation_spec(key).label, key="mitigate_keys",
        help="Turned and mirrored pictures and the ensemble cost several passes each.",
    )  # fmt: skip
    asked: Asked = (cohort, model, corruption, severity, tuple(wanted))
    st.button("Try", type="primary", key="mitigate_try", disabled=not wanted, on_click=_ask, args=(asked,))
    return asked


def _ask(asked: Asked) -> None:
    st.session_state[ASKED] = asked


def _rows(store: Store, asked: Asked) -> tuple[GainRow, ...] | None:
    cohort, model, corruption, severity, keys = asked
    step = None if corruption == CLEAN else CorruptionStep(key=corruption, severity=severity)

    def work(progress: Progress) -> tuple[GainRow, ...]:
        return mitigate(store, cohort, model, step, keys, progress=progress)

    return ready.ready(
        "mitigations", "Trying what might help", (*asked, outcomes.deletions()), work,
        manager=resources.cohort_jobs(),
    )  # fmt: skip


def _answer(rows: tuple[GainRow, ...], cohort: CohortRecord | None) -> str:
    helped = [row for row in rows if row.verdict == "helped"]
    harmed = [row for row in rows if row.verdict == "harmed"]
    where = f"{place_words(rows[0])}, {safe_text(cohort.name, 60) if cohort else 'a removed cohort'}"
    first = (
        f"**{count(len(helped), 'mitigation')} of {len(rows)} helped** {where}: "
        + ", ".join(mitigation_spec(row.mitigation).label for row in helped)
        if helped
        else f"**Nothing of what was tried is shown to help** {where}"
    )
    bad = ", ".join(mitigation_spec(row.mitigation).label for row in harmed)
    return f"{first}." + (f" Did harm: {bad}." if bad else "")


def _chart(rows: tuple[GainRow, ...]) -> None:
    st.header("What was gained")
    st.plotly_chart(
        forest_chart(
            [
                Forest(
                    f"{SIGNS[row.verdict]} {mitigation_spec(row.mitigation).label} ({row.better})",
                    row.gain.value, row.gain.low, row.gain.high, row.verdict, row.verdict == "did not help",
                )
                for row in rows
            ],
            overall=0.0, x_title="gain",
        ),
        key="mitigation_chart", config=CONFIG, theme="streamlit",
        alt="Gain of every mitigation, with intervals",
    )  # fmt: skip
    st.caption(
        "How to read this: right of the dashed line is better. Hollow points did not help: their interval "
        "holds 0, or the gain is below 0.005. It cannot say what helps on other patients."
    )


def _table(rows: tuple[GainRow, ...]) -> None:
    tables.show(
        ("", "Mitigation", "Better is", "Before", "After", "Gain", "Time x", "Coverage"),
        [
            (
                SIGNS[row.verdict], mitigation_spec(row.mitigation).label, row.better,
                interval(row.before.value, row.before.low, row.before.high),
                interval(row.after.value, row.after.low, row.after.high),
                interval(row.gain.value, row.gain.low, row.gain.high),
                NOT_AVAILABLE if row.time_ratio is None else number(row.time_ratio),
                "1" if row.coverage is None else number(row.coverage),
            )
            for row in rows
        ],
    )  # fmt: skip
    with st.expander("In words, and to take along", key="mitigation_words"):
        for row in rows:
            st.markdown(f"- {safe_text(gain_sentence(row, place_words(row)), 300)}")
        files = [row.model_dump(mode="json") for row in rows]
        flat = [{key: value for key, value in each.items() if not isinstance(value, dict)} for each in files]
        for each, row in zip(flat, rows, strict=True):
            each |= {"gain": row.gain.value, "gain_low": row.gain.low, "gain_high": row.gain.high}
        tables.downloads("mitigations", {"rows": files}, flat)
