"""What a reliability report holds: records without arrays, ready for a page, a file or JSON."""

from __future__ import annotations

from typing import Literal

from core.config import Frozen
from core.metrics.reliability.binning import Binning
from core.types import Estimate

Kind = Literal["regions", "classes"]


class ReliabilityBin(Frozen):
    """One bin (lower, upper]: mean stated probability, observed frequency with its interval, count.

    None where the bin is empty, or the interval is not possible. count: pixels or cases; shares of tied
    cases in bins of equal mass.
    """

    lower: float | None
    upper: float | None
    confidence: float | None
    frequency: float | None
    count: float
    low: float | None
    high: float | None


class ReliabilityPart(Frozen):
    """Calibration of one region or class; None where nothing was counted.

    name: key. event: what the probability is of. ece, mce, brier, nll: as in the module
    calibration. mce_count: how much the bin with the largest gap holds. debiased_l2: for independent cases
    only. outcomes: pixels or cases counted. units, undefined_units: units with and without any.
    """

    name: str
    event: str
    bins: tuple[ReliabilityBin, ...]
    ece: Estimate
    mce: Estimate
    mce_count: float | None
    brier: Estimate
    brier_form: str
    nll: Estimate
    debiased_l2: float | None
    outcomes: float
    units: int
    undefined_units: int

    @property
    def shift(self) -> float | None:
        """Mean stated probability minus observed frequency, over everything counted; positive: too high."""
        known = [each for each in self.bins if each.confidence is not None and each.frequency is not None]
        total = sum(each.count for each in known)
        gaps = sum(each.count * ((each.confidence or 0.0) - (each.frequency or 0.0)) for each in known)
        return gaps / total if total else None


class RecalibrationEffect(Frozen):
    """A recalibration before and after, on units that it was not fitted on.

    value: the temperature, None for other ways and where it could not be fitted, and `reason` says why.
    before, after: part by part, empty where it could not be fitted. shown_on: which units. note: what to know
    about the value, "" for nothing.
    """

    key: str
    value: float | None
    reason: str
    objective: str
    shown_on: str
    groups_fit: int
    groups_report: int
    units_fit: int
    units_report: int
    note: str = ""
    before: tuple[ReliabilityPart, ...] = ()
    after: tuple[ReliabilityPart, ...] = ()


class ReliabilityReport(Frozen):
    """Everything that a page or a command shows about calibration.

    kind: whether parts are regions of a segmentation or classes. headline: name of the part that comes first.
    n: units with a reference, of which `parts` are counted; without_reference, undefined: units left
    out. shown_on: which units `parts` are of. temperature: always fitted; applied: the recalibration that
    `parts` show, None without one. classwise_ece: mean over classes of their ECE, classifications only.
    caution: what forbids the usual reading, "" for nothing.
    """

    title: str
    kind: Kind
    headline: str
    n: int
    groups: int
    without_reference: int
    undefined: int
    bins: int
    binning: Binning
    class_name: str | None
    shown_on: str
    parts: tuple[ReliabilityPart, ...]
    temperature: RecalibrationEffect
    applied: RecalibrationEffect | None
    classwise_ece: float | None
    caution: str = ""
    conventions: tuple[str, ...]

    def part(self, name: str) -> ReliabilityPart:
        """The part of this name; raises KeyError when there is none."""
        for each in self.parts:
            if each.name == name:
                return each
        raise KeyError(name)
