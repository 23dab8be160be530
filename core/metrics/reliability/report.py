"""Does the confidence mean anything? Prepared once from a unit table, answered for every setting at once.

Headline numbers are of all units as the model states them. A recalibration is fitted on one half of the
groups (patients) and shown, before and after, on the other; `fit="all"` fits and shows on the same units,
which only checks code and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from core.errors import SettingsProblem
from core.metrics.halves import split_halves
from core.metrics.reliability.binning import BINNINGS, Binning
from core.metrics.reliability.histogram import BIN_CHOICES
from core.metrics.reliability.parts import part_of
from core.metrics.reliability.recalibration import (
    COLDEST,
    HOTTEST,
    RECALIBRATIONS,
    Fitted,
    fit_recalibration,
)
from core.metrics.reliability.records import Kind, RecalibrationEffect, ReliabilityPart, ReliabilityReport
from core.metrics.reliability.source import has_likelihood, sums_of, usable_units
from core.metrics.reliability.sums import group_index
from core.types import CALIBRATION_REGIONS, BoolArray, Float64Array, UnitTable

TOP_LABEL = "top-label"
CONFIDENCE = "confidence"
DEFAULT_BINS = 15
REPLICATES = 1000
ALL = "all units"
REPORT_HALF = "the half of the groups that nothing was fitted on"
IN_SAMPLE = "all units, the same that it was fitted on (in sample: checks code, proves nothing)"
NO_BEST_TEMPERATURE = (
    f"the search ended at its limit ({COLDEST:g} or {HOTTEST:g}): these cases do not settle a temperature"
)
HARD_MASKS = (
    "every stated probability is 0 or 1, as in hard masks: this measures how often they are wrong, not "
    "whether a confidence is honest, and the NLL only shows where 0 and 1 were cut off"
)

Fit = Literal["half", "all"]
_BINARY = "mean square (p - y)^2 of one event, 0 to 1"
_SUM = "squared error summed over classes, 0 to 2"


@dataclass(frozen=True)
class _Wording:
    """Name, event and form of the Brier score of each part."""

    names: tuple[str, ...]
    events: tuple[str, ...]
    forms: tuple[str, ...]


class PreparedReliability:
    """Sums of a unit table, taken once; `report` answers bins, binning, recalibration and class from them.

    seed: of the halves and of the draws. replicates: bootstrap draws of groups. Raises SettingsProblem when
    the table holds no reference, or neither histograms, probabilities nor a confidence with a risk.
    """

    def __init__(
        self, table: UnitTable, *, seed: int = 0, replicates: int = REPLICATES, fit: Fit = "half"
    ) -> None:
        if not table.has_ref.any():
            raise _nothing_to_judge()
        self._table, self._fit = table, fit
        self.kind: Kind = "regions" if table.histograms is not None else "classes"
        usable = usable_units(table)
        self._undefined = int((table.has_ref & ~usable).sum())
        self._groups = [name for name, kept in zip(table.group, usable, strict=True) if kept]
        halves = split_halves(self._groups, seed)
        everyone = np.ones(len(self._groups), np.bool_)
        self._fitted_on = everyone if fit == "all" else halves
        self._shown = everyone if fit == "all" else ~halves
        index = group_index(self._groups, seed)
        self._sums = sums_of(table, usable, index, self._shown, seed, replicates)
        self._has_nll = has_likelihood(table, usable)
        self._outcomes = self._region_outcomes(usable)
        self._hard = _only_ends(table, usable)
        self._memo: dict[tuple[object, ...], tuple[ReliabilityPart, ...]] = {}
        self._fits: dict[str, Fitted] = {}

    def report(
        self,
        *,
        bins: int = DEFAULT_BINS,
        binning: Binning = "width",
        recalibration: str = "none",
        class_name: str | None = None,
    ) -> ReliabilityReport:
        """The report under these settings. class_name: one class of a segmentation; None pools them.

        Raises SettingsProblem when a setting is unknown or cannot be answered, or no unit can be counted.
        """
        self._check(bins, binning, recalibration, class_name)
        settings = (bins, binning, class_name)
        applied = None if recalibration == "none" else self._effect(recalibration, *settings)
        if applied is not None and applied.reason:
            raise SettingsProblem(
                "The recalibration cannot be shown", found=applied.reason,
                expected="probabilities and at least two groups", fix="choose none",
            )  # fmt: skip
        parts = applied.after if applied else self._parts("none", *settings, report=False)
        classes = [each for each in parts if each.name in self._table.class_names]
        defined = [each.ece.value for each in classes if each.ece.value is not None]
        return ReliabilityReport(
            title=self._table.title,
            kind=self.kind,
            headline=parts[0].name,
            n=len(self._groups),
            groups=len(set(self._groups)),
            without_reference=int((~self._table.has_ref).sum()),
            undefined=self._undefined,
            bins=bins,
            binning=binning,
            class_name=class_name,
            shown_on=applied.shown_on if applied else ALL,
            parts=parts,
            temperature=self._effect("temperature", *settings),
            applied=applied,
            classwise_ece=float(np.mean(defined)) if self.kind == "classes" and defined else None,
            caution=HARD_MASKS if self._hard else "",
            conventions=self._conventions(binning),
        )

    def _parts(
        self, key: str, bins: int, binning: Binning, class_name: str | None, *, report: bool
    ) -> tuple[ReliabilityPart, ...]:
        memo = (key, bins, binning, class_name, report)
        if memo not in self._memo:
            self._memo[memo] = self._new_parts(key, bins, binning, class_name, report=report)
        return self._memo[memo]

    def _new_parts(
        self, key: str, bins: int, binning: Binning, class_name: str | None, *, report: bool
    ) -> tuple[ReliabilityPart, ...]:
        classes = self._classes(class_name)
        sums = self._sums.parts(self._fitted(key), bins, binning, classes=classes, report=report)
        shown = self._shown if report else np.ones(len(self._groups), np.bool_)
        counted = self._outcomes[shown][:, :, classes].sum(axis=2) > 0
        independent = self.kind == "classes" and len(set(self._groups)) == len(self._groups)
        words = self._wording
        return tuple(
            part_of(
                each,
                name=words.names[k],
                event=words.events[k],
                brier_form=words.forms[k],
                independent=independent,
                has_nll=self._has_nll,
                units=int(counted[:, k % counted.shape[1]].sum()),
                undefined_units=int((~counted[:, k % counted.shape[1]]).sum()),
            )
            for k, each in enumerate(sums)
        )

    def _effect(self, key: str, bins: int, binning: Binning, class_name: str | None) -> RecalibrationEffect:
        reason = self._why_not()
        before = () if reason else self._parts("none", bins, binning, class_name, report=True)
        after = () if reason else self._parts(key, bins, binning, class_name, report=True)
        names = np.array(self._groups, dtype=np.str_)
        return RecalibrationEffect(
            key=key,
            value=None if reason else self._fitted(key).temperature,
            reason=reason,
            objective=RECALIBRATIONS[key].objective,
            shown_on=IN_SAMPLE if self._fit == "all" else REPORT_HALF,
            groups_fit=len(set(names[self._fitted_on])),
            groups_report=len(set(names[self._shown])),
            units_fit=int(self._fitted_on.sum()),
            units_report=int(self._shown.sum()),
            note="" if reason or not self._fitted(key).at_end else NO_BEST_TEMPERATURE,
            before=before,
            after=after,
        )

    def _why_not(self) -> str:
        if self.kind == "classes" and self._table.prob is None:
            return "the table holds a confidence, not the probabilities that a temperature acts on"
        if not self._fitted_on.any():
            return "fewer than two groups: none is left to fit on"
        return ""

    def _fitted(self, key: str) -> Fitted:
        if key == "none":
            return Fitted("none", (), exclusive=False)
        if key not in self._fits:
            self._fits[key] = fit_recalibration(key, self._sums.outcomes(self._fitted_on))
        return self._fits[key]

    def _classes(self, class_name: str | None) -> list[int]:
        names = self._table.class_names
        if self.kind == "classes" and self._table.prob is None:
            return [0]
        return list(range(len(names))) if class_name is None else [names.index(class_name)]

    def _region_outcomes(self, usable: BoolArray) -> Float64Array:
        """(unit, region, class) pixels of each region; 1 for a case."""
        if self._table.histograms is None:
            return np.ones((len(self._groups), 1, max(1, len(self._table.class_names))))
        return np.asarray(self._table.histograms[usable][:, :, :, 0].sum(axis=-1, dtype=np.float64))

    @cached_property
    def _wording(self) -> _Wording:
        names = self._table.class_names
        if self.kind == "regions":
            count = len(CALIBRATION_REGIONS)
            event = ("a pixel belongs to the class (positive class, each class against the rest)",)
            return _Wording(CALIBRATION_REGIONS, event * count, (_BINARY,) * count)
        if self._table.prob is None:
            return _Wording(
                (CONFIDENCE,),
                ("the quality (1 - risk, or Dice), with the confidence read as its expectation",),
                (_BINARY,),
            )
        top = self._table.task == "classification"
        events = tuple(f"the case is {name} (positive class)" for name in names)
        return _Wording(
            ((TOP_LABEL,) if top else ()) + names,
            (("the likeliest class is the right one",) if top else ()) + events,
            ((_SUM,) if top else ()) + (_BINARY,) * len(names),
        )

    def _conventions(self, binning: Binning) -> tuple[str, ...]:
        units = "pixels are counted" if self.kind == "regions" else "cases are counted"
        return (
            f"bins of {BINNINGS[binning]}, closed on the right, the first with 0"
            if binning == "width"
            else "bins of equal mass, ties shared in proportion",
            f"{units} and pooled over all units: not the mean of the units' values",
            "intervals: 95 %, groups (patients) drawn with replacement; bins of independent cases: Wilson",
            "natural logarithms; a region without pixels is undefined for its unit and counted, never 0",
            "ECE is biased upwards, and calibration is not failure detection",
        )

    def _check(self, bins: int, binning: str, recalibration: str, class_name: str | None) -> None:
        choices = BIN_CHOICES if self.kind == "regions" else tuple(range(2, 101))
        names = self._table.class_names if self.kind == "regions" else ()
        for what, found, allowed in (
            ("number of bins", bins, choices),
            ("binning", binning, tuple(BINNINGS)),
            ("recalibration", recalibration, tuple(RECALIBRATIONS)),
            ("class", class_name, (None, *names)),
        ):
            if found not in allowed:
                raise SettingsProblem(
                    f"This {what} cannot be shown", found=str(found),
                    expected="2 to 100" if allowed == tuple(range(2, 101)) else _listed(allowed),
                    fix="choose one of these",
                )  # fmt: skip
        if not self._groups:
            raise _nothing_to_judge()


def _only_ends(table: UnitTable, usable: BoolArray) -> bool:
    if table.histograms is None or not usable.any():
        return False
    image = CALIBRATION_REGIONS.index("image")
    return not table.histograms[usable][:, image, :, 0, 1:-1].any()


def _listed(allowed: Sequence[object]) -> str:
    return ", ".join("no class (all together)" if each is None else str(each) for each in allowed)


def _nothing_to_judge() -> SettingsProblem:
    return SettingsProblem(
        "Nothing to judge calibration on", found="no unit with a reference",
        expected="at least one", fix="add references (masks or labels) to the cohort",
    )  # fmt: skip


def reliability_report(
    table: UnitTable,
    *,
    bins: int = DEFAULT_BINS,
    binning: Binning = "width",
    recalibration: str = "none",
    class_name: str | None = None,
    fit: Fit = "half",
    seed: int = 0,
    replicates: int = REPLICATES,
) -> ReliabilityReport:
    """Prepare and answer once; for several settings keep a PreparedReliability."""
    prepared = PreparedReliability(table, seed=seed, replicates=replicates, fit=fit)
    return prepared.report(bins=bins, binning=binning, recalibration=recalibration, class_name=class_name)
