"""Several runs side by side, such as one that collapsed and the same one cured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.audit.records import Audit
from core.config import Frozen

SHOWN = ("auc", "balanced_accuracy", "sensitivity", "specificity")


class RunRow(Frozen):
    """One run. Scores: mean over its folds, None where unknown; sensitivity and specificity of the positive
    class. predicted_positive: share of the cases given it. top1, normalised_entropy, effective_exp: attention
    at the last logged epoch, mean over folds. findings: (severity, where, evidence), the worst first.
    """

    title: str
    folds: int
    auc: float | None
    balanced_accuracy: float | None
    sensitivity: float | None
    specificity: float | None
    predicted_positive: float | None
    top1: float | None
    normalised_entropy: float | None
    effective_exp: float | None
    findings: tuple[tuple[str, str, str], ...]


def compare_runs(runs: Sequence[tuple[str, Audit]]) -> tuple[RunRow, ...]:
    """One row per titled audit, in their order; nothing is recomputed but means over folds."""
    return tuple(_row(title, audit) for title, audit in runs)


def _row(title: str, audit: Audit) -> RunRow:
    scores = {key: _score(audit, key) for key in SHOWN}
    last = [fold.attention[-1] for fold in audit.folds if fold.attention]
    return RunRow(
        title=title,
        folds=len(audit.folds),
        **scores,
        predicted_positive=_predicted(audit),
        top1=_mean([each.top1 for each in last]),
        normalised_entropy=_mean([each.normalised_entropy for each in last]),
        effective_exp=_mean([each.effective_exp for each in last]),
        findings=tuple((each.severity, each.where, each.evidence) for each in audit.findings),
    )


def _score(audit: Audit, key: str) -> float | None:
    found = [each.value for fold in audit.folds for each in fold.scores if each.key == key]
    return _mean(found)


def _predicted(audit: Audit) -> float | None:
    """Share of the cases of two-class folds that are given the last class."""
    tables = [np.array(fold.confusion) for fold in audit.folds if fold.confusion and len(fold.confusion) == 2]
    total = sum(int(each.sum()) for each in tables)
    return sum(int(each[:, 1].sum()) for each in tables) / total if total else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return float(np.mean(known)) if known else None
