"""Everything the scores are made of, measured once per slice on the stored codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.types import BoolArray, FixedPoint, Float32Array, Float64Array
from core.uncertainty.patch import Patch, lowest_patch
from core.uncertainty.reduce import Reduced
from core.uncertainty.regions import REGIONS, Region, region_weights

Source = Literal["entropy", "msr", "information", "variance"]
SOURCES: tuple[Source, ...] = ("entropy", "msr", "information", "variance")

LARGEST_COUNT = 5
"""t of the recipe is the mean of this many largest probabilities of a slice."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Sums over each slice, from which the score of a slice and of the whole study both follow.

    sums: (source, region, slice, 2) float64, the weighted sum of a confidence map and the sum of weights;
        NaN where the map is not available.
    foreground: (slice, 6) float64, of the foreground probability q, its mask and the neighbours' mean n:
        mask pixels, sum of q, sum of q in the mask, sum of n, sum of n in the mask, largest q.
    largest: (slice,) mean of the five largest q.
    """

    reduced: Reduced
    sums: Float64Array
    foreground: Float64Array
    largest: Float64Array

    @property
    def slices(self) -> int:
        return len(self.largest)

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
    rows = [
        _foreground_sums(prob[index], mask[index], np.float32(0.5) * (beside[index] + beside[index + 2]))
        for index in range(len(mask))
    ]
    return Evidence(
        reduced=reduced,
        sums=np.stack([_region_sums(reduced, mask[index], index) for index in range(len(mask))], axis=2),
        foreground=np.array(rows, np.float64),
        largest=np.array([_mean_of_largest(each) for each in prob], np.float64),
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


def _foreground_sums(prob: Float32Array, mask: BoolArray, beside: Float32Array) -> tuple[float, ...]:
    return (
        float(np.count_nonzero(mask)),
        float(prob.sum(dtype=np.float64)),
        float(prob[mask].sum(dtype=np.float64)),
        float(beside.sum(dtype=np.float64)),
        float(beside[mask].sum(dtype=np.float64)),
        float(prob.max()),
    )


def _mean_of_largest(prob: Float32Array) -> float:
    count = min(LARGEST_COUNT, prob.size)
    return float(np.partition(prob.ravel(), prob.size - count)[-count:].mean(dtype=np.float64))


def _foreground_prob(prob: FixedPoint, index: int) -> Float32Array:
    total: Float32Array = np.minimum(_planes(prob, index).sum(axis=0), np.float32(1.0))
    return total


def _planes(prob: FixedPoint, index: int) -> Float32Array:
    return FixedPoint(prob.codes[:, index], prob.upper).values


def _plane(values: FixedPoint, index: int) -> Float32Array:
    return FixedPoint(values.codes[index], values.upper).values
