"""Artefacts of magnetic resonance imaging. Outputs are magnitudes, as scanners give them.

Lines of k-space are changed along one axis only, so that a transform along that axis is all that is needed.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product

import cv2
import numpy as np
from scipy import fft

from core.corruptions.intensity import tissue
from core.corruptions.optics import each_plane
from core.corruptions.shared import shared
from core.corruptions.spec import Draw, Scene
from core.types import Float32Array, Float64Array

GHOSTS = 4
GHOST_CENTRE = 0.02
MOVEMENTS = 4
MOTION_CENTRE = 0.04
ORDER = 3
ORDERS = tuple(each for each in product(range(ORDER + 1), repeat=3) if sum(each) <= ORDER)
"""Powers of (slice, row, column) in the terms of a polynomial of order 3."""


def draw_axis(generator: np.random.Generator) -> Draw:
    """Rows (0) or columns (1)."""
    return {"axis": int(generator.integers(2))}


def draw_bias(generator: np.random.Generator) -> Draw:
    """Coefficients of every monomial of order at most 3 in (slice, row, column), uniform in -1 … 1."""
    return {f"c{i}{j}{k}": float(generator.uniform(-1.0, 1.0)) for i, j, k in ORDERS}


def draw_motion(generator: np.random.Generator) -> Draw:
    """When the head moves, as shares of the lines, and which way each time."""
    drawn: dict[str, float | int] = draw_axis(generator)  # type: ignore[assignment]
    for index, time in enumerate(np.sort(generator.uniform(0.0, 1.0, MOVEMENTS))):
        drawn[f"time{index}"] = float(time)
        drawn[f"turn{index}"] = int(generator.choice((-1, 1)))
        drawn[f"direction{index}"] = float(generator.uniform(0.0, 2.0 * math.pi))
    return drawn


def draw_spike(generator: np.random.Generator) -> Draw:
    """A place in k-space, in cycles per side, away from the centre, and a phase."""
    angle = generator.uniform(0.0, math.pi)
    radius = generator.uniform(10.0, 40.0)
    phase = generator.uniform(0.0, 2.0 * math.pi)
    return {"down": radius * math.sin(angle), "right": radius * math.cos(angle), "phase": float(phase)}


def bias_field(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """x exp(c P), P a polynomial of order 3 on coordinates from -1 to 1, over its mean on tissue.

    Van Leemput et al. 1999, doi:10.1109/42.811268. The division keeps the brightness as it was.
    """
    drawn = tuple(float(scene.draw[f"c{i}{j}{k}"]) for i, j, k in ORDERS)
    field = np.exp(np.float32(values[0]) * _polynomial(drawn, x.shape[1:]))
    inside = tissue(x).any(axis=0)
    middle = field[inside].mean() if inside.any() else field.mean()
    return np.asarray(x * (field / middle), np.float32)


def ghosting(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """Every fourth line of k-space is weakened; copies of the picture appear along the phase axis."""
    axis = x.ndim - 2 + int(scene.draw["axis"])
    size = x.shape[axis]
    lines = np.arange(size // 2 + 1)
    weak = (lines % GHOSTS == 0) & (lines > GHOST_CENTRE * size / 2)
    gain = np.where(weak, 1.0 - values[0], 1.0).astype(np.float32)
    shape = [1] * x.ndim
    shape[axis] = gain.size
    spectrum = fft.rfft(x, axis=axis) * gain.reshape(shape)
    return np.asarray(np.abs(fft.irfft(spectrum, size, axis=axis)), np.float32)


def mri_motion(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """K-space is put together from bands of moved copies; its centre is that of the unmoved picture."""
    axis = int(scene.draw["axis"])
    size = x.shape[2 + axis]
    where = (np.arange(size) + 0.5) / size
    band = np.searchsorted([scene.draw[f"time{k}"] for k in range(MOVEMENTS)], where, side="right")
    band[np.abs(where - 0.5) < MOTION_CENTRE / 2] = 0
    copy_of_line = np.fft.ifftshift(band)
    matrices = [_movement(x.shape[-2:], values, scene, k) for k in range(MOVEMENTS)]

    def moved(plane: Float32Array) -> Float32Array:
        spectrum = fft.fft(plane, axis=axis)
        for index, matrix in enumerate(matrices, 1):
            lines = copy_of_line == index
            if lines.any():
                copy = cv2.warpAffine(plane, matrix, plane.shape[::-1], flags=cv2.INTER_LINEAR)
                other = fft.fft(np.asarray(copy, np.float32), axis=axis)
                where_to = (lines, slice(None)) if axis == 0 else (slice(None), lines)
                spectrum[where_to] = other[where_to]
        return np.asarray(np.abs(fft.ifft(spectrum, axis=axis)), np.float32)

    return each_plane(x, moved)


def gibbs(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """Outer k-space is cut off at a share (1 - alpha) of its corner, with an edge one sample wide."""
    axes = tuple(axis for axis in (1, 2, 3) if axis > 1 or x.shape[1] > 1)
    shape = tuple(x.shape[axis] for axis in axes)
    radius = (1.0 - values[0]) * max(shape) * math.sqrt(2.0) / 2.0
    spectrum = shared(x, "spectrum", lambda: fft.rfftn(x, axes=axes))
    # What lies beyond the disc is 0 and need not be transformed.
    columns = min(math.ceil(radius + 1.0), spectrum.shape[-1])
    distance = _distance(shape)[..., :columns]
    kept = np.clip(np.float32(radius + 0.5) - distance, np.float32(0.0), np.float32(1.0))
    cut = spectrum[..., :columns] * (kept if len(shape) == 3 else kept[None])
    for axis in axes[:-1]:
        cut = fft.ifft(cut, axis=axis, overwrite_x=True)
    found: Float32Array = fft.irfft(cut, shape[-1], axis=-1)
    return np.abs(found, out=found)


def spike(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """One sample of k-space gains a share of its largest: stripes as high as that share of the slice's mean.

    The largest sample of a picture without negative values is its sum, so the stripes are known in closed
    form and no transform is needed.
    """
    rows, columns = x.shape[-2:]
    down = np.arange(rows) * (2.0 * math.pi * round(scene.draw["down"]) / rows) + scene.draw["phase"]
    right = np.arange(columns) * (2.0 * math.pi * round(scene.draw["right"]) / columns)
    # cos(a + b) from its two factors: as many cosines as there are rows and columns, not pixels.
    along, across = (np.stack([np.cos(each), np.sin(each)]).astype(np.float32) for each in (down, right))
    stripes = along[0][:, None] * across[0] - along[1][:, None] * across[1]
    height = np.float32(values[0]) * np.abs(x.mean(axis=(2, 3), keepdims=True))
    return np.asarray(x + height * stripes, np.float32)


def anisotropy(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """Thicker samples along one axis: means of areas, then back to the old grid, linear.

    In a volume the axis is that through the slices.
    """
    if x.shape[1] > 1:
        flat = x.reshape(*x.shape[:2], -1)
        return np.stack([_thick(channel, 0, values[0]) for channel in flat]).reshape(x.shape)
    axis = int(scene.draw["axis"])
    return each_plane(x, lambda plane: _thick(plane, axis, values[0]))


def _thick(plane: Float32Array, axis: int, factor: float) -> Float32Array:
    rows, columns = plane.shape
    few = max(1, round(plane.shape[axis] / factor))
    small = (columns, few) if axis == 0 else (few, rows)
    down = cv2.resize(plane, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(down, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)


def _movement(shape: tuple[int, int], values: tuple[float, ...], scene: Scene, index: int) -> Float64Array:
    rows, columns = shape
    turn = cv2.getRotationMatrix2D(
        ((columns - 1) / 2, (rows - 1) / 2), values[0] * scene.draw[f"turn{index}"], 1.0
    )
    direction = scene.draw[f"direction{index}"]
    turn[0, 2] += values[1] * scene.per_mm[1] * math.cos(direction)
    turn[1, 2] += values[1] * scene.per_mm[0] * math.sin(direction)
    return np.asarray(turn, np.float64)


@lru_cache(maxsize=4)
def _polynomial(coefficients: tuple[float, ...], shape: tuple[int, ...]) -> Float32Array:
    """(slice, row, column) values of the polynomial; its terms in the slices are left out for one slice."""
    powers = [np.linspace(-1.0, 1.0, size)[:, None] ** np.arange(ORDER + 1) for size in shape]
    if shape[0] == 1:
        powers[0] = np.eye(1, ORDER + 1)
    cube = np.zeros((ORDER + 1,) * 3)
    for place, value in zip(ORDERS, coefficients, strict=True):
        cube[place] = value
    found: Float32Array = np.einsum("ijk,zi,rj,ck->zrc", cube, *powers, optimize=True).astype(np.float32)
    found.flags.writeable = False
    return found


@lru_cache(maxsize=4)
def _distance(shape: tuple[int, ...]) -> Float32Array:
    """Distance from the centre of k-space in samples, in the order of a real transform."""
    axes = [fft.fftfreq(size, 1.0 / size) for size in shape[:-1]] + [np.arange(shape[-1] // 2 + 1)]
    squares = np.meshgrid(*(axis**2 for axis in axes), indexing="ij", sparse=True)
    found: Float32Array = np.sqrt(sum(squares)).astype(np.float32)
    found.flags.writeable = False
    return found
