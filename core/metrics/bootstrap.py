"""Intervals over patients: slices of one patient stand or fall together, so patients are drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.config import Frozen
from core.types import Float64Array

REPLICATES = 2000
CHUNK = 256
"""Replicates drawn at a time, so that memory stays bounded for many patients."""


class Interval(Frozen):
    """A mean with its interval; None where undefined. undefined: how many values were NaN and left out."""

    mean: float | None
    low: float | None
    high: float | None
    level: float
    n: int
    groups: int
    undefined: int
    replicates: int


def bootstrap_mean(
    values: Sequence[float] | Float64Array,
    groups: Sequence[str] | None = None,
    *,
    seed: int,
    replicates: int = REPLICATES,
    level: float = 0.95,
) -> Interval:
    """Mean of the values with a percentile interval from drawing whole groups (patients) with replacement.

    groups: patient of each value, or None when each value is a patient of its own. A replicate's mean is
    over all values of the drawn patients. Fewer than two patients have no interval. NaN values are left
    out and counted. Same arguments, same interval. Raises ValueError when the lengths differ.
    Source: Efron and Tibshirani 1993, chapter 13.

    >>> bootstrap_mean([1.0, 1.0, 1.0], seed=0).low
    1.0
    """
    array = np.asarray(values, np.float64)
    names = np.arange(array.size).astype(str) if groups is None else np.asarray(groups)
    if names.shape != array.shape:
        raise ValueError(f"{array.size} values but {names.size} group names")
    keep = ~np.isnan(array)
    sums, counts = _per_group(array[keep], names[keep])
    low, high = _limits(sums, counts, seed, replicates, level)
    return Interval(
        mean=float(sums.sum() / counts.sum()) if counts.size else None,
        low=low,
        high=high,
        level=level,
        n=int(keep.sum()),
        groups=int(counts.size),
        undefined=int((~keep).sum()),
        replicates=replicates,
    )


def _per_group(values: Float64Array, names: np.ndarray) -> tuple[Float64Array, Float64Array]:
    _, index = np.unique(names, return_inverse=True)
    size = int(index.max()) + 1 if index.size else 0
    sums = np.bincount(index, weights=values, minlength=size).astype(np.float64)
    return sums, np.bincount(index, minlength=size).astype(np.float64)


def _limits(
    sums: Float64Array, counts: Float64Array, seed: int, replicates: int, level: float
) -> tuple[float | None, float | None]:
    if sums.size < 2:
        return None, None
    generator = np.random.default_rng(seed)
    share = np.full(sums.size, 1.0 / sums.size)
    means = []
    for first in range(0, replicates, CHUNK):
        weights = generator.multinomial(sums.size, share, size=min(CHUNK, replicates - first))
        means.append((weights @ sums) / (weights @ counts))
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(np.concatenate(means), (tail, 100.0 - tail))
    return float(low), float(high)
