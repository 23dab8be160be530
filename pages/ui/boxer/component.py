"""Mounts the box editor: pictures in, the box that a person moved back."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.types import BoolArray
from core.types.prompts import Box

FOLDER = Path(__file__).parent


def box_view(
    picture: NDArray[np.uint8],
    box: Box,
    mask: BoolArray,
    mask_ref: BoolArray | None,
    *,
    name: str,
    key: str,
) -> None:
    """Draw the slice (row, column, 3), the box, the outline of the mask and of the reference.

    What the person makes of the box lies in the session under `key` and is read by `parse_box`. name: of the
    slice, for those who cannot see it.
    """
    _component()(
        key=key,
        data={
            "picture": _data_url(picture[..., ::-1]),
            "rows": picture.shape[0],
            "columns": picture.shape[1],
            "box": [box.top, box.left, box.bottom, box.right],
            "mask": _outlines(mask),
            "reference": [] if mask_ref is None else _outlines(mask_ref),
            "name": name,
        },
        on_box_change=_ignore,
    )


def parse_box(reported: object, shape: tuple[int, int]) -> Box | None:
    """The browser's box within a slice of this shape; None where it is missing or malformed.

    >>> parse_box({"box": [1, 2, 5, 9]}, (10, 8))
    Box(top=1, left=2, bottom=5, right=8)
    """
    try:
        top, left, bottom, right = (int(each) for each in reported["box"])  # type: ignore[index]
    except (TypeError, KeyError, ValueError, OverflowError):
        return None
    top, left = min(max(top, 0), shape[0] - 1), min(max(left, 0), shape[1] - 1)
    return Box(top, left, min(max(bottom, top + 1), shape[0]), min(max(right, left + 1), shape[1]))


def _outlines(mask: BoolArray) -> list[list[int]]:
    """Closed outlines as flat lists x, y, x, y … in pixels."""
    found: Sequence[NDArray[np.int32]]
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [each.reshape(-1).tolist() for each in found]


def _data_url(picture: NDArray[np.uint8]) -> str:
    done, packed = cv2.imencode(".png", np.ascontiguousarray(picture), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert done
    return f"data:image/png;base64,{base64.b64encode(packed.tobytes()).decode()}"


@functools.cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component(
        "second_look_box",
        html='<div class="boxer"></div>\n',
        css=(FOLDER / "boxer.css").read_text(encoding="utf-8"),
        js=(FOLDER / "boxer.js").read_text(encoding="utf-8"),
    )


def _ignore() -> None:
    """The state is read from the session; a callback must exist for it."""
