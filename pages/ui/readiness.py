"""Whether this server can do its work now, and what happens to an error that nobody caught."""

from __future__ import annotations

import logging
import shutil
import uuid
from pathlib import Path

from core.config import Frozen
from core.errors import SecondLookError, trace_of
from core.mode import current_mode
from core.store import StoreSettings, default_home
from pages.ui import resources

_log = logging.getLogger("second_look.pages")


class Check(Frozen):
    """One thing that must be right. found: in words that hold no data."""

    ok: bool
    found: str


def checks() -> dict[str, Check]:
    """Store, disk, networks and decoder, by name."""
    return {"store": _store(), "disk": _disk(), "models": _models(), "decoder": _decoder()}


def caught(error: Exception) -> bool:
    """Log what nobody foresaw and say so on the page; True: nothing else is shown."""
    from pages.ui.frame import show_incident, show_problem

    if isinstance(error, SecondLookError):
        show_problem(error)
        return True
    incident = uuid.uuid4().hex[:8]
    _log.error("incident %s: %s", incident, trace_of(error))
    show_incident(incident)
    return True


def _store() -> Check:
    if current_mode().public:
        return Check(ok=True, found="in memory, one for each visitor")
    try:
        opened = resources.store()
    except SecondLookError as problem:
        return Check(ok=False, found=problem.what)
    info, log = opened.info(), opened.reviews.report()
    if not log.ok:
        return Check(ok=False, found="the review log is damaged")
    if opened.health.damage or opened.health.lost_writes:
        return Check(ok=False, found="something that was kept is damaged or gone")
    return Check(ok=info.mode == "read-write", found=info.mode)


def _disk() -> Check:
    if current_mode().public:
        return Check(ok=True, found="nothing is written")
    folder = default_home()
    while not folder.exists():
        folder = folder.parent
    free, needed = shutil.disk_usage(Path(folder)).free, StoreSettings().min_free_bytes
    return Check(ok=free >= needed, found=f"{free / 1e9:.0f} GB free, {needed / 1e9:.0f} GB needed")


def _models() -> Check:
    done = resources.warm_up().is_set()
    return Check(ok=done, found="open" if done else "not open (yet)")


def _decoder() -> Check:
    alive = resources.decoder().alive
    return Check(ok=alive, found="running" if alive else "not started")
