"""What limits catch and cost on drawn cases, and proposals against brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.metrics.tuning import RuleTable, cheapest, fired, halves_drawn, limits_array, outside, tallies

NAN = float("nan")


def table_of(values, failure, above=(True, False), groups=None, fitted=None) -> RuleTable:
    values = np.asarray(values, float)
    count = len(values)
    return RuleTable(
        keys=tuple(f"rule-{k}" for k in range(values.shape[1])),
        values=values,
        above=np.array(above[: values.shape[1]]),
        low=np.zeros(values.shape[1]),
        high=np.full(values.shape[1], 10.0),
        failure=np.asarray(failure, bool),
        groups=tuple(groups or [f"p{k}" for k in range(count)]),
        fitted=np.ones(count, bool) if fitted is None else np.asarray(fitted, bool),
        rows=np.arange(count),
    )


def test_a_check_fires_beyond_its_limit_on_its_side_and_not_at_it():
    table = table_of([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [NAN, NAN]], [0] * 4)
    hits = fired(table, np.array([2.0, 2.0]))
    assert hits[:, 0].tolist() == [False, False, True, False]
    assert hits[:, 1].tolist() == [True, False, False, False]
    assert not fired(table, np.array([NAN, NAN])).any()


def test_shares_of_ten_cases_by_hand():
    # Ten cases, four failures. Flagged: three failures, one good case.
    failure = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    values = [[5.0], [5.0], [5.0], [0.0], [5.0], [0.0], [0.0], [0.0], [0.0], [0.0]]
    table = table_of(values * 2, failure * 2, fitted=[True] * 10 + [False] * 10)
    first, second = tallies(table, np.array([1.0]), halves_drawn(table))
    for found in (first, second):
        assert (found.n, found.failures, found.flagged) == (10, 4, 4)
        assert found.caught.value == pytest.approx(3 / 4)
        assert found.alarms.value == pytest.approx(1 / 6)
        assert found.missed.value == pytest.approx(10.0)
        assert found.workload.value == pytest.approx(40.0)
        assert found.caught.low <= found.caught.value <= found.caught.high


def test_without_a_failure_nothing_can_be_caught():
    table = table_of([[1.0]] * 4, [0] * 4, fitted=[1, 1, 0, 0])
    _, second = tallies(table, np.array([0.5]), halves_drawn(table))
    assert second.caught.value is None
    assert second.alarms.value == 1.0


def test_intervals_draw_patients():
    # Two patients, one all flagged and one not: drawn, the workload is 0, 50 or 100.
    table = table_of([[5.0]] * 5 + [[0.0]] * 5, [0] * 10, groups=["a"] * 5 + ["b"] * 5, fitted=[0] * 10)
    _, found = tallies(table, np.array([1.0]), halves_drawn(table))
    assert (found.workload.low, found.workload.value, found.workload.high) == (0.0, 50.0, 100.0)


def test_at_most_the_share_of_good_cases_lies_outside():
    rng = np.random.default_rng(0)
    table = table_of(rng.random((200, 2)) * 10, rng.random(200) < 0.3)
    good = ~table.failure
    hits = fired(table, outside(table, 0.05))[good]
    assert (hits.mean(axis=0) <= 0.05).all()
    assert (hits.mean(axis=0) > 0.02).all()


def test_the_other_half_has_no_say_in_proposals():
    rng = np.random.default_rng(1)
    values, failure = rng.random((60, 2)) * 10, rng.random(60) < 0.4
    fitted = np.arange(60) < 30
    table = table_of(values, failure, fitted=fitted)
    changed = values.copy()
    changed[~fitted] = rng.random((30, 2)) * 10
    other = table_of(changed, np.where(fitted, failure, ~failure), fitted=fitted)
    np.testing.assert_array_equal(cheapest(table, 3, 1), cheapest(other, 3, 1))
    np.testing.assert_array_equal(outside(table, 0.1), outside(other, 0.1))


def cost(table, limits, miss, alarm):
    flagged = fired(table, limits).any(axis=1)
    return miss * (table.failure & ~flagged).sum() + alarm * (~table.failure & flagged).sum()


@given(st.integers(0, 10_000), st.floats(0.1, 10.0))
def test_the_proposal_of_one_check_costs_least(seed, miss):
    rng = np.random.default_rng(seed)
    table = table_of(rng.integers(1, 9, (12, 1)), rng.random(12) < 0.4, above=(bool(seed % 2),))
    found = cost(table, cheapest(table, miss, 1.0), miss, 1.0)
    tries = [NAN, *np.arange(0.0, 10.0, 0.5)]
    assert found <= min(cost(table, np.array([each]), miss, 1.0) for each in tries) + 1e-9


@given(st.integers(0, 10_000))
def test_the_proposal_is_never_dearer_than_no_check_and_cannot_be_bettered_by_moving_one(seed):
    rng = np.random.default_rng(seed)
    table = table_of(rng.integers(1, 9, (14, 2)), rng.random(14) < 0.5)
    chosen = cheapest(table, 2.0, 1.0)
    found = cost(table, chosen, 2.0, 1.0)
    assert found <= cost(table, np.array([NAN, NAN]), 2.0, 1.0)
    for rule, value in product(range(2), [NAN, *np.arange(0.0, 10.0, 0.5)]):
        moved = chosen.copy()
        moved[rule] = value
        assert found <= cost(table, moved, 2.0, 1.0) + 1e-9


def test_free_alarms_flag_every_failure_and_free_misses_flag_nothing():
    table = table_of([[3.0], [1.0], [2.0]], [1, 1, 0])
    assert fired(table, cheapest(table, 1.0, 0.0))[:, 0].tolist() == [True, True, True]
    assert np.isnan(cheapest(table, 0.0, 1.0)).all()


def test_a_rule_without_a_limit_is_off():
    table = table_of([[1.0, 1.0]], [0])
    np.testing.assert_array_equal(limits_array(table, [("rule-1", 4.0)]), [NAN, 4.0])
