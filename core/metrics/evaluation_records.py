"""What an evaluation says: one row per metric, class and unit of the mean."""

from __future__ import annotations

from typing import Literal

from core.config import Frozen
from core.types import Estimate, Level, Task

UnitOfMean = Literal["slice", "slab", "case", "patient"]

SD_OF = "sample standard deviation (n - 1) of the units that the mean counts"


class MetricRow(Frozen):
    """One metric over many units; None where undefined or not available.

    key: of the column, such as "dice:core". metric: its key in the table of metrics. class_name: None for
    the mean over classes, or with one class only. level: what the mean counts once. n, undefined: units with
    and without a defined value. value: mean, with its interval over patients (of a classification: the metric
    of all units together; then n counts reference units of the class, and sd, median and present are None).
    present: the mean over units whose reference is not empty, n_present of them defined.
    """

    key: str
    metric: str
    class_name: str | None
    level: UnitOfMean
    n: int
    undefined: int
    value: Estimate
    sd: float | None = None
    median: float | None = None
    present: Estimate | None = None
    n_present: int | None = None


class EmptyRow(Frozen):
    """How empty masks went, for one class or all foreground (class_name None).

    n_agree: both empty. n_missed: reference not empty, prediction empty. n_false_alarms: reference empty,
    prediction not. false_positive_rate: share of empty references on which something was predicted.
    """

    class_name: str | None
    level: UnitOfMean
    n: int
    n_present: int
    n_agree: int
    n_missed: int
    n_false_alarms: int
    false_positive_rate: Estimate


class Confusion(Frozen):
    """counts[reference][predicted], and the share of each reference class; None for an absent class."""

    class_names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[Estimate, ...], ...]


class EvaluationReport(Frozen):
    """How good a run is. units: with a reference; without_reference: left out.

    not_available: metrics that no unit can have here, such as those in mm without a spacing. classes_absent:
    classes of a classification that no reference holds, whose metrics are undefined.
    """

    title: str
    task: Task
    level: Level
    class_names: tuple[str, ...]
    units: int
    without_reference: int
    patients: int
    rows: tuple[MetricRow, ...]
    empties: tuple[EmptyRow, ...] = ()
    confusion: tuple[Confusion, ...] = ()
    not_available: tuple[str, ...] = ()
    classes_absent: tuple[str, ...] = ()
    interval: float = 0.95
    replicates: int = 1000
    seed: int = 0
    sd_of: str = SD_OF

    def row(self, key: str, level: UnitOfMean | None = None) -> MetricRow:
        """The row of a column at a level (default: the units of the table). Raises KeyError when absent."""
        wanted = level or self.level
        for each in self.rows:
            if (each.key, each.level) == (key, wanted):
                return each
        raise KeyError(f"{key} per {wanted}; there are {', '.join(self.values())}")

    def values(self) -> dict[str, float | None]:
        """Value by name, as gates call it: "dice" per unit of the table, "patient.dice" per patient."""
        named: dict[str, float | None] = {}
        for row in self.rows:
            named[row.key if row.level == self.level else f"{row.level}.{row.key}"] = row.value.value
        for empty in self.empties:
            key = "false_positive_rate" + (f":{empty.class_name}" if empty.class_name else "")
            name = key if empty.level == self.level else f"{empty.level}.{key}"
            named[name] = empty.false_positive_rate.value
        return named
