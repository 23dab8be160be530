"""What takes more than a moment to prepare: made once in the background, kept in memory, shared by everybody.

A page asks again at every rerun. It gets the finished thing, or draws how far it is and gets None.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import streamlit as st

from core.config import digest
from core.engine import JobManager, JobStatus, Shelf
from core.errors import JobProblem
from core.types import Progress
from pages.ui import jobs, resources
from pages.ui.frame import boundary, show_incident, show_problem

AT_ONCE_SECONDS = 0.4
"""Work that is over by then shows no progress, so that nothing flickers."""

KEPT = 12
"""Finished things in memory, of each kind; one of 2,000 outlined cases takes some 40 MB."""

Made = TypeVar("Made")


def ready(
    kind: str,
    title: str,
    key: tuple[object, ...],
    work: Callable[[Progress], Made],
    *,
    shelf: Shelf[Made] | None = None,
    manager: JobManager | None = None,
) -> Made | None:
    """What `work` makes. key: everything that it depends on. None while it is made, failed or cancelled.

    title: what is being done, for the progress. shelf: where finished things lie, None: one of this kind.
    manager: who makes it, None: who reads uploads. A failure is drawn once and not repeated by itself.
    """
    kept = _shelf(kind) if shelf is None else shelf
    place = place_of(key)
    found = kept.get(place)
    if found is not None:
        return found
    known, mine = _jobs(kind), f"{kind}:{place}{resources.visitor()}"
    status = _job(known, kept, place, mine, title, work, manager or resources.readers())
    if status.state == "done":
        return kept.get(place)
    if not status.finished:
        jobs.show_progress(status.id)
        return None
    _show_end(status, known, place)
    return None


def ahead(title: str, key: str, work: Callable[[Progress], str]) -> None:
    """Do what somebody may need next while nobody waits; left out where much is done ahead already."""
    with suppress(JobProblem):
        resources.prefetchers().submit(title, work, key=key + resources.visitor())


def place_of(key: tuple[object, ...]) -> str:
    """Where the thing of this key lies on its shelf."""
    return digest([repr(each) for each in key])


@st.cache_resource(show_spinner=False, scope=resources.SCOPE)
def _shelf(kind: str) -> Shelf[Any]:
    return Shelf(KEPT)


@st.cache_resource(show_spinner=False, scope=resources.SCOPE)
def _jobs(kind: str) -> dict[str, str]:
    """The latest job of each place."""
    return {}


def _job(
    known: dict[str, str],
    shelf: Shelf[Made],
    place: str,
    key: str,
    title: str,
    work: Callable[[Progress], Made],
    manager: JobManager,
) -> JobStatus:
    before = manager.status(known.get(place, ""))
    if before is None or before.state == "done":

        def make(progress: Progress) -> str:
            shelf.put(place, work(progress))
            return place

        known[place] = manager.submit(title, make, key=key)
    status = manager.wait(known[place], AT_ONCE_SECONDS)
    assert status is not None
    return status


def _show_end(status: JobStatus, known: dict[str, str], place: str) -> None:
    if status.state == "cancelled":
        st.info("Cancelled. Nothing was changed.")
    elif status.problem is not None:
        show_problem(status.problem)
    else:
        show_incident(status.incident or "unknown")
    with boundary():
        st.button("Try again", key=f"again_{place[:16]}", on_click=known.pop, args=(place, None))
