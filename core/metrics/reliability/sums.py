"""What every source of binned sums has in common: pooled sums, and the same for each draw of patients.

`level_sums` holds the histograms of a segmentation, `row_sums` the class probabilities
of a classification or a plain column of confidences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.metrics.reliability.binning import Assignment, Binning
from core.metrics.reliability.recalibration import Fitted, Outcomes
from core.types import BoolArray, Float32Array, Float64Array

MOST_BLOCKS = 20_000
BLOCKS = 4_000
"""More groups than MOST_BLOCKS are first merged into this many at random, which leaves the spread of sums."""


@dataclass(frozen=True, eq=False)
class PartSums:
    """Sums of one region or class.

    bins: (3, bin) count, probability, positives. scores: (2,) squared error, negative log-likelihood.
    drawn_bins, drawn_scores: the same with a first axis of bootstrap draws, in single precision; without
    draws that axis is empty. lower, upper: (bin,) the ends of the bins.
    """

    bins: Float64Array
    scores: Float64Array
    drawn_bins: Float32Array
    drawn_scores: Float32Array
    lower: Float64Array
    upper: Float64Array


class Sums(Protocol):
    """Any source of binned sums. report: only the half of the groups that nothing is fitted on."""

    def outcomes(self, fit: BoolArray) -> Outcomes:
        """What a recalibration is fitted on: the units (unit,) for which `fit` is True."""

    def parts(
        self, fitted: Fitted, bins: int, binning: Binning, *, classes: Sequence[int], report: bool
    ) -> tuple[PartSums, ...]:
        """One entry per region or class, after the recalibration."""


def draw_weights(groups: int, *, seed: int, replicates: int) -> Float32Array:
    """(replicate, group) how often each group is drawn, with replacement; no rows for a single group."""
    if groups < 2:
        return np.zeros((0, groups), np.float32)
    generator = np.random.default_rng(seed)
    drawn = [
        np.bincount(generator.integers(0, groups, groups), minlength=groups).astype(np.float32)
        for _ in range(replicates)
    ]
    return np.stack(drawn)


def group_index(groups: Sequence[str], seed: int) -> NDArray[np.int64]:
    """(unit,) number of each unit's group, by name; very many groups are merged into blocks at random."""
    _, index = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    count = int(index.max()) + 1 if index.size else 0
    if count <= MOST_BLOCKS:
        return index.astype(np.int64)
    return np.asarray(np.random.default_rng(seed).permutation(count)[index] % BLOCKS, np.int64)


def with_ends(
    into: Assignment, prob: Float64Array, count: Float64Array
) -> tuple[Assignment, Float64Array, Float64Array]:
    """The assignment, and the smallest and largest probability in each of its bins."""
    lower, upper = np.full(into.bins, np.inf), np.full(into.bins, -np.inf)
    seen = count[into.point] > 0
    np.minimum.at(lower, into.bin[seen], prob[into.point[seen]])
    np.maximum.at(upper, into.bin[seen], prob[into.point[seen]])
    return into, lower, upper
