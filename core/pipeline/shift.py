"""The same model on several cohorts: what another scanner, disease or protocol does to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.config import Frozen
from core.detector import FAMILIARITY, limit_of
from core.detector.limits import default_limits
from core.metrics.robustness.report import estimate_of
from core.metrics.robustness.statistics import statistics, unit_weights, weighted_mean
from core.pipeline.runs import find_cohort, latest_run, unit_table
from core.types import Estimate, Float64Array, Level, UnitTable

if TYPE_CHECKING:
    from core.store import Store

REPLICATES = 1000
OUTSIDE = "out_of_distribution"
SHOWN = (
    "dice", "jaccard", "boundary_f1_2px", "auroc", "f1", "ece", "aurc", "risk", "failures", "confidence",
)  # fmt: skip


class ShiftNumber(Frozen):
    """One number of a run. difference: to the first run, the patients of both drawn by themselves; None for
    the first one."""

    key: str
    value: Estimate
    difference: Estimate


class ShiftRow(Frozen):
    """One run over one cohort. seen: cases of training patients, judged by networks that never saw them."""

    run_id: str
    cohort: str
    model: str
    units: int
    patients: int
    seen: int
    numbers: tuple[ShiftNumber, ...]


def compare_runs(
    store: Store, runs: Sequence[str], level: Level = "case", *, seed: int = 0
) -> tuple[ShiftRow, ...]:
    """Numbers of each run (by cohort name, run id or beginning of one), and differences to the first.

    Raises SettingsProblem when a run is unknown or has nothing at this level.
    """
    rows: list[ShiftRow] = []
    base: dict[str, Float64Array] = {}
    for place, name in enumerate(runs):
        run = latest_run(store, name)
        table = unit_table(store, run.id, level)
        found = _numbers(store, run.config.model_id if run.config else "", table, seed + place)
        numbers = tuple(
            ShiftNumber(key=key, value=estimate_of(values), difference=_difference(values, base.get(key)))
            for key, values in found.items()
        )
        base = base or found
        rows.append(
            ShiftRow(
                run_id=run.id, cohort=find_cohort(store, run.cohort_id).name, model=run.title,
                units=table.units, patients=len(set(table.group)), seen=run.out_of_fold, numbers=numbers,
            )
        )  # fmt: skip
    return tuple(rows)


def _numbers(store: Store, model_id: str, table: UnitTable, seed: int) -> dict[str, Float64Array]:
    """(weighting,) of every number; each run has draws of its own."""
    weights = unit_weights(table.group, seed=seed, replicates=REPLICATES)
    every = statistics(table, np.zeros(table.units, np.bool_), weights)
    found = {key: every[key] for key in SHOWN if key in every}
    familiar = table.confidence.get(FAMILIARITY.key)
    if familiar is not None and not np.isnan(familiar).all():
        from core.models import rule_limits_of

        limit = limit_of(default_limits(rule_limits_of(model_id)), "foreign").limit
        found[OUTSIDE] = weighted_mean(np.where(np.isnan(familiar), np.nan, familiar < limit), weights)
    return found


def _difference(values: Float64Array, base: Float64Array | None) -> Estimate:
    if base is None:
        return Estimate(value=None)
    size = min(len(values), len(base))
    return estimate_of(values[:size] - base[:size])
