"""Every number of a sweep for many weightings of the units at once, so that differences share their draws.

A weighting says how often each unit counts; the first one is "once each". Undefined numbers are NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.metrics.classes.ranking import ranked, ranking_metrics
from core.metrics.draws import draw_groups, ratio
from core.metrics.reliability.calibration import ece
from core.metrics.reliability.histogram import level_bins
from core.metrics.selective.class_scores import with_confidence
from core.metrics.selective.risk import wrong
from core.types import CALIBRATION_REGIONS, BoolArray, Float64Array, Region, UnitTable

BINS = 15
REGION: Region = "union"
FAILURE_BELOW = 0.7


@dataclass(frozen=True)
class StatisticSpec:
    """A number that a sweep tells at every severity. direction: which way is better. task: whose it is."""

    key: str
    label: str
    direction: Literal["higher", "lower"]
    task: Literal["segmentation", "classification", "both"]
    help: str


STATISTICS: tuple[StatisticSpec, ...] = (
    StatisticSpec("dice", "Dice", "higher", "segmentation", "Mean over units; both masks empty counts as 1."),
    StatisticSpec("jaccard", "Jaccard", "higher", "segmentation", "Mean over units."),
    StatisticSpec("boundary_f1_2px", "Boundary F1 at 2 px", "higher", "segmentation", "Mean over units."),
    StatisticSpec("auroc", "AUROC", "higher", "classification", "Mean over classes, each against the rest."),
    StatisticSpec("auprc", "AUPRC", "higher", "classification", "Average precision, mean over classes."),
    StatisticSpec(
        "sensitivity_at_95_specificity", "Sensitivity at 95 % specificity", "higher", "classification",
        "Highest sensitivity with a specificity of at least .95, mean over classes.",
    ),
    StatisticSpec("f1", "F1", "higher", "classification", "Of the predicted classes, mean over classes."),
    StatisticSpec(
        "ece", "ECE", "lower", "both",
        f"Expected calibration error, {BINS} bins of equal width, all units pooled; of a mask within "
        "prediction or reference, grown by 2 pixels, of a class by its likeliest one.",
    ),
    StatisticSpec("aurc", "AURC", "lower", "both", "Area under selective risk against coverage."),
    StatisticSpec("risk", "Mean risk", "lower", "both", "1 - Dice, or the share of wrong classes."),
    StatisticSpec(
        "failures", "Share of failures", "lower", "both", f"Dice below {FAILURE_BELOW:g}, or a wrong class."
    ),
    StatisticSpec(
        "flagged", "Share of failures flagged", "higher", "both",
        "Of the failures, how many had a verdict of review. Undefined without a failure.",
    ),
    StatisticSpec("confidence", "Confidence", "higher", "both", "Mean of the default confidence."),
    StatisticSpec("damage", "Change of the picture", "lower", "both", "Mean absolute change, of its range."),
)  # fmt: skip
QUALITY = {"segmentation": "dice", "classification": "auroc", "multilabel": "auroc"}
"""What robustness is told by, for each task."""


def statistic_specs(task: str) -> tuple[StatisticSpec, ...]:
    """The rows of the table that a task has."""
    kind = "segmentation" if task == "segmentation" else "classification"
    return tuple(each for each in STATISTICS if each.task in {kind, "both"})


def unit_weights(groups: tuple[str, ...], *, seed: int, replicates: int) -> Float64Array:
    """(1 + replicate, unit): once each, then how often each unit's patient was drawn with replacement."""
    draws = draw_groups(groups, seed=seed, replicates=replicates)
    drawn = draws.weights[:, draws.index].astype(np.float64)
    return np.concatenate([np.ones((1, len(groups))), drawn])


def statistics(table: UnitTable, flagged: BoolArray, weights: Float64Array) -> dict[str, Float64Array]:
    """(weighting,) of every number that the table's task has. flagged: (unit,) whether to be reviewed."""
    risk, failed = _risk(table)
    named = with_confidence(table)
    confidence = named.confidence[named.default_confidence]
    found = {
        "aurc": weighted_aurc(confidence, risk, weights),
        "risk": weighted_mean(risk, weights),
        "failures": weighted_mean(np.where(np.isnan(risk), np.nan, failed), weights),
        "flagged": weighted_mean(np.where(failed & ~np.isnan(risk), flagged, np.nan), weights),
        "confidence": weighted_mean(confidence, weights),
    }
    if "damage" in table.metrics:
        found["damage"] = weighted_mean(table.metrics["damage"], weights)
    if table.task == "segmentation":
        keys = ("dice", "jaccard", "boundary_f1_2px")
        found |= {key: weighted_mean(table.metrics[key], weights) for key in keys if key in table.metrics}
        if table.histograms is not None:
            found["ece"] = _pooled_ece(table.histograms, weights)
        return found
    return found | _classes(table, weights)


def weighted_mean(values: NDArray[np.floating] | BoolArray, weights: Float64Array) -> Float64Array:
    """(weighting,) mean of the defined values; NaN without any."""
    numbers = np.asarray(values, np.float64)
    known = ~np.isnan(numbers)
    return ratio(weights[:, known] @ numbers[known], weights[:, known].sum(axis=1))


