"""The layer that shows where an outline looks wrong, made when somebody asks for it."""

from __future__ import annotations

import streamlit as st

from core.detector import QUALITY
from core.pipeline import Outcome
from core.pipeline.quality import doubt_map
from core.types import FixedPoint
from core.view.layers import DOUBT
from pages.ui.ready import ready
from pages.ui.viewer import ViewState

SWITCH = "doubt_on"
VIEW = ViewState(map=0, layers={"uncertainty": True})
"""What the view is asked for when the map arrives: the first map, switched on."""


def wanted(outcome: Outcome) -> FixedPoint | None:
    """The map, once it is asked for and made; None for a result that no quality network judged."""
    if not _judged(outcome) or not st.session_state.get(SWITCH):
        return None
    case, analysis = outcome.case, outcome.analysis
    title = "Looking where the outline may be wrong"
    return ready("doubt", title, (analysis.key,), lambda progress: doubt_map(case, analysis))


def switch(outcome: Outcome) -> None:
    """The switch below the view; nothing where no quality network judged."""
    if _judged(outcome):
        st.toggle(f"Show {DOUBT.label[0].lower()}{DOUBT.label[1:]}", key=SWITCH, help=DOUBT.help)


def _judged(outcome: Outcome) -> bool:
    return any(each.key == QUALITY.key and each.value is not None for each in outcome.analysis.scores)
