"""Other results of a case: run another model on it, or show what an earlier one found."""

from __future__ import annotations

import streamlit as st

from core.models import every_model
from core.pipeline import Result, maker, results_of
from core.store import AnalysisSummary, Store
from core.view.words import count
from pages.ui import analysing, answer, selection
from pages.ui.text import safe_text


def others(store: Store, result: Result, writable: bool) -> None:
    """The form for another model or estimator beside the results that are kept, masks and classes alike."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Analyse again with other settings**")
        analysing.run_form(store, result.case, writable)
    with right:
        st.markdown("**Results of this case**")
        tasks = {record.id: record.task for record in every_model()}
        for summary in results_of(store, result.case.id):
            classes = tasks.get(summary.made_by.config.model_id, "segmentation") != "segmentation"
            _row(summary, classes, shown=summary.key == maker(result).key)


def _row(summary: AnalysisSummary, classes: bool, shown: bool) -> None:
    made_by = summary.made_by
    words, button = st.columns([4, 1], vertical_alignment="center")
    per = "of the class" if classes else "per slice"
    detail = f"{count(made_by.samples, 'prediction')} {per}, seed {made_by.config.estimator.seed}"
    when = summary.created_utc[:16].replace("T", " ")
    lost = "; its maps were dropped to save room" if not summary.arrays_kept else ""
    name = f"{safe_text(made_by.config.model_id)}, {answer.estimator_words(made_by, classes=classes)}"
    words.markdown(f"{name}  \n:gray[{detail}; {when} UTC{lost}]")
    button.button(
        "Shown" if shown else "Show", key=f"show_{summary.key[:16]}", width="stretch",
        disabled=shown or not summary.arrays_kept, on_click=selection.choose,
        kwargs={"analysis": summary.key, "job": "", "unit": ""},
    )  # fmt: skip
