"""The arithmetic of one bootstrap replicate: cases or cells of cases, and their areas under given weights.

The cases are sorted once. A replicate is a column of whole-number weights, its areas a few cumulative sums.
Few cases keep one atom each; many are pooled into cells of similar confidence and risk, so that the work no
longer grows with their number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.metrics.selective.risk_coverage import is_binary
from core.types import Float64Array

EXACT_UNITS = 4096
"""Up to so many cases nothing is pooled."""

BINARY_CELLS = (512, 2)
CONTINUOUS_CELLS = (192, 32)
"""Cells of a large set: levels of confidence and of risk, by rank; equal confidences stay together."""

AREAS = ("aurc", "e_aurc", "augrc", "normalised_aurc", "failure_auroc", "mean_risk", "oracle_aurc")


@dataclass(frozen=True, eq=False)
class Steps:
    """Atoms ordered by risk: order (atom,), first (step,) index in it where a step begins, risk (step,)."""

    order: NDArray[np.int64]
    first: NDArray[np.int64]
    risk: Float64Array

    @classmethod
    def of(cls, key: NDArray[np.generic], risk: Float64Array, count: NDArray[np.int64]) -> Steps:
        """One step for each value of `key` (atom,), which rises with the risk."""
        order = np.argsort(key, kind="stable")
        first = _starts(key[order])
        cases = np.add.reduceat(count[order], first)
        return cls(order, first, np.add.reduceat((risk * count)[order], first) / cases)


@dataclass(frozen=True, eq=False)
class Atoms:
    """Cases, or cells of cases, most confident first; what one weight multiplies.

    order: (unit,) cases, most confident first; position: (unit,) atom of each in that order. count: (atom,)
    cases in it. risk: their mean. first: (level,) index of the first atom of each level of confidence. steps:
    of the best order, None for a risk of 0 or 1 only.
    """

    order: NDArray[np.int64]
    position: NDArray[np.int64]
    count: NDArray[np.int64]
    risk: Float64Array
    first: NDArray[np.int64]
    steps: Steps | None

    @property
    def pooled(self) -> bool:
        """Whether an atom can hold more than one case."""
        return self.count.size < self.order.size

    @property
    def of_unit(self) -> NDArray[np.int64]:
        """(unit,) atom of each case."""
        found = np.empty(self.order.size, np.int64)
        found[self.order] = self.position
        return found


def atoms_of(
    confidence: Float64Array,
    risk: Float64Array,
    order: NDArray[np.int64],
    exact_units: int = EXACT_UNITS,
) -> Atoms:
    """One atom per case up to `exact_units` cases, cells of similar confidence and risk beyond.

    order: indices of the cases, most confident first.
    """
    ranked, cost = confidence[order], risk[order]
    binary = is_binary(risk)
    if ranked.size <= exact_units:
        position = np.arange(ranked.size)
        key: NDArray[np.generic] = ranked
        count = np.ones(ranked.size, np.int64)
        risk_key: NDArray[np.generic] = cost
    else:
        levels, parts = BINARY_CELLS if binary else CONTINUOUS_CELLS
        column = cost.astype(np.int64) if binary else _risk_levels(cost, parts)
        code = _rank_levels(ranked, levels) * parts + column
        in_cell = np.bincount(code, minlength=levels * parts)
        filled = np.flatnonzero(in_cell)
        position = (np.cumsum(in_cell > 0) - 1)[code]
        key, count = filled // parts, in_cell[filled]
        cost = np.bincount(position, weights=cost) / count
        risk_key = filled % parts
    return Atoms(
        order, position, count, cost, _starts(key), None if binary else Steps.of(risk_key, cost, count)
    )


def areas_of(
    weights: Float64Array, atoms: Atoms, oracle: Float64Array | None = None
) -> dict[str, Float64Array]:
    """Areas of (atom, draw) whole-number weights, (draw,) by name of AREAS.

    oracle: (draw,) oracle AURC of these draws where it is known from another score of the same cases.
    """
    accepted, risk_sum = cumulative(weights, atoms)
    n, total = accepted[-1], risk_sum[-1]
    mean = total / n
    aurc, augrc = _trapezoids(accepted, risk_sum)
    binary = atoms.steps is None
    if atoms.steps is None:
        oracle = _binary_oracle(mean)
    elif oracle is None:
        oracle = _oracle(weights, atoms.steps)
    # Exact for a risk of 0 or 1, ties included: AUGRC = (1 - AUROC) a e + e^2 / 2.
    auroc = 1.0 - _ratio(augrc - mean**2 / 2.0, mean * (1.0 - mean)) if binary else np.full(n.size, np.nan)
    return {
        "aurc": aurc,
        "e_aurc": aurc - oracle,
        "augrc": augrc,
        "normalised_aurc": _ratio(mean - aurc, mean - oracle),
        "failure_auroc": auroc,
        "mean_risk": mean,
        "oracle_aurc": oracle,
    }


def cumulative(weights: Float64Array, atoms: Atoms) -> tuple[Float64Array, Float64Array]:
    """(level, draw) number of accepted cases and sum of their risk."""
    accepted = _added(weights, atoms.first)
    risk_sum = _added(weights * atoms.risk[:, None], atoms.first)
    return np.cumsum(accepted, axis=0), np.cumsum(risk_sum, axis=0)


def _added(rows: Float64Array, first: NDArray[np.int64]) -> Float64Array:
    """Sums of the rows from each `first` to the next; nothing to add where every row stands alone."""
    return rows if first.size == len(rows) else np.add.reduceat(rows, first, axis=0)


def _starts(ordered: NDArray[np.generic]) -> NDArray[np.int64]:
    """Indices at which a new value begins."""
    return np.append(0, np.flatnonzero(ordered[1:] != ordered[:-1]) + 1)


def _rank_levels(ranked: Float64Array, levels: int) -> NDArray[np.int64]:
    """Level 0..levels-1 of sorted values by their rank; equal values share the level of the first of them."""
    fresh = _starts(ranked)
    start = np.repeat(fresh, np.diff(np.append(fresh, ranked.size)))
    return np.asarray(start * levels // ranked.size, np.int64)


def _risk_levels(risk: Float64Array, levels: int) -> NDArray[np.int64]:
    edges = np.quantile(risk, np.arange(1, levels) / levels)
    return np.asarray(np.searchsorted(edges, risk), np.int64)


def _trapezoids(accepted: Float64Array, risk_sum: Float64Array) -> tuple[Float64Array, Float64Array]:
    """AURC and AUGRC of (level, draw) cumulative counts and risks."""
    n = accepted[-1]
    step = np.diff(accepted, axis=0, prepend=0.0)
    pair = risk_sum.copy()
    pair[1:] += risk_sum[:-1]
    augrc = np.einsum("ld,ld->d", step, pair) / (2.0 * n**2)
    selective = np.divide(risk_sum, accepted, out=np.zeros_like(risk_sum), where=accepted > 0)
    pair = selective.copy()
    pair[1:] += selective[:-1]
    # Where a draw's curve begins, the selective risk keeps its value down to coverage 0.
    first, draws = (accepted > 0).argmax(axis=0), np.arange(n.size)
    pair[first, draws] = 2.0 * selective[first, draws]
    return np.einsum("ld,ld->d", step, pair) / (2.0 * n), augrc


def _binary_oracle(error_rate: Float64Array) -> Float64Array:
    right = 1.0 - error_rate
    log = np.log(right, out=np.zeros_like(right), where=right > 0)
    return np.asarray(error_rate + right * log, np.float64)


def _oracle(weights: Float64Array, steps: Steps) -> Float64Array:
    """AURC of the order of rising risk, one step per drawn case.

    w equal risks r after N cases of sum R add sum_k (R + k r)/(N + k) = w r + (R - N r)(H(N + w) - H(N)),
    with H the harmonic numbers.
    """
    ordered = _added(weights[steps.order], steps.first)
    cost = steps.risk[:, None]
    after = np.cumsum(ordered, axis=0)
    sums = np.cumsum(ordered * cost, axis=0)
    n, total = after[-1], sums[-1]
    rise = np.diff(_harmonic(int(n.max()).bit_length())[after.astype(np.int64)], axis=0, prepend=0.0)
    # R - N r is the same before and after the w cases.
    running = total + np.einsum("ld,ld->d", sums - after * cost, rise)
    lowest = cost[(after > 0).argmax(axis=0), 0]
    return np.asarray((running + (lowest - total / n) / 2.0) / n, np.float64)


@lru_cache(maxsize=1)
def _harmonic(bits: int) -> Float64Array:
    """Harmonic numbers H(0) .. H(2^bits - 1)."""
    found = np.append(0.0, np.cumsum(1.0 / np.arange(1, 1 << bits)))
    found.flags.writeable = False
    return found


def _ratio(over: Float64Array, under: Float64Array) -> Float64Array:
    found: Float64Array = np.divide(over, under, out=np.full(over.size, np.nan), where=under > 1e-12)
    return found
