"""Metrics of a classification: one class out of several, or several findings at once.

Every metric of a class asks "this class or not". With one class out of several the predicted class is the
likeliest; with several findings a finding is predicted above one half. A class that no reference holds has no
metrics: they are undefined and the class is named. Macro = mean over the other classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.errors import InputProblem
from core.metrics.classes.ranking import ranked, ranking_metrics
from core.metrics.draws import Draws, ratio
from core.metrics.evaluation_records import Confusion, EvaluationReport, MetricRow
from core.metrics.units import Units
from core.types import BoolArray, Estimate, Float64Array, Task

CELLS = 250_000
"""Weights worked on at once: few enough to stay in a processor cache."""


@dataclass(frozen=True)
class ClassMetricSpec:
    """One metric. scope: "class" = per class and their mean (macro), "all" = one number for all units.

    tasks: where it makes sense. Bounds are [low, high]; higher is better. undefined: when it is NaN.
    """

    key: str
    label: str
    scope: Literal["class", "all"]
    help: str
    undefined: str
    source: str
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    direction: Literal["higher"] = "higher"
    tasks: tuple[Task, ...] = ("classification", "multilabel")


ABSENT = "a class without a reference unit, or without any other: undefined"
NO_REFERENCE = "a class without a reference unit: undefined"
METRICS_RELOADED = "Maier-Hein et al. 2024, doi:10.1038/s41592-023-02151-z"

CLASS_METRICS: tuple[ClassMetricSpec, ...] = (
    ClassMetricSpec(
        "auroc", "AUROC", "class",
        "Chance that a unit of the class gets a higher probability for it than one of another class.", ABSENT,
        "Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747",
    ),
    ClassMetricSpec(
        "auprc", "AUPRC", "class",
        "Average precision: precision summed over the steps in recall. By chance, the share of the class.",
        NO_REFERENCE, "Davis and Goadrich 2006, doi:10.1145/1143844.1143874",
    ),
    ClassMetricSpec(
        "sensitivity_at_95_specificity", "Sensitivity at 95 % specificity", "class",
        "Highest sensitivity of any threshold with a specificity of at least 95 %, not interpolated.",
        ABSENT, METRICS_RELOADED,
    ),
    ClassMetricSpec(
        "f1", "F1", "class",
        "Twice the right answers divided by predicted plus reference units of the class.",
        NO_REFERENCE, METRICS_RELOADED,
    ),
    ClassMetricSpec(
        "recall", "Recall", "class", "Share of the reference units of the class that were found.",
        NO_REFERENCE, METRICS_RELOADED,
    ),
    ClassMetricSpec(
        "accuracy", "Accuracy", "all", "Share of units given the right class.", "no unit: undefined",
        METRICS_RELOADED, tasks=("classification",),
    ),
    ClassMetricSpec(
        "balanced_accuracy", "Balanced accuracy", "all",
        "Mean recall over the classes that occur; with several findings, mean of sensitivity and specificity "
        "over the findings that occur.",
        NO_REFERENCE, METRICS_RELOADED,
    ),
    ClassMetricSpec(
        "subset_accuracy", "Subset accuracy", "all", "Share of units with every finding right.",
        "no unit: undefined", "Godbole and Sarawagi 2004, doi:10.1007/978-3-540-24775-3_5",
        tasks=("multilabel",),
    ),
)  # fmt: skip

RANKING = ("auroc", "auprc", "sensitivity_at_95_specificity")


def evaluate_classification(units: Units, draws: Draws) -> EvaluationReport:
    """All of CLASS_METRICS, intervals over the drawn patients. Raises InputProblem without probabilities."""
    if units.prob is None or units.label is None:
        raise InputProblem(
            "The table holds no class probabilities", file=units.title, found="no label and prob columns",
            expected="a reference and a probability per class", fix="add label and prob_<class> columns",
        )  # fmt: skip
    prob, label = np.asarray(units.prob, np.float64), units.label
    if np.isnan(prob).any():
        raise InputProblem(
            "A class probability is undefined", file=units.title,
            found=f"{int(np.isnan(prob).any(axis=1).sum())} units",
            expected="numbers from 0 to 1", fix="correct or remove these rows",
        )  # fmt: skip
    predicted = predicted_classes(prob, units.multilabel)
    counted, counted_draws = _both(draws, _cells(label, predicted))
    point, drawn = _rank(prob, label, draws)
    occurs = np.asarray(label.any(axis=0))
    known: BoolArray = occurs & ~(label.all(axis=0) & units.multilabel)
    for key, values in _from_cells(counted, known, units.multilabel).items():
        point[key] = values[0]
    for key, values in _from_cells(counted_draws, known, units.multilabel).items():
        drawn[key] = values
    task: Task = "multilabel" if units.multilabel else "classification"
    return EvaluationReport(
        title="", task=task, level="case", class_names=units.class_names, units=len(units.name),
        without_reference=0, patients=0, rows=_rows(units, label, point, drawn, draws, task),
        confusion=_confusions(units, label, predicted, draws),
        classes_absent=tuple(name for name, some in zip(units.class_names, occurs, strict=True) if not some),
    )  # fmt: skip


def predicted_classes(prob: Float64Array, multilabel: bool) -> BoolArray:
    """(unit, class) bool: the likeliest class (the first of equals), or every finding above one half."""
    if multilabel:
        return np.asarray(prob > 0.5)
    return np.asarray(np.arange(prob.shape[1]) == prob.argmax(axis=1)[:, None])


def _cells(label: BoolArray, predicted: BoolArray) -> Float64Array:
    """(unit, class + 1, 4) of 0 and 1: true and false positive, false and true negative, of each class.

    The last row holds whether the whole answer is right, and 1.
    """
    each = np.stack([label & predicted, ~label & predicted, label & ~predicted, ~label & ~predicted], axis=2)
    right = (label == predicted).all(axis=1)
    whole = np.stack([right, np.ones_like(right), np.zeros_like(right), np.zeros_like(right)], axis=1)
    return np.concatenate([each, whole[:, None]], axis=1).astype(np.float64)


def _both(draws: Draws, cells: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Sums over all units, with a first axis of one, and over each draw."""
    sums = draws.sums(cells)
    return sums.sum(axis=0, keepdims=True), draws.drawn(sums)


