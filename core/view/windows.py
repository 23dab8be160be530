"""Which channel is shown first, and between which values its greys run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.types import Float32Array

_SAMPLE_VOXELS = 2**20

COLOUR = -1
"""Stands for all three channels as red, green and blue."""


def first_channel(names: tuple[str, ...]) -> int:
    """Index of the channel to show first: FLAIR when there is one, `COLOUR` for a colour picture, else 0.

    >>> first_channel(("pre", "FLAIR", "post")), first_channel(("red", "green", "blue"))
    (1, -1)
    """
    lowered = [name.lower() for name in names]
    flair = [index for index, name in enumerate(lowered) if "flair" in name]
    if flair:
        return flair[0]
    return COLOUR if lowered == ["red", "green", "blue"] else 0


def first_window(values: Float32Array) -> tuple[float, float]:
    """1st and 99th percentile without the padding: the commonest value, where at least a twentieth has it.

    A constant image gets a window of width 1 above its value. At most about a million voxels are looked at.

    >>> first_window(np.float32([0] * 50 + list(range(101, 202))))
    (102.0, 200.0)
    """
    chosen = sample(values)
    found, counts = np.unique(chosen, return_counts=True)
    if found.size > 1 and counts.max() >= 0.05 * chosen.size:
        chosen = chosen[chosen != found[counts.argmax()]]
    low, high = (float(each) for each in np.percentile(chosen, (1.0, 99.0)))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low, low + 1.0)


def sample(values: Float32Array) -> Float32Array:
    """Every n-th voxel, at most about a million of them."""
    flat = values.reshape(-1)
    return flat[:: max(1, flat.size // _SAMPLE_VOXELS)]


def to_grey(values: NDArray[np.floating], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Values as greys 0..255, black at the low and white at the high end of the window."""
    low, high = window
    return np.asarray(np.rint(np.clip((values - low) / (high - low), 0.0, 1.0) * 255.0), np.uint8)
