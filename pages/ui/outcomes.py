"""Loaded cases and results, shared by all sessions of this process and bounded in number.

Sessions hold ids only. Keys are digests; no array is ever hashed by Streamlit, which samples large ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import streamlit as st

from core.detector import decide
from core.pipeline import Outcome, point_in_force, stored_outcome
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


def load_outcome(analysis_key: str, limits: Limits | None = None) -> Outcome | None:
    """A stored result decided with `limits` (None: the model's own), None when it must be computed again."""
    outcome = _settled(_outcome, analysis_key)
    if outcome is None:
        return None
    analysis, in_force = outcome.analysis, limits or outcome.limits
    # Asked every time: another operating point may have been put in force since the result was loaded.
    point = point_in_force(resources.store(), analysis.made_by)
    if in_force == outcome.limits and point == outcome.operating_point:
        return outcome
    verdict = decide(analysis.slices, in_force, analysis.scores, point)
    return replace(outcome, limits=in_force, verdict=verdict, operating_point=point)


def forget() -> None:
    """Drop everything that is loaded or being loaded; called when a case is deleted."""
    _Deletions.count += 1
    _case.clear()
    _outcome.clear()


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


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _case(case_id: str) -> Case:
    case = resources.store().case(case_id)
    if case is None:
        raise _NotStored(case_id)
    return case


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _outcome(analysis_key: str) -> Outcome:
    outcome = stored_outcome(resources.store(), analysis_key)
    if outcome is None:
        raise _NotStored(analysis_key)
    return outcome
