"""Changes to the slices of a training bag: drawn once per bag, then applied as a pure function of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.models.preprocess import CEILING
from core.train.mil.config import BagChanges
from core.types import Float32Array

TISSUE = 0.02
"""Scaled values above this are no air, so that a shift of the tone leaves the background black."""


@dataclass(frozen=True)
class BagChange:
    """One drawn change; shift in shares of the side, gamma and gain per channel, source: what each shows."""

    flip: bool
    angle_degrees: float
    scale: float
    shift: tuple[float, float]
    gamma: tuple[float, ...]
    gain: tuple[float, ...]
    noise_sd: float
    noise_seed: int
    source: tuple[int, ...]


def draw_bag_change(rng: np.random.Generator, settings: BagChanges, channels: int) -> BagChange:
    """Parameters of one change to all slices of a bag."""
    shift = rng.uniform(-settings.shift, settings.shift, 2)
    return BagChange(
        flip=bool(rng.random() < settings.flip_probability),
        angle_degrees=float(np.clip(rng.normal(0.0, settings.angle_sd_degrees), -30.0, 30.0)),
        scale=float(np.exp(rng.uniform(np.log(settings.scale_low), np.log(settings.scale_high)))),
        shift=(float(shift[0]), float(shift[1])),
        gamma=tuple(np.exp(rng.normal(0.0, settings.gamma_sd, channels)).tolist()),
        gain=tuple(np.exp(rng.normal(0.0, settings.gain_sd, channels)).tolist()),
        noise_sd=float(rng.uniform(0.0, settings.noise_max_sd)),
        noise_seed=int(rng.integers(2**31)),
        source=_draw_source(rng, settings, channels),
    )


def apply_bag_change(slices: Float32Array, change: BagChange) -> Float32Array:
    """The slices (slice, channel, row, column) after the change, 0 … 1.5, same shape."""
    side = slices.shape[-1]
    matrix = _matrix(change, side)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = np.empty_like(slices)
    for place, channel in np.ndindex(slices.shape[:2]):
        cv2.warpAffine(slices[place, channel], matrix, (side, side), dst=moved[place, channel], flags=how)
    gamma, gain = (np.asarray(part, dtype=np.float32)[:, None, None] for part in (change.gamma, change.gain))
    toned = gain * np.power(np.maximum(moved, 0.0), gamma)
    noise = np.random.default_rng(change.noise_seed).standard_normal(toned.shape, dtype=np.float32)
    toned += np.float32(change.noise_sd) * noise * (moved > TISSUE)
    clipped = np.clip(toned[:, list(change.source)], np.float32(0.0), np.float32(CEILING))
    return np.ascontiguousarray(clipped)


def _matrix(change: BagChange, side: int) -> NDArray[np.float64]:
    """From a place (column, row) of the changed slice to the place in the original that it shows."""
    angle = np.deg2rad(change.angle_degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / change.scale
    if change.flip:
        turn[:, 0] = -turn[:, 0]
    centre = (side - 1) / 2
    offset = centre + np.array(change.shift) * side - turn @ np.array([centre, centre])
    return np.concatenate([turn, offset[:, None]], axis=1)


def _draw_source(rng: np.random.Generator, settings: BagChanges, channels: int) -> tuple[int, ...]:
    alone, missing = rng.random(), rng.random(channels)
    if settings.anchor is None:
        return tuple(range(channels))
    if alone < settings.anchor_only_probability:
        return (settings.anchor,) * channels
    lost = missing < settings.missing_probability
    return tuple(settings.anchor if lost[each] else each for each in range(channels))
