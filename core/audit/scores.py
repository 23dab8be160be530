"""Scores of a confusion matrix, their names, and the intervals of what few cases can say."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from core.types import Float64Array

Matrix = Sequence[Sequence[int]]
"""Counts (reference, predicted)."""


@dataclass(frozen=True)
class ScoreSpec:
    """One score. consistency: its name in mlscorecheck, "" for none. aliases: other names in files."""

    key: str
    label: str
    aliases: tuple[str, ...] = ()
    consistency: str = ""


SCORES: tuple[ScoreSpec, ...] = (
    ScoreSpec("auc", "AUC", ("auroc", "roc_auc", "rocauc", "auc_roc")),
    ScoreSpec("accuracy", "accuracy", ("acc",), "acc"),
    ScoreSpec("balanced_accuracy", "balanced accuracy", ("bacc", "balanced_acc", "bal_acc"), "bacc"),
    ScoreSpec("sensitivity", "sensitivity", ("sens", "recall", "tpr"), "sens"),
    ScoreSpec("specificity", "specificity", ("spec", "tnr"), "spec"),
    ScoreSpec("f1", "F1", ("f1_score", "f1score")),
    ScoreSpec("f1_binary", "F1 of the positive class", ("f1p", "binary_f1"), "f1p"),
    ScoreSpec("f1_macro", "macro F1", ("macro_f1",)),
    ScoreSpec("f1_weighted", "weighted F1", ("weighted_f1",)),
    ScoreSpec("ppv", "positive predictive value", ("precision",), "ppv"),
    ScoreSpec("npv", "negative predictive value", (), "npv"),
    ScoreSpec("fm", "Fowlkes-Mallows index", ("fowlkes_mallows",), "fm"),
)
F1_VARIANTS = ("binary", "macro", "weighted", "micro")
BINARY_ONLY = ("sensitivity", "specificity", "ppv", "npv", "fm")


def score_spec(key: str) -> ScoreSpec:
    """The row of SCORES; raises KeyError."""
    return next(each for each in SCORES if each.key == key)


def score_key(name: str) -> str | None:
    """Key of a score by any of its names, None for another name.

    >>> score_key("AUROC"), score_key("Balanced accuracy"), score_key("colour")
    ('auc', 'balanced_accuracy', None)
    """
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return next((each.key for each in SCORES if plain == each.key or plain in each.aliases), None)


def matrix_scores(matrix: Matrix, positive: int) -> dict[str, float]:
    """Every score that a confusion matrix gives; what is undefined is left out.

    F1 of a class without a predicted and a reference case is 0, as scikit-learn has it. Sensitivity,
    specificity, predictive values and binary F1 only for two classes.
    """
    counts = np.asarray(matrix, np.float64)
    total, right = counts.sum(), np.diag(counts)
    reference, predicted = counts.sum(axis=1), counts.sum(axis=0)
    if not total:
        return {}
    occurs = reference > 0
    found = {
        "accuracy": float(right.sum() / total),
        "balanced_accuracy": float((right[occurs] / reference[occurs]).mean()),
    }
    f1 = 2.0 * right / np.maximum(reference + predicted, 1.0)
    # scikit-learn averages over classes that occur in reference or prediction.
    named = reference + predicted > 0
    found["f1_macro"] = float(f1[named].mean())
    found["f1_weighted"] = float((f1 * reference).sum() / total)
    found["f1_micro"] = found["accuracy"]
    if len(counts) == 2:
        tp, tn = right[positive], right[1 - positive]
        found["f1_binary"] = float(f1[positive])
        parts = {
            "sensitivity": (tp, reference[positive]),
            "specificity": (tn, reference[1 - positive]),
            "ppv": (tp, predicted[positive]),
            "npv": (tn, predicted[1 - positive]),
        }
        found |= {key: float(a / b) for key, (a, b) in parts.items() if b}
        if "ppv" in found and "sensitivity" in found:
            found["fm"] = math.sqrt(found["ppv"] * found["sensitivity"])
    return found


@lru_cache(maxsize=16)
def f1_table(positives: int, negatives: int) -> dict[str, Float64Array]:
    """Every score for each pair (tp, tn), arrays (positives + 1, negatives + 1); NaN where undefined.

    Kept for the next fold of that size: do not change the arrays.
    """
    tp = np.arange(positives + 1, dtype=np.float64)[:, None]
    tn = np.arange(negatives + 1, dtype=np.float64)[None, :]
    fn, fp = positives - tp, negatives - tn
    total = positives + negatives
    with np.errstate(invalid="ignore", divide="ignore"):
        one = np.nan_to_num(2 * tp / (2 * tp + fp + fn))
        other = np.nan_to_num(2 * tn / (2 * tn + fp + fn))
        sensitivity, specificity = tp / positives + 0 * tn, tn / negatives + 0 * tp
        ppv, npv = tp / (tp + fp), tn / (tn + fn)
        return {
            "accuracy": (tp + tn) / total,
            "sensitivity": sensitivity,
            "specificity": specificity,
            "balanced_accuracy": (sensitivity + specificity) / 2,
            "ppv": ppv,
            "npv": npv,
            "fm": np.sqrt(ppv * sensitivity),
            "f1_binary": one,
            "f1_macro": (one + other) / 2,
            "f1_weighted": (one * positives + other * negatives) / total,
            "f1_micro": (tp + tn) / total,
        }


def auc_error(auc: float, positives: int, negatives: int) -> float:
    """Standard error of an AUC. Source: Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747.

    >>> round(auc_error(0.9095, 42, 15), 3)
    0.038
    """
    q1, q2 = auc / (2.0 - auc), 2.0 * auc**2 / (1.0 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    return math.sqrt(max(spread, 0.0) / (positives * negatives))
