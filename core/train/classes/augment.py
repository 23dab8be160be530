"""Changes to a training X-ray: drawn as a record of parameters, then applied as a pure function of them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.models.preprocess import CEILING
from core.train.classes.config import PictureChanges

Array = NDArray[np.float32]
MIN_ERASED = 0.02


@dataclass(frozen=True)
class PictureChange:
    """One drawn change; lengths are shares of the side. erase: (top, left, height, width, value) or None."""

    angle_degrees: float
    scale: tuple[float, float]
    shift: tuple[float, float]
    gamma: float
    gain: float
    offset: float
    blur_sigma: float
    noise_sd: float
    noise_seed: int
    erase: tuple[float, float, float, float, float] | None


def draw_change(rng: np.random.Generator, settings: PictureChanges) -> PictureChange:
    """Parameters of one change to a picture."""
    angle = rng.normal(0.0, settings.angle_sd_degrees)
    scale = np.exp(rng.uniform(np.log(settings.scale_low), np.log(settings.scale_high)))
    stretch = np.exp(rng.uniform(-settings.stretch, settings.stretch) / 2)
    shift = rng.uniform(-settings.shift, settings.shift, 2)
    return PictureChange(
        angle_degrees=float(np.clip(angle, -settings.angle_limit_degrees, settings.angle_limit_degrees)),
        scale=(float(scale * stretch), float(scale / stretch)),
        shift=(float(shift[0]), float(shift[1])),
        gamma=float(np.exp(rng.normal(0.0, settings.gamma_sd))),
        gain=float(np.exp(rng.normal(0.0, settings.gain_sd))),
        offset=float(rng.normal(0.0, settings.offset_sd)),
        blur_sigma=float(rng.uniform(0.3, settings.blur_max_sigma))
        * (rng.random() < settings.blur_probability),
        noise_sd=float(rng.uniform(0.0, settings.noise_max_sd)) * (rng.random() < settings.noise_probability),
        noise_seed=int(rng.integers(2**31)),
        erase=_draw_rectangle(rng, settings),
    )


def apply_change(picture: Array, change: PictureChange) -> Array:
    """The scaled square picture (row, column) after the change, 0 … 1.5, same shape."""
    side = len(picture)
    moved = cv2.warpAffine(
        picture,
        _matrix(change, side),
        (side, side),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    toned = np.float32(change.gain) * np.power(moved, np.float32(change.gamma)) + np.float32(change.offset)
    toned = np.asarray(toned, dtype=np.float32)
    if change.blur_sigma > 0:
        toned = np.asarray(cv2.GaussianBlur(toned, (0, 0), change.blur_sigma), dtype=np.float32)
    if change.noise_sd > 0:
        draws = np.random.default_rng(change.noise_seed).standard_normal(toned.shape, dtype=np.float32)
        toned = toned + np.float32(change.noise_sd) * draws
    if change.erase is not None:
        top, left, height, width = (round(part * side) for part in change.erase[:4])
        toned[top : top + height, left : left + width] = change.erase[4]
    return np.asarray(np.clip(toned, np.float32(0.0), np.float32(CEILING)), dtype=np.float32)


def _matrix(change: PictureChange, side: int) -> NDArray[np.float64]:
    """From a place (column, row) of the changed picture to the place in the original that it shows."""
    angle = np.deg2rad(change.angle_degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn / np.array(change.scale)
    centre = (side - 1) / 2
    offset = centre + np.array(change.shift) * side - linear @ np.array([centre, centre])
    return np.concatenate([linear, offset[:, None]], axis=1)


def _draw_rectangle(
    rng: np.random.Generator, settings: PictureChanges
) -> tuple[float, float, float, float, float] | None:
    share, ratio = rng.uniform(MIN_ERASED, settings.erase_max_share), np.exp(rng.uniform(-0.7, 0.7))
    height, width = min(1.0, np.sqrt(share * ratio)), min(1.0, np.sqrt(share / ratio))
    top, left, value = rng.uniform(0, 1 - height), rng.uniform(0, 1 - width), rng.uniform(0.0, 1.0)
    if rng.random() >= settings.erase_probability:
        return None
    return float(top), float(left), float(height), float(width), float(value)
