"""What is known about a training, and what its audit says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.config import Frozen
from core.types import Float64Array

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
Evidence = Literal["fold table", "confusion", "curves", "attention", "threshold", "cases", "summary", "study"]
"""What a finding rests on, for a page that opens it."""
Weights = Literal["", "best", "final"]
Divisor = Literal["", "n", "n-1"]

SMALLEST_TOLERANCE = 1e-6
"""Of a score in [0, 1] whatever its digits: metrics are often computed in float32 and printed in full."""


class Figure(Frozen):
    """A reported number. unit: one unit of its last reported place, 0.0001 for 0.7890."""

    value: float
    unit: float

    @property
    def half(self) -> float:
        """Largest distance from the true value if it was rounded to the nearest."""
        return max(self.unit / 2.0, SMALLEST_TOLERANCE) + 1e-12

    def fits(self, value: float, slack: float = 0.0) -> bool:
        """Whether `value`, uncertain by `slack`, may be written like this."""
        return abs(value - self.value) <= self.half + slack


class NamedScore(Frozen):
    """One score of one fold. key: see core.audit.scores.SCORES."""

    key: str
    figure: Figure


class Curve(Frozen):
    """One quantity over the epochs. split: "train" or "validation". key: "loss" or a score's key."""

    split: Literal["train", "validation"]
    key: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]


class AttentionPoint(Frozen):
    """Spread of attention at one epoch, mean over the bags; None where not logged or undefined.

    empty: the weights of a bag were all zero.
    """

    epoch: int
    entropy: float | None = None
    normalised_entropy: float | None = None
    top1: float | None = None
    effective_exp: float | None = None
    effective_inverse: float | None = None
    selection_confidence: float | None = None
    empty: bool = False


class Losses(Frozen):
    """Validation loss at the best and at the final epoch, where no curve is given."""

    best: float
    final: float


class Fold(Frozen):
    """One fold, as reported or logged. None or empty: not given.

    counts: cases per class. confusion: (reference, predicted). scores: the reported headline; best_scores and
    final_scores: those of the best and the final epoch. weights: which of the two `scores` are said to be.
    """

    name: str
    counts: tuple[int, ...] | None = None
    confusion: tuple[tuple[int, ...], ...] | None = None
    scores: tuple[NamedScore, ...] = ()
    best_scores: tuple[NamedScore, ...] = ()
    final_scores: tuple[NamedScore, ...] = ()
    best_epoch: int | None = None
    final_epoch: int | None = None
    weights: Weights = ""
    losses: Losses | None = None
    curves: tuple[Curve, ...] = ()
    attention: tuple[AttentionPoint, ...] = ()

    def score(self, key: str) -> Figure | None:
        """The reported score of that key."""
        return next((each.figure for each in self.scores if each.key == key), None)

    def curve(self, split: str, key: str) -> Curve | None:
        """The curve of that split and key."""
        return next((each for each in self.curves if (each.split, each.key) == (split, key)), None)


class ReportedSummary(Frozen):
    """Reported mean and SD of one score over the folds."""

    key: str
    mean: Figure | None = None
    sd: Figure | None = None


@dataclass(frozen=True, eq=False)
class CaseTable:
    """Predictions (row,): fold, case, group and input digest ("" = not given), and whether a training row.

    label: (row,) index of the class. prob: (row, class) in [0, 1].
    """

    fold: tuple[str, ...]
    case: tuple[str, ...]
    group: tuple[str, ...]
    digest: tuple[str, ...]
    training: NDArray[np.bool_]
    label: NDArray[np.intp]
    prob: Float64Array

    def rows(self, fold: str, *, training: bool = False) -> NDArray[np.intp]:
        """Places of the rows of a fold, either those it is judged on or those it was trained on."""
        return np.flatnonzero((self._number == self._numbers.get(fold, -1)) & (self.training == training))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(dict.fromkeys(self.fold))}

    @cached_property
    def _number(self) -> NDArray[np.intp]:
        """(row,) the fold's number: with many folds comparing names again and again takes long."""
        return np.array([self._numbers[name] for name in self.fold], np.intp)


