"""Training prompts: what is asked for, where the box or the point lies, what is to be found."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from core.models.prompts import box_plane, disc_plane
from core.train.augment import HEAD_LEVEL
from core.train.data import FLAIR
from core.train.prompts.config import PromptSettings
from core.types import BoolArray, Float32Array

ATTEMPTS = 20
"""How often a place beside the lesion is tried before the slice's lesion is asked for after all."""


class Asked(NamedTuple):
    """The prompt's channel (row, column), 0 to 1, and what is to be found."""

    plane: Float32Array
    target: BoolArray


def draw_prompt(
    rng: np.random.Generator, image: Float32Array, mask: BoolArray, settings: PromptSettings
) -> Asked:
    """A prompt for a scaled picture (3, row, column) with its mask: on the lesion, or on healthy tissue.

    A box asks for the lesion inside the box before it was moved: the whole, or one part of several. A point
    asks for the part on which it lies. On healthy tissue, nothing is to be found.
    """
    as_point = rng.random() < settings.point_share
    beside = rng.random() < settings.healthy_share
    if not mask.any() or beside:
        asked = _healthy(rng, image[FLAIR] > HEAD_LEVEL, mask, settings, as_point)
        if asked is not None or not mask.any():
            return asked or Asked(np.zeros(mask.shape, dtype=np.float32), mask)
    return _point(rng, mask) if as_point else _box(rng, mask, settings)


def _healthy(
    rng: np.random.Generator, head: BoolArray, mask: BoolArray, settings: PromptSettings, as_point: bool
) -> Asked | None:
    places = np.argwhere(head & ~mask)
    size = mask.shape[0]
    for _ in range(ATTEMPTS if len(places) else 0):
        row, column = places[rng.integers(len(places))] + 0.5
        height, width = size * np.exp(
            rng.uniform(np.log(settings.healthy_low), np.log(settings.healthy_high), 2)
        )
        plane = (
            disc_plane(row, column, size)
            if as_point
            else box_plane(
                (row - height / 2, row + height / 2), (column - width / 2, column + width / 2), size
            )
        )
        if not (mask & (plane > 0)).any():
            return Asked(plane, np.zeros_like(mask))
    return None


def _point(rng: np.random.Generator, mask: BoolArray) -> Asked:
    places = np.argwhere(mask)
    row, column = places[rng.integers(len(places))]
    parts = _parts(mask)
    return Asked(disc_plane(row + 0.5, column + 0.5, mask.shape[0]), parts == parts[row, column])


def _box(rng: np.random.Generator, mask: BoolArray, settings: PromptSettings) -> Asked:
    parts = _parts(mask)
    count = int(parts.max())
    one = count > 1 and rng.random() < settings.part_share
    wanted = parts == rng.integers(1, count + 1) if one else mask
    rows, columns = np.flatnonzero(wanted.any(axis=1)), np.flatnonzero(wanted.any(axis=0))
    inside = np.zeros_like(mask)
    inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    ends = [_moved(rng, float(along[0]), float(along[-1] + 1), settings.jitter) for along in (rows, columns)]
    return Asked(box_plane(ends[0], ends[1], mask.shape[0]), mask & inside)


def _moved(rng: np.random.Generator, low: float, high: float, share: float) -> tuple[float, float]:
    moves = (high - low) * rng.uniform(-share, share, 2)
    return low + float(moves[0]), high + float(moves[1])


def _parts(mask: BoolArray) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    _, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return np.asarray(parts, dtype=np.int32)
