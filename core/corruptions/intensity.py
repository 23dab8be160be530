"""Brightness, contrast and gamma."""

from __future__ import annotations

import numpy as np

from core.corruptions.spec import TISSUE, Draw, Scene
from core.types import BoolArray, Float32Array


def draw_sign(generator: np.random.Generator) -> Draw:
    """Up or down."""
    return {"sign": int(generator.choice((-1, 1)))}


def brightness(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """x + b, up or down as drawn. In a magnitude image the background stays, as no signal comes from it."""
    shifted = x + np.float32(values[0] * scene.draw["sign"])
    return np.where(tissue(x), shifted, x) if scene.domain == "magnitude" else shifted


def contrast(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """Tissue nearer to its own mean: a mean with the background would darken it."""
    inside = tissue(x)
    if not inside.any():
        return x
    middle = _mean(x, inside)
    return np.where(inside, middle + np.float32(values[0]) * (x - middle), x)


def gamma(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """x ** gamma; the ends 0 and 1 of the range stay."""
    return np.power(np.maximum(x, np.float32(0.0)), np.float32(values[0]))


def tissue(x: Float32Array) -> BoolArray:
    """Where a channel is above the background."""
    return x > np.float32(TISSUE)


def _mean(x: Float32Array, inside: BoolArray) -> Float32Array:
    """(channel, 1, 1, 1) mean of each channel's tissue, 0 where it has none."""
    count = inside.sum(axis=(1, 2, 3), keepdims=True)
    total = np.where(inside, x, np.float32(0.0)).sum(axis=(1, 2, 3), keepdims=True, dtype=np.float64)
    return np.asarray(total / np.maximum(count, 1), np.float32)