def _from_cells(cells: Float64Array, known: BoolArray, multilabel: bool) -> dict[str, Float64Array]:
    """Metrics (draw, class) or (draw,) of sums (draw, class + 1, 4)."""
    hit, alarm, miss, quiet = np.moveaxis(cells[:, :-1], 2, 0)
    recall = ratio(hit, hit + miss)
    f1 = np.where(hit + miss > 0, ratio(2.0 * hit, 2.0 * hit + alarm + miss), np.nan)
    accuracy = ratio(cells[:, -1, 0], cells[:, -1, 1])
    specificity = ratio(quiet, quiet + alarm)
    balanced = (recall + specificity) / 2.0 if multilabel else recall
    name = "subset_accuracy" if multilabel else "accuracy"
    return {"recall": recall, "f1": f1, name: accuracy, "balanced_accuracy": macro(balanced, known)}


def macro(values: Float64Array, known: BoolArray) -> Float64Array:
    """(draw,) mean over the known classes; NaN in a draw where one of them is undefined."""
    if not known.any():
        return np.full(len(values), np.nan)
    return np.asarray(values[:, known].mean(axis=1))


def _rank(
    prob: Float64Array, label: BoolArray, draws: Draws
) -> tuple[dict[str, Float64Array], dict[str, Float64Array]]:
    """Ranking metrics (class,) of all units, and (draw, class)."""
    units, classes = prob.shape
    rankings = [ranked(prob[:, index], label[:, index]) for index in range(classes)]
    one = np.ones((1, units))
    point = np.stack([ranking_metrics(each, one)[0] for each in rankings])
    parts = []
    chunk = max(1, CELLS // max(units, 1))
    for first in range(0, len(draws.weights), chunk):
        weights = draws.weights[first : first + chunk].astype(np.float64)[:, draws.index]
        parts.append(np.stack([ranking_metrics(each, weights) for each in rankings], axis=1))
    drawn = np.concatenate(parts) if parts else np.empty((0, classes, len(RANKING)))
    return (
        {key: point[:, place] for place, key in enumerate(RANKING)},
        {key: drawn[:, :, place] for place, key in enumerate(RANKING)},
    )


def _rows(
    units: Units,
    label: BoolArray,
    point: dict[str, Float64Array],
    drawn: dict[str, Float64Array],
    draws: Draws,
    task: Task,
) -> tuple[MetricRow, ...]:
    rows: list[MetricRow] = []
    for spec in CLASS_METRICS:
        if task not in spec.tasks:
            continue
        value, replicates = point[spec.key], drawn[spec.key]
        if spec.scope == "all":
            estimate = draws.estimate(float(value), replicates)
            rows.append(_row(spec.key, spec.key, None, units, len(units.name), estimate))
            continue
        known = ~np.isnan(value)
        average = draws.estimate(float(macro(value[None], known)[0]), macro(replicates, known))
        rows.append(
            _row(spec.key, spec.key, None, units, len(units.name), average, undefined=int((~known).sum()))
        )
        for index, name in enumerate(units.class_names):
            estimate = draws.estimate(float(value[index]), replicates[:, index])
            count = int(label[:, index].sum())
            rows.append(
                _row(
                    f"{spec.key}:{name}",
                    spec.key,
                    name,
                    units,
                    count,
                    estimate,
                    undefined=int(not known[index]),
                )
            )
    return tuple(rows)


def _row(
    key: str, metric: str, class_name: str | None, units: Units, n: int, value: Estimate, undefined: int = 0
) -> MetricRow:
    return MetricRow(
        key=key,
        metric=metric,
        class_name=class_name,
        level=units.level,
        n=n,
        undefined=undefined,
        value=value,
    )


def _confusions(units: Units, label: BoolArray, predicted: BoolArray, draws: Draws) -> tuple[Confusion, ...]:
    """One table of all classes, or with several findings one of two classes for each."""
    if not units.multilabel:
        return (_confusion(units.class_names, label, predicted, draws),)
    return tuple(
        _confusion((f"no {name}", name), _two(label[:, index]), _two(predicted[:, index]), draws)
        for index, name in enumerate(units.class_names)
    )


def _two(positive: BoolArray) -> BoolArray:
    return np.stack([~positive, positive], axis=1)


def _confusion(names: tuple[str, ...], label: BoolArray, predicted: BoolArray, draws: Draws) -> Confusion:
    pairs = (label[:, :, None] & predicted[:, None, :]).astype(np.float64)
    counts, drawn = _both(draws, pairs)
    share = ratio(counts, np.broadcast_to(counts.sum(axis=2, keepdims=True), counts.shape))[0]
    shares = ratio(drawn, np.broadcast_to(drawn.sum(axis=2, keepdims=True), drawn.shape))
    size = range(len(names))
    return Confusion(
        class_names=names,
        counts=tuple(tuple(int(counts[0, row, column]) for column in size) for row in size),
        shares=tuple(
            tuple(draws.estimate(float(share[row, column]), shares[:, row, column]) for column in size)
            for row in size
        ),
    )
