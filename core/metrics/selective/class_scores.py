"""Confidence of a classification from its class probabilities alone; the first row is the default.

With several findings at once each finding is a two-class question, and the least confident one decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from core.types import Float64Array, UnitTable

Rule = Callable[[Float64Array], Float64Array]
"""(unit, class) probabilities that add up to 1 to (unit,) confidence."""


@dataclass(frozen=True)
class ClassScore:
    """One row of the table; higher is safer. upper: of its range, None where it is ln(number of classes)."""

    key: str
    label: str
    help: str
    rule: Rule
    unit: str = ""
    lower: float = 0.0
    upper: float | None = 1.0
    source: str = "Hendrycks and Gimpel 2017, arXiv:1610.02136"


def _highest(prob: Float64Array) -> Float64Array:
    return np.asarray(prob.max(axis=1), np.float64)


def _entropy(prob: Float64Array) -> Float64Array:
    log = np.log(prob, out=np.zeros_like(prob), where=prob > 0)
    return np.asarray(np.log(prob.shape[1]) + (prob * log).sum(axis=1), np.float64)


def _margin(prob: Float64Array) -> Float64Array:
    ranked = np.sort(prob, axis=1)
    return np.asarray(ranked[:, -1] - ranked[:, -2], np.float64)


CLASS_SCORES: tuple[ClassScore, ...] = (
    ClassScore(
        "max_softmax",
        "Highest probability",
        "Probability of the predicted class; with several findings, of the answer to the least certain one.",
        _highest,
    ),
    ClassScore(
        "entropy",
        "Entropy",
        "ln C minus the entropy of the class probabilities: 0 when all classes are equally likely.",
        _entropy,
        unit="nat",
        upper=None,
    ),
    ClassScore(
        "margin",
        "Margin",
        "How far the most likely class lies ahead of the second.",
        _margin,
        source="Scheffer et al. 2001, doi:10.1007/3-540-44816-0_31",
    ),
)


def class_confidence(prob: Float64Array, *, multilabel: bool = False) -> dict[str, Float64Array]:
    """(unit,) confidence by key of CLASS_SCORES; prob: (unit, class), at least two classes unless multilabel.

    multilabel: one probability per finding, which need not add up to 1.

    >>> class_confidence(np.array([[0.5, 0.25, 0.25]]))["margin"].tolist()
    [0.25]
    """
    if not multilabel:
        return {score.key: score.rule(prob) for score in CLASS_SCORES}
    findings = [np.stack([1.0 - each, each], axis=1) for each in prob.T]
    return {
        score.key: np.min([score.rule(finding) for finding in findings], axis=0) for score in CLASS_SCORES
    }


def with_confidence(table: UnitTable) -> UnitTable:
    """The table with the confidences of its probabilities where it has none of its own."""
    if table.confidence or table.prob is None:
        return table
    scores = class_confidence(table.prob, multilabel=table.task == "multilabel")
    return replace(table, confidence=scores, default_confidence=CLASS_SCORES[0].key)
