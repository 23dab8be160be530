"""A brain in soft tissue shares: fluid, cortex with sulci, white matter, ventricles, deep nuclei, falx."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.cohort.synthetic.fields import (
    Noise,
    Points,
    capsule,
    ellipsoid,
    gradient_length,
    soft,
)
from core.cohort.synthetic.records import Head
from core.types import Float32Array

HALF_WIDTH, HALF_LENGTH, HEIGHT = 66.0, 83.0, 68.0
"""Half axes of the brain in mm; heights count from `WIDEST_Z`, the level of the deep nuclei."""
WIDEST_Z = 8.0
CORTEX_MM = 3.0
SULCUS_WAVE_MM = 27.0


@dataclass(frozen=True, eq=False)
class Tissue:
    """Shares in [0, 1] of each tissue, laid over each other in this order; each (slice, row, column).

    depth_mm: distance below the brain's surface, negative outside.
    """

    depth_mm: Float32Array
    grey: Float32Array
    deep_grey: Float32Array
    fluid: Float32Array
    ventricle: Float32Array
    falx: Float32Array
    sinus: Float32Array
    choroid: Float32Array

    @property
    def white(self) -> Float32Array:
        """White matter: the brain that is neither grey nor fluid."""
        inside = soft(self.depth_mm, 1.0) * (1.0 - self.grey) * (1.0 - self.deep_grey)
        share: Float32Array = (inside * (1.0 - np.maximum(self.fluid, self.ventricle))).astype(np.float32)
        return share


@dataclass(frozen=True, eq=False)
class Frame:
    """The head's own coordinates at every voxel: places, relative radius, outward direction, depth in mm."""

    points: Points
    direction: Points
    depth_mm: Float32Array

    def seen_from(self, points: Points) -> Frame:
        """The same surface with the structures inside read from displaced places."""
        return replace(self, points=points)


def frame_of(points: Points, noise: Noise) -> Frame:
    """Depth below an egg-shaped brain surface (wider behind than in front) that bulges a little at random."""
    egg = 1.0 - 0.08 * np.clip(points.y / HALF_LENGTH, -1.0, 1.0)
    flat = 1.0 + 0.02 * noise.at(points, 90.0, 0)
    u = points.x / (HALF_WIDTH * egg * flat)
    v = points.y / (HALF_LENGTH * flat)
    w = np.maximum(points.z - WIDEST_Z, 0.0) / HEIGHT
    radius = np.maximum(np.sqrt(u * u + v * v + w * w), 1e-3)
    slope = np.sqrt((u / HALF_WIDTH) ** 2 + (v / HALF_LENGTH) ** 2 + (w / HEIGHT) ** 2) / radius
    direction = Points(u / radius, v / radius, w / radius)
    depth = (1.0 - radius) / np.maximum(slope, 1e-3)
    return Frame(points, direction, depth.astype(np.float32))


def tissue_of(frame: Frame, head: Head, noise: Noise, pixel_mm: float) -> Tissue:
    """The shares of all tissues; `pixel_mm` is the width over which an edge is shared by two voxels."""
    points, depth = frame.points, frame.depth_mm
    gap, valley = _valleys(frame, head, noise, pixel_mm)
    rim = depth - (1.0 + 1.6 * head.atrophy + 0.5 * noise.at(points, 30.0, 5))
    cortex = CORTEX_MM + 0.4 * noise.at(points, 20.0, 6)
    ventricle = soft(_ventricle(points, head, noise), pixel_mm)
    outer = np.minimum(rim, valley)
    return Tissue(
        depth_mm=depth,
        grey=soft(cortex - outer, 1.2 * pixel_mm),
        deep_grey=soft(_nuclei(points, noise), 2.0 * pixel_mm),
        fluid=np.maximum(soft(-rim, 1.5 * pixel_mm), gap),
        ventricle=ventricle,
        falx=_falx(frame, noise, pixel_mm),
        sinus=_sinus(frame),
        choroid=soft(_choroid(points), 2.0) * ventricle,
    )


def midline(points: Points, noise: Noise) -> Float32Array:
    """Distance in mm to the right or left of the slightly bent plane between the hemispheres."""
    side: Float32Array = points.x - 1.2 * noise.at(Points(0 * points.x, points.y, points.z), 60.0, 1)
    return side


def _valleys(frame: Frame, head: Head, noise: Noise, pixel_mm: float) -> tuple[Float32Array, Float32Array]:
    """Fluid in sulci and fissures, and the distance in mm to the nearest of their walls."""
    cut, width = _sulci(frame, head, noise, pixel_mm)
    wall = cut - width
    opening = soft(width - cut, 1.2 * pixel_mm) * np.clip(width / 0.8, 0.0, 1.0)
    for distance, half in (_between_hemispheres(frame, head, noise), _sylvian(frame, head, noise)):
        wall = np.minimum(wall, distance - half)
        opening = np.maximum(opening, soft(half - distance, 1.2 * pixel_mm))
    return opening, wall


