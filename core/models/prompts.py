"""How a prompt becomes one more channel of a network's input; the same in training and at inference."""

from __future__ import annotations

import numpy as np

from core.models.preprocess import Array
from core.types.prompts import Box, Prompt

POINT_RADIUS = 3 / 128
"""Radius of the disc that stands for a point, as a share of the padded square's side."""
CHANNEL = "prompt"
"""Name of the prompt's channel in a model's list, where it comes last."""


def prompt_plane(prompt: Prompt, shape: tuple[int, int], size: int) -> Array:
    """A plane (size, size) of the padded square: 1 where the prompt lies, 0 elsewhere.

    shape: rows and columns of the slice that the prompt was drawn on. A box is filled; a pixel that it covers
    in part has that part as its value. A point is a disc.
    """
    side = max(shape)
    down, across, scale = (side - shape[0]) // 2, (side - shape[1]) // 2, size / side
    if isinstance(prompt, Box):
        rows = ((prompt.top + down) * scale, (prompt.bottom + down) * scale)
        columns = ((prompt.left + across) * scale, (prompt.right + across) * scale)
        return box_plane(rows, columns, size)
    return disc_plane((prompt.row + 0.5 + down) * scale, (prompt.column + 0.5 + across) * scale, size)


def box_plane(rows: tuple[float, float], columns: tuple[float, float], size: int) -> Array:
    """The share of each pixel of (size, size) that lies in a box; ends are in pixel edges, 0 to size.

    >>> box_plane((0.0, 1.5), (1.0, 2.0), 2).tolist()
    [[0.0, 1.0], [0.0, 0.5]]
    """
    return np.outer(_covered(rows, size), _covered(columns, size)).astype(np.float32)


def disc_plane(row: float, column: float, size: int) -> Array:
    """A disc of POINT_RADIUS round a place in pixel edges: 1 inside, falling to 0 over one pixel."""
    centres = np.arange(size) + 0.5
    distance = np.hypot(centres[:, None] - row, centres[None, :] - column)
    return np.asarray(np.clip(POINT_RADIUS * size + 0.5 - distance, 0.0, 1.0), np.float32)


def _covered(ends: tuple[float, float], size: int) -> Array:
    edges = np.arange(size)
    inside = np.minimum(ends[1], edges + 1) - np.maximum(ends[0], edges)
    return np.asarray(np.clip(inside, 0.0, 1.0), np.float32)
