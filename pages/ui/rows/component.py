"""Mounts the list: rows in, the row that a reader opens back."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parent


def rows(listed: Sequence[dict[str, object]], *, key: str) -> int | None:
    """Draw the rows; returns the `row` that the reader has just opened, None when there is none.

    listed: row, name, group, found, confidence, chips (letter, label, dark, light), decision, picture each;
    see rows.js.
    """
    asked = _component()(key=key, data={"rows": list(listed)}, on_open_change=_ignore).get("open")
    return next((int(each["row"]) for each in listed if each["row"] == asked), None)  # type: ignore[call-overload]


def _ignore() -> None:
    """The answer is read from the component's result; a callback must exist for it."""


@functools.cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component(
        "second_look_rows",
        html='<ol class="rows"></ol>\n',
        css=(FOLDER / "rows.css").read_text(encoding="utf-8"),
        js=(FOLDER / "rows.js").read_text(encoding="utf-8"),
    )
