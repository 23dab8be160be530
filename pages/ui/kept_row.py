"""One saved record that may be in force: its name, what it does, and the button that puts it in or out."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.types import OperatingPoint
from core.types.profiles import Profile
from pages.ui import access
from pages.ui.frame import boundary
from pages.ui.text import safe_text


def kept_row(
    record: OperatingPoint | Profile,
    told: str,
    *,
    key: str,
    active: bool,
    writable: bool,
    use: Callable[[str], object],
    stop: Callable[[str, str], object],
) -> None:
    """Draw it. told: what it does, as safe Markdown. use takes the label, stop model and estimator."""
    words, button = st.columns([5, 1], vertical_alignment="center")
    badge = " :green-badge[in force]" if active else ""
    made = f"{record.model_id}, {record.estimator}" if record.model_id else "imported predictions"
    words.markdown(
        f"**{safe_text(record.label, 80)}**{badge}  \n:gray[{told}, {safe_text(made, 80)}; "
        f"{record.created_utc[:10]}]"
    )
    if record.model_id is None or record.estimator is None:
        return
    model_id, estimator = record.model_id, record.estimator

    def change() -> None:
        with boundary():
            access.require("researcher")
            if active:
                stop(model_id, estimator)
            else:
                use(record.label)

    button.button(
        "Stop using" if active else "Use", key=f"{key}_{record.id[:16]}", width="stretch",
        disabled=not writable, on_click=change,
    )  # fmt: skip
