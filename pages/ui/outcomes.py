"""Loaded cases and results, shared by all sessions of this process and bounded in number.

Sessions hold ids only. Keys are digests; no array is ever hashed by Streamlit, which samples large ones.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.detector import decide
from core.pipeline import Outcome, stored_outcome
from core.types import Case, Limits
from pages.ui import resources

KEPT = 4
"""Loaded studies at a time; a large one takes some hundred megabytes."""


class _NotStored(LookupError):
    """Keeps a miss out of the cache."""


def load_case(case_id: str) -> Case | None:
    """A stored case, None when it is not (or no longer) there."""
    try:
        return _case(case_id)
    except _NotStored:
        return None


def load_outcome(analysis_key: str, limits: Limits | None = None) -> Outcome | None:
    """A stored result decided with `limits` (None: the model's own), None when it must be computed again."""
    try:
        outcome = _outcome(analysis_key)
    except _NotStored:
        return None
    if limits is None or limits == outcome.limits:
        return outcome
    return replace(outcome, limits=limits, verdict=decide(outcome.analysis.slices, limits))


def forget() -> None:
    """Drop everything that is loaded; called when a case is deleted."""
    _case.clear()
    _outcome.clear()


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
