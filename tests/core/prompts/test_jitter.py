"""Draws of prompts that are a little off, and the prompt that the reference gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.prompts import innermost, jitter_box, jitter_point, jittered, reference_prompt, seed_of
from core.types.prompts import Box, Point, box_of

SHAPE = (64, 48)
BOX = Box(10, 8, 30, 18)
"""20 rows, 10 columns: at a share of 0.2 rows move by up to 4 pixels, columns by up to 2."""


def boxes(count: int, share: float) -> list[Box]:
    return [jitter_box(BOX, share, np.random.default_rng(draw), SHAPE) for draw in range(count)]


def test_without_jitter_the_box_stays() -> None:
    assert set(boxes(5, 0.0)) == {BOX}


def test_each_side_moves_inwards_and_outwards_by_its_share_of_the_length_across_it() -> None:
    drawn = boxes(400, 0.2)
    moves = np.array([(b.top - 10, b.left - 8, b.bottom - 30, b.right - 18) for b in drawn])
    assert moves.min(axis=0).tolist() == [-4, -2, -4, -2]
    assert moves.max(axis=0).tolist() == [4, 2, 4, 2]
    # Independent sides: the correlation of 400 independent draws stays within 4 / sqrt(400).
    assert np.abs(np.corrcoef(moves.T) - np.eye(4)).max() < 0.2


@given(
    top=st.integers(0, 60), left=st.integers(0, 44), height=st.integers(1, 64), width=st.integers(1, 48),
    share=st.floats(0.0, 0.49), seed=st.integers(0, 1000),
)  # fmt: skip
def test_a_jittered_box_is_never_empty_and_stays_in_the_picture(
    top: int, left: int, height: int, width: int, share: float, seed: int
) -> None:
    box = Box(top, left, min(top + height, SHAPE[0]), min(left + width, SHAPE[1]))
    moved = jitter_box(box, share, np.random.default_rng(seed), SHAPE)
    assert 0 <= moved.top < moved.bottom <= SHAPE[0]
    assert 0 <= moved.left < moved.right <= SHAPE[1]


def test_a_point_moves_by_shares_of_the_references_box() -> None:
    drawn = [jitter_point(Point(20, 13), BOX, 0.2, np.random.default_rng(k), SHAPE) for k in range(300)]
    assert {each.row for each in drawn} == set(range(16, 25))
    assert {each.column for each in drawn} == set(range(11, 16))


def test_a_point_stays_in_the_picture() -> None:
    drawn = [jitter_point(Point(0, 0), BOX, 0.4, np.random.default_rng(k), SHAPE) for k in range(50)]
    assert min(each.row for each in drawn) == min(each.column for each in drawn) == 0


def test_the_same_place_gives_the_same_draws_and_another_one_others() -> None:
    first = jittered(BOX, BOX, SHAPE, 0.2, 10, ("case", 3, 0))
    assert first == jittered(BOX, BOX, SHAPE, 0.2, 10, ("case", 3, 0))
    for other in (("case", 4, 0), ("other", 3, 0), ("case", 3, 1)):
        assert first != jittered(BOX, BOX, SHAPE, 0.2, 10, other)
    assert first[:5] == jittered(BOX, BOX, SHAPE, 0.2, 5, ("case", 3, 0)), "more draws keep the first ones"


def test_every_part_of_its_name_changes_the_seed() -> None:
    seeds = {
        seed_of("a", 0, "box", 0.1, 0, 0),
        seed_of("b", 0, "box", 0.1, 0, 0),
        seed_of("a", 1, "box", 0.1, 0, 0),
        seed_of("a", 0, "point", 0.1, 0, 0),
        seed_of("a", 0, "box", 0.2, 0, 0),
        seed_of("a", 0, "box", 0.1, 1, 0),
        seed_of("a", 0, "box", 0.1, 0, 1),
    }
    assert len(seeds) == 7


def test_the_box_of_a_reference_goes_round_all_of_its_parts() -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[2:8, 3:7] = mask[15, 18] = True
    assert reference_prompt(mask, "box") == (Box(2, 3, 16, 19), Box(2, 3, 16, 19))
    found = reference_prompt(mask, "point")
    assert found is not None
    assert isinstance(found[0], Point)
    assert mask[2:8, 3:7][found[0].row - 2, found[0].column - 3], "in the largest part"


def test_a_lesion_of_fifteen_pixels_is_too_small_to_prompt_for() -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[5, :15] = True
    assert reference_prompt(mask, "box") is None
    mask[6, 0] = True
    assert reference_prompt(mask, "box") is not None


def test_the_innermost_pixel_of_a_ring_lies_in_the_ring() -> None:
    mask = np.ones((21, 21), dtype=bool)
    mask[6:15, 6:15] = False
    point = innermost(mask)
    assert mask[point.row, point.column]


def test_no_box_round_nothing() -> None:
    assert box_of(np.zeros((4, 4), dtype=bool)) is None


@pytest.mark.parametrize("ends", [(3, 0, 3, 4), (0, 4, 2, 3), (-1, 0, 2, 2)])
def test_an_empty_or_outlying_box_is_refused(ends: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="a box needs"):
        Box(*ends)
