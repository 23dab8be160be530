"""Lesions: irregular, soft-edged, following the white matter, pushing what is around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from core.cohort.synthetic.anatomy import Tissue
from core.cohort.synthetic.fields import Noise, Points, soft
from core.cohort.synthetic.records import Head, Lesion
from core.types import BoolArray, Float32Array

FIRST_CHANNEL = 20
"""Noise channels below belong to the anatomy."""
PUSH_WAVE = 1.6
"""How far the mass effect reaches, in lesion radii."""


@dataclass(frozen=True, eq=False)
class Changes:
    """What lesions change, each (slice, row, column): share of bright tissue (may exceed 1), rim that takes
    up contrast, fluid inside, and the drawn reference."""

    bright: Float32Array
    rim: Float32Array
    cyst: Float32Array
    mask_ref: BoolArray


def pushed(points: Points, lesions: Sequence[Lesion]) -> Points:
    """The places that the anatomy is read from, so that it looks pushed away from each lesion."""
    for lesion in lesions:
        away = [axis - np.float32(c) for axis, c in zip(points, lesion.centre, strict=True)]
        reach = np.float32(PUSH_WAVE * float(np.mean(lesion.radii)))
        distance = np.sqrt(away[0] ** 2 + away[1] ** 2 + away[2] ** 2) + np.float32(1e-3)
        ratio = distance / reach
        amount = np.float32(-2.3 * lesion.push_mm) * ratio * np.exp(-ratio * ratio) / distance
        points = points.moved(away[0] * amount, away[1] * amount, 0.3 * away[2] * amount)
    return points


def changes_of(points: Points, lesions: Sequence[Lesion], tissue: Tissue, noise: Noise) -> Changes:
    """The combined changes of all lesions; the reference is the smoothed outline of the bright part."""
    nothing = np.zeros(points.x.shape, dtype=np.float32)
    bright, rim, cyst, drawn = nothing, nothing, nothing, nothing
    for number, lesion in enumerate(lesions):
        share, depth = _extent(points, lesion, tissue, noise, FIRST_CHANNEL + 3 * number)
        grain = noise.at(points, 16.0, FIRST_CHANNEL + 2 + 3 * number)
        bright = np.maximum(bright, share * lesion.brightness * (1.0 + lesion.texture * grain))
        rim = np.maximum(rim, _rim(depth, lesion, grain))
        cyst = np.maximum(cyst, _core(depth, lesion))
        drawn = np.maximum(drawn, share)
    return Changes(bright, rim, cyst, _outline(drawn))


def bright_spots(
    points: Points, head: Head, tissue: Tissue, noise: Noise, spacing_mm: tuple[float, float, float]
) -> Float32Array:
    """Bright white matter that is no tumour: caps around the ventricles and scattered spots, in [0, 1]."""
    if not head.caps and not head.spots:
        return np.zeros_like(tissue.depth_mm)
    away = ndimage.distance_transform_edt(tissue.ventricle < 0.5, sampling=spacing_mm)
    ragged = 1.0 + 0.35 * noise.at(points, 12.0, 13)
    caps = np.exp(-((away / (3.0 + 5.0 * head.caps)) ** 2)) * np.clip(ragged, 0.2, 1.5) * min(head.caps, 1.0)
    found = caps * (tissue.ventricle < 0.5)
    if head.spots:
        level = noise.at(points, 5.0 * head.spot_mm, 18) - np.float32(3.0 - 1.4 * head.spots)
        found = np.maximum(found, soft(level, 0.5) * soft(tissue.depth_mm - 9.0, 4.0))
    share: Float32Array = (found * tissue.white).astype(np.float32)
    return share


def _extent(
    points: Points, lesion: Lesion, tissue: Tissue, noise: Noise, channel: int
) -> tuple[Float32Array, Float32Array]:
    """Share of bright tissue, and the depth inside the lesion as a share of its radius."""
    parts = [
        (axis - np.float32(c)) / np.float32(r)
        for axis, c, r in zip(points, lesion.centre, lesion.radii, strict=True)
    ]
    parts[0] = parts[0] - np.float32(lesion.bend_mm / lesion.radii[0]) * parts[1] ** 2
    size = float(np.mean(lesion.radii))
    ragged = noise.at(points, 2.4 * size, channel) + 0.35 * noise.at(points, 1.0 * size, channel + 1)
    depth = 1.0 - np.sqrt(parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2) + lesion.roughness * 0.6 * ragged
    spared = depth - lesion.follow_white * (0.5 * tissue.grey + 0.25 * tissue.deep_grey)
    inside = soft(tissue.depth_mm - 1.0, 2.0) * (1.0 - np.maximum(tissue.fluid, tissue.ventricle))
    edge = (spared * size).astype(np.float32)
    halo = soft(edge + lesion.softness, 5.0 * lesion.softness)
    share = (0.65 * soft(edge, 2.0 * lesion.softness) + 0.35 * halo) * inside
    return _in_one_piece(share.astype(np.float32)), depth.astype(np.float32)


def _in_one_piece(share: Float32Array) -> Float32Array:
    """The share without what fluid cut off from the rest, such as the far wall of a ventricle."""
    labels, count = ndimage.label(share > 0.25)
    if count < 2:
        return share
    largest = 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    near = ndimage.gaussian_filter((labels == largest).astype(np.float32), (0.0, 2.0, 2.0))
    kept: Float32Array = (share * np.clip(4.0 * near, 0.0, 1.0)).astype(np.float32)
    return kept


def _rim(depth: Float32Array, lesion: Lesion, grain: Float32Array) -> Float32Array:
    if lesion.enhancing == 0.0:
        return np.zeros_like(depth)
    edge = 1.0 - lesion.enhancing
    ring: Float32Array = np.exp(-(((depth - edge) / 0.11) ** 2)) * np.clip(1.0 + 0.5 * grain, 0.0, 1.6)
    return ring.astype(np.float32)


def _core(depth: Float32Array, lesion: Lesion) -> Float32Array:
    if lesion.cyst == 0.0:
        return np.zeros_like(depth)
    return soft((depth - (1.0 - lesion.cyst)).astype(np.float32), 0.15)


def _outline(share: Float32Array) -> BoolArray:
    drawn: BoolArray = ndimage.gaussian_filter(share, (0.0, 1.2, 1.2)) > 0.45
    filled = [ndimage.binary_fill_holes(each) for each in drawn]
    whole: BoolArray = np.stack(filled).astype(np.bool_)
    return whole
