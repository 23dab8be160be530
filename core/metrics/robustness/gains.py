"""What a mitigation gains: paired over patients, with a plain word for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.metrics.halves import split_halves
from core.metrics.reliability.calibration import ece
from core.metrics.reliability.histogram import MIDDLE
from core.metrics.reliability.recalibration import Fitted, Outcomes, fit_recalibration
from core.metrics.robustness.report import REPLICATES, estimate_of
from core.metrics.robustness.statistics import BINS, unit_weights, weighted_mean
from core.types import Estimate, Float64Array

NEGLIGIBLE = 0.005
"""A smaller gain is no help, however sure it is."""

Verdict = Literal["helped", "did not help", "harmed", "undefined"]


def paired_gain(
    before: Float64Array, after: Float64Array, groups: Sequence[str], *, seed: int = 0
) -> tuple[Estimate, Estimate, Estimate]:
    """(before, after, gain) of (unit,) values of which higher is better, over the units that have both."""
    known = ~(np.isnan(before) | np.isnan(after))
    names = tuple(name for name, keep in zip(groups, known, strict=True) if keep)
    weights = unit_weights(names, seed=seed, replicates=REPLICATES)
    old, new = (weighted_mean(each[known], weights) for each in (before, after))
    return estimate_of(old), estimate_of(new), estimate_of(new - old)


def deferral_gain(
    confidence: Float64Array, quality: Float64Array, groups: Sequence[str], coverage: float, *, seed: int = 0
) -> tuple[Estimate, Estimate, Estimate, Estimate]:
    """(before, after, gain, coverage reached): mean quality of all units and of the accepted ones.

    The threshold accepts `coverage` of the units of one half of the patients; everything is told of the other
    half. Undefined with fewer than two patients.
    """
    known = ~(np.isnan(confidence) | np.isnan(quality))
    conf, good = confidence[known], quality[known]
    names = [name for name, keep in zip(groups, known, strict=True) if keep]
    fitted = split_halves(names, seed)
    if not fitted.any():
        return (Estimate(value=None),) * 4
    threshold = np.quantile(conf[fitted], 1.0 - coverage)
    told = ~fitted
    accepted = conf[told] >= threshold
    weights = unit_weights(
        tuple(name for name, keep in zip(names, told, strict=True) if keep), seed=seed, replicates=REPLICATES
    )
    before = weighted_mean(good[told], weights)
    after = weighted_mean(np.where(accepted, good[told], np.nan), weights)
    reached = weighted_mean(accepted, weights)
    return estimate_of(before), estimate_of(after), estimate_of(after - before), estimate_of(reached)


def temperature_gain(
    histograms: NDArray[np.floating], groups: Sequence[str], *, seed: int = 0
) -> tuple[Estimate, Estimate, Estimate, float | None]:
    """(ECE before, after, gain, temperature): fitted on one half of the patients, told of the other.

    histograms: (unit, 3, level) of one event, see `core.metrics.reliability.histogram`. The gain is what the
    calibration error falls by, so above 0 is better.
    """
    fitted_on = split_halves(list(groups), seed)
    if not fitted_on.any():
        none = Estimate(value=None)
        return none, none, none, None
    fitted = fit_recalibration("temperature", _outcomes(histograms[fitted_on].sum(axis=0, dtype=np.float64)))
    told = ~fitted_on
    names = tuple(name for name, keep in zip(groups, told, strict=True) if keep)
    weights = unit_weights(names, seed=seed, replicates=REPLICATES)
    drawn = np.tensordot(weights, histograms[told].astype(np.float64), axes=1)
    before, after = _ece(drawn, None), _ece(drawn, fitted)
    return estimate_of(before), estimate_of(after), estimate_of(before - after), fitted.temperature


def verdict_of(gain: Estimate) -> Verdict:
    """Whether the interval of a gain lies above 0, below it, or on both sides; tiny gains are none."""
    if gain.value is None or gain.low is None or gain.high is None:
        return "undefined"
    if gain.low > 0.0 and gain.value >= NEGLIGIBLE:
        return "helped"
    return "harmed" if gain.high < 0.0 and gain.value <= -NEGLIGIBLE else "did not help"


def _outcomes(histogram: Float64Array) -> Outcomes:
    count, _, positive = histogram
    there = count > 0
    return Outcomes(
        prob=_level_prob(histogram)[there][:, None], count=count[there][:, None],
        positive=positive[there][:, None], exclusive=False,
    )  # fmt: skip


def _level_prob(histogram: Float64Array) -> Float64Array:
    count, total = histogram[0], histogram[1]
    return np.asarray(np.divide(total, count, out=MIDDLE.copy(), where=count > 0))


def _ece(drawn: Float64Array, fitted: Fitted | None) -> Float64Array:
    """(weighting,) ECE of histograms (weighting, 3, level) after a recalibration of each level."""
    prob = _level_prob(drawn[0])[:, None]
    stated = prob[:, 0] if fitted is None else fitted.apply(prob)[:, 0]
    into = np.clip(np.ceil(stated * BINS).astype(np.int64) - 1, 0, BINS - 1)
    one_hot = np.eye(BINS)[into]
    count, positive = drawn[:, 0], drawn[:, 2]
    sums = np.stack([count @ one_hot, (count * stated) @ one_hot, positive @ one_hot], axis=1)
    return np.where(count.sum(axis=1) > 0, ece(sums), np.nan)
