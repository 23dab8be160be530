"""Where a unit stands among the others: arithmetic in sight, ties, undefined ones, the ends of the order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.metrics.selective.standing import standing

NAN = float("nan")


def test_share_is_of_the_others_that_are_higher() -> None:
    found = standing(np.array([0.1, 0.2, 0.3, 0.4]), 1)
    assert (found.lower_than, found.equal, found.n) == (2 / 3, 0, 4)


def test_equal_ones_are_counted_apart() -> None:
    found = standing(np.array([0.5, 0.5, 0.9]), 0)
    assert (found.lower_than, found.equal) == (1 / 2, 1)


def test_undefined_ones_come_first_and_are_counted() -> None:
    values = np.array([0.5, NAN, 0.1])
    assert (standing(values, 1).lower_than, standing(values, 1).more) == (None, 2)
    assert (standing(values, 2).less, standing(values, 2).undefined, standing(values, 2).n) == (1, 1, 2)


def test_the_only_unit_has_no_place_and_no_neighbours() -> None:
    found = standing(np.array([0.5]), 0)
    assert (found.lower_than, found.less, found.more) == (None, None, None)


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, NAN]), min_size=1, max_size=12))
def test_walking_up_visits_every_unit_once_in_order(values: list[float]) -> None:
    confidence = np.array(values)
    starts = [row for row in range(len(values)) if standing(confidence, row).less is None]
    assert len(starts) == 1
    walked, row = [], starts[0]
    while row is not None and len(walked) <= len(values):
        walked.append(row)
        row = standing(confidence, row).more
    assert sorted(walked) == list(range(len(values)))
    known = [confidence[each] for each in walked if not np.isnan(confidence[each])]
    assert known == sorted(known)
