"""A wrong display window, for values in Hounsfield units."""

from __future__ import annotations

import numpy as np

from core.corruptions.spec import Scene
from core.types import Float32Array

LEVEL_HU = 40.0
"""Soft tissue: the values that a wider or narrower window leaves as they are."""


def window_level(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """What a window at another level shows, in the terms of the right one: every value moved."""
    return x - np.float32(values[0] * scene.draw["sign"])


def window_width(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """What a window of another width shows, in the terms of the right one: contrast around 40 HU changed."""
    return np.float32(LEVEL_HU) + (x - np.float32(LEVEL_HU)) / np.float32(values[0])
