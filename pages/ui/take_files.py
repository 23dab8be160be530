"""The one place where files are asked for, so that a public server asks what they are first, everywhere."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.mode import current_mode
from pages.ui.text import plain_text

SAID = "no_patient_data"
"""Session key: the visitor said that what they upload holds no patient data."""


def file_uploader(label: str, *, accept_multiple_files: Any = False, key: str, **options: Any) -> Any:
    """`st.file_uploader`; on a public server a question, and nothing chosen, until it is answered."""
    if not current_mode().public or st.session_state.get(SAID):
        return st.file_uploader(label, accept_multiple_files=accept_multiple_files, key=key, **options)
    st.markdown(f"**{plain_text(label)}**")
    st.checkbox(
        "This is no patient data, but public or made up.", key=f"{key}_{SAID}", on_change=_said,
        help="This server is public. Files stay in its memory until you leave, and limits are small. Run the "
        "program on a machine of your own for anything else.",
    )  # fmt: skip
    return [] if accept_multiple_files else None


def _said() -> None:
    st.session_state[SAID] = True
