"""Changes to a training slice with any number of channels and classes: drawn first, then applied."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from core.models.preprocess import CEILING
from core.train.augment import BIAS_GRID, Array, Augmentation, draw_augmentation, sampling_maps
from core.train.config import AugmentSettings
from core.types import LabelArray

GROUND = 0.02
"""Scaled intensity up to which a pixel is ground that no offset brightens."""


def draw_change(rng: np.random.Generator, settings: AugmentSettings, channels: int) -> Augmentation:
    """Parameters of one change: the geometry of `core.train.augment`, and tones for `channels` channels.

    What is special to brain MRI there (missing sequences, a thinner skull) does not happen here.
    """
    drawn = draw_augmentation(rng, settings)
    gamma = np.exp(rng.normal(0.0, settings.gamma_sd, channels))
    gain = np.exp(rng.normal(0.0, settings.gain_sd, channels))
    offset = rng.normal(0.0, settings.offset_sd, channels)
    bias = rng.normal(0.0, settings.bias_sd, (channels, BIAS_GRID, BIAS_GRID)).astype(np.float32)
    return replace(
        drawn,
        gamma=tuple(float(each) for each in gamma),
        gain=tuple(float(each) for each in gain),
        offset=tuple(float(each) for each in offset),
        bias=None if drawn.bias is None else bias,
        source=tuple(range(channels)),
        strip=0.0,
    )


def apply_change(
    image: Array, label: LabelArray, change: Augmentation, classes: int, size: int
) -> tuple[Array, LabelArray]:
    """A scaled slice (channel, row, column) and its label (row, column) after the change, at size x size."""
    rows, columns = sampling_maps(change, image.shape[-1], size)
    moved = np.stack([_sample(plane, rows, columns) for plane in image])
    shares = np.stack(
        [_sample((label == k).astype(np.float32), rows, columns) for k in range(1, classes + 1)]
    )
    kept = np.where(shares.max(axis=0) > 0.5, shares.argmax(axis=0) + 1, 0)
    return _toned(moved, change, size), kept.astype(np.uint8)


def _sample(plane: Array, rows: Array, columns: Array) -> Array:
    moved = cv2.remap(plane, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(moved, dtype=np.float32)


def _toned(planes: Array, change: Augmentation, size: int) -> Array:
    draws = np.random.default_rng(change.noise_seed).standard_normal(planes.shape, dtype=np.float32)
    toned = np.empty_like(planes)
    for index, plane in enumerate(planes):
        curved = change.gain[index] * np.power(np.maximum(plane, 0.0), change.gamma[index])
        found = np.asarray(curved + change.offset[index] * (plane > GROUND), dtype=np.float32)
        if change.bias is not None:
            field = cv2.resize(change.bias[index], (size, size), interpolation=cv2.INTER_CUBIC)
            found = np.asarray(found * np.exp(field), dtype=np.float32)
        if change.blur_sigma > 0:
            found = np.asarray(cv2.GaussianBlur(found, (0, 0), change.blur_sigma), dtype=np.float32)
        toned[index] = found + np.float32(change.noise_sd) * draws[index]
    return np.clip(toned, np.float32(0.0), np.float32(CEILING), out=toned)
