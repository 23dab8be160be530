"""What a fold offers to the checks: reported figures, and what its predictions give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.audit.records import CaseTable, Fold, Study
from core.audit.scores import matrix_scores
from core.metrics.classes.ranking import ranked, ranking_metrics
from core.types import Float64Array


@dataclass(frozen=True, eq=False)
class Facts:
    """One fold. counts, confusion: as reported, else of the predictions. computed: scores of these."""

    fold: Fold
    counts: tuple[int, ...] | None
    confusion: tuple[tuple[int, ...], ...] | None
    computed: Mapping[str, float]

    @property
    def name(self) -> str:
        """The fold's name."""
        return self.fold.name

    @property
    def where(self) -> str:
        """How findings name it."""
        return f"fold {self.fold.name}"

    @property
    def cases(self) -> int | None:
        """Number of cases."""
        return sum(self.counts) if self.counts else None

    def value(self, key: str) -> float | None:
        """A score: reported, else computed from the predictions."""
        figure = self.fold.score(key)
        return figure.value if figure else self.computed.get(key)


def facts_of(study: Study) -> tuple[Facts, ...]:
    """The facts of every fold, in order."""
    return tuple(_facts(study, fold) for fold in study.folds)


def _facts(study: Study, fold: Fold) -> Facts:
    confusion = fold.confusion
    computed: dict[str, float] = {}
    if study.cases is not None and len(study.cases.rows(fold.name)):
        own, computed = of_cases(study.cases, fold.name, study.positive, len(study.classes))
        confusion = confusion or own
    counts = fold.counts or (tuple(sum(row) for row in confusion) if confusion else None)
    return Facts(fold, counts, confusion, computed)


def of_cases(
    cases: CaseTable, fold: str, positive: int, classes: int
) -> tuple[tuple[tuple[int, ...], ...], dict[str, float]]:
    """Confusion matrix and every score of the cases that a fold is judged on.

    The predicted class is the likeliest, the first of equals. AUC: of two classes that of the positive one,
    of more the mean of one against the rest over the classes that occur.
    """
    rows = cases.rows(fold)
    label, prob = cases.label[rows], cases.prob[rows]
    predicted = prob.argmax(axis=1)
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (label, predicted), 1)
    confusion = tuple(tuple(int(each) for each in row) for row in matrix)
    scores = matrix_scores(confusion, positive)
    ranks = [positive] if classes == 2 else range(classes)
    areas = [area for k in ranks if (area := auc_of(prob[:, k], label == k)) is not None]
    if areas:
        scores["auc"] = float(np.mean(areas))
    return confusion, scores


def auc_of(score: Float64Array, positive: np.typing.NDArray[np.bool_]) -> float | None:
    """AUC of one class against the rest, ties one half; None where one side is missing."""
    if positive.all() or not positive.any():
        return None
    return float(ranking_metrics(ranked(score, positive), np.ones((1, len(score))))[0, 0])
