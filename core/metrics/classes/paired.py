"""Two classifiers on the same units: the difference of each metric, patients drawn once for both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.metrics.classes.classification import RANKING, macro, predicted_classes
from core.metrics.classes.ranking import ranked, ranking_metrics
from core.metrics.draws import Draws
from core.types import BoolArray, Estimate, Float64Array

MOST_WEIGHTS = 250_000
"""Weights worked on at once: few enough to stay in a processor cache."""


def paired_differences(
    prob: Float64Array, other: Float64Array, label: BoolArray, class_names: Sequence[str], draws: Draws
) -> dict[str, Estimate]:
    """First minus second: accuracy, and each ranking metric as macro mean and per class (`auroc:viral`).

    prob, other: (unit, class) probabilities that add up to 1; label: (unit, class) reference. The interval is
    of the difference itself, each draw of patients taken for both, so that what is hard for both cancels.
    Source: Efron and Tibshirani 1993, chapter 13.
    """
    one, two = (_drawn(each, label, draws) for each in (prob, other))
    found = {}
    for place, key in enumerate(RANKING):
        point, replicates = (one[k][..., place] - two[k][..., place] for k in (0, 1))
        known = ~np.isnan(point[0])
        found[key] = draws.estimate(float(macro(point, known)[0]), macro(replicates, known))
        for index, name in enumerate(class_names):
            found[f"{key}:{name}"] = draws.estimate(float(point[0, index]), replicates[:, index])
    right = [_right(each, label) for each in (prob, other)]
    found["accuracy"] = draws.mean(right[0] - right[1])
    return found


def _right(prob: Float64Array, label: BoolArray) -> Float64Array:
    return np.asarray((predicted_classes(prob, False) == label).all(axis=1), np.float64)


def _drawn(prob: Float64Array, label: BoolArray, draws: Draws) -> tuple[Float64Array, Float64Array]:
    """Ranking metrics (1, class, metric) of all units, and (draw, class, metric)."""
    rankings = [ranked(prob[:, index], label[:, index]) for index in range(prob.shape[1])]
    every = np.ones((1, len(prob)))
    parts = [np.empty((0, len(rankings), len(RANKING)))]
    chunk = max(1, MOST_WEIGHTS // max(len(prob), 1))
    for first in range(0, len(draws.weights), chunk):
        weights = draws.weights[first : first + chunk].astype(np.float64)[:, draws.index]
        parts.append(np.stack([ranking_metrics(each, weights) for each in rankings], axis=1))
    return np.stack([ranking_metrics(each, every) for each in rankings], axis=1), np.concatenate(parts)