@dataclass(frozen=True, eq=False)
class Study:
    """A cross-validated training. positive: index of the class that sensitivity, PPV and binary F1 speak of.

    f1: the variant that the scores called F1 are said to be, "" = not said. mil: it pools by attention.
    left_out: files beside the others that are about something else.
    """

    title: str
    classes: tuple[str, ...]
    positive: int
    folds: tuple[Fold, ...]
    summary: tuple[ReportedSummary, ...] = ()
    cases: CaseTable | None = None
    f1: str = ""
    sd_divisor: Divisor = ""
    mil: bool = False
    sources: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def class_words(self) -> tuple[str, ...]:
        """The classes as a sentence calls them: a bare number is no name."""
        return tuple(f"class {name}" if name.isdigit() else name for name in self.classes)


class Finding(Frozen):
    """One finding. where: "fold 0", "fold 0, high-grade", "summary, accuracy", "AUC" or "study".

    folds: names of the folds it is about, empty = all. rests_on: what shows it.
    """

    code: str
    severity: Severity
    where: str
    evidence: str
    advice: str
    title: str
    folds: tuple[str, ...] = ()
    rests_on: Evidence = "study"


class ScoreValue(Frozen):
    """One score of a fold with its 95 % interval, if one can be said. reported: as given, else computed."""

    key: str
    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    reported: bool = False


class FoldRow(Frozen):
    """One fold in the answer.

    f1_fits: variants of F1 that the reported F1 may be. best_from: where the best epoch is known from.
    loss_best, loss_final: validation loss.
    """

    fold: str
    cases: int | None
    counts: tuple[int, ...] | None
    confusion: tuple[tuple[int, ...], ...] | None
    scores: tuple[ScoreValue, ...]
    f1_fits: tuple[str, ...] = ()
    best_epoch: int | None = None
    best_from: Literal["", "given", "lowest validation loss"] = ""
    final_epoch: int | None = None
    loss_best: float | None = None
    loss_final: float | None = None
    curves: tuple[Curve, ...] = ()
    attention: tuple[AttentionPoint, ...] = ()


class ScoreSummary(Frozen):
    """One score over the folds. sd: divisor n-1, None for one fold; sd_n: divisor n.

    low, high: 95 % interval of the mean (Student's t, folds taken as independent, which they are not quite).
    """

    key: str
    label: str
    folds: int
    mean: float
    sd: float | None
    sd_n: float | None
    minimum: float
    maximum: float
    low: float | None = None
    high: float | None = None
    reported_mean: float | None = None
    reported_sd: float | None = None


class FoldThreshold(Frozen):
    """A threshold for the positive class, fitted elsewhere and tried on the fold.

    fitted_on: where. before, after: balanced accuracy on the fold at 0.5 and at the threshold, with the
    interval of the gain, 99 % for all folds together.
    """

    fold: str
    threshold: float
    fitted_on: Literal["training part of the fold", "other folds"]
    before: float
    after: float
    gain: float
    low: float
    high: float


class Recommendation(Frozen):
    """Something to do. answers: codes of the findings it answers."""

    key: str
    title: str
    text: str
    answers: tuple[str, ...]


class Audit(Frozen):
    """Everything that an audit says.

    held: what was looked at and is as it must be. not_checked: what could not be looked at, and why.
    """

    title: str
    verdict: str
    findings: tuple[Finding, ...]
    folds: tuple[FoldRow, ...]
    classes: tuple[str, ...] = ()
    summary: tuple[ScoreSummary, ...] = ()
    thresholds: tuple[FoldThreshold, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    held: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def count(self, severity: Severity) -> int:
        """How many findings have that severity."""
        return sum(each.severity == severity for each in self.findings)
