"""Did a class collapse, is one rare, are there too few cases to say?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np

from core.audit.codes import finding
from core.audit.facts import Facts
from core.audit.records import Finding, FoldThreshold, Study
from core.audit.scores import matrix_scores
from core.metrics.reliability.calibration import wilson

HARDLY_EVER = 1.0 / 3.0
"""A class is hardly ever predicted when its share of the predictions is below this part of its true share."""
RARE = 0.4
"""A class is rare when it has less than this part of an equal share; of two classes, below 20 %."""
ASSUMED_RECALL = 0.75
"""Of a class whose recall is not given, nor an accuracy to take for it."""
WIDEST = 0.25
"""Largest width of the 95 % interval of a class's recall over all folds."""
GOOD_AUC = 0.8
SHORTFALL = 0.15
"""By how much balanced accuracy has to miss what the AUC promises, where no predictions are given."""
GAIN = 0.05
"""Least gain in balanced accuracy for which a threshold is called off."""
STANDARD = NormalDist()


def class_findings(study: Study, facts: tuple[Facts, ...]) -> Iterator[Finding]:
    """Collapse in each fold; rare and too few classes over all folds."""
    for each in facts:
        yield from _collapse(study, each)
    if any(each.counts is None for each in facts) or not facts:
        return
    totals = np.sum([each.counts or () for each in facts], axis=0)
    yield from _imbalance(study, totals.tolist())
    yield from _too_few(study, facts, totals.tolist())


def _collapse(study: Study, facts: Facts) -> Iterator[Finding]:
    if facts.confusion is None:
        return
    matrix = np.array(facts.confusion)
    total = int(matrix.sum())
    for k, name in enumerate(study.class_words):
        true, predicted, right = int(matrix[k].sum()), int(matrix[:, k].sum()), int(matrix[k, k])
        if not true or predicted >= HARDLY_EVER * true:
            continue
        # Few cases of a class may all be missed by bad luck: its recall has to be below one half for sure.
        if float(wilson(np.array(float(right)), np.array(float(true)))[1]) >= 0.5:
            continue
        balanced = matrix_scores(facts.confusion, study.positive)["balanced_accuracy"]
        auc = facts.value("auc")
        beside = f" beside an AUC of {auc:.4f}" if auc is not None else ""
        said = (
            f"{name} is {true} of {total} cases and is predicted for {predicted}; {right} of {true} are "
            f"right. "
            f"Balanced accuracy is {balanced:.3f}{beside}."
        )
        yield finding("class-collapse", f"{facts.where}, {name}", said, [facts.name])


def _imbalance(study: Study, totals: list[int]) -> Iterator[Finding]:
    whole = sum(totals)
    for name, n in zip(study.class_words, totals, strict=True):
        if whole and n / whole < RARE / len(totals):
            yield finding(
                "class-imbalance", f"study, {name}", f"{name} is {n} of {whole} cases, {n / whole:.1%}."
            )


def _too_few(study: Study, facts: tuple[Facts, ...], totals: list[int]) -> Iterator[Finding]:
    matrices = [each.confusion for each in facts]
    known = all(each is not None for each in matrices)
    summed = np.sum([np.array(each) for each in matrices], axis=0) if known else None
    accuracies = [value for each in facts if (value := each.value("accuracy")) is not None]
    assumed = float(np.mean(accuracies)) if accuracies else ASSUMED_RECALL
    for k, (name, n) in enumerate(zip(study.class_words, totals, strict=True)):
        right = float(summed[k, k]) if summed is not None else n * assumed
        low, high = wilson(np.array(right), np.array(float(n)))
        if not n or high - low > WIDEST:
            recall = f"{right / n:.2f} [{low:.2f}, {high:.2f}]" if n and known else "unknown"
            said = f"{name} has {n} cases in all folds together; its recall is {recall}."
            yield finding("too-few-cases", f"study, {name}", said)


def threshold_findings(
    study: Study, facts: tuple[Facts, ...], thresholds: tuple[FoldThreshold, ...], contradicted: set[str]
) -> Iterator[Finding]:
    """Good ranking, bad threshold: measured where predictions are given, else from AUC and matrix.

    contradicted: folds whose matrix contradicts their scores: AUC and matrix may be of different weights.
    """
    off = [each for each in thresholds if each.gain >= GAIN and each.low > 0.0]
    if not off:
        yield from _off_together(thresholds)
    for each in off:
        said = (
            f"A threshold of {each.threshold:.3f} instead of 0.5, fitted on the {each.fitted_on}, "
            f"changes balanced "
            f"accuracy from {each.before:.3f} to {each.after:.3f} (gain 99 % [{each.low:.3f}, "
            f"{each.high:.3f}])."
        )
        yield finding("threshold-off", f"fold {each.fold}", said, [each.fold])
    measured = {each.fold for each in thresholds}
    for own in facts:
        if own.name not in measured | contradicted:
            yield from _promised(study, own)


def _off_together(thresholds: tuple[FoldThreshold, ...]) -> Iterator[Finding]:
    """A gain that no fold shows for sure and all of them together do."""
    if len(thresholds) < 2:
        return
    gain = float(np.mean([each.gain for each in thresholds]))
    half = math.sqrt(sum(((each.high - each.low) / 2) ** 2 for each in thresholds)) / len(thresholds)
    if gain >= GAIN and gain - half > 0.0:
        said = (
            f"Thresholds fitted on the {thresholds[0].fitted_on} gain {gain:.3f} [{gain - half:.3f}, "
            f"{gain + half:.3f}] in balanced accuracy over the {len(thresholds)} folds."
        )
        yield finding("threshold-off", "all folds", said)


def _promised(study: Study, facts: Facts) -> Iterator[Finding]:
    auc = facts.value("auc")
    if auc is None or facts.confusion is None or len(study.classes) != 2 or not GOOD_AUC <= auc < 1.0:
        return
    rows = [sum(row) for row in facts.confusion]
    if min(rows) == 0:
        return
    recall = [row[k] / n for k, (row, n) in enumerate(zip(facts.confusion, rows, strict=True))]
    balanced = sum(recall) / 2
    # Two normal distributions of one width: AUC = Phi(d / sqrt 2), best balanced accuracy = Phi(d / 2).
    promised = STANDARD.cdf(STANDARD.inv_cdf(auc) / math.sqrt(2.0))
    error = math.sqrt(promised * (1 - promised) * sum(1 / n for n in rows)) / 2
    if promised - balanced > max(SHORTFALL, 3 * error):
        said = (
            f"An AUC of {auc:.4f} goes with a balanced accuracy of about {promised:.2f} at the best "
            f"threshold (equal "
            f"normal distributions); the matrix has {balanced:.3f}."
        )
        yield finding("threshold-off", facts.where, said, [facts.name])
