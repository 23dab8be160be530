"""The page that says what is kept, with the limits of reading, and lets cases go."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.io import limit_rows, limits_in_force
from core.io.dicom_tags import kept_tags
from core.io.limits import VARIABLE
from core.mode import current_mode
from core.store import Store, StoreInfo
from core.types import Progress
from core.view.words import count
from pages.ui import jobs, recent, tables
from pages.ui.menu import OPEN_CASE
from pages.ui.text import safe_text


def show(store: Store, writable: bool) -> None:
    """The whole page."""
    info = store.info()
    with st.container(key="answer"):
        st.markdown(_answer(info))
        st.code(info.home or "in memory", language=None)
    tables.show(("What", "Where", "Until"), _rows(info))
    with st.expander("What is kept of a DICOM file", key="kept_tags"):
        st.markdown(
            "The picture, its place in space, and these technical tags, each only where it holds a number or "
            "a code as the standard defines it. Names, numbers of patients, dates, institutions, free text "
            "and identifiers are never kept, shown or logged. Text that is burned into the picture cannot be "
            "recognised: the case says so where the file admits it."
        )
        st.caption(", ".join(kept_tags()))
    with st.expander("What is read, and the limits", key="limits"):
        st.markdown(
            "Files are recognised by their content, never by their name. What passes a limit is refused with "
            "a message that says what was found. An operator changes limits by the environment variable "
            f"`{VARIABLE}`."
        )
        tables.show(
            ("Limit", "Value", "Guards against"),
            [(each.label, each.value, each.guards) for each in limit_rows(limits_in_force())],
        )
    if info.home:
        _back_up(store, info)
    st.header("Cases, and how to let one go")
    st.caption(
        "A deleted case goes with everything derived from it: results, pictures, its places in cohorts and "
        "runs. Decisions about it stay in the review log, by digest."
    )
    if recent.recent_cases(store, writable):
        st.switch_page(OPEN_CASE)


def _answer(info: StoreInfo) -> str:
    size = (info.database_bytes + info.array_bytes) / 1e6
    results = count(info.analyses + info.classifications, "result")
    held = f"**{count(info.cases, 'case')} and {results}, {size:.1f} MB**"
    if info.mode == "memory":
        until = "when you leave this page" if current_mode().public else "when the server stops"
        return f"{held}, in memory: gone {until}. Nothing leaves this machine."
    return f"{held}, in the folder below, until you delete them. Nothing leaves this machine."


def _back_up(store: Store, info: StoreInfo) -> None:
    with st.expander("Make a backup", key="backup", expanded=_backup_selected()):
        st.markdown(
            "A copy of everything that is kept, in a new directory, checked once it is written. Work goes on "
            "meanwhile. To put it back, stop the app and run `python -m core store restore DIRECTORY`: what "
            "is here then is set aside, and no decision is lost. A case that you delete later stays in it."
        )
        default = Path(info.home).with_name(f"{Path(info.home).name}-backups")
        folder = st.text_input(
            "Folder on the machine that runs this page", str(default), key="backup_folder",
            help="Outside the store's folder, best on another disk.",
        )  # fmt: skip
        st.button("Back up", key="back_up", disabled=not folder, on_click=_start_backup, args=(store, folder))
        job = jobs.selected() if _backup_selected() else None
        done = None if job is None else jobs.result_of(job)
        if done is not None:
            st.success(f"Done and checked: {safe_text(done, 300)}")


def _backup_selected() -> bool:
    job = jobs.selected()
    return job is not None and jobs.kind_of(job) == jobs.BACKUP


def _start_backup(store: Store, folder: str) -> None:
    def work(progress: Progress) -> str:
        path, manifest = store.backup(Path(folder).expanduser(), progress)
        lost = f"; {count(len(manifest.lost), 'array')} had been lost before" if manifest.lost else ""
        return f"{path} ({count(len(manifest.files), 'file')}, {manifest.size / 1e6:.1f} MB{lost})"

    jobs.start(jobs.BACKUP, "Making a backup", work, folder)


def _rows(info: StoreInfo) -> tuple[tuple[str, str, str], ...]:
    place = "the store's folder" if info.home else "the server's memory"
    stop = "deleted by you" if info.home else "the server stops"
    rows = (
        ("Files that you upload", "the server's memory",
         "some minutes after the tab is closed; an idle server may hold them until its next visitor"),
        ("Cases: pixels, technical tags, the file's name (DICOM files get a neutral one)", place, stop),
        ("Results, scores, outlines", place, f"{stop}, with their case"),
        ("Cohorts, runs, limits, operating points", place, stop),
        ("Decisions: reader, time, digests, comment as typed", f"{place}, reviews.jsonl",
         "for good: the log only grows"),
        ("A comment that is not yet sent", "your browser", "it is sent, or the browser's data is cleared"),
        ("The server's log: incidents, no contents of files", "where the server is started", "you delete it"),
    )  # fmt: skip
    left = tuple((f"Older data: {each}", place, "you delete it by hand") for each in info.leftovers)
    return (*rows, *left)
