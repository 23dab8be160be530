"""Everything the scores are made of, measured once per slice on the stored codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from core.types import BoolArray, FixedPoint, Float32Array, Float64Array
from core.uncertainty.patch import Patch, lowest_patch
from core.uncertainty.reduce import Reduced
from core.uncertainty.regions import REGIONS, Region, region_weights

Source = Literal["entropy", "msr", "information", "variance"]
SOURCES: tuple[Source, ...] = ("entropy", "msr", "information", "variance")

LARGEST_SHARE, LARGEST_COUNT = 1 / 800, 5
"""A trace is the mean over this share of a slice's pixels with the largest values, but at least that many.

A share, not a number: the same lesion on a finer grid must leave the same trace.
"""
SUSPECTED = 0.1
"""Foreground probability above which a pixel belongs to the suspected region."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Sums over each slice, from which the score of a slice and of the whole study both follow.

    sums: (source, region, slice, 2) float64, the weighted sum of a confidence map and the sum of weights;
        NaN where the map is not available.
    foreground: (slice, 7) float64, of the foreground probability q, its mask, the neighbours' mean n and
        their larger m: mask pixels, sum of q, sum of q in the mask, sum of n, sum of n in the mask, sum of m
        in the mask, largest q.
    traces: (slice, 2) of q: its trace (see LARGEST_SHARE), and the mean of its five largest values.
    shared: (slice + 1,) trace of the product of q in slices k - 1 and k: what two neighbours hold at the
        same place. At both ends the slice outside is taken to be like the last one inside.
    suspected: (slice, 2) sum of the entropy's confidence over the pixels with q > 0.1, and their number.
    """

    reduced: Reduced
    sums: Float64Array
    foreground: Float64Array
    traces: Float64Array
    shared: Float64Array
    suspected: Float64Array

    @property
    def slices(self) -> int:
        return len(self.traces)

    @property
    def all_slices(self) -> range:
        return range(self.slices)

    def mean(self, source: Source, region: Region, scope: range) -> tuple[float, float]:
        """Weighted mean of a confidence map over a region of these slices, and the sum of weights.

        NaN where the map is not available or the region is empty.
        """
        part = self.sums[SOURCES.index(source), REGIONS.index(region), scope.start : scope.stop]
        total, weight = part.sum(axis=0)
        return (float(total / weight) if weight > 0 else float("nan")), float(weight)

    def patch(self, scope: range) -> Patch:
        """The least confident cube of entropy confidence in these slices."""
        entropy = self.reduced.maps.predictive_entropy
        return lowest_patch(lambda index: entropy.upper - _plane(entropy, index), scope)


def gather(reduced: Reduced) -> Evidence:
    """Measure every slice once. Deterministic: sums are float64 in a fixed order."""
    mask = reduced.mask_pred > 0
    prob = [_foreground_prob(reduced.prob, index) for index in range(len(mask))]
    nothing = np.zeros_like(prob[0])
    beside = [nothing, *prob, nothing]
    outside = [prob[0], *prob, prob[-1]]
    return Evidence(
        reduced=reduced,
        sums=np.stack([_region_sums(reduced, mask[index], index) for index in range(len(mask))], axis=2),
        foreground=np.array(
            [_foreground_sums(*each) for each in zip(prob, mask, beside, beside[2:], strict=False)],
            np.float64,
        ),
        traces=np.array([(_trace(each), _mean_of_largest(each, LARGEST_COUNT)) for each in prob]),
        shared=np.array([_trace(before * after) for before, after in pairwise(outside)]),
        suspected=np.array([_suspected(reduced, index, each) for index, each in enumerate(prob)]),
    )


def _region_sums(reduced: Reduced, mask: BoolArray, index: int) -> Float64Array:
    weights = region_weights(mask).reshape(len(REGIONS), -1).astype(np.float64)
    size = weights.sum(axis=1)
    found = np.full((len(SOURCES), len(REGIONS), 2), np.nan)
    for place, confidence in enumerate(_confidence_maps(reduced, index)):
        if confidence is not None:
            found[place, :, 0] = weights @ confidence.ravel().astype(np.float64)
            found[place, :, 1] = size
    return found


def _confidence_maps(reduced: Reduced, index: int) -> Sequence[Float32Array | None]:
    maps = reduced.maps
    entropy = maps.predictive_entropy.upper - _plane(maps.predictive_entropy, index)
    prob = _planes(reduced.prob, index)
    certainty = np.maximum(prob.max(axis=0), 1.0 - prob.sum(axis=0))
    doubts = [
        None if each is None else -_plane(each, index) for each in (maps.mutual_information, maps.variance)
    ]
    return entropy, certainty, *doubts


def _foreground_sums(
    prob: Float32Array, mask: BoolArray, before: Float32Array, after: Float32Array
) -> tuple[float, ...]:
    mean, larger = np.float32(0.5) * (before + after), np.maximum(before, after)
    return (
        float(np.count_nonzero(mask)),
        float(prob.sum(dtype=np.float64)),
        float(prob[mask].sum(dtype=np.float64)),
        float(mean.sum(dtype=np.float64)),
        float(mean[mask].sum(dtype=np.float64)),
        float(larger[mask].sum(dtype=np.float64)),
        float(prob.max()),
    )


def _suspected(reduced: Reduced, index: int, prob: Float32Array) -> tuple[float, float]:
    entropy = reduced.maps.predictive_entropy
    inside = (entropy.upper - _plane(entropy, index))[prob > SUSPECTED]
    return float(inside.sum(dtype=np.float64)), float(inside.size)


def _trace(values: Float32Array) -> float:
    return _mean_of_largest(values, max(LARGEST_COUNT, round(LARGEST_SHARE * values.size)))


def _mean_of_largest(values: Float32Array, count: int) -> float:
    count = min(count, values.size)
    # Only values at or above the count-th largest row maximum can be among the largest. A whole map is mostly
    # ties near 0, which partition fifteen times slower than it takes to leave them out.
    tops = values.max(axis=-1).ravel()
    least = np.partition(tops, tops.size - count)[tops.size - count] if tops.size >= count else values.min()
    kept = values[values >= least]
    return float(np.partition(kept, kept.size - count)[-count:].mean(dtype=np.float64))


def _foreground_prob(prob: FixedPoint, index: int) -> Float32Array:
    total: Float32Array = np.minimum(_planes(prob, index).sum(axis=0), np.float32(1.0))
    return total


def _planes(prob: FixedPoint, index: int) -> Float32Array:
    return FixedPoint(prob.codes[:, index], prob.upper).values


def _plane(values: FixedPoint, index: int) -> Float32Array:
    return FixedPoint(values.codes[index], values.upper).values
