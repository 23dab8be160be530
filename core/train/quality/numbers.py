"""The numbers of a detector with intervals over patients; all detectors share the same draws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from core.config import Frozen
from core.metrics.classes.ranking import ranked, ranking_metrics
from core.metrics.draws import Draws, draw_groups
from core.metrics.reliability.binning import equal_width
from core.metrics.reliability.calibration import bin_sums, ece
from core.metrics.selective.coverage_bootstrap import bootstrap_areas
from core.train.common.numbers import BOOTSTRAP_SEED
from core.train.quality.detectors import Detector, Slices
from core.types import BoolArray, Estimate, Float64Array

REPLICATES = 1000
BINS = 10


class DetectorRow(Frozen):
    """One detector. caught: share of the failed slices with an alarm; false_alarms: of the good ones;
    workload: of all; None where it only ranks. auroc, auprc: of failure, by its rank. aurc, augrc: of the
    risk 1 - Dice when slices are accepted from the least suspicious on."""

    key: str
    label: str
    caught: Estimate | None
    false_alarms: Estimate | None
    workload: Estimate | None
    auroc: Estimate
    auprc: Estimate
    aurc: Estimate
    augrc: Estimate


class Difference(Frozen):
    """A detector against another on the same draws: AUROC, positive = better; AURC, negative = better."""

    key: str
    other: str
    auroc: Estimate
    aurc: Estimate


class NetworkNumbers(Frozen):
    """The network's two answers: reliability of its chance, and how close its Dice comes.

    base_rate: share of good slices. spearman_found, error_found: over slices with an outline alone.
    """

    base_rate: float
    ece: Estimate
    brier: Estimate
    spearman: Estimate
    error: Estimate
    spearman_found: Estimate
    error_found: Estimate
    bins: tuple[tuple[int, float, float], ...]


def draws_of(slices: Slices) -> Draws:
    """The draws of patients that every number of these slices shares."""
    return draw_groups(slices.patient.tolist(), seed=BOOTSTRAP_SEED, replicates=REPLICATES)


def detector_row(detector: Detector, slices: Slices, draws: Draws) -> DetectorRow:
    """All numbers of one detector."""
    auroc, auprc, _ = _ranking(detector.rank, slices.failed, draws)
    areas = bootstrap_areas(-detector.rank, slices.risk, slices.patient, seed=BOOTSTRAP_SEED)
    alarm = None if detector.alarm is None else detector.alarm.astype(np.float64)

    def share(of: BoolArray) -> Estimate | None:
        return None if alarm is None else draws.mean(np.where(of, alarm, np.nan))

    return DetectorRow(
        key=detector.key,
        label=detector.label,
        caught=share(slices.failed),
        false_alarms=share(~slices.failed),
        workload=share(np.ones_like(slices.failed)),
        auroc=auroc,
        auprc=auprc,
        aurc=areas["aurc"],
        augrc=areas["augrc"],
    )


def difference(one: Detector, other: Detector, slices: Slices, draws: Draws) -> Difference:
    """The first minus the second, drawn together."""
    weights = _unit_weights(draws)
    auroc = [_ranking_draws(each.rank, slices.failed, weights)[:, 0] for each in (one, other)]
    aurc = [_aurc_draws(-each.rank, slices, draws) for each in (one, other)]
    made = [
        draws.estimate(float(values[0][0] - values[1][0]), values[0][1:] - values[1][1:])
        for values in (auroc, aurc)
    ]
    return Difference(key=one.key, other=other.key, auroc=made[0], aurc=made[1])


def network_numbers(slices: Slices, dice_estimate: Float64Array, draws: Draws) -> NetworkNumbers:
    """Reliability of the chance that a slice is good, and agreement of the estimated with the true Dice."""
    prob, good = slices.quality, ~slices.failed
    dice = 1.0 - slices.risk
    found = ~slices.empty
    error = np.abs(dice_estimate - dice)
    return NetworkNumbers(
        base_rate=float(good.mean()),
        ece=_drawn(lambda k: _ece(prob[k], good[k]), draws),
        brier=draws.mean((prob - good) ** 2),
        spearman=_drawn(lambda k: _spearman(dice_estimate[k], dice[k]), draws),
        error=draws.mean(error),
        spearman_found=_drawn(lambda k: _spearman(dice_estimate[k[found[k]]], dice[k[found[k]]]), draws),
        error_found=draws.mean(np.where(found, error, np.nan)),
        bins=_bins(prob, good),
    )


def _bins(prob: Float64Array, good: BoolArray) -> tuple[tuple[int, float, float], ...]:
    sums = bin_sums(prob, good, equal_width(prob, BINS))
    return tuple((int(n), float(p / n), float(y / n)) for n, p, y in sums.T if n)


def _ece(prob: Float64Array, good: BoolArray) -> float:
    return float(ece(bin_sums(prob, good, equal_width(prob, BINS))))


def _spearman(first: Float64Array, second: Float64Array) -> float:
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(spearmanr(first, second).statistic)


def _drawn(measure: Callable[[NDArray[np.int64]], float], draws: Draws) -> Estimate:
    """A measure of chosen slices, with its interval over the draws."""
    every = np.arange(len(draws.index))
    weights = _unit_weights(draws)[1:]
    values = np.array([measure(np.repeat(every, each.astype(np.int64))) for each in weights])
    return draws.estimate(measure(every), values)


def _ranking(rank: Float64Array, failed: BoolArray, draws: Draws) -> tuple[Estimate, ...]:
    found = _ranking_draws(rank, failed, _unit_weights(draws))
    return tuple(draws.estimate(float(column[0]), column[1:]) for column in found.T)


def _ranking_draws(rank: Float64Array, failed: BoolArray, weights: Float64Array) -> Float64Array:
    return ranking_metrics(ranked(rank, failed), weights)


def _unit_weights(draws: Draws) -> Float64Array:
    """(1 + draw, unit): every unit once, then as often as its patient was drawn."""
    drawn = draws.weights.astype(np.float64)[:, draws.index]
    return np.concatenate([np.ones((1, len(draws.index))), drawn])


def _aurc_draws(confidence: Float64Array, slices: Slices, draws: Draws) -> Float64Array:
    from core.metrics.selective.risk_coverage import areas

    def value(chosen: NDArray[np.int64]) -> float:
        return areas(confidence[chosen], slices.risk[chosen]).aurc

    every = np.arange(len(draws.index))
    rest = [value(np.repeat(every, each.astype(np.int64))) for each in _unit_weights(draws)[1:]]
    return np.array([value(every), *rest])
