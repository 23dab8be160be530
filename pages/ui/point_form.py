"""Saving an operating point, and which one is in force."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.metrics.selective.operating import Answer, operating_point
from core.pipeline.points import activate_point, active_points, clear_point, save_operating_point
from core.store import Store
from core.types import OperatingPoint, RiskConventions
from core.view.words import number
from pages.ui import access
from pages.ui.frame import boundary
from pages.ui.kept_row import kept_row
from pages.ui.run_tables import Loaded
from pages.ui.text import safe_text

NAME = "point_name"
IN_FORCE = "point_active"


def form(
    store: Store, loaded: Loaded, score: str, conventions: RiskConventions, answer: Answer, writable: bool
) -> None:
    """Save the shown threshold under a name; points are kept for good and count up their versions."""
    with st.expander("Save this threshold as an operating point", key="points"):
        usable = answer.threshold is not None
        left, middle, right = st.columns([3, 2, 1], vertical_alignment="bottom")
        left.text_input(
            "Name",
            "Default",
            key=NAME,
            max_chars=60,
            help="Saving under a known name makes its next version.",
        )
        middle.checkbox(
            "Put it in force", value=loaded.run.config is not None, key=IN_FORCE,
            disabled=loaded.run.config is None,
            help="From then on, cases of this model and estimator below it are flagged for low confidence, "
            "and the verdict names it. Not possible for imported predictions.",
        )  # fmt: skip
        right.button(
            "Save", type="primary", key="save_point", disabled=not (usable and writable), width="stretch",
            on_click=_save, args=(store, loaded, score, conventions, answer),
        )  # fmt: skip
        points = store.operating_points()
        in_force = {each.id for each in active_points(store)}
        if not points:
            st.caption("None is saved yet; the fixed limit of the Case page judges the confidence.")
        for point in points:
            kept_row(
                point, _told(point), key="use", active=point.id in in_force, writable=writable,
                use=partial(activate_point, store), stop=partial(clear_point, store),
            )  # fmt: skip


def _told(point: OperatingPoint) -> str:
    return (
        f"review below {number(point.threshold)} ({safe_text(point.score, 40)}), target {point.target} "
        f"{number(point.target_value)}; {safe_text(point.cohort_name, 60)}"
    )


def _save(store: Store, loaded: Loaded, score: str, conventions: RiskConventions, answer: Answer) -> None:
    config = loaded.run.config
    with boundary():
        access.require("researcher")
        point = operating_point(
            answer, name=st.session_state[NAME], score=score, conventions=conventions,
            cohort_name=loaded.cohort.name, cohort_id=loaded.cohort.id, run_id=loaded.run.id,
            model_id=config.model_id if config else None, estimator=config.estimator.kind if config else None,
        )  # fmt: skip
        kept = save_operating_point(store, point, activate=bool(config) and st.session_state[IN_FORCE])
        st.toast(f"Saved {safe_text(kept.label)}.")
