"""Two halves of the patients."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.metrics.halves import split_halves


@given(groups=st.lists(st.sampled_from("abcdefg"), max_size=30), seed=st.integers(0, 99), data=st.data())
def test_order_of_rows_does_not_matter_and_no_patient_is_on_both_sides(
    groups: list[str], seed: int, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(groups))))
    halves = split_halves(groups, seed)
    assert split_halves([groups[k] for k in order], seed).tolist() == [halves[k] for k in order]
    fitted = {name for name, fit in zip(groups, halves, strict=True) if fit}
    reported = {name for name, fit in zip(groups, halves, strict=True) if not fit}
    assert not fitted & reported
    assert len(fitted) == len(set(groups)) // 2


def test_seed_changes_the_halves() -> None:
    groups = [str(k) for k in range(40)]
    halves = [split_halves(groups, seed) for seed in range(3)]
    assert not np.array_equal(halves[0], halves[1])
    assert [int(each.sum()) for each in halves] == [20, 20, 20]
