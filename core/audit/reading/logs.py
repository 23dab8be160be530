"""Logged metrics to folds with curves, whoever wrote the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from core.audit.reading.names import attention_name, curve_name
from core.audit.records import AttentionPoint, Curve, Fold

MOST_POINTS = 200_000
"""Of one log."""


@dataclass(frozen=True)
class Logged:
    """One value of a metric. run: which training it belongs to, "" = the only one of the file."""

    run: str
    name: str
    epoch: int
    value: float


def folds_of(points: Iterable[Logged]) -> dict[str, Fold]:
    """For each run a fold with its curves and attention; the last value of an epoch counts.

    Metrics of unknown names are left out.
    """
    runs: dict[str, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for each in points:
        runs[each.run][each.name][each.epoch] = each.value
    found = {run: _fold(metrics) for run, metrics in runs.items()}
    return {run: fold for run, fold in found.items() if fold.curves or fold.attention}


def _fold(metrics: dict[str, dict[int, float]]) -> Fold:
    curves: dict[tuple[str, str], Curve] = {}
    spread: dict[int, dict[str, float]] = defaultdict(dict)
    for name in sorted(metrics, key=lambda each: (len(each), each)):
        series = dict(sorted(metrics[name].items()))
        known, diagnostic = curve_name(name), attention_name(name)
        if diagnostic:
            for epoch, value in series.items():
                spread[epoch].setdefault(diagnostic, value)
        elif known and known not in curves:
            curves[known] = Curve(
                split=known[0], key=known[1], epochs=tuple(series), values=tuple(series.values())
            )
    last = max((each.epochs[-1] for each in curves.values()), default=None)
    return Fold(
        name="", final_epoch=last, curves=tuple(curves.values()),
        attention=tuple(AttentionPoint(epoch=epoch, **spread[epoch]) for epoch in sorted(spread)),
    )  # fmt: skip
