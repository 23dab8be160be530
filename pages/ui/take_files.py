"""The one place where files are asked for, so that a mode without uploads has none anywhere."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.mode import current_mode


def file_uploader(label: str, *, accept_multiple_files: Any = False, **options: Any) -> Any:
    """`st.file_uploader`, or nothing chosen and a sentence where the mode takes no files."""
    if current_mode().uploads:
        return st.file_uploader(label, accept_multiple_files=accept_multiple_files, **options)
    st.caption(f"{label}: files are not taken in the public demo.")
    return [] if accept_multiple_files else None
