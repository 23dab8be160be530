"""From stored intensities to what a segmentation network sees, and from its map back to the slice.

The same functions run in training and at inference. Their version is part of every model file: a change
of the arithmetic here needs a new version and new weights. Numpy and OpenCV only.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from core.config import Contrast

PREPROCESSING_VERSION: Literal["1"] = "1"

LOW_PERCENTILE = 0.5
ROUGH_PERCENTILE = 99.5
HIGH_PERCENTILE = 99.0
FOREGROUND_SHARE = 0.1
"""Values above this share of the rough range count as tissue; the upper end is a percentile of tissue."""
CEILING = 1.5
"""Scaled values are cut here: a bright vessel stays brighter than tissue without stretching the scale."""
MAX_SAMPLED = 2_000_000
"""Percentiles of larger volumes come from every n-th voxel."""

CONTRASTS: dict[Contrast, str] = {
    "percentile": "As it is, between percentiles",
    "clahe": "Local contrast (CLAHE)",
    "equalised": "Histogram equalised",
}
"""Ways to change the contrast of a slice after it was scaled, and their labels."""
CLAHE_LIMIT, CLAHE_TILES = 2.0, (8, 8)
LEVELS = 65535
"""Contrast is changed on 16-bit codes, so that a fine gradient keeps its steps."""

Array = NDArray[np.float32]


class IntensityRange(NamedTuple):
    """The values of one channel that become 0 and 1; `padding` is a background value above the minimum."""

    low: float
    high: float
    padding: float | None = None


def intensity_range(values: NDArray[np.generic]) -> IntensityRange:
    """Lower and upper end of one channel's scale, from its own values of shape (..., row, column).

    The lower end is the 0.5th percentile. The upper end is the 99th percentile of the tissue, that is of
    the values above a tenth of the way to the 99.5th percentile, so that it does not depend on how much air
    or padding surrounds the head. A constant channel gives an empty range (low == high) and scales to 0. A
    value that fills most of the border without being the minimum (a z-scored, skull-stripped volume padded
    with 0) is padding: it is left out and becomes 0.

    Raises ValueError when a value is not finite.
    """
    finite = np.asarray(values, dtype=np.float32)
    if not np.isfinite(finite).all():
        raise ValueError("intensities hold NaN or infinite values; expected finite ones")
    padding = _padding_value(finite)
    inside = finite.ravel() if padding is None else finite[finite != padding]
    inside = inside[:: (inside.size // MAX_SAMPLED) | 1]
    low, rough = (float(end) for end in np.percentile(inside, (LOW_PERCENTILE, ROUGH_PERCENTILE)))
    tissue = inside[inside > low + FOREGROUND_SHARE * (rough - low)]
    high = float(np.percentile(tissue, HIGH_PERCENTILE)) if tissue.size else low
    return IntensityRange(low, max(low, high), padding)


def apply_range(values: NDArray[np.generic], limits: IntensityRange) -> Array:
    """One channel scaled so that `low` is 0 and `high` is 1, cut to 0 … 1.5; all 0 for a constant channel."""
    if limits.high <= limits.low:
        return np.zeros(np.shape(values), dtype=np.float32)
    raw = np.asarray(values, dtype=np.float32)
    scaled = (raw - np.float32(limits.low)) * np.float32(1.0 / (limits.high - limits.low))
    if limits.padding is not None:
        scaled[raw == np.float32(limits.padding)] = 0.0
    return np.clip(scaled, 0.0, CEILING, out=scaled)


def scale_intensity(volume: NDArray[np.generic]) -> Array:
    """The volume (channel, slice, row, column), every channel scaled by its own range: float32, 0 … 1.5.

    >>> ramp = np.arange(101, dtype=np.float32).reshape(1, 1, 1, 101)
    >>> [round(float(value), 2) for value in scale_intensity(ramp)[0, 0, 0, (0, 50, 100)]]
    [0.0, 0.5, 1.01]
    """
    return np.stack([apply_range(channel, intensity_range(channel)) for channel in volume])


def change_contrast(plane: Array, contrast: Contrast) -> Array:
    """A scaled slice (row, column) with its contrast changed; "percentile" leaves it as it is.

    The others cut it to 0 … 1 and return 0 … 1. "clahe": contrast-limited adaptive equalisation (Zuiderveld
    1994, Graphics Gems IV, 474-485), 8x8 tiles, clip limit 2. "equalised": the share of the slice's pixels
    that are darker, (rank - 1) / (n - 1) with the lowest rank for ties; all 0 for a constant slice.

    >>> change_contrast(np.array([[0.0, 0.1, 0.1, 0.5, 0.9]], dtype=np.float32), "equalised").tolist()
    [[0.0, 0.25, 0.25, 0.75, 1.0]]
    """
    if contrast == "percentile":
        return plane
    unit = np.clip(plane, 0.0, 1.0)
    if contrast == "clahe":
        codes = np.round(unit * LEVELS).astype(np.uint16)
        return np.asarray(cv2.createCLAHE(CLAHE_LIMIT, CLAHE_TILES).apply(codes) / LEVELS, dtype=np.float32)
    ranks = np.searchsorted(np.sort(unit, axis=None), unit, side="left")
    return np.asarray(ranks / max(1, unit.size - 1), dtype=np.float32)


def standardise(image: Array, mean: tuple[float, ...] | None, std: tuple[float, ...] | None) -> Array:
    """(image - mean) / std per channel of a picture (channel, row, column); unchanged without them."""
    if mean is None or std is None:
        return image
    shift, spread = (np.asarray(part, dtype=np.float32)[:, None, None] for part in (mean, std))
    return np.asarray((image - shift) / spread, dtype=np.float32)


def fit_slice(image: Array, size: int) -> Array:
    """A scaled slice (channel, row, column), padded symmetrically to a square, resized to size x size."""
    rows, columns = image.shape[-2:]
    side = max(rows, columns)
    top, left = (side - rows) // 2, (side - columns) // 2
    square = np.zeros((image.shape[0], side, side), dtype=np.float32)
    square[:, top : top + rows, left : left + columns] = image
    return _resize(square, size)


def unfit_slice(prob: Array, shape: tuple[int, int]) -> Array:
    """A map (class, size, size) back on its slice: resized to the padded square, then cut to `shape`."""
    rows, columns = shape
    side = max(rows, columns)
    top, left = (side - rows) // 2, (side - columns) // 2
    square = _resize(prob, side)
    return np.ascontiguousarray(square[:, top : top + rows, left : left + columns])


def _resize(channels: Array, size: int) -> Array:
    side = channels.shape[-1]
    if side == size:
        return np.ascontiguousarray(channels, dtype=np.float32)
    how = cv2.INTER_AREA if size < side else cv2.INTER_LINEAR
    return np.stack([cv2.resize(channel, (size, size), interpolation=how) for channel in channels])


def _padding_value(values: Array) -> float | None:
    edges = (values[..., 0, :], values[..., -1, :], values[..., :, 0], values[..., :, -1])
    found, counts = np.unique(np.concatenate([edge.ravel() for edge in edges]), return_counts=True)
    most = int(np.argmax(counts))
    value = float(found[most])
    fills_border = 2 * int(counts[most]) >= int(counts.sum())
    return value if fills_border and value > float(values.min()) else None
