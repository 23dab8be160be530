"""What one server process has once: the store, the job manager, the imported heavy libraries."""

from __future__ import annotations

import atexit
import gc
import importlib
import logging
import secrets
import threading
from typing import TYPE_CHECKING, Final

import streamlit as st

from core.access import SignIns
from core.engine import JobManager
from core.errors import SecondLookError, SettingsProblem, StoreProblem
from core.logs import log_as_json
from core.mode import current_mode

if TYPE_CHECKING:
    from streamlit.runtime.caching.cache_utils import CacheScope

    from core.io.apart import DecodeWorker
    from core.store import Store

HEAVY = ("core.pipeline", "core.inference", "core.uncertainty", "core.io", "core.cohort", "core.report")
"""Modules that the first analysis would otherwise have to wait for."""


def _scope() -> CacheScope:
    try:
        return "session" if current_mode().public else "global"
    except SettingsProblem:
        return "global"  # no page shows anything: the frame says what is wrong


SCOPE: Final = _scope()
"""Who shares what is read from the store and held in memory: nobody, where each visitor has a store."""

SETTLED_SECONDS = 20.0
"""What the first pages have for themselves before everything that is kept is read once."""

VISITOR = "visitor"
"""Session key of `visitor`."""

VISITOR_BYTES = 256 * 2**20
"""Arrays in memory for one visitor of a public server; the oldest results go first."""

_log = logging.getLogger("second_look.pages")


def _close(opened: Store) -> None:
    atexit.unregister(opened.close)
    opened.close()


def _shut_down(manager: JobManager) -> None:
    manager.shutdown()


@st.cache_resource(show_spinner=False)
def sign_ins() -> SignIns:
    """When each person who signed in was active last."""
    return SignIns()


class _Choice:
    """Mutable on purpose: whether this process goes on without its store."""

    memory = False
    lock = threading.Lock()


def store() -> Store:
    """The one store of this process, or of this visitor. Raises StoreProblem; the next call tries again.

    Where each visitor has one it is found from their own threads alone: work in the background is handed it.
    """
    if current_mode().public:
        return _visitors_store()
    opened = _opened(_Choice.memory)
    return opened if opened.readable else _opened_afresh()


def _opened_afresh() -> Store:
    """After a fault that left nothing to read; whoever comes second finds it opened already."""
    with _Choice.lock:
        if not _opened(_Choice.memory).readable:
            _opened.clear()
        return _opened(_Choice.memory)


def share_of(size: int) -> int:
    """How much of so many bytes of memory one cache may take: less where each visitor has one."""
    return size if SCOPE == "global" else size // 8


def visitor() -> str:
    """What tells one visitor's work from another's where each has a store; "" where all share one."""
    if not current_mode().public:
        return ""
    return str(st.session_state.setdefault(VISITOR, secrets.token_hex(8)))


def keeps_nothing() -> bool:
    """Whether somebody chose to go on in memory."""
    return _Choice.memory


def go_on_in_memory() -> None:
    """Use a store in memory from now on, for everybody, until `try_the_store_again`."""
    _Choice.memory = True


def try_the_store_again() -> None:
    """Let go of the store in memory, with everything in it, and open the one on disk."""
    _Choice.memory = False
    _opened.clear()


# What is released while the program goes on (the menu's "Clear cache") must let go of files and threads:
# a store that stays open would refuse its successor.
@st.cache_resource(show_spinner="Opening the store", on_release=_close)
def _opened(memory: bool) -> Store:
    from core.store import Store
    from core.store.backup_request import serve_backups

    opened = Store.open(mode="memory" if memory else "auto")
    atexit.register(opened.close)
    # `python -m core store backup` cannot open a store that is in use, and asks us by a file instead.
    threading.Thread(target=serve_backups, args=(opened,), name="backups", daemon=True).start()
    if not memory:
        # DuckDB finds a damaged block only when it reads it, which may be long after it happened.
        read = opened.read_through
        threading.Thread(target=read, args=(SETTLED_SECONDS,), name="read-through", daemon=True).start()
    return opened


@st.cache_resource(show_spinner=False, scope="session", on_release=_close)
def _visitors_store() -> Store:
    from core.store import Store, StoreSettings

    return Store.open(
        mode="memory",
        settings=StoreSettings(max_array_bytes=VISITOR_BYTES, memory_limit="128MB", threads=1),
    )


def store_or_none() -> Store | None:
    """The store, or None where a page can do without it."""
    try:
        return store()
    except StoreProblem:
        return None


@st.cache_resource(show_spinner=False, on_release=_shut_down)
def jobs() -> JobManager:
    """Runs the networks, one analysis at a time."""
    return JobManager()


@st.cache_resource(show_spinner=False, on_release=_shut_down)
def readers() -> JobManager:
    """Reads uploads and draws samples, so that a preview does not wait behind another person's analysis."""
    return JobManager()


def _end(worker: DecodeWorker) -> None:
    atexit.unregister(worker.close)
    worker.close()


@st.cache_resource(show_spinner=False, on_release=_end)
def decoder() -> DecodeWorker:
    """Decodes what is uploaded, in a process of its own: a file that brings it down costs one upload."""
    from core.io.apart import DecodeWorker

    worker = DecodeWorker()
    atexit.register(worker.close)
    return worker


@st.cache_resource(show_spinner=False, on_release=_shut_down)
def cohort_jobs() -> JobManager:
    """Adds and runs whole cohorts, so that a single case does not wait for two thousand."""
    return JobManager()


@st.cache_resource(show_spinner=False, on_release=_shut_down)
def prefetchers() -> JobManager:
    """Computes what somebody may look at next; whoever moves on cancels what they do not need any more."""
    return JobManager()


@st.cache_resource(show_spinner=False)
def warm_up() -> threading.Event:
    """Import the heavy libraries and open the default networks, once; the event is set when that is over."""
    log_as_json()
    done = threading.Event()
    threading.Thread(target=_warm_up, args=(_first_store(), done), name="warm-up", daemon=True).start()
    return done


def _first_store() -> Store | None:
    """Something to open networks with, which each need a store only to ask what is in force."""
    if not current_mode().public:
        return store_or_none()
    from core.store import Store

    return Store.open(mode="memory")


def _warm_up(opened: Store | None, done: threading.Event) -> None:
    for name in HEAVY:
        try:
            importlib.import_module(name)
        except ImportError:
            _log.exception("warm-up could not import %s", name)
    decoder().start()
    if opened is not None and _open_networks(opened):
        done.set()
    if opened is not None and current_mode().public:
        opened.close()
    # Frozen objects are skipped by later collections, which otherwise hold every session for 0.4 s.
    gc.collect()
    gc.freeze()


def _open_networks(opened: Store) -> bool:
    from core.pipeline import prepare

    try:
        prepare(opened)
    except SecondLookError as problem:
        _log.warning("warm-up could not open the default model: %s", problem.what)
        return False
    return True
