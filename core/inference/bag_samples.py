"""What a bag model says about one bag of slices, draw by draw. No torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.types import Float64Array


@dataclass(frozen=True, eq=False)
class BagSamples:
    """Draws of one bag.

    slices: which slices of the volume the bag holds, counted from 0, in order. prob: float64 (sample, 2) in
    [0, 1], rows add up to 1. attention: float64 (sample, slice) >= 0, rows add up to 1. instance: float64
    (sample, slice) probability of the second class from each slice alone.
    """

    slices: tuple[int, ...]
    prob: Float64Array
    attention: Float64Array
    instance: Float64Array

    @property
    def mean_prob(self) -> float:
        """Mean probability of the second class over the draws."""
        return float(self.prob[:, 1].mean())

    @property
    def spread(self) -> float | None:
        """Standard deviation of that probability over the draws; None for a single draw."""
        return float(self.prob[:, 1].std(ddof=1)) if len(self.prob) > 1 else None

    @property
    def mean_attention(self) -> Float64Array:
        """(slice,) mean attention, adds up to 1."""
        mean = np.asarray(self.attention.mean(axis=0))
        return np.asarray(mean / mean.sum())

    @property
    def mean_instance(self) -> Float64Array:
        """(slice,) mean probability of each slice alone."""
        return np.asarray(self.instance.mean(axis=0))

    @property
    def top_slice(self) -> int:
        """The slice of the volume with most attention (ties: the first)."""
        return self.slices[int(self.mean_attention.argmax())]
