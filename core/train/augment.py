"""Changes to a training picture: drawn as a record of parameters, then applied as a pure function of them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.models.preprocess import CEILING, apply_range, intensity_range
from core.train.config import AugmentSettings
from core.train.data import FLAIR

Array = NDArray[np.float32]
GRID = 5
BIAS_GRID = 3
HEAD_LEVEL = 0.1
"""Scaled FLAIR intensity above which a pixel belongs to the head."""


@dataclass(frozen=True, eq=False)
class Augmentation:
    """One drawn change; lengths are shares of the side, `source` says what each channel shows."""

    flip: bool
    angle_degrees: float
    scale: tuple[float, float]
    shift: tuple[float, float]
    elastic: Array | None
    gamma: tuple[float, ...]
    gain: tuple[float, ...]
    offset: tuple[float, ...]
    bias: Array | None
    blur_sigma: float
    noise_sd: float
    noise_seed: int
    source: tuple[int, ...]
    strip: float


def draw_augmentation(rng: np.random.Generator, settings: AugmentSettings) -> Augmentation:
    """Parameters of one change to a three-channel picture."""
    angle = rng.normal(0.0, settings.angle_sd_degrees)
    scale = np.exp(rng.uniform(np.log(settings.scale_low), np.log(settings.scale_high)))
    stretch = np.exp(rng.uniform(-settings.stretch, settings.stretch) / 2)
    shift = rng.uniform(-settings.shift, settings.shift, 2)
    elastic = rng.normal(0.0, settings.elastic_sd, (2, GRID, GRID)).astype(np.float32)
    bias = rng.normal(0.0, settings.bias_sd, (3, BIAS_GRID, BIAS_GRID)).astype(np.float32)
    return Augmentation(
        flip=bool(rng.random() < settings.flip_probability),
        angle_degrees=float(np.clip(angle, -settings.angle_limit_degrees, settings.angle_limit_degrees)),
        scale=(float(scale * stretch), float(scale / stretch)),
        shift=(float(shift[0]), float(shift[1])),
        elastic=elastic if rng.random() < settings.elastic_probability else None,
        gamma=_triple(np.exp(rng.normal(0.0, settings.gamma_sd, 3))),
        gain=_triple(np.exp(rng.normal(0.0, settings.gain_sd, 3))),
        offset=_triple(rng.normal(0.0, settings.offset_sd, 3)),
        bias=bias if rng.random() < settings.bias_probability else None,
        blur_sigma=float(rng.uniform(0.3, settings.blur_max_sigma))
        * (rng.random() < settings.blur_probability),
        noise_sd=float(rng.uniform(0.0, settings.noise_max_sd)) * (rng.random() < settings.noise_probability),
        noise_seed=int(rng.integers(2**31)),
        source=_draw_source(rng, settings),
        strip=_draw_strip(rng, settings),
    )


def apply_augmentation(
    image: Array, mask: NDArray[np.bool_], change: Augmentation, size: int
) -> tuple[Array, NDArray[np.bool_]]:
    """The scaled picture (3, row, column) and its mask after the change, at size x size."""
    rows, columns = sampling_maps(change, image.shape[-1], size)
    planes = np.ascontiguousarray(image.transpose(1, 2, 0))
    moved_mask = _sample(mask.astype(np.float32), rows, columns) > 0.5
    moved = _sample(planes, rows, columns)
    if change.strip > 0:
        brain = inside_head(moved[..., FLAIR], round(change.strip * size))
        moved, moved_mask = _rescale(moved * brain[..., None]), moved_mask & brain
    toned = _apply_tone(moved, change, size)
    return np.ascontiguousarray(toned.transpose(2, 0, 1)[list(change.source)]), moved_mask


def inside_head(flair: Array, depth: int) -> NDArray[np.bool_]:
    """Pixels at least `depth` inside the outline of the head: a crude stand-in for brain extraction.

    The head is what is brighter than air on FLAIR, its holes filled. A tumour is cut like everything else:
    kept whole, it would stick out of the outline and give itself away.
    """
    bright = (flair > HEAD_LEVEL).astype(np.uint8)
    outlines, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    head = np.zeros_like(bright)
    cv2.drawContours(head, outlines, -1, 1, cv2.FILLED)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * depth + 1, 2 * depth + 1))
    return np.asarray(cv2.erode(head, disk, borderValue=0) > 0)


def _rescale(planes: Array) -> Array:
    return np.stack([apply_range(plane, intensity_range(plane)) for plane in planes.transpose(2, 0, 1)], -1)


def _sample(planes: Array, rows: Array, columns: Array) -> Array:
    moved = cv2.remap(planes, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(moved, dtype=np.float32)


def sampling_maps(change: Augmentation, side: int, size: int) -> tuple[Array, Array]:
    """Where each pixel of the changed picture (size x size) comes from: rows, columns in that of `side`."""
    steps = ((np.arange(size, dtype=np.float32) + 0.5) / size - 0.5).astype(np.float32)
    down, across = np.meshgrid(steps, steps, indexing="ij")
    if change.flip:
        across = -across
    angle = np.deg2rad(change.angle_degrees)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    row = (cosine * down - sine * across) / np.float32(change.scale[0]) + np.float32(change.shift[0])
    column = (sine * down + cosine * across) / np.float32(change.scale[1]) + np.float32(change.shift[1])
    if change.elastic is not None:
        row += cv2.resize(change.elastic[0], (size, size), interpolation=cv2.INTER_CUBIC)
        column += cv2.resize(change.elastic[1], (size, size), interpolation=cv2.INTER_CUBIC)
    rows = np.asarray((row + 0.5) * side - 0.5, dtype=np.float32)
    columns = np.asarray((column + 0.5) * side - 0.5, dtype=np.float32)
    return rows, columns


def _apply_tone(planes: Array, change: Augmentation, size: int) -> Array:
    tones = (change.gamma, change.gain, change.offset)
    gamma, gain, offset = (np.asarray(part, dtype=np.float32) for part in tones)
    curved = gain * np.power(np.maximum(planes, 0.0), gamma) + offset * (planes > 0.02)
    toned = np.asarray(curved, dtype=np.float32)
    if change.bias is not None:
        field = [cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC) for grid in change.bias]
        toned *= np.exp(np.stack(field, -1))
    if change.blur_sigma > 0:
        toned = np.asarray(cv2.GaussianBlur(toned, (0, 0), change.blur_sigma), dtype=np.float32)
    if change.noise_sd > 0:
        draws = np.random.default_rng(change.noise_seed).standard_normal(toned.shape, dtype=np.float32)
        toned += np.float32(change.noise_sd) * draws
    return np.clip(toned, np.float32(0.0), np.float32(CEILING))


def _draw_source(rng: np.random.Generator, settings: AugmentSettings) -> tuple[int, ...]:
    alone, before, after = rng.random(3)
    if alone < settings.flair_only_probability:
        return (FLAIR, FLAIR, FLAIR)
    missing = settings.missing_probability
    return (FLAIR if before < missing else 0, FLAIR, FLAIR if after < missing else 2)


def _draw_strip(rng: np.random.Generator, settings: AugmentSettings) -> float:
    depth = float(rng.uniform(settings.strip_low, settings.strip_high))
    return depth if rng.random() < settings.strip_probability else 0.0


def _triple(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
