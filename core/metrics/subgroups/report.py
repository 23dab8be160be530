"""Groups of units against the rest: means with intervals over patients, a test, and a search for bad pairs.

The test of a group against the rest: the difference over its standard error, which comes from drawing whole
patients with replacement (times n / (n - 1) of the smaller side, as a draw spreads too little), against
Student's t with one degree of freedom less than the smaller side has patients. Simulated without any
difference, 12 patients, 6 in the group, slices of a patient alike: see the tests for how often it cries out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from core.config import Frozen
from core.errors import SettingsProblem
from core.metrics.robustness.report import estimate_of
from core.metrics.robustness.statistics import unit_weights, weighted_mean
from core.types import BoolArray, Estimate, Float64Array, Level, UnitTable

REPLICATES = 1000
MIN_PATIENTS = 5
MIN_UNITS = 10
NOTHING_BESIDE = "nothing to compare with"
MOST_PAIRS = 20
"""Pairs that are told of, the worst first; all that were searched are corrected for."""


@dataclass(frozen=True)
class Attribute:
    """A way to group units. categories: (unit,) name of each unit's group, None where unknown. rule: how it
    was told, in one sentence."""

    key: str
    label: str
    rule: str
    categories: tuple[str | None, ...]


class GroupRow(Frozen):
    """One group, or a pair of conditions (then `attributes` and `categories` hold two).

    value: mean of the metric. difference: to the mean of all other units. p: of no difference, p_holm: after
    correction for everything that was tested beside it; None where too small to say anything, and `small`
    says why. undefined: units of the group without a defined value.
    """

    attributes: tuple[str, ...]
    categories: tuple[str, ...]
    units: int
    patients: int
    undefined: int
    value: Estimate
    difference: Estimate
    p: float | None
    p_holm: float | None
    small: str = ""


class SubgroupReport(Frozen):
    """groups: per attribute in the order given. pairs: the worst first, exploratory. searched: pairs with
    enough support, all of which the correction counts. rules: how each attribute was told."""

    title: str
    level: Level
    metric: str
    units: int
    patients: int
    overall: Estimate
    groups: tuple[GroupRow, ...]
    pairs: tuple[GroupRow, ...]
    searched: int
    rules: tuple[tuple[str, str], ...]
    min_patients: int
    min_units: int
    replicates: int = REPLICATES
    seed: int = 0


def subgroup_report(
    table: UnitTable,
    attributes: Sequence[Attribute],
    metric: str = "dice",
    *,
    pairs: bool = True,
    min_patients: int = MIN_PATIENTS,
    min_units: int = MIN_UNITS,
    seed: int = 0,
    replicates: int = REPLICATES,
    higher_is_better: bool = True,
) -> SubgroupReport:
    """Every group of every attribute, and the pairs of conditions on which the metric is worst.

    metric: a column of the table, or "risk" of a classification (1 where wrong). Same arguments, same report.
    Raises SettingsProblem for an unknown metric.
    """
    values = _values(table, metric)
    weights = unit_weights(table.group, seed=seed, replicates=replicates)
    patients = np.asarray(table.group, dtype=np.str_)
    support = _Support(values, patients, weights, min_patients, min_units)
    singles = [
        support.row((attribute.key,), (name,), _members(attribute, name))
        for attribute in attributes
        for name in _names(attribute)
    ]
    found = _search(support, attributes) if pairs else []
    sign = 1.0 if higher_is_better else -1.0
    found.sort(key=lambda row: sign * (row.difference.value or 0.0))
    return SubgroupReport(
        title=table.title, level=table.level, metric=metric, units=table.units,
        patients=len(set(table.group)), overall=estimate_of(weighted_mean(values, weights)),
        groups=tuple(_corrected(singles)), pairs=tuple(_corrected(found)[:MOST_PAIRS]), searched=len(found),
        rules=tuple((each.key, each.rule) for each in attributes), min_patients=min_patients,
        min_units=min_units, replicates=replicates, seed=seed,
    )  # fmt: skip


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """p-values after Holm's correction for their number, each at most 1.

    Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70.

    >>> holm((0.01, 0.04, 0.03))
    (0.03, 0.06, 0.06)
    """
    order = sorted(range(len(p)), key=lambda k: p[k])
    corrected, highest = [0.0] * len(p), 0.0
    for place, k in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - place) * p[k]))
        corrected[k] = highest
    return tuple(corrected)


@dataclass(frozen=True, eq=False)
class _Support:
    """What every group is judged with. values: (unit,) of the metric. weights: (weighting, unit)."""

    values: Float64Array
    patients: np.ndarray
    weights: Float64Array
    min_patients: int
    min_units: int

    def row(self, attributes: tuple[str, ...], categories: tuple[str, ...], members: BoolArray) -> GroupRow:
        """One group against the rest."""
        inside = np.where(members, self.values, np.nan)
        outside = np.where(members, np.nan, self.values)
        own = weighted_mean(inside, self.weights)
        difference = own - weighted_mean(outside, self.weights)
        known = members & ~np.isnan(self.values)
        units, patients = int(members.sum()), len(set(self.patients[known].tolist()))
        rest = len(set(self.patients[~members & ~np.isnan(self.values)].tolist()))
        p = _p(difference, min(patients, rest))
        small = self.too_small(int(known.sum()), patients) or ("" if p is not None else NOTHING_BESIDE)
        return GroupRow(
            attributes=attributes, categories=categories, units=units, patients=patients,
            undefined=units - int(known.sum()), value=estimate_of(own), difference=estimate_of(difference),
            p=None if small else p, p_holm=None, small=small,
        )  # fmt: skip

    def too_small(self, units: int, patients: int) -> str:
        """Why a group says nothing, "" where it does."""
        if patients < self.min_patients:
            return f"only {patients} of at least {self.min_patients} patients"
        if units < self.min_units:
            return f"only {units} of at least {self.min_units} units"
        return ""


def _search(support: _Support, attributes: Sequence[Attribute]) -> list[GroupRow]:
    rows = []
    for first, second in combinations(attributes, 2):
        for one in _names(first):
            for other in _names(second):
                members = _members(first, one) & _members(second, other)
                known = members & ~np.isnan(support.values)
                patients = len(set(support.patients[known].tolist()))
                same = (members == _members(first, one)).all() or (members == _members(second, other)).all()
                if not same and not support.too_small(int(known.sum()), patients):
                    rows.append(support.row((first.key, second.key), (one, other), members))
    return rows


def _corrected(rows: Sequence[GroupRow]) -> list[GroupRow]:
    tested = [k for k, row in enumerate(rows) if row.p is not None]
    corrected = dict(zip(tested, holm([rows[k].p or 0.0 for k in tested]), strict=True))
    return [row.model_copy(update={"p_holm": corrected.get(k)}) for k, row in enumerate(rows)]


def _p(difference: Float64Array, patients: int) -> float | None:
    """Two-sided p-value of no difference. patients: of the smaller side; None where it has fewer than two."""
    from scipy.stats import t

    drawn = difference[1:][~np.isnan(difference[1:])]
    if patients < 2 or drawn.size < 2 or np.isnan(difference[0]):
        return None
    error = float(drawn.std(ddof=1)) * patients / (patients - 1)
    if error == 0.0:
        return 1.0 if difference[0] == 0.0 else 0.0
    return float(2.0 * t.sf(abs(difference[0]) / error, patients - 1))


def _values(table: UnitTable, metric: str) -> Float64Array:
    if metric in table.metrics:
        return np.asarray(table.metrics[metric], np.float64)
    if metric == "risk" and table.prob is not None:
        from core.metrics.selective.risk import wrong

        return np.where(table.has_ref, wrong(table).astype(np.float64), np.nan)
    known: Mapping[str, object] = table.metrics
    raise SettingsProblem(
        "There is no such metric in this run",
        found=metric,
        expected="one of " + (", ".join(known) or "risk"),
        fix="use one of these names",
    )


def _names(attribute: Attribute) -> list[str]:
    """Its categories in the order in which they are met, at least two of them."""
    found = list(dict.fromkeys(each for each in attribute.categories if each is not None))
    return found if len(found) > 1 else []


def _members(attribute: Attribute, name: str) -> BoolArray:
    return np.array([each == name for each in attribute.categories], np.bool_)