def weighted_aurc(confidence: Float64Array, risk: Float64Array, weights: Float64Array) -> Float64Array:
    """(weighting,) AURC by the trapezoid rule, ties entering together; see `selective.risk_coverage`.

    Units with an undefined confidence or risk are left out.

    >>> weighted_aurc(np.array([0.9, 0.1]), np.array([0.0, 1.0]), np.ones((1, 2)))
    array([0.125])
    """
    known = ~(np.isnan(confidence) | np.isnan(risk))
    order = np.argsort(-confidence[known], kind="stable")
    conf, cost = confidence[known][order], risk[known][order]
    if not conf.size:
        return np.full(len(weights), np.nan)
    ordered = weights[:, known][:, order]
    last = np.flatnonzero(np.append(conf[1:] != conf[:-1], True))
    accepted = np.cumsum(ordered, axis=1)[:, last]
    selective = ratio(np.cumsum(ordered * cost, axis=1)[:, last], accepted)
    total = accepted[:, -1:]
    coverage = ratio(accepted, np.broadcast_to(total, accepted.shape))
    # Until a drawn unit is accepted nothing is: there the curve keeps its first value, over no width.
    selective = _filled_from_right(selective)
    before = np.concatenate([selective[:, :1], selective[:, :-1]], axis=1)
    width = np.diff(coverage, axis=1, prepend=0.0)
    return np.asarray((width * (selective + before)).sum(axis=1) / 2.0)


def _filled_from_right(values: Float64Array) -> Float64Array:
    """Leading NaN of each row become its first number."""
    first = np.argmax(~np.isnan(values), axis=1)
    leading = np.arange(values.shape[1])[None] < first[:, None]
    return np.where(leading, values[np.arange(len(values)), first][:, None], values)


def _risk(table: UnitTable) -> tuple[Float64Array, BoolArray]:
    """(unit,) risk, NaN without a reference, and whether it is a failure."""
    if table.task == "segmentation":
        dice = table.metrics.get("dice", np.full(table.units, np.nan))
        return 1.0 - dice, np.asarray(dice < FAILURE_BELOW, np.bool_)
    failed = wrong(table)
    return np.where(table.has_ref, failed.astype(np.float64), np.nan), failed & table.has_ref


def _pooled_ece(histograms: NDArray[np.float32], weights: Float64Array) -> Float64Array:
    """(weighting,) ECE within REGION, classes and units pooled."""
    within = histograms[:, CALIBRATION_REGIONS.index(REGION)].sum(axis=1, dtype=np.float64)
    bins = level_bins(BINS)
    first = np.flatnonzero(np.append(True, bins[1:] != bins[:-1]))
    binned = np.add.reduceat(within, first, axis=-1)
    drawn = np.tensordot(weights, binned, axes=1)
    found = ece(drawn)
    return np.where(drawn[:, 0].sum(axis=1) > 0, found, np.nan)


def _classes(table: UnitTable, weights: Float64Array) -> dict[str, Float64Array]:
    assert table.prob is not None and table.label is not None
    known = table.has_ref & ~np.isnan(table.prob).any(axis=1)
    prob, label, own = table.prob[known], table.label[known], weights[:, known]
    multilabel = table.task == "multilabel"
    predicted = prob > 0.5 if multilabel else prob == prob.max(axis=1, keepdims=True)
    ranks = np.stack([ranking_metrics(ranked(p, y), own) for p, y in zip(prob.T, label.T, strict=True)])
    names = ("auroc", "auprc", "sensitivity_at_95_specificity")
    found = {name: _macro(ranks[..., place]) for place, name in enumerate(names)}
    hits = own @ (predicted & label).astype(np.float64)
    either = own @ predicted.astype(np.float64) + own @ label.astype(np.float64)
    return found | {
        "f1": _macro(ratio(2.0 * hits, either).T),
        "ece": _class_ece(prob, label, own, multilabel),
    }


def _macro(by_class: Float64Array) -> Float64Array:
    """Mean over the classes that are defined, (class, weighting) to (weighting,)."""
    known = ~np.isnan(by_class)
    return ratio(np.where(known, by_class, 0.0).sum(axis=0), known.sum(axis=0).astype(np.float64))


def _class_ece(prob: Float64Array, label: BoolArray, weights: Float64Array, multilabel: bool) -> Float64Array:
    if multilabel:
        stated, event, own = prob.ravel(), label.ravel(), np.repeat(weights, prob.shape[1], axis=1)
    else:
        best = prob.argmax(axis=1)
        rows = np.arange(len(prob))
        stated, event, own = prob[rows, best], label[rows, best], weights
    into = np.clip(np.ceil(stated * BINS).astype(np.int64) - 1, 0, BINS - 1)
    one_hot = np.eye(BINS)[into]
    sums = np.stack(
        [own @ (one_hot * each[:, None]) for each in (np.ones_like(stated), stated, event)], axis=1
    )
    return ece(sums)
