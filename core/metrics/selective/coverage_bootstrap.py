"""Intervals of the areas under risk-coverage curves, by drawing whole groups (patients) with replacement.

Source: Efron and Tibshirani 1993, chapter 13 (percentile interval); Hanley and MacGibbon 2006,
doi:10.1016/j.cmpb.2006.04.006 (Poisson weights for large samples).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.metrics.selective.coverage_atoms import AREAS, Atoms, areas_of, atoms_of
from core.metrics.selective.risk_coverage import Areas, checked, curve_areas, curve_of
from core.types import Estimate, Float64Array

REPLICATES = 1000

LARGE_MEAN = 64
"""From here on a Poisson count is drawn as a rounded normal number."""

CHUNK_VALUES = 1 << 18
"""Weights held at a time, so that they stay in the processor's cache."""

Groups = Sequence[str] | NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class AreaEstimates:
    """Areas of one score with percentile intervals; low and high None with fewer than two groups.

    values: the areas of the cases themselves, never pooled. intervals: by name of AREAS. oracle_draws:
    (replicate,) oracle AURC of each draw, for other scores of the same cases; None where cases are pooled.
    """

    values: Areas
    intervals: Mapping[str, Estimate]
    groups: int
    replicates: int
    level: float
    oracle_draws: Float64Array | None = None

    def __getitem__(self, name: str) -> Estimate:
        return self.intervals[name]


def bootstrap_areas(
    confidence: ArrayLike,
    risk: ArrayLike,
    groups: Groups | None = None,
    *,
    seed: int,
    replicates: int = REPLICATES,
    level: float = 0.95,
    oracle_draws: Float64Array | None = None,
) -> AreaEstimates:
    """Areas of `risk_coverage` with intervals; groups: patient of each case, None: each its own.

    Same arguments, same interval. With groups, and up to EXACT_UNITS cases without, scores of the same cases
    see the same draws, so that one's `oracle_draws` may be handed to the next (None: worked out again).
    Beyond EXACT_UNITS cases are pooled, which moves the ends by less than 2 % of the standard deviation
    (tested). Raises ValueError as `risk_coverage`, and when the lengths differ.
    """
    conf, cost = checked(confidence, risk)
    index, n_groups = group_index(groups, conf.size)
    order = np.argsort(-conf)
    values = curve_areas(curve_of(conf, cost, order), cost)
    if n_groups < 2 or replicates < 1:
        alone = {name: Estimate(value=getattr(values, name)) for name in AREAS}
        return AreaEstimates(values, alone, n_groups, 0, level)
    atoms = atoms_of(conf, cost, order)
    drawn = replicate_areas(
        atoms, index, n_groups, seed=seed, replicates=replicates, oracle_draws=oracle_draws
    )
    shift = _shift(values, atoms)
    intervals = {name: interval_of(getattr(values, name), drawn[name] + shift[name], level) for name in AREAS}
    kept = None if atoms.pooled else drawn["oracle_aurc"]
    return AreaEstimates(values, intervals, n_groups, replicates, level, kept)


def replicate_areas(
    atoms: Atoms,
    index: NDArray[np.int64],
    n_groups: int,
    *,
    seed: int,
    replicates: int,
    oracle_draws: Float64Array | None = None,
) -> dict[str, Float64Array]:
    """The areas of every replicate, (replicate,) by name of AREAS; NaN where a draw leaves one undefined."""
    drawn: list[dict[str, Float64Array]] = []
    done = 0
    for weights in draw_weights(atoms, index, n_groups, seed, replicates):
        part = slice(done, done + weights.shape[1])
        drawn.append(areas_of(weights, atoms, None if oracle_draws is None else oracle_draws[part]))
        done = part.stop
    return {name: np.concatenate([each[name] for each in drawn]) for name in AREAS}


def group_index(groups: Groups | None, n: int) -> tuple[NDArray[np.int64], int]:
    """(unit,) number of each case's group, and how many groups there are. Raises ValueError on length."""
    if groups is None:
        return np.arange(n), n
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    if index.size != n:
        raise ValueError(f"{n} cases but {index.size} group names")
    return index.astype(np.int64), int(names.size)


def group_weights(n_groups: int, seed: int, replicates: int) -> Float64Array:
    """(group, replicate): how often each group is drawn; the same for every score of the same cases."""
    share = np.full(n_groups, 1.0 / n_groups)
    drawn = np.random.default_rng(seed).multinomial(n_groups, share, size=replicates)
    return np.ascontiguousarray(drawn.T, np.float64)


def interval_of(value: float | None, drawn: Float64Array, level: float) -> Estimate:
    """The value with the percentile interval of its replicates; undefined replicates are left out."""
    kept = drawn[~np.isnan(drawn)]
    if value is None or not kept.size:
        return Estimate(value=value)
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(kept, (tail, 100.0 - tail))
    return Estimate(value=value, low=float(low), high=float(high))


def draw_weights(
    atoms: Atoms, index: NDArray[np.int64], n_groups: int, seed: int, replicates: int
) -> Iterator[Float64Array]:
    """(atom, draw) weights, a chunk of replicates at a time; index: (unit,) number of each case's group."""
    chunk = max(1, CHUNK_VALUES // max(atoms.count.size, 1))
    firsts = range(0, replicates, chunk)
    if n_groups == index.size and atoms.pooled:
        # Every case its own group and thousands of them: counts per cell are Poisson up to their total, which
        # divides out of every area.
        generator = np.random.default_rng(seed)
        for first in firsts:
            yield _poisson(atoms.count, min(chunk, replicates - first), generator)
        return
    drawn = group_weights(n_groups, seed, replicates)
    if not atoms.pooled:
        group_of_atom = np.empty_like(index)
        group_of_atom[atoms.of_unit] = index
        for first in firsts:
            yield drawn[:, first : first + chunk][group_of_atom]
        return
    from scipy.sparse import csr_array

    cells = csr_array((np.ones(index.size), (atoms.of_unit, index)), shape=(atoms.count.size, n_groups))
    for first in firsts:
        yield np.asarray(cells @ np.ascontiguousarray(drawn[:, first : first + chunk]))


def _poisson(mean: NDArray[np.int64], draws: int, generator: np.random.Generator) -> Float64Array:
    """(atom, draw) Poisson counts; of large means the rounded normal, which is drawn four times as fast."""
    large = mean >= LARGE_MEAN
    found = np.empty((mean.size, draws))
    found[~large] = generator.poisson(mean[~large, None], size=(int((~large).sum()), draws))
    spread = np.sqrt(mean[large, None])
    found[large] = generator.standard_normal((int(large.sum()), draws)) * spread + mean[large, None]
    return np.maximum(np.rint(found, out=found), 0.0, out=found)


def _shift(values: Areas, atoms: Atoms) -> dict[str, float]:
    """What pooling took from each area of the cases themselves; its replicates are moved back by it."""
    if not atoms.pooled:
        return dict.fromkeys(AREAS, 0.0)
    pooled = areas_of(atoms.count[:, None].astype(np.float64), atoms)
    return {
        name: 0.0 if getattr(values, name) is None else getattr(values, name) - float(pooled[name][0])
        for name in AREAS
    }
