"""Cohen's kappa against hand computations and a published table."""

from __future__ import annotations

import numpy as np
import pytest

from core.review import agreement
from core.review.agreement import kappa_of


def readers(pairs):
    names = [f"s{k}" for k in range(len(pairs))]
    first = {name: pair[0] for name, pair in zip(names, pairs, strict=True)}
    second = {name: pair[1] for name, pair in zip(names, pairs, strict=True)}
    return ("Ada", first), ("Ben", second), {name: name for name in names}


def test_kappa_of_ten_cases_by_hand():
    # 10 cases, 7 alike: po = .7. Ada: 6 accept, 4 reject; Ben: 5 and 5: pe = .6 x .5 + .4 x .5 = .5.
    pairs = (
        [("accept", "accept")] * 4
        + [("reject", "reject")] * 3
        + [("accept", "reject")] * 2
        + [("reject", "accept")]
    )
    found = agreement(*readers(pairs))
    assert found.kappa.value == pytest.approx((0.7 - 0.5) / (1 - 0.5))
    assert found.agreed == pytest.approx(0.7)
    assert found.cases == 10
    assert len(found.disagreements) == 3


def test_kappa_of_the_table_in_landis_and_koch():
    # Landis and Koch 1977, doi:10.2307/2529310, Table 1, New Orleans patients (4 x 4): kappa = .297.
    table = np.array([[5, 3, 0, 0], [3, 11, 4, 0], [2, 13, 3, 4], [1, 2, 4, 14]], float)
    assert kappa_of(table) == pytest.approx(0.297, abs=0.0005)


def test_kappa_is_symmetric():
    table = np.random.default_rng(0).integers(0, 20, (4, 4)).astype(float)
    assert kappa_of(table) == pytest.approx(kappa_of(table.T))


def test_one_decision_throughout_has_no_kappa():
    found = agreement(*readers([("accept", "accept")] * 6))
    assert found.kappa.value is None
    assert found.agreed == 1.0


def test_no_common_case():
    found = agreement(("Ada", {"a": "accept"}), ("Ben", {"b": "accept"}), {"a": "p", "b": "p"})
    assert (found.cases, found.kappa.value, found.agreed) == (0, None, None)


def test_few_patients_have_no_interval_and_more_have_one_around_kappa():
    pairs = [("accept", "accept"), ("reject", "reject"), ("accept", "reject"), ("unsure", "unsure")]
    assert agreement(*readers(pairs)).kappa.low is None
    many = agreement(*readers(pairs * 5)).kappa
    assert many.low < many.value < many.high


def test_the_interval_draws_patients_not_cases():
    pairs = [("accept", "accept"), ("reject", "reject"), ("accept", "reject"), ("reject", "accept")] * 6
    first, second, groups = readers(pairs)
    alone = agreement(first, second, groups).kappa
    few = agreement(first, second, {name: str(k // 4) for k, name in enumerate(groups)}).kappa
    # Six patients with the same four cases each: every draw gives the same kappa.
    assert (few.low, few.high) == (few.value, few.value)
    assert alone.low < few.low


def test_the_table_counts_the_first_reader_by_row():
    found = agreement(*readers([("accept", "reject")]))
    assert found.table[0] == (0, 1, 0, 0)
