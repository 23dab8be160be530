"""Saving the limits on screen as a profile, and which one is in force."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from core.pipeline.profiles import activate_profile, active_profiles, clear_profile, profile_of, save_profile
from core.store import Store
from core.types.profiles import Profile
from core.view.words import percent
from pages.ui import access
from pages.ui import limits as limits_form
from pages.ui.frame import boundary
from pages.ui.kept_row import kept_row
from pages.ui.text import safe_text

if TYPE_CHECKING:
    from pages.ui.detector import Tuned

NAME, IN_FORCE = "profile_name", "profile_active"


def form(store: Store, tuned: Tuned, writable: bool) -> None:
    """Save under a name; profiles are kept for good and count up their versions."""
    with st.expander("Save these limits as a profile", key="profiles"):
        left, middle, right = st.columns([3, 2, 1], vertical_alignment="bottom")
        left.text_input(
            "Name",
            "Default",
            key=NAME,
            max_chars=60,
            help="Saving under a known name makes its next version.",
        )
        config = tuned.loaded.run.config
        middle.checkbox(
            "Put it in force", value=config is not None, key=IN_FORCE, disabled=config is None,
            help="From then on it judges cases of this model and estimator, and every verdict names it.",
        )  # fmt: skip
        right.button(
            "Save", type="primary", key="save_profile", disabled=not writable, width="stretch",
            on_click=_save, args=(store, tuned),
        )  # fmt: skip
        known = store.profiles()
        in_force = {each.id for each in active_profiles(store)}
        if not known:
            st.caption("None is saved yet; the model's own limits judge.")
        for profile in known:
            kept_row(
                profile, _told(profile), key="use_profile", active=profile.id in in_force, writable=writable,
                use=partial(activate_profile, store), stop=partial(clear_profile, store),
            )  # fmt: skip


def _told(profile: Profile) -> str:
    told = profile.reported
    return (
        f"caught {percent(told.caught.value)}, false alarms {percent(told.alarms.value)} on the other half "
        f"of {safe_text(profile.cohort_name, 60)}"
    )


def _save(store: Store, tuned: Tuned) -> None:
    loaded = tuned.loaded
    with boundary():
        access.require("researcher")
        profile = profile_of(
            st.session_state[NAME], tuned.limits, tuned.table, loaded.run, loaded.cohort.name,
            failure_below=tuned.failure_below,
        )  # fmt: skip
        active = loaded.run.config is not None and st.session_state[IN_FORCE]
        kept = save_profile(store, profile, activate=active)
        if active:
            limits_form.reset()
        st.toast(f"Saved {safe_text(kept.label)}.")
