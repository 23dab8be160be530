"""What a picture looks like as a whole, in numbers that any network may overlook: brightness, edges, layout.

A network's features are made to ignore contrast and brightness; an inverted picture, a photograph or a noisy
one is plainest here. All statistics are taken on the picture as the network gets it: scaled, square, at the
working size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.types import Float32Array, Float64Array

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
DARK, BRIGHT = 0.05, 0.95
"""Below and above these shares of the scale a pixel counts as background and as saturated."""
TISSUE = 0.1
"""Share of the scale above which a pixel counts as tissue, as in the scaling itself."""
BORDER_SHARE = 16
"""The border is one sixteenth of the side wide."""
SMALL = 1e-3
"""Added to spreads, so that a picture without structure has finite statistics."""


@dataclass(frozen=True)
class PictureStatistic:
    """One row of the table: its name and the function of the grey picture (row, column)."""

    key: str
    function: Callable[[Float64Array], float]


def picture_statistics(picture: Float32Array) -> Float64Array:
    """The statistics of a picture (channel, row, column), in the order of `STATISTICS`, then its colour.

    All but the last are of the mean over the channels; colour is the mean absolute difference to it, 0 for
    a grey picture.
    """
    values = np.asarray(picture, dtype=np.float64)
    grey = values.mean(axis=0)
    colour = float(np.abs(values - grey).mean())
    return np.array([*(each.function(grey) for each in STATISTICS), colour])


def tissue_share(picture: Float32Array) -> float:
    """Share of the pixels whose mean over the channels lies above a tenth of the scale."""
    return float((np.asarray(picture).mean(axis=0) > TISSUE).mean())


def _quantile(level: float) -> Callable[[Float64Array], float]:
    return lambda grey: float(np.quantile(grey, level))


def _border(grey: Float64Array) -> Float64Array:
    width = max(1, len(grey) // BORDER_SHARE)
    ring = np.ones(grey.shape, dtype=np.bool_)
    ring[width:-width, width:-width] = False
    return grey[ring]


def _centre(grey: Float64Array) -> float:
    quarter = len(grey) // 4
    return float(grey[quarter:-quarter, quarter:-quarter].mean())


def _sharpness(grey: Float64Array) -> float:
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float(np.abs(4 * grey[1:-1, 1:-1] - around).mean() / (grey.std() + SMALL))


def _edges(axis: int) -> Callable[[Float64Array], float]:
    return lambda grey: float(np.abs(np.diff(grey, axis=axis)).mean() / (grey.std() + SMALL))


def _mirrored(axis: int) -> Callable[[Float64Array], float]:
    """Correlation of the picture with its mirror image, 0 without structure."""

    def correlation(grey: Float64Array) -> float:
        centred = grey - grey.mean()
        power = float((centred**2).sum()) + SMALL**2
        return float((centred * np.flip(centred, axis)).sum() / power)

    return correlation


def _weights(grey: Float64Array, axis: int) -> tuple[Float64Array, Float64Array]:
    profile = np.clip(grey, 0.0, 1.0).sum(axis=1 - axis)
    places = (np.arange(len(profile)) + 0.5) / len(profile) - 0.5
    return places, profile / (profile.sum() + SMALL)


def _position(axis: int) -> Callable[[Float64Array], float]:
    def centre_of_mass(grey: Float64Array) -> float:
        places, weights = _weights(grey, axis)
        return float((places * weights).sum())

    return centre_of_mass


def _extent(axis: int) -> Callable[[Float64Array], float]:
    def spread(grey: Float64Array) -> float:
        places, weights = _weights(grey, axis)
        middle = (places * weights).sum()
        return float(np.sqrt(((places - middle) ** 2 * weights).sum()))

    return spread


STATISTICS: tuple[PictureStatistic, ...] = (
    PictureStatistic("mean", lambda grey: float(grey.mean())),
    PictureStatistic("spread", lambda grey: float(grey.std())),
    *(PictureStatistic(f"quantile {level:g}", _quantile(level)) for level in QUANTILES),
    PictureStatistic("border brightness", lambda grey: float(_border(grey).mean())),
    PictureStatistic("border spread", lambda grey: float(_border(grey).std())),
    PictureStatistic("centre brightness", _centre),
    PictureStatistic("share of background", lambda grey: float((grey < DARK).mean())),
    PictureStatistic("share saturated", lambda grey: float((grey > BRIGHT).mean())),
    PictureStatistic("sharpness", _sharpness),
    PictureStatistic("edges across", _edges(1)),
    PictureStatistic("edges down", _edges(0)),
    PictureStatistic("left-right symmetry", _mirrored(1)),
    PictureStatistic("up-down symmetry", _mirrored(0)),
    PictureStatistic("position down", _position(0)),
    PictureStatistic("position across", _position(1)),
    PictureStatistic("extent down", _extent(0)),
    PictureStatistic("extent across", _extent(1)),
)
"""Together with the colour, `STATISTICS_SIZE` numbers."""

STATISTICS_SIZE = len(STATISTICS) + 1
