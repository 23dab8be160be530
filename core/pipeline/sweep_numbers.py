"""A sweep's numbers, read from the store: tables, flags decided again, the report and its rows as a file."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from core.config import AnalysisConfig
from core.corruptions import corruption_spec
from core.detector import Limits, decide
from core.detector.classes import decide_class
from core.metrics.robustness.report import SweepReport, SweptTable, sweep_report
from core.metrics.selective.class_scores import with_confidence
from core.pipeline.case import LIBRARIES, part_of, silent
from core.pipeline.profiles import limits_now
from core.pipeline.runs import unit_table
from core.pipeline.stress import CLIPPED, DAMAGE, MEASURE
from core.types import (
    BoolArray,
    Level,
    Measure,
    OperatingPoint,
    Progress,
    Score,
    SliceSummary,
    UnitTable,
)

if TYPE_CHECKING:
    from core.pipeline.sweeps import Sweep, SweepCell
    from core.store import Store

Row = dict[str, str | float | int | None]


def sweep_numbers(
    store: Store,
    sweep: Sweep,
    level: Level = "case",
    *,
    limits: Limits | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[SweepReport, tuple[SweptTable, ...]]:
    """The report of what is there of a sweep, and the tables that it rests on; no network is asked.

    Severities that were not finished are left out. limits: that flag, None: the model's own. The operating
    point in force judges the confidence. Raises SettingsProblem when nothing is there yet.
    """
    tables = []
    cells = finished_cells(store, sweep)
    for place, cell in enumerate(cells):
        progress(place / len(cells), "Reading the sweep")
        slices = unit_table(store, cell.run_id, "slice") if _has_slices(store, cell.run_id) else None
        whole = unit_table(store, cell.run_id, "case")
        flagged = flags_of(store, sweep.config, whole, slices, level, limits)
        table = slices if level == "slice" and slices is not None else whole
        tables.append(SweptTable(cell.key, cell.severity, table, flagged))
    part_of(progress, 0.9, 1.0)(0.0, "Drawing patients for the intervals")
    return sweep_report(tables, seed=seed), tuple(tables)


def finished_cells(store: Store, sweep: Sweep) -> tuple[SweepCell, ...]:
    """The cells that have tried as many cases as the clean pictures; others would cut down what all share."""
    runs = {cell.run_id: store.run(cell.run_id) for cell in sweep.cells}
    tried = {key: 0 if run is None else run.done + run.failed for key, run in runs.items()}
    clean = next((tried[cell.run_id] for cell in sweep.cells if not cell.key), 0)
    some = {key for key, run in runs.items() if run is not None and run.done}
    return tuple(cell for cell in sweep.cells if cell.run_id in some and tried[cell.run_id] >= clean)


def flags_of(
    store: Store,
    config: AnalysisConfig,
    whole: UnitTable,
    slices: UnitTable | None,
    level: Level,
    limits: Limits | None = None,
) -> BoolArray:
    """(unit,) of a level: whether the verdict is review, of a slice: whether a check fired on it.

    Decided from the kept scores and measures by the limits and the operating point in force now.
    """
    point = store.active_operating_point(config.model_id, config.estimator.kind)
    classes = whole.task != "segmentation"
    in_force = limits or limits_now(store, config.model_id, config.estimator.kind, classes=classes)
    if classes:
        return np.array([_class_review(whole, k, in_force, point) for k in range(whole.units)], np.bool_)
    flagged = []
    rows = _slices_by_case(whole, slices)
    for case, members in enumerate(rows):
        summaries = [] if slices is None else [_summary(slices, k) for k in members]
        verdict = decide(summaries, in_force, _scores(whole, case), point)
        if level == "case":
            flagged.append(verdict.answer == "review")
        else:
            places = {flag.slice for flag in verdict.flags}
            flagged += [summary.index in places for summary in summaries]
    return np.array(flagged, np.bool_)


def sweep_rows(sweep: Sweep, report: SweepReport, tables: tuple[SweptTable, ...]) -> list[Row]:
    """One row per corruption, severity and statistic, with everything that it takes to make it again."""
    libraries = "; ".join(f"{name} {version(name)}" for name in LIBRARIES)
    changed = {(each.key, each.severity): each.table for each in tables}
    rows: list[Row] = []
    for each in report.rows:
        table = changed[each.key, each.severity]
        parameters = (
            "" if not each.key else "; ".join(
                f"{p.name}={p.at(each.severity):.6g} {p.unit}".rstrip()
                for p in corruption_spec(each.key).parameters
            )
        )  # fmt: skip
        rows.append(
            {
                "suite": sweep.suite, "corruption": each.key or "clean", "severity": each.severity,
                "parameters": parameters, "seed": sweep.seed,
                "damage": _mean(table.metrics.get(DAMAGE)),
                "clipped_share": _mean(table.metrics.get(CLIPPED)),
                "model": sweep.config.model_id, "estimator": sweep.config.estimator.kind,
                "statistic": each.statistic, "value": each.value.value, "low": each.value.low,
                "high": each.value.high, "sd": each.sd, "delta": each.delta.value,
                "delta_low": each.delta.low, "delta_high": each.delta.high, "n": each.n,
                "undefined": each.undefined, "level": report.level, "patients": report.patients,
                "interval": report.interval, "replicates": report.replicates, "libraries": libraries,
            }
        )  # fmt: skip
    return rows


def _has_slices(store: Store, run_id: str) -> bool:
    run = store.run(run_id)
    return run is not None and run.task == "segmentation"


def _class_review(table: UnitTable, k: int, limits: Limits, point: OperatingPoint | None) -> bool:
    return decide_class(_scores(with_confidence(table), k), limits, point).answer == "review"


def _slices_by_case(whole: UnitTable, slices: UnitTable | None) -> list[list[int]]:
    """For each case the rows of its slices."""
    found: dict[str, list[int]] = {name: [] for name in whole.name}
    if slices is not None:
        for k, name in enumerate(slices.name):
            found[name].append(k)
    return [found[name] for name in whole.name]


def _summary(table: UnitTable, k: int) -> SliceSummary:
    measures = tuple(
        Measure(key=key.removeprefix(MEASURE), value=float(values[k]))
        for key, values in table.metrics.items()
        if key.startswith(MEASURE) and not np.isnan(values[k])
    )
    return SliceSummary(
        index=int(table.slice[k]), empty=bool(table.pred_empty[k]), scores=_scores(table, k),
        measures=measures, components=(),
    )  # fmt: skip


def _scores(table: UnitTable, k: int) -> tuple[Score, ...]:
    values: Mapping[str, np.ndarray] = table.confidence
    return tuple(
        Score(key=key, value=None if np.isnan(each[k]) else float(each[k])) for key, each in values.items()
    )


def _mean(values: np.ndarray | None) -> float | None:
    return None if values is None or np.isnan(values).all() else float(np.nanmean(values))
