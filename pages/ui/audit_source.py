"""What is audited: files of this session or a sample by name, and the audit made of them in the background.

An audit of uploaded files lies in the session that uploaded them and nowhere else. Samples are the same for
everybody, and so are their audits.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.audit import SAMPLES, Audit, SampleStudy, audit_study, read_study, sample_files
from core.engine import Shelf
from core.types import NamedBytes, Progress
from core.view.words import count
from pages.ui import access, audit_forms, ready
from pages.ui.frame import boundary
from pages.ui.take_files import file_uploader

STUDY, ADDRESS = "audit_study", "study"
"""Names of the sample in the session and in the address."""
OWN = "audit_own"
"""Session key of the files that were uploaded last."""
OTHERS = "audit_others"
"""Key of the folded part that offers other files."""
FOLDER, FILES = "A folder or several", "Files, or one zip"
READING_SHARE = 0.6
"""Of the whole work, for a large table: 3.0 s of 4.8 s for 200,000 predictions."""


@dataclass(frozen=True)
class Source:
    """A training to audit. key: names its widgets and its place in the address. title: of a sample."""

    key: str
    title: str
    sample: bool


@dataclass(eq=False)
class Own:
    """Files that this session uploaded. token: known to nobody else. files: let go once they are audited."""

    files: tuple[UploadedFile, ...]
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    audits: Shelf[Audit] = field(default_factory=lambda: Shelf(1))


def current() -> Source | None:
    """What is to be audited now, None for nothing yet."""
    own: Own | None = st.session_state.get(OWN)
    wanted = st.query_params.get(ADDRESS) or st.session_state.get(STUDY, "")
    found = next((each for each in SAMPLES if each.key == wanted), None)
    if found is not None:
        _remember(found.key)
        return Source(found.key, found.title, True)
    return None if own is None else Source(own.token, "", False)


def audited(source: Source) -> Audit | None:
    """The audit; None while it is made, failed or was cancelled, and that is drawn."""
    if source.sample:
        return ready.ready(
            "audit", "Auditing the sample", (source.key,),
            lambda progress: _work(lambda: sample_files(source.key), progress),
        )  # fmt: skip
    own: Own = st.session_state[OWN]
    files = own.files
    found = ready.ready(
        "audit", f"Auditing {count(len(files), 'file')}", (own.token,),
        lambda progress: _work(lambda: _named(files), progress), shelf=own.audits,
    )  # fmt: skip
    if found is not None:
        own.files = ()
    return found


def choose() -> None:
    """Files to drop, the form that they must have, and the samples."""
    upload, samples = st.columns([3, 2], gap="large")
    with upload:
        _upload()
        audit_forms.show()
    with samples:
        st.markdown("**Or look at one that is here**")
        if OWN in st.session_state and st.session_state.get(STUDY):
            st.button("Back to the files that you uploaded", key="audit_back", on_click=_open, args=("",))
        for each in SAMPLES:
            _sample(each)


def _upload() -> None:
    kind = st.segmented_control(
        "What to upload", [FILES, FOLDER], default=FILES, key="audit_kind", required=True,
        help="Logs are often all called metrics.csv: a folder keeps the names that tell the folds apart.",
    )  # fmt: skip
    key = f"audit_upload_{kind == FOLDER:d}"
    file_uploader(
        "Reported results, predictions or logs of one training",
        accept_multiple_files="directory" if kind == FOLDER else True, key=key, on_change=_uploaded,
        args=(key,),
        help="All files of one training together: results per fold as JSON or CSV, predictions per case, "
        "logs of Lightning, MLflow or Weights & Biases.",
    )  # fmt: skip
    st.caption("Read in memory and not kept. Do not upload names of patients; a pseudonym will do.")


def _sample(sample: SampleStudy) -> None:
    with st.container(border=True, key=f"sample_{sample.key}"):
        words, button = st.columns([3, 1], vertical_alignment="center")
        words.markdown(f"**{sample.title}**  \n:gray[{sample.text}]")
        button.button(
            "Audit it", key=f"open_{sample.key}", width="stretch", on_click=_open, args=(sample.key,)
        )


def _open(key: str) -> None:
    _remember(key)
    st.session_state[OTHERS] = False


def _uploaded(key: str) -> None:
    with boundary():
        access.require("reviewer")
        files: Sequence[UploadedFile] = st.session_state[key] or ()
        if not files:
            st.session_state.pop(OWN, None)
            return
        st.session_state[OWN] = Own(tuple(files))
        _remember("")
        st.session_state[OTHERS] = False


def _remember(sample: str) -> None:
    st.session_state[STUDY] = sample
    if sample:
        st.query_params[ADDRESS] = sample
    elif ADDRESS in st.query_params:
        del st.query_params[ADDRESS]


def _named(files: Sequence[UploadedFile]) -> tuple[NamedBytes, ...]:
    return tuple(NamedBytes(each.name, each.getvalue()) for each in files)


def _work(files: Callable[[], tuple[NamedBytes, ...]], progress: Progress) -> Audit:
    study = read_study(files(), progress=lambda share, words: progress(READING_SHARE * share, words))
    return audit_study(
        study, lambda share, words: progress(READING_SHARE + (1 - READING_SHARE) * share, words)
    )
