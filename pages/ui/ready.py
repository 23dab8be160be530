"""What takes more than a moment to prepare: made once in the background, kept in memory, shared by everybody.

A page asks again at every rerun. It gets the finished thing, or draws how far it is and gets None.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from core.config import digest
from core.engine import JobStatus
from core.types import Progress
from pages.ui import jobs, resources
from pages.ui.frame import boundary, show_incident, show_problem

AT_ONCE_SECONDS = 0.4
"""Work that is over by then shows no progress, so that nothing flickers."""

KEPT = 12
"""Finished things in memory, of each kind; one of 2,000 outlined cases takes some 40 MB."""

Made = TypeVar("Made")


def ready(kind: str, title: str, key: tuple[object, ...], work: Callable[[Progress], Made]) -> Made | None:
    """What `work` makes. key: everything that it depends on. None while it is made, failed or cancelled.

    title: what is being done, for the progress. A failure is drawn once and not repeated by itself.
    """
    shelf, place = _shelf(kind), digest([repr(each) for each in key])
    found = shelf.get(place)
    if found is not None:
        return found  # type: ignore[return-value]
    status = _job(shelf, place, f"{kind}:{place}", title, work)
    if status.state == "done":
        return shelf.get(place)  # type: ignore[return-value]
    if not status.finished:
        jobs.show_progress(status.id)
        return None
    _show_end(status, shelf, place)
    return None


class _Shelf:
    """Finished things by key, the ones not asked for longest go first; and the latest job of each key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: OrderedDict[str, object] = OrderedDict()
        self.jobs: dict[str, str] = {}

    def get(self, place: str) -> object | None:
        with self._lock:
            if place in self._made:
                self._made.move_to_end(place)
            return self._made.get(place)

    def put(self, place: str, made: object) -> None:
        with self._lock:
            self._made[place] = made
            while len(self._made) > KEPT:
                gone, _ = self._made.popitem(last=False)
                self.jobs.pop(gone, None)


@st.cache_resource(show_spinner=False)
def _shelf(kind: str) -> _Shelf:
    return _Shelf()


def _job(shelf: _Shelf, place: str, key: str, title: str, work: Callable[[Progress], object]) -> JobStatus:
    manager = resources.readers()
    known = manager.status(shelf.jobs.get(place, ""))
    if known is None or known.state == "done":

        def make(progress: Progress) -> str:
            shelf.put(place, work(progress))
            return place

        shelf.jobs[place] = manager.submit(title, make, key=key)
    status = manager.wait(shelf.jobs[place], AT_ONCE_SECONDS)
    assert status is not None
    return status


def _show_end(status: JobStatus, shelf: _Shelf, place: str) -> None:
    if status.state == "cancelled":
        st.info("Cancelled. Nothing was changed.")
    elif status.problem is not None:
        show_problem(status.problem)
    else:
        show_incident(status.incident or "unknown")
    with boundary():
        st.button("Try again", key=f"again_{place[:16]}", on_click=shelf.jobs.pop, args=(place, None))
