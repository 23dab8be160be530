"""Bins of equal width and of equal mass."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.metrics.reliability.binning import equal_mass, equal_width

PROBS = st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9, 1.0]), min_size=1, max_size=30)


def test_bins_are_closed_on_the_right_and_the_ends_are_inside() -> None:
    prob = np.array([0.0, 0.1, 0.2, 0.3, 0.30001, 0.7, 1.0])
    assert equal_width(prob, 10).bin.tolist() == [0, 0, 1, 2, 3, 6, 9]


def test_equal_mass_shares_a_block_of_ties_that_lies_across_a_cut() -> None:
    # Six values, three bins of two: the three 0.4 fill half of the first bin and the second but for a half.
    shares = equal_mass(np.array([0.1, 0.4, 0.4, 0.4, 0.8, 0.9]), np.ones(6), 3).matrix(6)
    assert shares.sum(axis=0) == pytest.approx([2, 2, 2])
    assert shares[1] == pytest.approx([1 / 3, 2 / 3, 0])
    assert shares[0] == pytest.approx([1, 0, 0])
    assert shares[5] == pytest.approx([0, 0, 1])


@given(probs=PROBS, bins=st.integers(1, 12))
def test_equal_mass_holds_equal_counts_in_rising_order_for_any_row_order(
    probs: list[float], bins: int
) -> None:
    prob = np.array(probs)
    shares = equal_mass(prob, np.ones(len(prob)), bins).matrix(len(prob))
    assert shares.sum(axis=0) == pytest.approx(np.full(bins, len(prob) / bins))
    assert shares.sum(axis=1) == pytest.approx(np.ones(len(prob)))
    means = prob @ shares
    assert (np.diff(means) >= -1e-9).all()
    turned = equal_mass(prob[::-1], np.ones(len(prob)), bins).matrix(len(prob))
    assert turned[::-1] == pytest.approx(shares)


def test_equal_mass_of_levels_counts_each_level_as_often_as_it_occurs() -> None:
    prob, count = np.array([0.1, 0.5, 0.7, 0.9]), np.array([6.0, 0.0, 1.0, 1.0])
    shares = equal_mass(prob, count, 2).matrix(4)
    assert count @ shares == pytest.approx([4, 4])
    assert shares.sum(axis=1) == pytest.approx(np.ones(4))


def test_nothing_cannot_be_cut() -> None:
    with pytest.raises(ValueError, match="no counts"):
        equal_mass(np.array([0.5]), np.zeros(1), 3)
