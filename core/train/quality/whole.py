"""Whole studies: how their score follows from the slices, and how well it ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from core.config import Frozen
from core.detector import GOOD_DICE, QUALITY, QUALITY_DICE
from core.metrics.classes.ranking import ranked, ranking_metrics
from core.metrics.draws import draw_groups
from core.metrics.selective.coverage_bootstrap import bootstrap_areas
from core.train.common.numbers import BOOTSTRAP_SEED
from core.train.quality.detectors import NETWORK_RULE
from core.train.quality.numbers import REPLICATES
from core.train.quality.studies import DetectedStudy
from core.types import Estimate, Float64Array
from core.uncertainty import SCORES

POOLS: Mapping[str, tuple[str, Callable[[Float64Array, Float64Array], float]]] = {
    "mean": ("mean over slices with an outline", lambda values, areas: float(values[areas > 0].mean())),
    "lowest": ("lowest of the slices with an outline", lambda values, areas: float(values[areas > 0].min())),
    "by area": ("mean weighted by area", lambda values, areas: float(np.average(values, weights=areas))),
    "all": ("mean over all slices", lambda values, areas: float(values.mean())),
}
"""Ways from slices to a study; where nothing is outlined at all, each takes the lowest of all slices."""


class StudyRow(Frozen):
    """One score of whole studies: normalised AURC by the risk 1 - Dice, and AUROC of IoU <= 0.7."""

    label: str
    normalised_aurc: Estimate
    auroc: Estimate


class StudyTable(Frozen):
    """failed: IoU of the whole study <= 0.7. flagged: (label, flagged failed studies, flagged good ones)."""

    studies: int
    failed: int
    rows: tuple[StudyRow, ...]
    flagged: tuple[tuple[str, int, int], ...]


def study_table(studies: Sequence[DetectedStudy]) -> StudyTable:
    """All ways of pooling both answers of the network, beside every confidence score of a study."""
    failed = np.array([each.whole_dice <= GOOD_DICE for each in studies])
    rows = [
        _row(f"{spec.label}, {label}", [_pooled(each, spec.key, key) for each in studies], studies)
        for spec in (QUALITY, QUALITY_DICE)
        for key, (label, _) in POOLS.items()
    ]
    for spec in SCORES:
        values = [next(s.value for s in each.scores if s.key == spec.key) for each in studies]
        if all(value is not None for value in values):
            rows.append(_row(spec.label, [value for value in values if value is not None], studies))
    alarms = {
        "any rule over shape or neighbours, or the whole study": [_by_rules(each) for each in studies],
        "network": [any(NETWORK_RULE in own for own in each.fired) for each in studies],
    }
    alarms["either"] = [a or b for a, b in zip(*alarms.values(), strict=True)]
    flagged = tuple(
        (label, int((np.array(own) & failed).sum()), int((np.array(own) & ~failed).sum()))
        for label, own in alarms.items()
    )
    return StudyTable(studies=len(studies), failed=int(failed.sum()), rows=tuple(rows), flagged=flagged)


def _by_rules(study: DetectedStudy) -> bool:
    return bool(study.on_study) or any(own - {NETWORK_RULE} for own in study.fired)


def _pooled(study: DetectedStudy, score: str, pool: str) -> float:
    values = np.array([next(s.value for s in each.scores if s.key == score) for each in study.slices], float)
    return POOLS[pool][1](values, study.area_pred) if study.area_pred.any() else float(values.min())


def _row(label: str, confidence: Sequence[float], studies: Sequence[DetectedStudy]) -> StudyRow:
    risk = np.array([1.0 - each.whole_dice for each in studies])
    names = [each.patient for each in studies]
    values = np.array(confidence)
    areas = bootstrap_areas(values, risk, names, seed=BOOTSTRAP_SEED)
    draws = draw_groups(names, seed=BOOTSTRAP_SEED, replicates=REPLICATES)
    weights = draws.weights.astype(np.float64)[:, draws.index]
    failed = risk >= 1.0 - GOOD_DICE
    found = ranking_metrics(ranked(-values, failed), np.concatenate([np.ones((1, len(names))), weights]))
    return StudyRow(
        label=label,
        normalised_aurc=areas["normalised_aurc"],
        auroc=draws.estimate(float(found[0, 0]), found[1:, 0]),
    )
