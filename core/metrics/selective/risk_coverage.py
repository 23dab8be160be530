"""Risk against coverage: what is left undetected when only the most confident cases go unreviewed.

A case has a confidence (higher is safer) and a risk in [0, 1]. At threshold t the cases with confidence >= t
are accepted. Tie rule: a point only at each distinct confidence, ties enter together, so the order of the
rows cannot matter. Source: Traub et al. 2024, arXiv:2407.01032; Geifman and El-Yaniv 2017, arXiv:1705.08500.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.config import Frozen
from core.types import BoolArray, Float64Array

ROUNDING = 1e-12
"""Relative slack of "at most" and "at least" on sums of floats: 3 wrong of 10 meet a target of 0.3."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One point per distinct confidence, coverage rising; (point,) each.

    threshold: the confidence from which cases are accepted, falling. accepted: cases at or above it, 1..n.
    risk_sum: sum of their risks. The last point accepts all.
    """

    threshold: Float64Array
    accepted: NDArray[np.int64]
    risk_sum: Float64Array

    @property
    def n(self) -> int:
        """How many cases there are."""
        return int(self.accepted[-1])

    @property
    def coverage(self) -> Float64Array:
        """Share of cases that are accepted, in (0, 1]."""
        return self.accepted / self.n

    @property
    def selective_risk(self) -> Float64Array:
        """Mean risk of the accepted cases, in [0, 1]."""
        return self.risk_sum / self.accepted

    @property
    def generalised_risk(self) -> Float64Array:
        """Sum of accepted risk over the number of all cases: the share of undetected risk, in [0, 1]."""
        return self.risk_sum / self.n

    def point(self, index: int) -> CurvePoint:
        """The point at `index`."""
        return CurvePoint(
            threshold=float(self.threshold[index]),
            accepted=int(self.accepted[index]),
            coverage=float(self.accepted[index] / self.n),
            selective_risk=float(self.risk_sum[index] / self.accepted[index]),
            generalised_risk=float(self.risk_sum[index] / self.n),
        )


class CurvePoint(Frozen):
    """Accept from `threshold` up: coverage and risks there; `accepted` counts cases."""

    threshold: float
    accepted: int
    coverage: float
    selective_risk: float
    generalised_risk: float


class Areas(Frozen):
    """Areas of a risk-coverage curve and what they are compared with, all as fractions in [0, 1].

    None where undefined: e_aurc may be slightly negative with ties and is never clipped; normalised_aurc and
    failure_auroc need cases that differ in risk, failure_auroc also a risk of 0 or 1 only.
    """

    n: int
    aurc: float
    e_aurc: float
    augrc: float
    normalised_aurc: float | None
    failure_auroc: float | None
    mean_risk: float
    oracle_aurc: float
    oracle_augrc: float
    random_aurc: float
    random_augrc: float


def risk_coverage(confidence: ArrayLike, risk: ArrayLike) -> Curve:
    """The curve of (unit,) confidences and risks in [0, 1]; a point at each distinct confidence.

    Raises ValueError for no unit, unequal lengths, NaN in either, or a risk outside [0, 1].

    >>> risk_coverage([0.9, 0.5, 0.5], [0.0, 0.0, 1.0]).accepted.tolist()
    [1, 3]
    """
    conf, cost = checked(confidence, risk)
    return curve_of(conf, cost, np.argsort(-conf))


def curve_of(conf: Float64Array, cost: Float64Array, order: NDArray[np.int64]) -> Curve:
    """`risk_coverage` of checked cases; order: their indices, most confident first."""
    ranked = conf[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), ranked.size - 1)
    sums = np.add.reduceat(cost[order], np.append(0, last[:-1] + 1))
    return Curve(ranked[last], last + 1, np.cumsum(sums))


def areas(confidence: ArrayLike, risk: ArrayLike) -> Areas:
    """AURC, E-AURC and AUGRC by the trapezoid rule, with oracle and random ordering for comparison.

    At coverage 0 the selective risk keeps its value at the smallest coverage, the generalised risk is 0.
    Normalised AURC = (mean risk - AURC) / (mean risk - oracle): 1 perfect, 0 no better than random. Raises
    ValueError as `risk_coverage`. Source of the last: Zenk et al. 2025, doi:10.1016/j.media.2024.103392.

    >>> areas([0.0, 1.0], [1.0, 0.0]).augrc
    0.125
    """
    return curve_areas(risk_coverage(confidence, risk), np.asarray(risk, np.float64))


def curve_areas(curve: Curve, risk: Float64Array) -> Areas:
    """`areas` of a curve that is at hand; risk: (unit,) of the same cases, in any order."""
    mean = float(risk.mean())
    aurc, augrc = aurc_of(curve), augrc_of(curve)
    binary = is_binary(risk)
    ranked = risk if binary else np.sort(risk)
    oracle = oracle_aurc(ranked)
    oracle_augrc = mean**2 / 2.0 if binary else _ordered_augrc(ranked)
    differ = bool(risk.min() < risk.max())
    return Areas(
        n=curve.n,
        aurc=aurc,
        e_aurc=aurc - oracle,
        augrc=augrc,
        normalised_aurc=(mean - aurc) / (mean - oracle) if differ else None,
        failure_auroc=failure_auroc(curve) if differ and binary else None,
        mean_risk=mean,
        oracle_aurc=oracle,
        oracle_augrc=oracle_augrc,
        random_aurc=mean,
        random_augrc=mean / 2.0,
    )


def aurc_of(curve: Curve) -> float:
    """Area under the selective risk, in [0, 1]."""
    risk = curve.selective_risk
    before = np.append(risk[0], risk[:-1])
    return float(np.diff(curve.coverage, prepend=0.0) @ (risk + before)) / 2.0


def augrc_of(curve: Curve) -> float:
    """Area under the generalised risk: the average share of undetected risk, in [0, 1/2]."""
    risk = curve.generalised_risk
    before = np.append(0.0, risk[:-1])
    return float(np.diff(curve.coverage, prepend=0.0) @ (risk + before)) / 2.0


def oracle_aurc(risk: Float64Array) -> float:
    """AURC of the best ordering of these risks.

    Risk of 0 or 1 only, error rate e: e + (1 - e) ln(1 - e). Otherwise ordered by the risk itself, one step
    per case. Source: Geifman et al. 2019, arXiv:1805.08206.

    >>> oracle_aurc(np.array([0.0, 1.0])) == 0.5 + 0.5 * math.log(0.5)
    True
    """
    if is_binary(risk):
        return binary_oracle_aurc(float(risk.mean()))
    running = np.cumsum(np.sort(risk)) / np.arange(1, risk.size + 1)
    return float(running.sum() + (running[0] - running[-1]) / 2.0) / risk.size


def binary_oracle_aurc(error_rate: float) -> float:
    """e + (1 - e) ln(1 - e) for an error rate e in [0, 1], 1 at its upper end."""
    right = 1.0 - error_rate
    return error_rate + (right * math.log(right) if right > 0 else 0.0)


def failure_auroc(curve: Curve) -> float | None:
    """AUROC of telling failures (risk 1) from the rest (risk 0) by low confidence, ties counting one half.

    None unless there are both.
    """
    wrong = np.diff(curve.risk_sum, prepend=0.0)
    right = np.diff(curve.accepted, prepend=0) - wrong
    n_wrong, n_right = wrong.sum(), right.sum()
    if n_wrong <= 0 or n_right <= 0:
        return None
    above = np.cumsum(right) - right / 2.0
    return float(wrong @ above / (n_wrong * n_right))


def sensitivity_at_specificity(curve: Curve, specificity: float = 0.95) -> float | None:
    """Highest share of failures (risk 1) that a threshold flags while `specificity` of the rest is not.

    No interpolation, so with n right cases the grid is 1/n. A case is flagged below the threshold. None
    unless there are failures and right cases.
    """
    n_wrong = float(curve.risk_sum[-1])
    n_right = curve.n - n_wrong
    if n_wrong <= 0 or n_right <= 0:
        return None
    kept = (curve.accepted - curve.risk_sum) >= specificity * n_right * (1.0 - ROUNDING)
    return float((1.0 - curve.risk_sum[kept] / n_wrong).max())


def coverage_at_risk(curve: Curve, risk: float) -> CurvePoint | None:
    """The point of largest coverage with selective risk <= `risk`, over the whole curve; None without one.

    >>> wrong_at_the_top = risk_coverage(range(10), [0] * 9 + [1])
    >>> coverage_at_risk(wrong_at_the_top, 0.15).coverage
    1.0
    """
    fits = np.flatnonzero(curve.risk_sum <= risk * curve.accepted + ROUNDING * curve.n)
    return curve.point(int(fits[-1])) if fits.size else None


def risk_at_coverage(curve: Curve, coverage: float) -> CurvePoint:
    """The first point that covers at least `coverage` in [0, 1]; ties may make it more."""
    return curve.point(index_at_coverage(curve, coverage))


def working_point(curve: Curve, coverage: float) -> CurvePoint:
    """The point of lowest selective risk among those that cover at least `coverage` in [0, 1].

    Of equal ones the larger coverage. It may lie beyond `risk_at_coverage`, the first one that covers enough.
    Source: the working point of fd-shifts, Traub et al. 2024, arXiv:2407.01032.
    """
    first = index_at_coverage(curve, coverage)
    risk = curve.selective_risk[first:]
    return curve.point(first + int(np.flatnonzero(risk <= risk.min() * (1.0 + ROUNDING))[-1]))


def index_at_coverage(curve: Curve, coverage: float) -> int:
    """Index of the point that `risk_at_coverage` gives."""
    wanted = coverage * curve.n * (1.0 - ROUNDING)
    return min(int(np.searchsorted(curve.accepted, wanted)), curve.accepted.size - 1)


def is_binary(risk: Float64Array) -> bool:
    """Whether every risk is 0 or 1."""
    found: BoolArray = (risk == 0.0) | (risk == 1.0)
    return bool(found.all())


def checked(confidence: ArrayLike, risk: ArrayLike) -> tuple[Float64Array, Float64Array]:
    """Both as float64 of one length, or ValueError: no number comes out where one went in undefined."""
    conf, cost = np.asarray(confidence, np.float64), np.asarray(risk, np.float64)
    if conf.shape != cost.shape or conf.ndim != 1 or not conf.size:
        raise ValueError(
            f"confidence {conf.shape} and risk {cost.shape}; expected two equal, non-empty lists"
        )
    undefined = int(np.isnan(conf).sum()), int(np.isnan(cost).sum())
    if any(undefined):
        raise ValueError(f"{undefined[0]} confidences and {undefined[1]} risks are NaN; leave them out first")
    if cost.min() < 0.0 or cost.max() > 1.0:
        raise ValueError(f"risk from {cost.min():g} to {cost.max():g}; expected within [0, 1]")
    return conf, cost


def _ordered_augrc(risk: Float64Array) -> float:
    running = np.cumsum(risk) / risk.size
    return float(running.sum() - running[-1] / 2.0) / risk.size
