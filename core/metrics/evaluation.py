"""How good a run is: every metric of its task, with intervals over patients, from a table of units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.errors import InputProblem
from core.metrics.agreement.pooling import pool_patients
from core.metrics.agreement.segmentation import METRICS, VOXEL, class_key, unit_metrics
from core.metrics.classes.classification import evaluate_classification
from core.metrics.draws import Draws, draw_groups
from core.metrics.evaluation_records import EmptyRow, EvaluationReport, MetricRow, UnitOfMean
from core.metrics.units import Units, with_reference
from core.types import BoolArray, Float64Array, UnitTable

__all__ = ["REPLICATES", "evaluate", "unit_metrics"]

REPLICATES = 1000


def evaluate(
    table: UnitTable, *, seed: int = 0, replicates: int = REPLICATES, level: float = 0.95
) -> EvaluationReport:
    """Every metric of the table's task per unit of the table, and per patient for a segmentation.

    Units without a reference are left out and counted. Per patient, the counts of all units of a group are
    added up before the metric is taken (a mean over units for distances). Intervals are percentiles of
    `replicates` draws of whole patients with replacement, the same for every metric; none with fewer than two
    patients. Same arguments, same report. Raises InputProblem when no unit has a reference or a metric.
    """
    kept, left_out = with_reference(table)
    if not kept.name:
        raise InputProblem(
            "There is nothing to compare with", file=table.title,
            found=f"{left_out} units without a reference",
            expected="at least one unit with a reference", fix="add reference masks or labels to the cohort",
        )  # fmt: skip
    if table.task == "segmentation":
        report = _segmentation(kept, seed, replicates, level)
    else:
        draws = draw_groups(kept.group, seed=seed, replicates=replicates, level=level)
        report = evaluate_classification(kept, draws)
    return report.model_copy(
        update={
            "title": table.title, "level": table.level, "without_reference": left_out, "seed": seed,
            "replicates": replicates, "interval": level, "patients": len(set(kept.group)),
        }
    )  # fmt: skip


def _segmentation(table: Units, seed: int, replicates: int, level: float) -> EvaluationReport:
    keys = [spec.key for spec in METRICS] + [key for key in ("risk",) if key in table.metrics]
    if not set(keys) & set(table.metrics):
        raise InputProblem(
            "The table holds no segmentation metric", found=f"columns {', '.join(table.metrics) or 'none'}",
            expected="dice, risk or another metric per unit", file=table.title,
            fix="evaluate a run over a cohort with references",
        )  # fmt: skip
    patients = pool_patients(table)
    available, missing = _available(table, keys)
    rows: list[MetricRow] = []
    empties: list[EmptyRow] = []
    for units in (table, patients):
        draws = draw_groups(units.group, seed=seed, replicates=replicates, level=level)
        for name in _classes(table):
            ref_empty, pred_empty = _emptiness(units, name)
            if "dice" in table.metrics:  # a table made elsewhere does not say what was empty
                empties.append(_empty_row(name, units.level, ref_empty, pred_empty, draws))
            columns = [(key, _column(key, name, table)) for key in available]
            rows += [
                _row(metric, column, name, units, ~ref_empty, draws)
                for metric, column in columns
                if column in units.metrics
            ]
    return EvaluationReport(
        title="", task="segmentation", level="case", class_names=table.class_names, units=len(table.name),
        without_reference=0, patients=0, rows=tuple(rows), empties=tuple(empties), not_available=missing,
    )  # fmt: skip


def _available(table: Units, keys: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Metrics that some unit can have, and those that none can, for want of a spacing or because of one."""
    voxel = table.metrics.get(VOXEL)
    if voxel is None:
        return [key for key in keys if key in table.metrics], ()
    lacks = {"spacing": bool(np.isnan(voxel).all()), "no spacing": bool((~np.isnan(voxel)).all()), "": False}
    missing = tuple(spec.key for spec in METRICS if lacks[spec.needs])
    return [key for key in keys if key not in missing], missing


def _classes(table: Units) -> tuple[str | None, ...]:
    return (None, *table.class_names) if len(table.class_names) > 1 else (None,)


def _column(key: str, class_name: str | None, table: Units) -> str:
    return key if class_name is None else class_key(key, class_name, table.class_names)


def _emptiness(units: Units, class_name: str | None) -> tuple[BoolArray, BoolArray]:
    """Whether reference and prediction of each unit are empty, of one class or of all foreground."""
    if class_name is None:
        return units.ref_empty, units.pred_empty
    columns = [class_key(key, class_name, units.class_names) for key in ("n_ref", "n_pred")]
    ref, pred = (units.metrics.get(column) for column in columns)
    if ref is None or pred is None:
        return units.ref_empty, units.pred_empty
    return ref == 0, pred == 0


def _empty_row(
    class_name: str | None, level: UnitOfMean, ref_empty: BoolArray, pred_empty: BoolArray, draws: Draws
) -> EmptyRow:
    alarms = np.where(ref_empty, (~pred_empty).astype(np.float64), np.nan)
    return EmptyRow(
        class_name=class_name, level=level, n=ref_empty.size, n_present=_count(~ref_empty),
        n_agree=_count(ref_empty & pred_empty), n_missed=_count(~ref_empty & pred_empty),
        n_false_alarms=_count(ref_empty & ~pred_empty), false_positive_rate=draws.mean(alarms),
    )  # fmt: skip


def _row(
    metric: str, column: str, class_name: str | None, units: Units, present: BoolArray, draws: Draws
) -> MetricRow:
    values = units.metrics[column]
    known: Float64Array = values[~np.isnan(values)]
    shown = np.where(present, values, np.nan)
    return MetricRow(
        key=column, metric=metric, class_name=class_name, level=units.level, n=known.size,
        undefined=values.size - known.size, value=draws.mean(values),
        sd=float(known.std(ddof=1)) if known.size > 1 else None,
        median=float(np.median(known)) if known.size else None,
        present=draws.mean(shown), n_present=_count(~np.isnan(shown)),
    )  # fmt: skip


def _count(which: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(which))
