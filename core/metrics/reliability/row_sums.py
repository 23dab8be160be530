"""Binned sums of rows: class probabilities of a classification, or a plain column of confidences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.metrics.reliability.binning import Assignment, Binning, equal_mass, equal_width
from core.metrics.reliability.calibration import (
    bin_sums,
    brier_binary,
    brier_sum,
    nll_binary,
    nll_exclusive,
    top_label,
)
from core.metrics.reliability.recalibration import Fitted, Outcomes
from core.metrics.reliability.sums import PartSums, draw_weights, with_ends
from core.types import BoolArray, Float32Array, Float64Array


class RowSums:
    """Rows of class probabilities: the top label (exclusive classes only), then every class.

    prob: (unit, class) in [0, 1]. event: (unit, class), 1 where the class is true, or a quality in [0, 1].
    """

    def __init__(
        self,
        prob: Float64Array,
        event: Float64Array,
        group: NDArray[np.int64],
        report: BoolArray,
        *,
        exclusive: bool,
        seed: int,
        replicates: int,
    ) -> None:
        self._prob, self._event, self._report, self._exclusive = prob, event, report, exclusive
        self._group: dict[bool, NDArray[np.int64]] = {}
        self._weights: dict[bool, Float32Array] = {}
        for half, mask in ((False, np.ones(len(report), np.bool_)), (True, report)):
            _, index = np.unique(group[mask], return_inverse=True)
            self._group[half] = index
            count = int(index.max()) + 1 if index.size else 0
            self._weights[half] = draw_weights(count, seed=seed, replicates=replicates)

    def outcomes(self, fit: BoolArray) -> Outcomes:
        prob = self._prob[fit]
        return Outcomes(prob, np.ones_like(prob), self._event[fit], self._exclusive)

    def parts(
        self, fitted: Fitted, bins: int, binning: Binning, *, classes: Sequence[int], report: bool
    ) -> tuple[PartSums, ...]:
        keep = self._report if report else np.ones(len(self._prob), np.bool_)
        prob, event = fitted.apply(self._prob[keep]), self._event[keep]
        columns: list[tuple[Float64Array, Float64Array, Float64Array]] = []
        if self._exclusive:
            label = event.astype(np.bool_)
            both = np.stack([brier_sum(prob, label), nll_exclusive(prob, label)], axis=1)
            stated, right = top_label(prob, label)
            columns.append((stated, right.astype(np.float64), both))
        for k in classes:
            scores = (brier_binary(prob[:, k], event[:, k]), nll_binary(prob[:, k], event[:, k]))
            columns.append((prob[:, k], event[:, k], np.stack(scores, axis=1)))
        return tuple(self._part(*each, bins, binning, report) for each in columns)

    def _part(
        self,
        prob: Float64Array,
        event: Float64Array,
        scores: Float64Array,
        bins: int,
        binning: Binning,
        report: bool,
    ) -> PartSums:
        into, lower, upper = _assign_rows(prob, bins, binning)
        group, weights = self._group[report], self._weights[report]
        groups = weights.shape[1]
        cell = group[into.point] * bins + into.bin
        rows = [
            np.bincount(cell, weights=into.weight * each[into.point], minlength=groups * bins)
            for each in (np.ones(len(prob)), prob, event)
        ]
        rows += [np.bincount(group, weights=scores[:, k], minlength=groups) for k in range(2)]
        wide = np.concatenate([each.reshape(groups, -1) for each in rows], axis=1)
        drawn = weights @ wide.astype(np.float32)
        return PartSums(
            bins=bin_sums(prob, event, into),
            scores=scores.sum(axis=0),
            drawn_bins=drawn[:, : 3 * bins].reshape(-1, 3, bins),
            drawn_scores=drawn[:, 3 * bins :],
            lower=lower,
            upper=upper,
        )


def _assign_rows(
    prob: Float64Array, bins: int, binning: Binning
) -> tuple[Assignment, Float64Array, Float64Array]:
    if binning == "mass" and len(prob):
        count = np.ones(len(prob))
        return with_ends(equal_mass(prob, count, bins), prob, count)
    return equal_width(prob, bins), np.arange(bins) / bins, np.arange(1, bins + 1) / bins
