"""What limits of the checks catch and cost, chosen on one half of the patients, reported on the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.metrics.draws import Draws, draw_groups, ratio
from core.types import BoolArray, Estimate, Float64Array
from core.types.profiles import Tally

REPLICATES = 1000
MOST_PASSES = 10


@dataclass(frozen=True, eq=False)
class RuleTable:
    """What every check sees of every case.

    values: (case, rule), the value furthest towards firing, NaN where the check sees none. above: (rule,)
    fires above its limit, else below. low, high: (rule,) range of each limit. failure: (case,).
    groups: patient of each case. fitted: (case,) whether limits are chosen on it; the others report.
    rows: (case,) where each stands in the table of the run.
    """

    keys: tuple[str, ...]
    values: Float64Array
    above: BoolArray
    low: Float64Array
    high: Float64Array
    failure: BoolArray
    groups: tuple[str, ...]
    fitted: BoolArray
    rows: NDArray[np.int64]


def fired(table: RuleTable, limits: Float64Array) -> BoolArray:
    """(case, rule) whether each check fires. limits: (rule,), NaN = off; at the limit nothing fires."""
    beyond = np.where(table.above, table.values > limits, table.values < limits)
    return np.asarray(beyond, np.bool_)


def halves_drawn(table: RuleTable, seed: int = 0, replicates: int = REPLICATES) -> tuple[Draws, Draws]:
    """Draws of patients within the half that limits are chosen on, and within the other."""
    groups = np.asarray(table.groups, np.str_)
    first, second = (
        draw_groups(groups[chosen].tolist(), seed=seed, replicates=replicates)
        for chosen in (table.fitted, ~table.fitted)
    )
    return first, second


def tally(flagged: BoolArray, failure: BoolArray, draws: Draws) -> Tally:
    """Counts and shares with intervals over patients; flagged, failure: (case,) in the order of the draws."""
    both = np.stack(
        [failure & flagged, failure, ~failure & flagged, ~failure, flagged, np.ones_like(flagged)], axis=1
    ).astype(np.float64)
    sums = draws.sums(both)
    found, drawn = sums.sum(axis=0), draws.drawn(sums)

    def share(over: int, under: int, factor: float = 1.0) -> Estimate:
        value = factor * float(ratio(found[over : over + 1], found[under : under + 1])[0])
        return draws.estimate(value, factor * ratio(drawn[:, over], drawn[:, under]))

    caught, alarms, workload = share(0, 1), share(2, 3), share(4, 5, 100.0)
    missed = 100.0 * float(ratio(found[1:2] - found[0:1], found[5:6])[0])
    return Tally(
        n=len(flagged),
        groups=draws.groups,
        failures=int(found[1]),
        flagged=int(found[4]),
        caught=caught,
        alarms=alarms,
        missed=draws.estimate(missed, 100.0 * ratio(drawn[:, 1] - drawn[:, 0], drawn[:, 5])),
        workload=workload,
    )


def tallies(table: RuleTable, limits: Float64Array, draws: tuple[Draws, Draws]) -> tuple[Tally, Tally]:
    """Of all checks together (any of them asks for a review): on the half chosen on, and on the other."""
    flagged = np.asarray(fired(table, limits).any(axis=1), np.bool_)
    first, second = (
        tally(flagged[chosen], table.failure[chosen], drawn)
        for chosen, drawn in zip((table.fitted, ~table.fitted), draws, strict=True)
    )
    return first, second


def outside(table: RuleTable, share: float) -> Float64Array:
    """(rule,) limits beyond which at most `share` of the good cases of the fitted half lie, each by itself.

    Order statistics, never interpolated; NaN for a check that sees no good case.
    """
    good = table.values[table.fitted & ~table.failure]
    found = np.full(len(table.keys), np.nan)
    for rule in range(len(table.keys)):
        seen = np.sort(good[:, rule][~np.isnan(good[:, rule])])
        if not seen.size:
            continue
        allowed = int(np.floor(share * len(good)))
        place = max(seen.size - 1 - allowed, 0) if table.above[rule] else min(allowed, seen.size - 1)
        found[rule] = seen[place]
    return np.asarray(np.clip(found, table.low, table.high), np.float64)


def cheapest(table: RuleTable, cost_miss: float, cost_alarm: float) -> Float64Array:
    """(rule,) limits with the lowest cost on the fitted half, NaN = switched off.

    cost: cost_miss for each failure without a flag, cost_alarm for each good case with one. Checks are added
    one by one, the one that saves most first, and each is then moved again until nothing changes; the result
    need not be the best of all. Of equal costs the limit with fewer flags is taken.
    """
    values, failure = table.values[table.fitted], table.failure[table.fitted]
    gain = np.where(failure, cost_miss, -cost_alarm)
    limits: Float64Array = np.full(len(table.keys), np.nan)
    for _ in range(MOST_PASSES * len(table.keys)):
        hits = np.where(table.above, values > limits, values < limits)
        moves = [_best_move(table, values, gain, hits, rule) for rule in range(len(table.keys))]
        best = int(np.argmax([move[0] for move in moves]))
        if moves[best][0] <= float(gain[hits.any(axis=1)].sum()) + 1e-12:
            break
        limits[best] = moves[best][1]
    return limits


def _best_move(
    table: RuleTable, values: Float64Array, gain: Float64Array, hits: BoolArray, rule: int
) -> tuple[float, float]:
    """(gain of all checks together, limit) with one check moved to its best place, the others as they are."""
    others = np.delete(hits, rule, axis=1).any(axis=1)
    base = float(gain[others].sum())
    free = ~others & ~np.isnan(values[:, rule])
    seen = values[free, rule] if table.above[rule] else -values[free, rule]
    order = np.argsort(-seen, kind="stable")
    ranked, gained = seen[order], base + np.cumsum(gain[free][order])
    low, high = (
        (table.low[rule], table.high[rule]) if table.above[rule] else (-table.high[rule], -table.low[rule])
    )
    best, limit = base, float("nan")
    for k in range(len(ranked)):
        following = ranked[k + 1] if k + 1 < len(ranked) else low
        place = (ranked[k] + following) / 2.0 if following < ranked[k] else ranked[k]
        if following < ranked[k] and low <= place <= high and gained[k] > best + 1e-12:
            best, limit = float(gained[k]), float(place)
    return best, limit if table.above[rule] else -limit


def limits_array(table: RuleTable, limits: Sequence[tuple[str, float | None]]) -> Float64Array:
    """(rule,) limits in the order of the table from (rule, limit) pairs; None or missing = switched off."""
    named = dict(limits)
    return np.array([np.nan if named.get(key) is None else named[key] for key in table.keys], np.float64)
