"""Background work on screen: start it, show how far it is, cancel it, and go on when it is done."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.engine import JobManager, JobStatus
from core.types import Progress
from core.types.people import Role
from core.view.words import seconds
from pages.ui import access, resources, selection
from pages.ui.frame import boundary, show_incident, show_problem
from pages.ui.text import safe_text

POLL_SECONDS = 0.5

READ = "read"
ANALYSE = "analyse"
ADD = "add"
RUN = "run"
MODEL = "model"
SWEEP = "sweep"
SELFTEST = "selftest"
BACKUP = "backup"
"""Kinds of work; a job's key begins with one of them, so that a reload knows what its result names."""

TAKES: dict[str, Role] = {
    ADD: "researcher", RUN: "researcher", MODEL: "researcher", SWEEP: "researcher", BACKUP: "admin",
}  # fmt: skip
"""The role that it takes to start a kind of work; the others take a reviewer."""


def start(kind: str, title: str, work: Callable[[Progress], str], key: str) -> None:
    """Queue `work` and select its job; one with the same key that is still going on is joined instead.

    Says so on the page where that is refused.
    """
    managers = {ANALYSE: resources.jobs, READ: resources.readers}
    manager = managers.get(kind, resources.cohort_jobs)()
    decoder = resources.decoder()

    def guarded(progress: Progress) -> str:
        with decoder.used():
            return work(progress)

    with boundary():
        access.require(TAKES.get(kind, "reviewer"))
        selection.choose(job=manager.submit(title, guarded, key=f"{kind}:{key}{resources.visitor()}"))


def selected() -> JobStatus | None:
    """The selected job, None when there is none; says so when the server has forgotten it."""
    job = selection.current().job
    status = _status(job)
    if job and status is None:
        selection.choose(job="")
        st.info(
            "The work that this address names is over and no longer known here. Start it again if needed."
        )
    return status


def show_progress(job: str) -> None:
    """Progress, waiting time and a way to cancel, kept up to date until the job is over."""
    _progress(job)


def kind_of(status: JobStatus) -> str:
    """What kind of work a job does."""
    return (status.key or "").partition(":")[0]


def result_of(status: JobStatus) -> str | None:
    """What a finished job returned; otherwise None, and its progress or its problem is drawn."""
    if not status.finished:
        show_progress(status.id)
        return None
    if status.state == "done":
        return status.result
    _show_end(status)
    return None


def waiting_words(status: JobStatus) -> str:
    """Place in the queue, or time, rate and time left, in one line."""
    if status.position:
        return f"Waiting, number {status.position} in the queue."
    parts = [f"{seconds(status.seconds)} so far"]
    if status.rate is not None and status.remaining is not None:
        parts += [
            f"{100 * status.rate:.0f} % per second",
            f"about {seconds(max(1.0, status.remaining))} left",
        ]
    return ", ".join(parts) + "."


@st.fragment(run_every=POLL_SECONDS)
@boundary()
def _progress(job: str) -> None:
    status = _status(job)
    if status is None or status.finished:
        st.rerun()
    with st.container(border=True, key="progress"):
        st.progress(status.share, text=f"**{safe_text(status.title)}** · {safe_text(status.sentence)}")
        st.caption(waiting_words(status))
        asked = st.session_state.get("cancel_asked") == job
        st.button(
            "Cancelling" if asked else "Cancel",
            key="cancel_job",
            disabled=asked,
            on_click=_cancel,
            args=(job,),
        )


def _cancel(job: str) -> None:
    st.session_state["cancel_asked"] = job
    for manager in _managers():
        manager.cancel(job)


def _show_end(status: JobStatus) -> None:
    if status.state == "cancelled":
        st.info(f"Cancelled: {safe_text(status.title)}. Nothing was changed.")
    elif status.problem is not None:
        show_problem(status.problem)
    else:
        show_incident(status.incident or "unknown")
    st.button("Dismiss", key="dismiss_job", on_click=selection.choose, kwargs={"job": ""})


def _status(job: str) -> JobStatus | None:
    found = (manager.status(job) for manager in _managers()) if job else iter(())
    return next((status for status in found if status is not None), None)


def _managers() -> tuple[JobManager, ...]:
    return resources.readers(), resources.jobs(), resources.cohort_jobs(), resources.prefetchers()
