"""What was run on a cohort: state, failures, what can be read from it, and starting more."""

from __future__ import annotations

import streamlit as st

from core.config import AnalysisConfig, EstimatorConfig, digest
from core.inference import possible_estimators
from core.models import every_model, promptless
from core.pipeline.imported import import_predictions, preview_predictions
from core.pipeline.prediction_tables import TABLE_LAYOUT
from core.pipeline.runs import answers, run_cohort
from core.store import Store
from core.types import CohortRecord, NamedBytes, Progress, RunRecord
from core.view.words import count
from pages.ui import access, cohort_add, how_good, jobs, outcomes, selection
from pages.ui.frame import boundary
from pages.ui.menu import COVERAGE, RELIABILITY, WORKLIST
from pages.ui.options import distinct
from pages.ui.take_files import file_uploader
from pages.ui.text import plain_text, safe_text

JUDGES = {
    "mean": "Mean of their probabilities",
    "majority": "What most of them say",
    "last": "The last one (latest epoch)",
}
SHOWN_FAILURES = 200
UPLOAD = "predictions_upload"
PAGES = {"Worklist": WORKLIST, "Reliability": RELIABILITY, "Risk and coverage": COVERAGE}
HELP = {
    WORKLIST: "The cases by risk, to be reviewed one after the other.",
    RELIABILITY: "Whether stated probabilities come true.",
    COVERAGE: "Which cases may go unreviewed, and what that costs.",
}


def runs(store: Store, record: CohortRecord, writable: bool) -> None:
    """Every set of predictions of a cohort, and two ways to get another one."""
    found = store.runs(record.id)
    if not found:
        st.markdown("No predictions yet. Run a model on it, or import what another program predicted.")
    for run in found:
        _run(store, run, writable)
    if record.layout == TABLE_LAYOUT:
        st.caption("A table brings no images, so no model can be run on it; add another table for others.")
        return
    run_place, import_place = st.columns(2, gap="small")
    with run_place.popover("Run a model", key="run_form", width="stretch", disabled=not writable):
        _run_form(store, record)
    with import_place.popover(
        "Import predictions", key="import_form", width="stretch", disabled=not writable
    ):
        _import_form(store, record)


def _run(store: Store, run: RunRecord, writable: bool) -> None:
    with st.container(border=True, key=f"run_{run.id[:16]}"):
        failed = f", :orange-badge[{run.failed} failed]" if run.failed else ""
        state = "" if run.complete else " :blue-badge[not finished]"
        st.markdown(
            f"**{safe_text(run.title, 100)}**{state}  \n:gray[{run.done} of {run.items} cases done{failed}"
            f"; {run.created_utc[:16].replace('T', ' ')} UTC]"
        )
        for note in run.notes:
            st.caption(f"{safe_text(note, 300)}.")
        row = st.container(horizontal=True)
        for label, page in PAGES.items():
            if row.button(label, key=f"{label[:4]}_{run.id[:16]}", disabled=not run.done, help=HELP[page]):
                selection.choose(run=run.id, cohort=run.cohort_id, unit="")
                st.switch_page(page, query_params=selection.address_of(selection.current()))
        config = run.config
        if config is not None and not run.complete:
            row.button(
                "Continue", key=f"continue_{run.id[:16]}", disabled=not writable, on_click=start,
                args=(store, run.cohort_id, config, False),
            )  # fmt: skip
        if config is not None and run.failed:
            row.button(
                "Try the failed again", key=f"retry_{run.id[:16]}", disabled=not writable, on_click=start,
                args=(store, run.cohort_id, config, True),
            )  # fmt: skip
        with row.popover("Delete", key=f"ask_run_{run.id[:16]}", disabled=not writable):
            st.markdown("Delete these predictions? The cases stay. Single results of cases stay too.")
            st.button(
                "Delete for good", type="primary", key=f"delete_run_{run.id[:16]}", on_click=_delete,
                args=(store, run),
            )  # fmt: skip
        if run.failed:
            _failures(store, run)
        if run.done and st.toggle(
            "Show how good they are", key=f"good_{run.id[:16]}", help="Every metric with its interval."
        ):
            with boundary():
                how_good.show(run)


def _failures(store: Store, run: RunRecord) -> None:
    with st.expander(f"{count(run.failed, 'case')} without a result, and why", key=f"failures_{run.id[:16]}"):
        failures = store.run_failures(run.id)[:SHOWN_FAILURES]
        st.dataframe(
            {
                "Case": [plain_text(each.name) for each in failures],
                "Why": [plain_text(each.sentence, 300) for each in failures],
            },
            hide_index=True, key=f"failure_rows_{run.id[:16]}",
        )  # fmt: skip


