"""Adding a cohort: upload, a preview of what was understood and refused, then reading in the background."""

from __future__ import annotations

import streamlit as st

from core.cohort.layouts import LAYOUTS
from core.config import digest
from core.errors import InputProblem
from core.pipeline.cohorts import add_cohort, add_samples, holds_predictions, preview_cohort
from core.pipeline.prediction_tables import add_table
from core.store import Store
from core.types import NamedBytes, Progress
from core.view.words import count
from pages.ui import jobs
from pages.ui.frame import boundary, show_problem
from pages.ui.take_files import file_uploader
from pages.ui.text import plain_text, safe_text

BY_ITSELF = "Found by itself"
NAME = "cohort_name"
NAME_HELP = "How lists and charts call it. Do not name a patient."
LAYOUT_HELP = "How the files belong together. Choose one only where the preview below is wrong."
FOLDER, FILES = "A folder", "A zip, npz, table, or several files"
ROUND = "cohort_uploads_over"
"""Session key: how many uploads became something; the next one starts with an empty field."""


def upload_key(name: str) -> str:
    """Key of an upload field, another one after each upload that became something."""
    return f"{name}_{st.session_state.get(ROUND, 0)}"


def forget_uploads() -> None:
    """What was uploaded is a cohort or a set of predictions now; the fields are empty again."""
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1


def form(store: Store, writable: bool, *, first: bool) -> None:
    """Upload and preview; the built-in sample cohort beside it."""
    upload, samples = st.columns([3, 2], gap="large")
    with upload:
        _upload(store, writable)
    with samples:
        st.markdown("**Or take the synthetic sample cohort**")
        st.caption(
            "Drawn by code, shows no patient. Easy and hard lesions, artefacts, and heads without a lesion: "
            "enough to see every page at work; its rates say nothing about real scans."
        )
        st.button(
            "Add the sample cohort", key="add_samples", disabled=not writable, on_click=_start_samples,
            args=(store,), type="primary" if first else "secondary",
        )  # fmt: skip


def _upload(store: Store, writable: bool) -> None:
    kind = st.segmented_control(
        "What to upload", [FILES, FOLDER], default=FILES, key="upload_kind", required=True,
        help="A folder keeps the names of its folders, which many layouts need.",
    )  # fmt: skip
    uploads = file_uploader(
        "Cases with references, or a table of predictions",
        accept_multiple_files="directory" if kind == FOLDER else True,
        key=upload_key(f"cohort_upload_{kind == FOLDER:d}"), disabled=not writable,
        help="A table of predictions is a CSV with the columns case, and confidence and risk, or label and "
        "one column prob_<class> per class; group names the patient.",
    )  # fmt: skip
    st.caption("Do not upload images that name a patient. Folders keep the names that tell patients apart.")
    if not uploads:
        with st.expander("Which layouts are understood", key="layouts"):
            for spec in LAYOUTS:
                st.markdown(f"**{spec.label}** (`{spec.key}`): {safe_text(spec.help, 300)}")
        return
    files = [NamedBytes(each.name, each.getvalue()) for each in uploads]
    with boundary():
        if len(files) == 1 and holds_predictions(files):
            _table_card(store, files[0], writable)
        else:
            _files_card(store, files, writable)


def _table_card(store: Store, file: NamedBytes, writable: bool) -> None:
    with st.container(border=True, key="cohort_preview"):
        st.markdown(
            f"**{safe_text(file.name)}** is a table of predictions; it becomes a cohort without images."
        )
        st.text_input(
            "Name of the cohort",
            plain_text(file.name.rsplit(".", 1)[0], 60),
            key=NAME,
            max_chars=60,
            help=NAME_HELP,
        )
        st.button(
            "Add", type="primary", key="add_cohort", disabled=not writable, on_click=_start_table,
            args=(store, file),
        )  # fmt: skip


def _files_card(store: Store, files: list[NamedBytes], writable: bool) -> None:
    with st.container(border=True, key="cohort_preview"):
        labels = {None: BY_ITSELF} | {spec.key: spec.label for spec in LAYOUTS}
        layout = st.selectbox("Layout", list(labels), format_func=labels.get, key="layout", help=LAYOUT_HELP)
        try:
            found = preview_cohort(files, layout)
        except InputProblem as problem:
            show_problem(problem)
            return
        label = labels.get(found.layout, found.layout)
        st.markdown(
            f"**{safe_text(label, 60)}**: {safe_text(found.understood, 300)}  \n"
            f"{count(found.items, 'case')} of {count(found.groups, 'patient')}, {found.with_reference} with "
            f"a reference; {count(len(found.refused), 'file')} left out."
        )
        st.dataframe(
            {
                "Case": [plain_text(each.name) for each in found.first],
                "Patient": [plain_text(each.group) for each in found.first],
                "Image files": [each.image for each in found.first],
                "Reference": [
                    ", ".join(each.labels) if each.labels else count(each.reference, "file")
                    for each in found.first
                ],
            },
            hide_index=True, key="preview_rows",
        )  # fmt: skip
        for refusal in found.refused[:5]:
            st.caption(f"Left out: {safe_text(refusal.name)}: {safe_text(refusal.sentence, 300)}")
        if found.predictions:
            st.caption(
                f"{count(found.predictions, 'mask')} lie beside the cases that others predicted; import them "
                "afterwards."
            )
        with st.expander("Why no other layout", key="other_layouts"):
            for key, reason in found.reasons:
                st.caption(f"{safe_text(labels.get(key, key), 60)}: {safe_text(reason, 300)}")
        st.text_input(
            "Name of the cohort", plain_text(found.source, 60), key=NAME, max_chars=60, help=NAME_HELP
        )
        st.button(
            f"Read {count(found.items, 'case')}", type="primary", key="add_cohort", disabled=not writable,
            on_click=_start_files, args=(store, files),
        )  # fmt: skip


# Names and choices are read when the button is pressed: what was typed last arrives together with the click.
def _start_files(store: Store, files: list[NamedBytes]) -> None:
    name, layout = st.session_state[NAME], st.session_state["layout"]

    def work(progress: Progress) -> str:
        return add_cohort(store, files, name.strip() or None, layout, progress).id

    key = digest([name, layout, [[each.name, len(each.data)] for each in files]])
    jobs.start(jobs.ADD, "Reading the cohort", work, key)


def _start_table(store: Store, file: NamedBytes) -> None:
    name = st.session_state[NAME]

    def work(progress: Progress) -> str:
        progress(0.1, "Reading the table")
        return add_table(store, file, name.strip() or None)[1].id

    jobs.start(jobs.ADD, "Reading the table", work, digest([name, file.name, len(file.data)]))


def _start_samples(store: Store) -> None:
    def work(progress: Progress) -> str:
        return add_samples(store, progress).id

    jobs.start(jobs.ADD, "Drawing the sample cohort", work, "samples")
