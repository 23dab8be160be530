"""Patients drawn with replacement once, so that all numbers of a report share the same draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.types import Estimate, Float32Array, Float64Array

MOST_GROUPS = 20_000
BLOCKS = 4_000
"""More patients than MOST_GROUPS are merged at random into this many blocks; the spread of sums stays."""


@dataclass(frozen=True, eq=False)
class Draws:
    """index: (unit,) number of each unit's patient. weights: (replicate, patient) times it was drawn; no
    replicates for fewer than two patients, so there is no interval. level: of the interval."""

    index: NDArray[np.int64]
    weights: Float32Array
    level: float

    @property
    def groups(self) -> int:
        """How many patients, or blocks of them, are drawn from."""
        return int(self.weights.shape[1])

    def sums(self, values: Float64Array) -> Float64Array:
        """(patient, ...) sums of unit values (unit, ...)."""
        total = np.zeros((self.groups, *values.shape[1:]), np.float64)
        np.add.at(total, self.index, values)
        return total

    def drawn(self, sums: Float64Array) -> Float64Array:
        """(replicate, ...) sums over the drawn patients of per-patient sums (patient, ...)."""
        flat = sums.reshape(self.groups, int(np.prod(sums.shape[1:])))
        return np.asarray((self.weights.astype(np.float64) @ flat).reshape(-1, *sums.shape[1:]))

    def estimate(self, value: float, replicates: Float64Array) -> Estimate:
        """The value with the percentile interval of its replicates, undefined draws left out; NaN is None."""
        if np.isnan(value):
            return Estimate(value=None)
        defined = replicates[~np.isnan(replicates)]
        if not defined.size:
            return Estimate(value=float(value))
        tail = 50.0 * (1.0 - self.level)
        low, high = np.percentile(defined, (tail, 100.0 - tail))
        return Estimate(value=float(value), low=float(low), high=float(high))

    def mean(self, values: Float64Array) -> Estimate:
        """Mean of the defined values; None when there is none."""
        known = ~np.isnan(values)
        sums = self.sums(np.stack([np.where(known, values, 0.0), known.astype(np.float64)], axis=1))
        total, count = self.drawn(sums).T
        return self.estimate(_ratio(*sums.sum(axis=0)), ratio(total, count))


def draw_groups(groups: Sequence[str], *, seed: int, replicates: int, level: float = 0.95) -> Draws:
    """Draw whole groups (patients) of the units with replacement. Same arguments, same draws.

    Source: Efron and Tibshirani 1993, chapter 13 (percentile interval), clusters as units.
    """
    _, index = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    index = index.astype(np.int64)
    count = int(index.max()) + 1 if index.size else 0
    generator = np.random.default_rng(seed)
    if count > MOST_GROUPS:
        index, count = generator.permutation(count)[index] % BLOCKS, BLOCKS
    weights = np.zeros((replicates if count > 1 else 0, count), np.float32)
    for row in weights:
        row[:] = np.bincount(generator.integers(0, count, count), minlength=count)
    return Draws(index, weights, level)


def ratio(over: Float64Array, under: Float64Array) -> Float64Array:
    """over / under, NaN where `under` is 0."""
    return np.asarray(np.divide(over, under, out=np.full(np.shape(over), np.nan), where=under != 0))


def _ratio(over: float, under: float) -> float:
    return float(over / under) if under else float("nan")