def _run_form(store: Store, record: CohortRecord) -> None:
    models = {each.id: each for each in promptless(every_model()) if answers(record, each)}
    if not models:
        st.markdown(
            f"No installed model answers this question ({safe_text(record.task)}). The Models page adds one."
        )
        return
    titles = distinct({key: plain_text(each.title) for key, each in models.items()})
    model = st.selectbox(
        "Model", list(models), format_func=titles.get, key="run_model",
        help="Only models that answer the question of this cohort are listed.",
    )  # fmt: skip
    kinds = {spec.key: spec for spec in possible_estimators(models[model])}
    kind = st.selectbox(
        "How to judge its certainty", list(kinds), format_func=lambda each: kinds[each].label,
        key=f"run_estimator_{model}",
        help="Where the spread of its answers comes from.",
    )  # fmt: skip
    st.caption(
        f"{kinds[kind].help} Cases of patients that the model was trained on are judged only by those of its "
        "networks that never saw them."
    )
    st.button(
        f"Run on {count(record.items, 'case')}", type="primary", key="start_run", on_click=_start_chosen,
        args=(store, record.id),
    )  # fmt: skip


def _start_chosen(store: Store, cohort_id: str) -> None:
    """Read when the button is pressed: what was chosen last arrives together with the click."""
    model = st.session_state["run_model"]
    kind = st.session_state[f"run_estimator_{model}"]
    start(store, cohort_id, AnalysisConfig(model_id=model, estimator=EstimatorConfig(kind=kind)), False)


def start(store: Store, cohort_id: str, config: AnalysisConfig, retry_failed: bool) -> None:
    """Run a model over a cohort in the background; what is done already is not computed again."""

    def work(progress: Progress) -> str:
        return run_cohort(store, cohort_id, config, progress, retry_failed=retry_failed).id

    key = digest([cohort_id, config.model_dump(mode="json")])
    jobs.start(jobs.RUN, "Running the model on the cohort", work, key)


def _import_form(store: Store, record: CohortRecord) -> None:
    st.markdown(
        "Masks, probability volumes, nnU-Net softmax files, or a table with one column per class, named like "
        "the cases. Several files of a case (members, folds, epochs) give its confidence by their agreement."
    )
    uploads = file_uploader(
        "Files, or one zip of them", accept_multiple_files=True, key=cohort_add.upload_key(UPLOAD),
        help="Names are matched to the cases; shapes are checked against the images.",
    )  # fmt: skip
    if not uploads:
        return
    files = [NamedBytes(each.name, each.getvalue()) for each in uploads]
    with boundary():
        if record.task == "segmentation":
            _preview(store, record, files)
        st.selectbox(
            "Where a case has several, judge", list(JUDGES), format_func=JUDGES.get, key="judge",
            help="What counts as the prediction; the others still give the confidence.",
        )  # fmt: skip
        st.text_input(
            "Name of these predictions", key="predictions_title", max_chars=80,
            help="How lists call them; empty: the name of the file.",
        )  # fmt: skip
        st.button(
            "Import", type="primary", key="start_import", on_click=_import,
            args=(store, record, files),
        )  # fmt: skip


def _preview(store: Store, record: CohortRecord, files: list[NamedBytes]) -> None:
    found = preview_predictions(store, record.id, files)
    low, high = found.samples
    each = f"{low} each" if low == high else f"{low} to {high} each"
    st.markdown(f"Matched to **{count(found.matched, 'case')}** of {record.items}, {each}.")
    if found.unmatched:
        st.caption(f"No prediction for: {safe_text(', '.join(found.unmatched[:8]), 300)}")
    for refusal in found.refused[:8]:
        st.caption(f"Left out: {safe_text(refusal.name)}: {safe_text(refusal.sentence, 300)}")


def _import(store: Store, record: CohortRecord, files: list[NamedBytes]) -> None:
    title, judge = st.session_state["predictions_title"], st.session_state["judge"]

    def work(progress: Progress) -> str:
        return import_predictions(store, record.id, files, title.strip() or None, judge, progress).id

    jobs.start(jobs.RUN, "Importing predictions", work, digest([record.id, title, judge, len(files)]))


def _delete(store: Store, run: RunRecord) -> None:
    with boundary():
        access.require("researcher")
        store.delete_run(run.id)
        outcomes.forget()
        if selection.current().run == run.id:
            selection.choose(run="", unit="")
        st.toast("Deleted the predictions.")
