"""The selected case before it is analysed: what was understood, how to read it otherwise, what to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from core.config import AnalysisConfig, digest
from core.io import SeriesChoice
from core.pipeline import maker, results_of, run_model
from core.store import Store
from core.types import Case, Progress
from core.view.words import count
from pages.ui import jobs, outcomes, selection, uploads
from pages.ui.menu import CASE
from pages.ui.pickers import pick_analysis
from pages.ui.preview import show_case
from pages.ui.text import plain_text, safe_text

PLANES = {
    "auto": "As guessed or read from the file",
    "axial": "Axial",
    "coronal": "Coronal",
    "sagittal": "Sagittal",
}


@dataclass(frozen=True)
class Step:
    """Where the selected job stands: `arrived` with a result, or the id of an analysis that is `running`."""

    arrived: bool = False
    running: str = ""


def case_card(store: Store, writable: bool, running: str) -> None:
    """The selected case with everything that can be chosen about it; nothing when none is selected.

    running: id of the analysis that goes on, "" when none does.
    """
    case_id = selection.current().case
    if not case_id:
        return
    case = outcomes.load_case(case_id)
    if case is None:
        st.warning("The case that this address names is not kept here (any more). Open it again.")
        return
    with st.container(border=True, key="case_card"):
        st.header(f"Ready: {safe_text(case.name)}", anchor=False)
        seen, run = st.columns([3, 2], gap="large")
        with seen:
            show_case(case)
            _reading_choices(case)
        with run:
            if running:
                jobs.show_progress(running)
                return
            run_form(store, case, writable)
            if any(each.arrays_kept for each in results_of(store, case.id)):
                st.page_link(CASE, label="Show the latest result", query_params={"case": case.id})


def go_on() -> Step:
    """Follow the selected job, and when it is done select what it made.

    Draws the progress of reading. That of an analysis is drawn where the page shows its case, from the
    id in the step: to ask again would miss a job that ends in between.
    """
    job = jobs.selected()
    if job is None or jobs.kind_of(job) not in (jobs.READ, jobs.ANALYSE):
        return Step()
    if not job.finished and jobs.kind_of(job) == jobs.ANALYSE:
        return Step(running=job.id)
    result = jobs.result_of(job)
    if result is None:
        return Step()
    if jobs.kind_of(job) == jobs.READ:
        selection.choose(case=uploads.remember_choices(result), analysis="", job="")
        # Once more from the top: the sidebar was drawn before the case was known.
        st.rerun()
    found = outcomes.load_result(result)
    selection.choose(case=found.case.id if found else "", analysis=result, job="")
    return Step(arrived=True)


def start_analysis(store: Store, case: Case, config: AnalysisConfig) -> None:
    """Run the chosen model in the background, a segmenter or a classifier; the job is selected.

    The job's title names no file: it is remembered after the case may have been deleted.
    """

    def work(progress: Progress) -> str:
        return maker(run_model(store, case, config, progress=progress)).key

    key = digest([case.id, config.model_dump(mode="json")])
    jobs.start(jobs.ANALYSE, "Analysing this case", work, key)


def run_form(store: Store, case: Case, writable: bool) -> None:
    """Model, estimator and the button that starts them."""
    place = st.container()
    config = pick_analysis(case)
    if config is None:
        return
    place.button(
        "Analyse",
        type="primary",
        key="analyse",
        width="stretch",
        disabled=not writable,
        on_click=start_analysis,
        args=(store, case, config),
    )


def _reading_choices(case: Case) -> None:
    choices = uploads.choices_of(case.id)
    if choices is None:
        if case.format != "synthetic":
            st.caption("To read it in another way (plane, volume, series), upload it again.")
        return
    with st.expander("Not read as it should be? Change plane, volume or series", key="reading"):
        _choose("Plane that the slices show", "plane", PLANES, case.options.plane, case)
        if choices.volumes > 1:
            volumes = {index: f"Volume {index + 1} of {choices.volumes}" for index in range(choices.volumes)}
            _choose("Volume or time point", "volume", volumes, choices.volume, case)
        if len(choices.series) > 1:
            series = {each.index: _series_words(each) for each in choices.series}
            _choose("Series", "series", series, choices.chosen_series, case)


def _choose(label: str, field: str, options: Mapping[object, str], now: object, case: Case) -> None:
    keys = list(options)
    key = f"read_{field}_{case.id[:16]}"
    st.selectbox(
        label, keys, index=keys.index(now), format_func=options.get, key=key,
        on_change=lambda: uploads.choose_options(**{field: st.session_state[key]}),
    )  # fmt: skip


def _series_words(series: SeriesChoice) -> str:
    kind = plain_text(series.modality or "image", 20)
    return f"{series.index + 1}: {kind}, {count(series.images, 'image')} of {series.rows} × {series.columns}"
