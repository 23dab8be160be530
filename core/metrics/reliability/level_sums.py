"""Binned sums of a segmentation, from its stored histograms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.metrics.reliability.binning import Assignment, Binning, equal_mass, equal_width, whole
from core.metrics.reliability.calibration import brier_binary, nll_binary
from core.metrics.reliability.histogram import LEVELS, MIDDLE, level_bins
from core.metrics.reliability.recalibration import Fitted, Outcomes
from core.metrics.reliability.sums import PartSums, draw_weights, with_ends
from core.types import BoolArray, Float32Array, Float64Array


class LevelSums:
    """Histograms (unit, region, class, 3, level), summed over groups and drawn once."""

    def __init__(
        self,
        histograms: NDArray[np.float32],
        group: NDArray[np.int64],
        report: BoolArray,
        *,
        seed: int,
        replicates: int,
    ) -> None:
        self._histograms = histograms
        self._report = report
        self._total = {half: _levels_first(_total(histograms, mask)) for half, mask in self._halves()}
        self._drawn = {
            half: _draw(histograms[mask], group[mask], seed=seed, replicates=replicates)
            for half, mask in self._halves()
        }

    def _halves(self) -> tuple[tuple[bool, BoolArray], ...]:
        return (False, np.ones(len(self._report), np.bool_)), (True, self._report)

    def outcomes(self, fit: BoolArray) -> Outcomes:
        """Levels of the whole image, (level, class)."""
        count, prob, positive = _total(self._histograms[:, :1], fit)[0].transpose(1, 2, 0)
        return Outcomes(_mean_prob(count.T, prob.T).T, count, positive, exclusive=False)

    def parts(
        self, fitted: Fitted, bins: int, binning: Binning, *, classes: Sequence[int], report: bool
    ) -> tuple[PartSums, ...]:
        chosen = list(classes)
        total = self._total[report][:, :, chosen]
        drawn = self._drawn[report]
        if chosen != list(range(drawn.shape[3])):
            drawn = drawn[:, :, :, chosen]
        return tuple(
            _part(whole_part, drawn_part, fitted, bins, binning, chosen)
            for whole_part, drawn_part in zip(total, drawn, strict=True)
        )


def _part(
    total: Float64Array,
    drawn: Float32Array,
    fitted: Fitted,
    bins: int,
    binning: Binning,
    classes: list[int],
) -> PartSums:
    before = _mean_prob(total[0], total[1])
    every = np.tile(MIDDLE[:, None], (1, _fitted_classes(fitted, max(classes) + 1)))
    every[:, classes] = before.T
    prob = fitted.apply(every)[:, classes].T.reshape(-1)
    into, lower, upper = _assign_levels(prob, total[0].reshape(-1), bins, binning, fitted, len(classes))
    shares = into.matrix(len(prob))
    stated = total[1].reshape(-1) if fitted.key == "none" else total[0].reshape(-1) * prob
    flat = drawn.reshape(3, drawn.shape[1], len(prob))
    count, positive = total[0].reshape(-1), total[2].reshape(-1)
    loss = np.stack([brier_binary(prob, 0.0), nll_binary(prob, 0.0)], axis=1)
    gain = np.stack([brier_binary(prob, 1.0), nll_binary(prob, 1.0)], axis=1) - loss
    narrow = np.concatenate([shares, loss], axis=1).astype(np.float32)
    counted = flat[0] @ narrow
    seen = flat[2] @ np.concatenate([shares, gain], axis=1).astype(np.float32)
    drawn_stated = flat[1] if fitted.key == "none" else flat[0] * prob.astype(np.float32)
    return PartSums(
        bins=np.stack([count @ shares, stated @ shares, positive @ shares]),
        scores=count @ loss + positive @ gain,
        drawn_bins=np.stack(
            [counted[:, :bins], drawn_stated @ shares.astype(np.float32), seen[:, :bins]], axis=1
        ),
        drawn_scores=counted[:, bins:] + seen[:, bins:],
        lower=lower,
        upper=upper,
    )


def _fitted_classes(fitted: Fitted, least: int) -> int:
    """How many columns the recalibration expects; `least` where any number will do."""
    if fitted.key == "vector":
        return len(fitted.parameters[0])
    return len(fitted.parameters) // 2 if fitted.key == "isotonic" else least


def _total(histograms: NDArray[np.float32], mask: BoolArray) -> Float64Array:
    """(region, class, 3, level) float64 sum over the units of a mask."""
    return np.asarray(histograms[mask].sum(axis=0, dtype=np.float64))


def _levels_first(total: Float64Array) -> Float64Array:
    return total.transpose(0, 2, 1, 3)


def _draw(
    histograms: NDArray[np.float32], group: NDArray[np.int64], *, seed: int, replicates: int
) -> Float32Array:
    """(region, 3, replicate, class, level) sums over drawn groups."""
    regions, classes = histograms.shape[1:3]
    names, index = np.unique(group, return_inverse=True)
    weights = draw_weights(len(names), seed=seed, replicates=replicates)
    out = np.zeros((regions, 3, len(weights), classes, LEVELS), np.float32)
    if not len(weights):
        return out
    order = np.argsort(index, kind="stable")
    cuts = np.searchsorted(index[order], np.arange(1, len(names)))
    sums = [histograms[units].sum(axis=0, dtype=np.float64) for units in np.split(order, cuts)]
    by_group = np.stack(sums).astype(np.float32)
    for region in range(regions):
        for row in range(3):
            flat = by_group[:, region, :, row].reshape(len(names), -1)
            out[region, row] = (weights @ flat).reshape(-1, classes, LEVELS)
    return out


def _mean_prob(count: Float64Array, prob: Float64Array) -> Float64Array:
    """(class, level) mean probability, the middle of the level where nothing was counted."""
    return np.where(count > 0, prob / np.where(count > 0, count, 1.0), MIDDLE)


def _assign_levels(
    prob: Float64Array, count: Float64Array, bins: int, binning: Binning, fitted: Fitted, classes: int
) -> tuple[Assignment, Float64Array, Float64Array]:
    if binning == "mass" and count.any():
        return with_ends(equal_mass(prob, count, bins), prob, count)
    if fitted.key == "none":
        into = whole(np.tile(level_bins(bins), classes), bins)
    else:
        into = equal_width(prob, bins)
    return into, np.arange(bins) / bins, np.arange(1, bins + 1) / bins
