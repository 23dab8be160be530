"""Geometric steps: the picture is moved, the network's probabilities are moved back."""

from __future__ import annotations

import math

import cv2
import numpy as np

from core.corruptions.spec import Draw, Scene
from core.types import BoolArray, Float32Array, Float64Array, Move

MM_PER_LEVEL = 8.0
SIDE_PER_MM = 1.0 / (30.0 * MM_PER_LEVEL)
"""Without a spacing, 8 mm (one level) stand for a thirtieth of the shorter side."""


def draw_direction(generator: np.random.Generator) -> Draw:
    """Which way the picture is pushed, in radians."""
    return {"direction": float(generator.uniform(0.0, 2.0 * math.pi))}


def rotation_move(shape: tuple[int, int], values: tuple[float, ...], scene: Scene) -> Move:
    """Turned about the centre of the slice."""
    rows, columns = shape
    degrees = values[0] * scene.draw["sign"]
    turned = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), degrees, 1.0)
    return _move(np.asarray(turned, np.float64))


def translation_move(shape: tuple[int, int], values: tuple[float, ...], scene: Scene) -> Move:
    """Pushed in the slice."""
    direction = scene.draw["direction"]
    right = values[0] * scene.per_mm[1] * math.cos(direction)
    down = values[0] * scene.per_mm[0] * math.sin(direction)
    return Move(((1.0, 0.0, right), (0.0, 1.0, down)))


def moved(values: Float32Array, move: Move) -> Float32Array:
    """The picture (..., row, column) at its new place, linear; 0 comes in from beyond the frame."""
    return _warped(values, move, cv2.INTER_LINEAR)


def unmove(values: Float32Array, move: Move) -> Float32Array:
    """A map (..., row, column) of the moved picture back at its old place, linear.

    0 where the moved picture does not reach. Turn probabilities back, never masks: nearest neighbours cost
    more than the move itself.
    """
    return _warped(values, move, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def support(move: Move, shape: tuple[int, int]) -> BoolArray:
    """bool (row, column): places of the clean picture that the frame still shows after the move."""
    rows, columns = shape
    places = np.stack(np.meshgrid(np.arange(columns), np.arange(rows), indexing="xy"), axis=-1)
    matrix = _matrix(move)
    at = places @ matrix[:, :2].T + matrix[:, 2]
    # Half a thousandth of a pixel: rounding must not lose the edge of a picture that did not move.
    inside = (at >= -5e-4) & (at <= np.array([columns - 1, rows - 1]) + 5e-4)
    return np.asarray(inside.all(axis=-1))


def combined(first: Move | None, second: Move) -> Move:
    """The move that does the first and then the second."""
    if first is None:
        return second
    whole = np.vstack([_matrix(second), (0.0, 0.0, 1.0)]) @ np.vstack([_matrix(first), (0.0, 0.0, 1.0)])
    return _move(whole[:2])


def _warped(values: Float32Array, move: Move, flags: int) -> Float32Array:
    out = np.empty_like(values, dtype=np.float32)
    size = values.shape[-1], values.shape[-2]
    for place in np.ndindex(values.shape[:-2]):
        out[place] = cv2.warpAffine(np.asarray(values[place], np.float32), _matrix(move), size, flags=flags)
    return out


def _matrix(move: Move) -> Float64Array:
    return np.asarray(move.matrix, np.float64)


def _move(matrix: Float64Array) -> Move:
    first, second = (tuple(float(each) for each in row) for row in matrix)
    return Move((first, second))  # type: ignore[arg-type]
