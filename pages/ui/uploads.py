"""Uploading: the files, how they are read, and reading them in the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.config import ReadOptions, digest
from core.io import Choices, limits_in_force
from core.pipeline import open_upload
from core.types import NamedBytes, Progress
from pages.ui import jobs, resources
from pages.ui.take_files import file_uploader

_OPTIONS, _READ, _FILES, _CHOICES = "read_options", "read_signature", "read_files", "read_choices"
_PENDING, _SOURCE = "read_pending", "read_source"


@dataclass(frozen=True)
class Source:
    """The files of an upload and of its reference, as they were handed over."""

    files: tuple[NamedBytes, ...]
    references: tuple[NamedBytes, ...]


def upload_form(disabled: bool) -> None:
    """The two upload fields; reading starts as soon as there is a file, and again when something changes."""
    files = file_uploader(
        "Brain MRI or chest X-ray: one file, the DICOM files of one series, or a zip",
        accept_multiple_files=True,
        key="upload",
        disabled=disabled,
        help=_formats_help(),
    )
    with st.expander("Add a reference mask (optional)"):
        references = file_uploader(
            "Mask drawn by a person",
            accept_multiple_files=True,
            key="upload_reference",
            disabled=disabled,
            help="Same size as the image: 0 is background, anything else is lesion. "
            "A predicted mask is then compared with it. " + _formats_help(),
        )
    if files:
        _read_when_new(files, references)


def read_options() -> ReadOptions:
    """How the present upload is read."""
    options: ReadOptions = st.session_state.get(_OPTIONS, ReadOptions())
    return options


def choose_options(**changes: object) -> None:
    """Read the present upload in another way, at the next run of the page."""
    st.session_state[_OPTIONS] = read_options().model_copy(update=changes)


def remember_choices(result: str) -> str:
    """Case id of a finished reading job; what else the upload holds is kept for `choices_of`."""
    case_id, _, choices = result.partition(" ")
    st.session_state[_CHOICES] = (case_id, choices)
    pending = st.session_state.pop(_PENDING, None)
    # Only DICOM has series; of other uploads nothing is needed later.
    if pending is not None and Choices.model_validate_json(choices).series:
        st.session_state[_SOURCE] = (case_id, pending)
    return case_id


def source_of(case_id: str) -> Source | None:
    """The DICOM files that this case was read from in this session, None when they are not at hand."""
    known_id, source = st.session_state.get(_SOURCE, ("", None))
    return source if known_id == case_id else None


def forget_source(case_id: str) -> None:
    """Drop the files of a deleted case."""
    if st.session_state.get(_SOURCE, ("",))[0] == case_id:
        del st.session_state[_SOURCE]


def choices_of(case_id: str) -> Choices | None:
    """The series and volumes beside this case in the present upload, None when the upload is gone."""
    known_id, choices = st.session_state.get(_CHOICES, ("", ""))
    if known_id != case_id or not choices or not st.session_state.get("upload"):
        return None
    return Choices.model_validate_json(choices)


def _read_when_new(files: Sequence[UploadedFile], references: Sequence[UploadedFile]) -> None:
    names = [each.file_id for each in files]
    if st.session_state.get(_FILES) != names:
        st.session_state[_FILES] = names
        st.session_state[_OPTIONS] = ReadOptions()
    options = read_options()
    signature = digest([names, [each.file_id for each in references], options.model_dump(mode="json")])
    if st.session_state.get(_READ) == signature:
        return
    st.session_state[_READ] = signature
    source = Source(_named(files), _named(references))
    st.session_state[_PENDING] = source
    _start(source, options, signature)


def _start(source: Source, options: ReadOptions, key: str) -> None:
    store = resources.store()

    def work(progress: Progress) -> str:
        opened = open_upload(store, source.files, options, source.references, progress)
        return f"{opened.case.id} {opened.choices.model_dump_json()}"

    count = len(source.files)
    title = "Reading the upload" if count == 1 else f"Reading {count} files"
    jobs.start(jobs.READ, title, work, key)


def _named(files: Sequence[UploadedFile]) -> tuple[NamedBytes, ...]:
    return tuple(NamedBytes(each.name, each.getvalue()) for each in files)


def _formats_help() -> str:
    limits = limits_in_force()
    return (
        "PNG, JPEG, TIFF, NIfTI (.nii, .nii.gz) or DICOM. "
        f"Together at most {limits.upload / 1e6:.0f} MB, {limits.members} files, "
        f"{limits.voxels / 1e6:.0f} million voxels and {limits.pixels / 1e6:.0f} million pixels per slice; "
        f"a zip may unpack to {limits.inflated / 2**30:.0f} GB."
    )
