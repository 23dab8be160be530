"""Smooth random fields and soft edges, from which the synthetic heads are built. Numpy and SciPy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.types import Float32Array

GRID = 56
"""Cells along each side of the periodic noise cube."""
CELLS_PER_WAVE = 10.0
"""Cells that one wave of the band-passed noise spans."""


class Points(NamedTuple):
    """Places in mm: x to the patient's left, y to the front, z to the top; each (slice, row, column)."""

    x: Float32Array
    y: Float32Array
    z: Float32Array

    def moved(self, dx: Float32Array, dy: Float32Array, dz: Float32Array) -> Points:
        """The places displaced by the given mm."""
        return Points(self.x + dx, self.y + dy, self.z + dz)


@dataclass(frozen=True, eq=False)
class Noise:
    """A band-passed Gaussian noise cube of mean 0 and standard deviation 1, periodic along all three axes.

    offsets: (channel, 3), where each channel reads the cube, so that channels are nearly independent.
    """

    cube: Float32Array
    offsets: Float32Array

    @classmethod
    def draw(cls, generator: np.random.Generator, channels: int = 40) -> Noise:
        """A cube and its channels, from the generator alone."""
        white = generator.standard_normal((GRID, GRID, GRID), dtype=np.float32)
        fine = ndimage.gaussian_filter(white, CELLS_PER_WAVE / 6.0, mode="wrap")
        band = fine - ndimage.gaussian_filter(white, CELLS_PER_WAVE / 2.5, mode="wrap")
        offsets = generator.uniform(0.0, GRID, (channels, 3)).astype(np.float32)
        return cls(((band - band.mean()) / band.std()).astype(np.float32), offsets)

    def at(self, points: Points, wave_mm: float, channel: int) -> Float32Array:
        """The noise of one channel at the given places, with waves of about `wave_mm`."""
        scale = CELLS_PER_WAVE / wave_mm
        shift = self.offsets[channel]
        turn = channel % 3
        axes = [points[(axis + turn) % 3] * scale + shift[axis] for axis in range(3)]
        found: Float32Array = ndimage.map_coordinates(
            self.cube, np.stack(axes), output=np.float32, order=1, mode="grid-wrap"
        )
        return found


def soft(distance: NDArray[np.floating], width: float) -> Float32Array:
    """Share of a voxel inside an edge: 1 where `distance` (positive inside) is large, 0 far outside.

    >>> soft(np.array([-1.0, 0.0, 1.0], dtype=np.float32), 2.0).tolist()
    [0.0, 0.5, 1.0]
    """
    share = np.clip(distance / np.float32(width) + np.float32(0.5), 0.0, 1.0)
    eased: Float32Array = (share * share * (3.0 - 2.0 * share)).astype(np.float32)
    return eased


def blend(under: Float32Array, over: Float32Array | float, share: Float32Array) -> Float32Array:
    """`over` laid on `under` with the given opacity."""
    mixed: Float32Array = (under + (over - under) * share).astype(np.float32)
    return mixed


def gradient_length(values: Float32Array, spacing_mm: float) -> Float32Array:
    """Length of the in-plane gradient per mm, at least 1e-3, so that it can be divided by."""
    rows, columns = np.gradient(values, spacing_mm, axis=(1, 2))
    length: Float32Array = np.maximum(np.hypot(rows, columns), 1e-3).astype(np.float32)
    return length


def capsule(points: Points, start: Place, end: Place, radii: tuple[float, float]) -> Float32Array:
    """Distance in mm outside a rod from `start` to `end` whose radius goes from one value to the other.

    Negative inside. Heights count 0.6 times, so that a rod lying flat is taller than wide.
    """
    flat = np.float32(0.6)
    sx, sy, sz = (np.float32(value) for value in start)
    dx, dy, dz = (np.float32(e - s) for s, e in zip(start, end, strict=True))
    px, py, pz = points.x - sx, points.y - sy, (points.z - sz) * flat
    dz = dz * flat
    along = np.clip((px * dx + py * dy + pz * dz) / (dx * dx + dy * dy + dz * dz), 0.0, 1.0)
    away = np.sqrt((px - along * dx) ** 2 + (py - along * dy) ** 2 + (pz - along * dz) ** 2)
    distance: Float32Array = (away - (radii[0] + along * (radii[1] - radii[0]))).astype(np.float32)
    return distance


def ellipsoid(points: Points, centre: Place, radii: Place) -> Float32Array:
    """Approximate distance in mm outside an upright ellipsoid; negative inside."""
    parts = [(axis - np.float32(c)) / np.float32(r) for axis, c, r in zip(points, centre, radii, strict=True)]
    norm = np.sqrt(parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2)
    distance: Float32Array = ((norm - 1.0) * np.float32(min(radii))).astype(np.float32)
    return distance


Place = tuple[float, float, float]
