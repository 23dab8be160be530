"""Whether two readers agree, beyond what chance would bring: Cohen's kappa with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.config import Frozen
from core.types import Estimate, Float64Array
from core.types.reviews import DECISIONS, Decision

REPLICATES = 2000
MIN_GROUPS = 5
"""Fewer patients than this have no interval."""


class Agreement(Frozen):
    """Two readers on the cases that both decided.

    kappa: in [-1, 1], 1 = always agree, 0 = as often as by chance; None where both used one and the same
    decision throughout, or there is no case. agreed: share of cases with the same decision. table: counts,
    first reader's decision by row, in the order of `core.types.reviews.DECISIONS`. subjects: the
    disagreements, in the order given.
    """

    first: str
    second: str
    cases: int
    groups: int
    kappa: Estimate
    agreed: float | None
    table: tuple[tuple[int, ...], ...]
    disagreements: tuple[str, ...]


def kappa_of(table: Float64Array) -> float:
    """Cohen's kappa of a table of counts (decision of the first, of the second); NaN where undefined.

    (po - pe) / (1 - pe) with po the share on the diagonal and pe that expected from the margins.
    Source: Cohen 1960, doi:10.1177/001316446002000104.

    >>> round(kappa_of(np.array([[45.0, 5.0], [10.0, 40.0]])), 10)
    0.7
    """
    total = table.sum()
    if not total:
        return float("nan")
    observed = np.trace(table) / total
    expected = float(table.sum(axis=1) @ table.sum(axis=0)) / total**2
    return float("nan") if expected >= 1.0 else float((observed - expected) / (1.0 - expected))


def agreement(
    first: tuple[str, Mapping[str, Decision]],
    second: tuple[str, Mapping[str, Decision]],
    groups: Mapping[str, str],
    *,
    seed: int = 0,
) -> Agreement:
    """Agreement of two readers: (name, decision by subject) each. groups: patient of each subject.

    The interval (95 %, percentile) draws patients with replacement; draws without a kappa are left out.
    """
    both = [each for each in first[1] if each in second[1] and each in groups]
    pairs = [(DECISIONS.index(first[1][each]), DECISIONS.index(second[1][each])) for each in both]
    tables = _tables(pairs, [groups[each] for each in both])
    table = tables.sum(axis=0)
    value = kappa_of(table)
    low, high = _interval(tables, seed) if len(tables) >= MIN_GROUPS and not np.isnan(value) else (None, None)
    return Agreement(
        first=first[0],
        second=second[0],
        cases=len(both),
        groups=len(tables),
        kappa=Estimate(value=None if np.isnan(value) else value, low=low, high=high),
        agreed=float(np.trace(table) / table.sum()) if both else None,
        table=tuple(tuple(int(n) for n in row) for row in table),
        disagreements=tuple(each for each in both if first[1][each] != second[1][each]),
    )


def _tables(pairs: Sequence[tuple[int, int]], groups: Sequence[str]) -> Float64Array:
    """(group, decision, decision) counts."""
    names, index = np.unique(np.asarray(groups, str), return_inverse=True)
    tables = np.zeros((len(names), len(DECISIONS), len(DECISIONS)))
    for (row, column), group in zip(pairs, index, strict=True):
        tables[group, row, column] += 1.0
    return tables


def _interval(tables: Float64Array, seed: int) -> tuple[float | None, float | None]:
    count = len(tables)
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1.0 / count), size=REPLICATES)
    drawn = np.tensordot(weights.astype(np.float64), tables, axes=1)
    values = np.array([kappa_of(each) for each in drawn])
    values = values[~np.isnan(values)]
    if not values.size:
        return None, None
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)
