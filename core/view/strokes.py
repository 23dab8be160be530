"""Outlines, frames, chips and words drawn into an RGB picture, in the line styles of the theme."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from core.types import BoolArray
from core.view.theme import Line, Rgb

Picture = NDArray[np.uint8]

DASHES: dict[Line, tuple[int, ...]] = {"dashed": (9, 6), "dotted": (2, 6), "dash-dot": (10, 6, 2, 6)}
"""Lengths in pixels of dash, gap, dash, gap; other lines have no gaps."""
FONT = cv2.FONT_HERSHEY_SIMPLEX
CASING: Rgb = (0, 0, 0)
"""Dark rim under every line, so that it reads on bright tissue too."""


def draw_outline(picture: Picture, mask: BoolArray, colour: Rgb, line: Line, width: int = 2) -> None:
    """Draw the border of `mask` (row, column) into `picture` in place."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    pieces = [
        piece
        for outline in outlines
        for piece in _pieces(np.asarray(outline[:, 0], np.int32), DASHES.get(line, ()))
    ]
    for rim, ink in ((2, CASING), (0, colour)):
        for piece in pieces:
            cv2.polylines(picture, [piece], False, ink, width + rim, cv2.LINE_AA)
    if line == "double":
        draw_outline(picture, widened(mask, width + 2), colour, "solid", width)


def widened(mask: BoolArray, distance: int) -> BoolArray:
    """The mask grown by `distance` pixels in all directions."""
    size = 2 * distance + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disk) > 0)


def fill(picture: Picture, mask: BoolArray, colour: Rgb, opacity: float) -> None:
    """Blend `colour` into the masked pixels of `picture` in place."""
    blended = picture[mask] * (1.0 - opacity) + np.array(colour) * opacity
    picture[mask] = np.rint(blended).astype(np.uint8)


def hatched(shape: tuple[int, int], step: int = 8, width: int = 3) -> BoolArray:
    """Diagonal stripes over (row, column), `width` of every `step` pixels."""
    rows, columns = np.indices(shape)
    return np.asarray((rows + columns) % step < width)


def draw_chip(picture: Picture, letter: str, corner: tuple[int, int], fill_colour: Rgb, ink: Rgb) -> None:
    """Draw a filled square with a letter; corner = (left, top), kept inside the picture."""
    side = 20
    left = int(np.clip(corner[0], 0, max(0, picture.shape[1] - side)))
    top = int(np.clip(corner[1], 0, max(0, picture.shape[0] - side)))
    cv2.rectangle(picture, (left, top), (left + side, top + side), CASING, -1)
    cv2.rectangle(picture, (left + 1, top + 1), (left + side - 1, top + side - 1), fill_colour, -1)
    (wide, tall), _ = cv2.getTextSize(letter, FONT, 0.5, 2)
    at = (left + (side - wide) // 2 + 1, top + (side + tall) // 2)
    cv2.putText(picture, letter, at, FONT, 0.5, ink, 2, cv2.LINE_AA)


def write(picture: Picture, text: str, at: tuple[int, int], size: float = 0.45) -> None:
    """Write plain ASCII text; at = (left, baseline)."""
    cv2.putText(picture, text, at, FONT, size, (230, 235, 240), 1, cv2.LINE_AA)


def _pieces(points: NDArray[np.int32], dashes: tuple[int, ...]) -> list[NDArray[np.int32]]:
    """A closed outline, cut into the stretches that are drawn."""
    closed = np.concatenate([points, points[:1]])
    if not dashes:
        return [closed]
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    ends = np.cumsum(
        np.resize(np.array(dashes, float), 2 * (int(along[-1]) // sum(dashes) + 1) * len(dashes))
    )
    stretches = list(pairwise([0.0, *ends]))[::2]
    cut = [closed[(along >= begin) & (along <= end)] for begin, end in stretches]
    return [piece for piece in cut if len(piece)]
