"""Loaded cases and results, shared by all sessions of this process and bounded in number.

Sessions hold ids only. Keys are digests; no array is ever hashed by Streamlit, which samples large ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import streamlit as st

from core.pipeline import Result, decide_again, in_force_now, limits_for, stored_result
from core.types import Case, Limits
from pages.ui import resources

if TYPE_CHECKING:
    from streamlit.runtime.caching.cache_utils import CachedFunc

KEPT = 4
"""Loaded studies at a time; a large one takes some hundred megabytes."""


T = TypeVar("T")


class _NotStored(LookupError):
    """Keeps a miss out of the cache."""


class _Deletions:
    """Mutable on purpose: how many there were in this process."""

    count = 0


def load_case(case_id: str) -> Case | None:
    """A stored case, None when it is not (or no longer) there."""
    return _settled(_case, case_id)


def load_result(key: str, limits: Limits | None = None) -> Result | None:
    """A stored mask or class, decided with `limits` (None: those in force); None when it is gone."""
    found = _settled(_result, key)
    if found is None:
        return None
    # Asked every time: other limits or another operating point may be in force since the result was loaded.
    in_force = limits or limits_for(resources.store(), found)
    point = in_force_now(resources.store(), found)
    if in_force == found.limits and point == found.operating_point:
        return found
    return decide_again(found, in_force, point)


def forget() -> None:
    """Drop everything that is loaded or being loaded; called when a case is deleted."""
    _Deletions.count += 1
    _case.clear()
    _result.clear()


def deletions() -> int:
    """How many deletions there were in this process; part of what is kept in memory."""
    return _Deletions.count


def _settled(load: CachedFunc[[str], T], key: str) -> T | None:
    """What is stored under this key, None when nothing is.

    A deletion while it was loaded may have missed it: then it is taken out of the cache and asked for again.
    """
    while True:
        before = deletions()
        try:
            found = load(key)
        except _NotStored:
            return None
        if deletions() == before:
            return found
        load.clear(key)


@st.cache_resource(max_entries=KEPT, show_spinner=False, scope=resources.SCOPE)
def _case(case_id: str) -> Case:
    case = resources.store().case(case_id)
    if case is None:
        raise _NotStored(case_id)
    return case


@st.cache_resource(max_entries=KEPT, show_spinner=False, scope=resources.SCOPE)
def _result(key: str) -> Result:
    found = stored_result(resources.store(), key)
    if found is None:
        raise _NotStored(key)
    return found
