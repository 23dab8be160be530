"""One region or class of a reliability report: its bins and its numbers, with intervals over patients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.metrics.reliability.calibration import debiased_l2, ece, mce, mce_count, wilson
from core.metrics.reliability.records import ReliabilityBin, ReliabilityPart
from core.metrics.reliability.sums import PartSums
from core.types import Estimate, Float64Array

LEVEL = 0.95
MOSTLY_EMPTY = 0.25
"""A bin that is empty in more of the draws than this comes from a single patient: no interval."""


def part_of(
    sums: PartSums,
    *,
    name: str,
    event: str,
    brier_form: str,
    independent: bool,
    has_nll: bool,
    units: int,
    undefined_units: int,
) -> ReliabilityPart:
    """The record of one part. independent: every outcome is a patient of its own; bins get Wilson's interval.

    has_nll: False where the outcome is a quality between 0 and 1, of which a likelihood says nothing.
    """
    outcomes = float(sums.bins[0].sum())
    totals = sums.drawn_bins[:, 0].sum(axis=-1)
    drawn = sums.drawn_bins[totals > 0]
    drawn_means = sums.drawn_scores[totals > 0] / totals[totals > 0][:, None]
    scores = sums.scores / outcomes if outcomes else np.full(2, np.nan)
    drawn_all = np.column_stack([ece(drawn), mce(drawn), drawn_means])
    values = (float(ece(sums.bins)), float(mce(sums.bins)), float(scores[0]), float(scores[1]))
    of_ece, of_mce, of_brier, of_nll = _estimates(values, drawn_all)
    return ReliabilityPart(
        name=name,
        event=event,
        bins=_bins(sums, drawn, independent=independent),
        ece=of_ece,
        mce=of_mce,
        mce_count=float(mce_count(sums.bins)) if outcomes else None,
        brier=of_brier,
        brier_form=brier_form,
        nll=of_nll if has_nll else Estimate(value=None),
        debiased_l2=_value(debiased_l2(sums.bins)) if independent else None,
        outcomes=outcomes,
        units=units,
        undefined_units=undefined_units,
    )


def _bins(sums: PartSums, drawn: NDArray[np.floating], *, independent: bool) -> tuple[ReliabilityBin, ...]:
    count, prob, positive = sums.bins
    with np.errstate(invalid="ignore", divide="ignore"):
        confidence, frequency = prob / count, positive / count
        low, high = wilson(positive, count) if independent else _drawn_limits(drawn)
    seen = count > 0
    columns = (sums.lower, sums.upper, confidence, frequency, count, low, high)
    return tuple(
        ReliabilityBin(
            lower=_value(lower),
            upper=_value(upper),
            confidence=_value(conf) if there else None,
            frequency=_value(freq) if there else None,
            count=float(n),
            low=_value(lo) if there else None,
            high=_value(hi) if there else None,
        )
        for there, lower, upper, conf, freq, n, lo, hi in zip(seen, *columns, strict=True)
    )


def _drawn_limits(drawn: NDArray[np.floating]) -> tuple[Float64Array, Float64Array]:
    """2.5th and 97.5th percentile of each bin's frequency over the draws in which the bin holds something."""
    bins = drawn.shape[-1]
    if not len(drawn):
        return np.full(bins, np.nan), np.full(bins, np.nan)
    count = drawn[:, 0]
    share = np.sort(np.where(count > 0, drawn[:, 2] / np.where(count > 0, count, 1.0), np.inf), axis=0)
    filled = (count > 0).sum(axis=0)
    ends = []
    for quantile in ((1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0):
        at = np.maximum(np.round(quantile * (filled - 1)), 0).astype(np.int64)
        value = np.take_along_axis(share, at[None], axis=0)[0]
        ends.append(np.where(filled >= (1.0 - MOSTLY_EMPTY) * len(drawn), value, np.nan))
    return ends[0], ends[1]


def _estimates(values: tuple[float, ...], drawn: NDArray[np.floating]) -> list[Estimate]:
    """Each value with the percentiles of its draws (draw, value), moved by their mean excess over the value.

    A draw repeats patients, which adds noise to every bin and so raises gaps: without the shift the interval
    of an ECE could lie above the ECE.
    """
    if not len(drawn):
        return [Estimate(value=_value(each)) for each in values]
    tail = 50.0 * (1.0 - LEVEL)
    ends = np.percentile(drawn, (tail, 100.0 - tail), axis=0) - (drawn.mean(axis=0) - np.array(values))
    return [
        Estimate(value=_value(value), low=_value(max(0.0, low)), high=_value(high))
        for value, low, high in zip(values, *ends.tolist(), strict=True)
    ]


def _value(number: float | Float64Array) -> float | None:
    return float(number) if np.isfinite(number) else None