def _sulci(frame: Frame, head: Head, noise: Noise, pixel_mm: float) -> tuple[Float32Array, Float32Array]:
    """Distance to the centre line of the nearest sulcus and its half width, in mm.

    The lines are the zeros of a noise that changes along the surface and only slowly with depth, so that
    they run inwards and bend on their way.
    """
    points, depth = frame.points, frame.depth_mm
    bend = [2.6 * noise.at(points, 24.0, channel) for channel in (2, 3, 4)]
    reach = 74.0 - 0.3 * np.clip(depth, 0.0, 40.0)
    along = Points(
        frame.direction.x * reach + bend[0],
        frame.direction.y * reach + bend[1],
        frame.direction.z * reach + bend[2],
    )
    level = noise.at(along, SULCUS_WAVE_MM, 7)
    line = np.abs(level) / gradient_length(level, pixel_mm)
    bottom = 19.0 + 7.0 * noise.at(along, 34.0, 8)
    past = np.maximum(depth - bottom, 0.0)
    half = (0.55 + 0.9 * head.atrophy) * np.clip(1.4 - depth / np.maximum(bottom, 4.0), 0.3, 1.4)
    return np.hypot(line, 1.2 * past).astype(np.float32), half.astype(np.float32)


def _between_hemispheres(frame: Frame, head: Head, noise: Noise) -> tuple[Float32Array, Float32Array]:
    points = frame.points
    side = np.abs(midline(points, noise))
    body = np.maximum(1.0 - ((points.z - 14.0) / 22.0) ** 2, 0.0)
    front = (34.0 * np.sqrt(body) + 2.0) - points.y
    back = points.y + 40.0 * np.sqrt(body) + 2.0
    inside = np.minimum(front, back) * (body > 0.0)
    distance = np.hypot(side, np.maximum(inside, 0.0))
    half = 0.5 + 0.9 * head.atrophy + 0.3 * noise.at(points, 25.0, 9)
    return distance.astype(np.float32), np.maximum(half, 0.3).astype(np.float32)


def _sylvian(frame: Frame, head: Head, noise: Noise) -> tuple[Float32Array, Float32Array]:
    bend = 2.2 * noise.at(frame.points, 24.0, 10)
    points = frame.points.moved(bend, 0.5 * bend, 0 * bend)
    mirrored = Points(np.abs(points.x), points.y, points.z)
    insula = capsule(mirrored, (41.0, 22.0, 4.0), (43.0, -12.0, 8.0), (0.0, 0.0))
    mouth = capsule(mirrored, (42.0, 10.0, 4.0), (70.0, 4.0, 6.0), (0.0, 0.0))
    distance = np.maximum(np.minimum(insula, mouth), 0.0)
    half = 0.9 + 1.3 * head.atrophy + 0.3 * bend
    return distance, np.maximum(half, 0.4).astype(np.float32)


def _ventricle(points: Points, head: Head, noise: Noise) -> Float32Array:
    """Depth in mm inside the ventricles, negative outside."""
    bend = 0.8 * noise.at(points, 22.0, 11)
    mirrored = Points(np.abs(points.x) + bend, points.y, points.z)
    grow = 0.5 + 1.1 * head.atrophy
    chain = (
        ((12.0, 36.0, 13.0), (5.0, 22.0, 18.0), (1.6, 2.6)),
        ((5.0, 22.0, 18.0), (5.6, 4.0, 25.0), (2.6, 3.0)),
        ((5.6, 4.0, 25.0), (10.5, -14.0, 24.0), (3.0, 3.6)),
        ((10.5, -14.0, 24.0), (20.0, -30.0, 17.0), (3.6, 4.6)),
        ((20.0, -30.0, 17.0), (20.5, -52.0, 10.0), (4.0, 1.2)),
        ((20.0, -30.0, 17.0), (31.0, -8.0, -6.0), (3.4, 1.2)),
    )
    lateral = np.minimum.reduce([capsule(mirrored, a, b, r) - grow for a, b, r in chain])
    lateral = np.maximum(lateral, 0.9 - np.abs(points.x))
    third = ellipsoid(points, (0.0, 2.0, 4.0), (1.4 + 1.6 * head.atrophy, 12.0, 11.0))
    return -np.minimum(lateral, third)


def _nuclei(points: Points, noise: Noise) -> Float32Array:
    """Depth in mm inside thalamus, caudate and lentiform nucleus, negative outside."""
    bend = 1.2 * noise.at(points, 18.0, 12)
    x = np.abs(points.x) + bend
    tilted = x + 0.33 * (points.y - 4.0)
    shapes = (
        ellipsoid(Points(x, points.y, points.z), (10.5, -8.0, 8.0), (8.0, 13.0, 10.0)),
        ellipsoid(Points(x, points.y, points.z), (12.5, 20.0, 12.0), (5.0, 8.5, 12.0)),
        ellipsoid(Points(tilted, points.y, points.z), (27.0, 5.0, 5.0), (6.5, 17.0, 11.0)),
    )
    depth: Float32Array = -np.minimum.reduce(shapes)
    return depth


def _choroid(points: Points) -> Float32Array:
    x = np.abs(points.x)
    return -ellipsoid(Points(x, points.y, points.z), (18.5, -27.0, 18.0), (2.4, 5.0, 5.0))


def _falx(frame: Frame, noise: Noise, pixel_mm: float) -> Float32Array:
    points, depth = frame.points, frame.depth_mm
    side = np.abs(midline(points, noise))
    reach = np.where(points.z > 40.0, 60.0, 22.0)
    near = (depth < reach) & (depth > -1.0)
    return (soft(0.5 - side, pixel_mm) * near).astype(np.float32)


def _sinus(frame: Frame) -> Float32Array:
    """The sagittal sinus: a small triangle where the falx meets the skull, larger behind."""
    points, depth = frame.points, frame.depth_mm
    size = np.where(points.y < 0.0, 4.2, 2.2)
    wedge = size - np.abs(points.x) * 1.3 - np.maximum(depth, 0.0) * 0.8
    return (soft(wedge.astype(np.float32), 1.5) * (depth > -1.5)).astype(np.float32)
