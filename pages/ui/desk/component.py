"""Mounts the desk: what stands goes in, one act of the reader comes back."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import streamlit as st
from pydantic import Field, ValidationError

from core.config import Frozen
from core.types.reviews import Decision

FOLDER = Path(__file__).parent
DAY_SECONDS = 86_400.0


class Act(Frozen):
    """What the reader did. nonce: of this act, echoed once it is kept. seconds: on screen, at most a day."""

    act: Literal["decide", "skip", "undo", "back", "forth"]
    subject: str = Field(max_length=200)
    nonce: str = Field(default="", max_length=64)
    decision: Decision | None = None
    kinds: tuple[str, ...] = Field(default=(), max_length=50)
    comment: str = Field(default="", max_length=4000)
    seconds: float = Field(default=0.0, ge=0.0, le=DAY_SECONDS, allow_inf_nan=False)


def desk(data: Mapping[str, object], *, key: str, on_act: Callable[[], None]) -> None:
    """Draw the desk; `on_act` runs before the page when the reader acts, and reads `parse_act`.

    data: subject, reader, place, standing, saved, undone, answered, kinds, groups, writable, why, undo,
    back, forth; see desk.js.
    """
    _component()(key=key, data=dict(data), on_act_change=on_act)


def parse_act(reported: object) -> Act | None:
    """The browser's report as an Act; None where it is missing or malformed, for it is untrusted."""
    try:
        return Act.model_validate(reported)
    except ValidationError:
        return None


@functools.cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component(
        "second_look_desk",
        html='<div class="desk"></div>\n',
        css=(FOLDER / "desk.css").read_text(encoding="utf-8"),
        js=(FOLDER / "desk.js").read_text(encoding="utf-8"),
    )
