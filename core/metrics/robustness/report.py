"""A sweep in numbers: every statistic at every severity against the clean pictures, and robustness in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.config import Frozen
from core.metrics.robustness.statistics import (
    QUALITY,
    StatisticSpec,
    statistic_specs,
    statistics,
    unit_weights,
)
from core.types import BoolArray, Estimate, Float64Array, Level, Task, UnitTable

REPLICATES = 1000
LEVEL = 0.95
DECAY = 2.0 / 3.0
CLEAN = ""
"""Key of the clean pictures, at severity 0."""

ROBUSTNESS = (
    "Mean loss of {label} against the clean pictures over the severities, weighted by (2/3)^severity, then "
    "over the corruptions; 0 = nothing is lost. Weights after Boone et al. 2023 (ROOD-MRI), "
    "doi:10.1016/j.neuroimage.2023.120289."
)


@dataclass(frozen=True, eq=False)
class SweptTable:
    """What came out at one severity of one corruption. flagged: (unit,) whether the verdict was review."""

    key: str
    severity: float
    table: UnitTable
    flagged: BoolArray


class SweepRow(Frozen):
    """One statistic at one severity. value, delta: with intervals over patients; delta = value - clean value.

    sd: sample standard deviation of the units, None for what is no mean of units. n: units, undefined: of
    them without a defined value (means of units only).
    """

    key: str
    severity: float
    statistic: str
    value: Estimate
    delta: Estimate
    sd: float | None
    n: int
    undefined: int


class Robustness(Frozen):
    """Severity-weighted loss of one corruption (or of all, key ""), with its interval over patients."""

    key: str
    loss: Estimate


class SweepReport(Frozen):
    """Everything a sweep says. rows: the clean pictures first (key "", severity 0). worst: by loss, first
    the worst. quality: the statistic that robustness is told by. definition: of that number."""

    title: str
    task: Task
    level: Level
    units: int
    patients: int
    left_out: int
    severities: tuple[float, ...]
    quality: str
    definition: str
    rows: tuple[SweepRow, ...]
    worst: tuple[Robustness, ...]
    overall: Robustness
    replicates: int = REPLICATES
    seed: int = 0
    interval: float = LEVEL

    def row(self, key: str, severity: float, statistic: str) -> SweepRow | None:
        """The row with these three, None where it is not available."""
        wanted = (key, severity, statistic)
        return next((r for r in self.rows if (r.key, r.severity, r.statistic) == wanted), None)

    @property
    def keys(self) -> tuple[str, ...]:
        """The corruptions, in the order of the sweep."""
        return tuple(dict.fromkeys(row.key for row in self.rows if row.key))


def sweep_report(tables: Sequence[SweptTable], *, seed: int = 0, replicates: int = REPLICATES) -> SweepReport:
    """The report of a sweep. tables: the clean one (key "", severity 0) and one per corruption and severity.

    Only units that every table has count, so that all numbers are of the same units; the rest is counted in
    `left_out`. All differences share their draws of whole patients. Same arguments, same report. Raises
    ValueError without a clean table or without a common unit.
    """
    clean = next((each for each in tables if each.key == CLEAN), None)
    if clean is None:
        raise ValueError("a sweep is judged against its clean pictures, and there are none")
    common = _common([each.table for each in tables])
    if not common:
        raise ValueError("no unit was computed at every severity")
    kept = [_cut(each, common) for each in tables]
    base = next(each for each in kept if each.key == CLEAN)
    weights = unit_weights(base.table.group, seed=seed, replicates=replicates)
    found = {(each.key, each.severity): statistics(each.table, each.flagged, weights) for each in kept}
    specs = statistic_specs(base.table.task)
    quality = next(each for each in specs if each.key == QUALITY[base.table.task])
    rows = [row for each in kept for row in _rows(each, found, specs)]
    losses = _losses(found, quality)
    worst = sorted(losses, key=lambda key: -_first(losses[key]))
    everything = np.mean([losses[key] for key in losses], axis=0) if losses else np.array([np.nan])
    return SweepReport(
        title=base.table.title, task=base.table.task, level=base.table.level, units=base.table.units,
        patients=len(set(base.table.group)), left_out=clean.table.units - base.table.units,
        severities=tuple(sorted({each.severity for each in kept})), quality=quality.key,
        definition=ROBUSTNESS.format(label=quality.label), rows=tuple(rows),
        worst=tuple(Robustness(key=key, loss=estimate_of(losses[key])) for key in worst),
        overall=Robustness(key=CLEAN, loss=estimate_of(everything)), replicates=replicates, seed=seed,
    )  # fmt: skip


def severity_weight(severity: float) -> float:
    """(2/3)^severity: mild corruptions happen more often than severe ones."""
    return float(DECAY**severity)


def _rows(
    each: SweptTable,
    found: Mapping[tuple[str, float], Mapping[str, Float64Array]],
    specs: Sequence[StatisticSpec],
) -> list[SweepRow]:
    own, clean = found[each.key, each.severity], found[CLEAN, 0.0]
    rows = []
    for spec in specs:
        if spec.key not in own:
            continue
        values = each.table.metrics.get(spec.key)
        known = None if values is None else values[~np.isnan(values)]
        rows.append(
            SweepRow(
                key=each.key, severity=each.severity, statistic=spec.key, value=estimate_of(own[spec.key]),
                delta=estimate_of(own[spec.key] - clean[spec.key]),
                sd=float(known.std(ddof=1)) if known is not None and known.size > 1 else None,
                n=each.table.units if known is None else int(known.size),
                undefined=0 if known is None else each.table.units - int(known.size),
            )
        )  # fmt: skip
    return rows


def _losses(
    found: Mapping[tuple[str, float], Mapping[str, Float64Array]], quality: StatisticSpec
) -> dict[str, Float64Array]:
    """(weighting,) severity-weighted loss of quality of each corruption."""
    sign = 1.0 if quality.direction == "higher" else -1.0
    clean = found[CLEAN, 0.0][quality.key]
    losses = {}
    for key in dict.fromkeys(key for key, _ in found if key != CLEAN):
        severities = [severity for name, severity in found if name == key and severity > 0.0]
        if not severities:
            continue
        weights = np.array([severity_weight(each) for each in severities])
        drops = np.stack([sign * (clean - found[key, each][quality.key]) for each in severities])
        losses[key] = np.tensordot(weights, drops, axes=1) / weights.sum()
    return losses


def estimate_of(values: Float64Array) -> Estimate:
    """The first weighting with the percentile interval of the others."""
    value, drawn = _first(values), values[1:][~np.isnan(values[1:])]
    if np.isnan(value):
        return Estimate(value=None)
    if not drawn.size:
        return Estimate(value=value)
    tail = 50.0 * (1.0 - LEVEL)
    low, high = np.percentile(drawn, (tail, 100.0 - tail))
    return Estimate(value=value, low=float(low), high=float(high))


def _first(values: Float64Array) -> float:
    return float(values[0])


def _common(tables: Sequence[UnitTable]) -> frozenset[tuple[str, int]]:
    return frozenset.intersection(*(frozenset(_names(each)) for each in tables))


def _names(table: UnitTable) -> list[tuple[str, int]]:
    return list(zip(table.name, table.slice.tolist(), strict=True))


def _cut(each: SweptTable, common: frozenset[tuple[str, int]]) -> SweptTable:
    keep = np.array([name in common for name in _names(each.table)], np.bool_)
    return replace(each, table=select_units(each.table, keep), flagged=each.flagged[keep])


def select_units(table: UnitTable, keep: BoolArray) -> UnitTable:
    """The units of a table for which `keep` (unit,) is true, in their order."""

    def some(values: tuple[str | None, ...]) -> tuple[str | None, ...]:
        return tuple(value for value, wanted in zip(values, keep, strict=True) if wanted)

    def rows(values: NDArray[np.generic] | None) -> NDArray[np.generic] | None:
        return None if values is None else values[keep]

    changed: dict[str, object] = {
        name: some(getattr(table, name)) for name in ("name", "group", "case_id", "analysis_key")
    }
    arrays = ("slice", "pred_empty", "ref_empty", "has_ref", "prob", "label", "histograms")
    changed |= {name: rows(getattr(table, name)) for name in arrays}
    changed |= {
        name: {key: values[keep] for key, values in getattr(table, name).items()}
        for name in ("confidence", "metrics")
    }
    return replace(table, **changed)  # type: ignore[arg-type]
