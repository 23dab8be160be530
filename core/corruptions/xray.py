"""What goes wrong with projection radiographs."""

from __future__ import annotations

import math

import cv2
import numpy as np

from core.corruptions.noise import counted
from core.corruptions.spec import Draw, Scene
from core.types import Float32Array

GRID_PERIOD_PX = 4.0
OUTSIDE_SIGNAL = 0.1
MARKER_SHARE = 0.12
MARKER_MARGIN = 0.03


def draw_marker(generator: np.random.Generator) -> Draw:
    """Letter L (0) or R (1), at the top or bottom, left or right."""
    return {name: int(generator.integers(2)) for name in ("letter", "bottom", "right")}


def underexposure(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """Fewer photons: darker by a factor, and counted with fewer events."""
    factor, per_count = values
    return counted(x * np.float32(factor), per_count, scene)


def low_contrast(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """Scatter: every value nearer to the mean of the picture."""
    middle = x.mean(axis=(1, 2, 3), keepdims=True, dtype=np.float64).astype(np.float32)
    return np.asarray(middle + np.float32(values[0]) * (x - middle), np.float32)


def grid_lines(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """The shadow of an anti-scatter grid: darker lines along a drawn axis."""
    axis = int(scene.draw["axis"])
    period = max(GRID_PERIOD_PX * scene.pixel, 2.0)
    wave = 0.5 * (1.0 + np.cos(2.0 * math.pi * np.arange(x.shape[2 + axis]) / period))
    gain = (1.0 - values[0] * wave).astype(np.float32)
    return np.asarray(x * (gain[:, None] if axis == 0 else gain[None]), np.float32)


def collimator(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """A shutter covers the border up to a share of the side; a tenth of the signal comes through.

    Its edge is as soft as two fifths of what it covers, so that it grows from nothing.
    """
    rows, columns = x.shape[-2:]
    margin = max(values[0], 1e-6)
    down, right = (_from_edge(size) / margin for size in (rows, columns))
    depth = np.clip((np.minimum(down[:, None], right[None]) - 0.8) / 0.4, 0.0, 1.0)
    soft = depth * depth * (3.0 - 2.0 * depth)
    return x * (OUTSIDE_SIGNAL + (1.0 - OUTSIDE_SIGNAL) * soft).astype(np.float32)


def text_marker(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """A white letter in a corner, as technologists place them."""
    letter = _letter(x.shape[-2:], scene.draw)
    return x + np.float32(values[0]) * letter * (np.float32(1.0) - x)


def _from_edge(size: int) -> np.ndarray:
    """How far the middle of each pixel lies from the nearer edge, in shares of the side."""
    return (np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5) / size


def _letter(shape: tuple[int, int], draw: Draw) -> Float32Array:
    rows, columns = shape
    side, margin = MARKER_SHARE * min(shape), MARKER_MARGIN * min(shape)
    text, font = "LR"[int(draw["letter"])], cv2.FONT_HERSHEY_SIMPLEX
    (_, high), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale, thick = side / high, max(1, round(side / 8))
    (wide, high), _ = cv2.getTextSize(text, font, scale, thick)
    left = columns - margin - wide if draw["right"] else margin
    bottom = rows - margin if draw["bottom"] else margin + high
    canvas = np.zeros(shape, np.uint8)
    cv2.putText(canvas, text, (round(left), round(bottom)), font, scale, 255, thick, cv2.LINE_AA)
    return canvas.astype(np.float32) * np.float32(1.0 / 255.0)
