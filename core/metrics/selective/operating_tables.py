"""Cumulative tables behind the operating points: one half of the cases, and intervals along its curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.metrics.selective.coverage_atoms import atoms_of, cumulative
from core.metrics.selective.coverage_bootstrap import draw_weights, group_index
from core.metrics.selective.risk_coverage import ROUNDING, Curve, curve_of, is_binary
from core.types import Float64Array

Ends = tuple[Float64Array, Float64Array]
"""Low and high, as distances from the value, (level,) each."""


@dataclass(frozen=True, eq=False)
class Half:
    """One half of the cases. patients: (point,) patients with an accepted case at each point of the curve.

    patient_risk: (point,) mean over these patients of the mean risk of their accepted cases. countable: every
    patient has one case, with a risk of 0 or 1, so that failures are counted and not averaged. Two tables to
    look up in, (point,): lowest_beyond, the lowest selective risk from here on; rising, the thresholds
    the other way round.
    """

    curve: Curve
    groups: int
    patients: NDArray[np.int64]
    patient_risk: Float64Array
    countable: bool
    lowest_beyond: Float64Array
    rising: Float64Array

    def within(self, risk: float) -> int | None:
        """Index of the point of largest coverage with selective risk <= `risk`; None without one."""
        index = int(self.lowest_beyond.searchsorted(risk, side="right")) - 1
        return index if index >= 0 else None

    def accepting(self, threshold: float) -> int | None:
        """Index of the point that this threshold reaches; None when it accepts nothing."""
        index = self.rising.size - 1 - int(self.rising.searchsorted(threshold))
        return index if index >= 0 else None


@dataclass(frozen=True, eq=False)
class Band:
    """Intervals at some numbers of accepted cases, as distances from the value; between them interpolated."""

    accepted: NDArray[np.int64]
    coverage: Ends
    selective_risk: Ends
    generalised_risk: Ends

    def place(self, accepted: int) -> Place:
        """Where this number of accepted cases lies between the known ones."""
        after = min(int(self.accepted.searchsorted(accepted)), self.accepted.size - 1)
        before = max(after - 1, 0)
        first, last = int(self.accepted[before]), int(self.accepted[after])
        share = 1.0 if last <= first else min(max((accepted - first) / (last - first), 0.0), 1.0)
        return before, after, share


Place = tuple[int, int, float]
"""Indices of the neighbours, and how far it is from the first to the second."""


def interval_at(ends: Ends, place: Place, value: float) -> tuple[float, float]:
    """Low and high at this place, within [0, 1] and around the value."""
    before, after, share = place
    low, high = ends
    down = (1.0 - share) * float(low[before]) + share * float(low[after])
    up = (1.0 - share) * float(high[before]) + share * float(high[after])
    return max(value + min(down, 0.0), 0.0), min(value + max(up, 0.0), 1.0)


def half_of(conf: Float64Array, risk: Float64Array, names: NDArray[np.generic]) -> Half:
    """Tables of these (unit,) checked cases; names: patient of each."""
    order = np.argsort(-conf, kind="stable")
    curve = curve_of(conf, risk, order)
    index, n_groups = group_index(names, conf.size)
    fresh, change = _patient_changes(risk[order], index[order])
    at = curve.accepted - 1
    allowed = curve.selective_risk - ROUNDING * curve.n / curve.accepted
    patients = np.cumsum(fresh)[at]
    return Half(
        curve=curve,
        groups=n_groups,
        patients=patients,
        patient_risk=np.clip(np.cumsum(change)[at] / patients, 0.0, 1.0),
        countable=n_groups == conf.size and is_binary(risk),
        lowest_beyond=np.minimum.accumulate(allowed[::-1])[::-1],
        rising=np.ascontiguousarray(curve.threshold[::-1]),
    )


def _patient_changes(risk: Float64Array, index: NDArray[np.int64]) -> tuple[NDArray[np.int64], Float64Array]:
    """Per case, in the order of acceptance: 1 for a new patient, and by how much its patient's mean rises."""
    by_patient = np.argsort(index, kind="stable")
    sorted_index = index[by_patient]
    starts = np.flatnonzero(np.append(True, sorted_index[1:] != sorted_index[:-1]))
    sizes = np.diff(np.append(starts, index.size))
    rank = np.arange(index.size) - np.repeat(starts, sizes) + 1
    running = np.cumsum(risk[by_patient])
    mean = (running - np.repeat(running[starts] - risk[by_patient][starts], sizes)) / rank
    before = np.where(rank > 1, np.append(0.0, mean[:-1]), 0.0)
    fresh, change = np.empty(index.size, np.int64), np.empty(index.size)
    fresh[by_patient], change[by_patient] = rank == 1, mean - before
    return fresh, change


def band_of(
    conf: Float64Array,
    risk: Float64Array,
    names: NDArray[np.generic],
    seed: int,
    replicates: int,
    level: float,
) -> Band | None:
    """Percentile intervals along the curve, of a pooled set at its levels; None below two patients."""
    index, n_groups = group_index(names, conf.size)
    if n_groups < 2 or replicates < 1:
        return None
    atoms = atoms_of(conf, risk, np.argsort(-conf, kind="stable"))
    accepted, risk_sum = [], []
    for weights in draw_weights(atoms, index, n_groups, seed, replicates):
        drawn = cumulative(weights, atoms)
        accepted.append(drawn[0])
        risk_sum.append(drawn[1])
    count, cost = np.concatenate(accepted, axis=1), np.concatenate(risk_sum, axis=1)
    cases, costs = (each[:, 0] for each in cumulative(atoms.count[:, None].astype(np.float64), atoms))
    undefined = np.full_like(cost, np.nan)
    return Band(
        accepted=cases.astype(np.int64),
        coverage=_ends(count / count[-1], cases / conf.size, level),
        selective_risk=_ends(np.divide(cost, count, out=undefined, where=count > 0), costs / cases, level),
        generalised_risk=_ends(cost / count[-1], costs / conf.size, level),
    )


def _ends(drawn: Float64Array, value: Float64Array, level: float) -> Ends:
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(drawn, (tail, 100.0 - tail), axis=1)
    # Few rows are concerned, and percentiles that look for NaN take twenty times as long.
    gaps = np.flatnonzero(np.isnan(low) & ~np.isnan(drawn).all(axis=1))
    if gaps.size:
        low[gaps], high[gaps] = np.nanpercentile(drawn[gaps], (tail, 100.0 - tail), axis=1)
    return low - value, high - value
