"""How far stated probabilities are from observed frequencies: numbers from binned sums, and proper scores.

Binned sums are float64 (..., 3, bin): count, sum of probability, sum of positives. They come from
raw probabilities (`bin_sums`) or from stored histograms (core.metrics.reliability.histogram), over any set of
cases, so a pooled number is the number of the summed bins; it is not the mean of the cases' numbers. Without
any count a value is NaN, undefined, never 0. Logarithms are natural.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.metrics.reliability.binning import Assignment
from core.types import BoolArray, Float64Array

LEAST_PROB = 1e-12
"""Probabilities are kept this far from 0 and 1 in logarithms: one certain error cannot make them infinite."""


def bin_sums(prob: Float64Array, event: NDArray[np.floating] | BoolArray, into: Assignment) -> Float64Array:
    """(3, bin) sums of n outcomes. prob: (n,) in [0, 1]; event: (n,) 0 or 1, or a quality in [0, 1]."""
    rows = (np.ones(len(prob)), prob, np.asarray(event, np.float64))
    return np.stack(
        [np.bincount(into.bin, weights=into.weight * each[into.point], minlength=into.bins) for each in rows]
    )


def ece(sums: NDArray[np.floating]) -> Float64Array:
    """Expected calibration error: gap |frequency - mean probability| of each bin, weighted by its count.

    In [0, 1], biased upwards: more with more bins and fewer cases. Source: Naeini et al. 2015
    (AAAI, p. 2901); binned as the sums are.

    >>> float(ece(np.array([[2.0, 2.0], [0.5, 1.5], [1.0, 2.0]])).round(3))
    0.25
    """
    count, prob, positive = _rows(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.abs(positive - prob).sum(axis=-1) / count.sum(axis=-1))


def mce(sums: NDArray[np.floating]) -> Float64Array:
    """Largest gap of any bin that holds something. Unstable: read it with `mce_count`."""
    gaps = bin_gaps(sums)
    empty = np.isnan(gaps).all(axis=-1)
    return np.where(empty, np.nan, np.where(np.isnan(gaps), -1.0, gaps).max(axis=-1))


def mce_count(sums: NDArray[np.floating]) -> Float64Array:
    """How many outcomes the bin with the largest gap holds."""
    worst = np.where(np.isnan(gaps := bin_gaps(sums)), -1.0, gaps).argmax(axis=-1)
    count = np.take_along_axis(_rows(sums)[0], worst[..., None], axis=-1)
    return np.asarray(count[..., 0], np.float64)


def bin_gaps(sums: NDArray[np.floating]) -> Float64Array:
    """(..., bin) |frequency - mean probability|, NaN where a bin is empty."""
    count, prob, positive = _rows(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(count > 0, np.abs(positive - prob) / count, np.nan))


def plugin_l2(sums: Float64Array) -> Float64Array:
    """Root of the mean squared gap, weighted by counts; biased upwards."""
    return np.sqrt(_squared(sums, debias=False))


def debiased_l2(sums: Float64Array) -> Float64Array:
    """Root of the mean squared gap minus the part that chance alone explains; 0 where that is all of it.

    Each bin's squared gap is lowered by y (1 - y) / (n - 1), y its frequency; bins with one outcome count
    nothing. For independent outcomes only (never pixels). Source: Kumar, Liang and Ma 2019,
    arXiv:1909.10155, section 5.
    """
    return np.sqrt(np.maximum(_squared(sums, debias=True), 0.0))


def wilson(positive: Float64Array, count: Float64Array, z: float = 1.959964) -> tuple[Float64Array, ...]:
    """Low and high end of the 95 % interval of a frequency of independent outcomes; NaN without any.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.

    >>> [float(each.round(3)) for each in wilson(np.array(5.0), np.array(10.0))]
    [0.237, 0.763]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        share = positive / count
        middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
        half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return np.asarray(np.maximum(middle - half, 0.0)), np.asarray(np.minimum(middle + half, 1.0))


def top_label(prob: Float64Array, label: BoolArray) -> tuple[Float64Array, BoolArray]:
    """Probability of the likeliest class (the first of equals) and whether it is the right one, (n,) each.

    prob: (n, class), label: (n, class) with one true class per row.
    """
    best = prob.argmax(axis=1)[:, None]
    return np.take_along_axis(prob, best, axis=1)[:, 0], np.take_along_axis(label, best, axis=1)[:, 0]


def brier_sum(prob: Float64Array, label: BoolArray) -> Float64Array:
    """(n,) squared error summed over classes, in [0, 2]: the form for exclusive classes.

    Twice the binary form where there are two classes. Source: Brier 1950.

    >>> brier_sum(np.array([[0.2, 0.8]]), np.array([[False, True]])).round(2).tolist()
    [0.08]
    """
    return np.asarray(np.square(prob - label).sum(axis=-1))


def nll_exclusive(prob: Float64Array, label: BoolArray) -> Float64Array:
    """(n,) -ln of the probability of the right class."""
    right = np.where(label, prob, 0.0).sum(axis=-1)
    return np.asarray(-np.log(np.clip(right, LEAST_PROB, 1.0)))


def brier_binary(prob: Float64Array, event: NDArray[np.floating] | BoolArray | float) -> Float64Array:
    """(p - y)^2 of one event, in [0, 1]: the form for a single class, pixels and several findings."""
    return np.asarray(np.square(prob - event))


def nll_binary(prob: Float64Array, event: NDArray[np.floating] | BoolArray | float) -> Float64Array:
    """-ln p where the event took place, -ln (1 - p) where it did not; a share of both for y in between."""
    kept = np.clip(prob, LEAST_PROB, 1.0 - LEAST_PROB)
    return np.asarray(-(event * np.log(kept) + (1.0 - np.asarray(event)) * np.log1p(-kept)))


def _rows(sums: NDArray[np.floating]) -> tuple[NDArray[np.floating], ...]:
    return sums[..., 0, :], sums[..., 1, :], sums[..., 2, :]


def _squared(sums: Float64Array, *, debias: bool) -> Float64Array:
    count, prob, positive = _rows(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = positive / count
        squares = np.square(share - prob / count)
        if debias:
            squares = np.where(count > 1, squares - share * (1.0 - share) / (count - 1.0), 0.0)
        total = np.where(count > 0, count * squares, 0.0).sum(axis=-1)
        return np.asarray(total / count.sum(axis=-1))
