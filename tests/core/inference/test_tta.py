"""The eight symmetries of the square."""

from __future__ import annotations

import numpy as np
import pytest

from core.inference.tta import SYMMETRIES, apply_symmetry, undo_symmetry

PICTURE = np.arange(9, dtype=np.float32).reshape(1, 3, 3)


@pytest.mark.parametrize("index", range(SYMMETRIES))
def test_undoing_gives_the_picture_back(index: int) -> None:
    np.testing.assert_array_equal(undo_symmetry(apply_symmetry(PICTURE, index), index), PICTURE)


def test_all_eight_are_different_and_the_first_changes_nothing() -> None:
    seen = {apply_symmetry(PICTURE, index).tobytes() for index in range(SYMMETRIES)}
    assert len(seen) == SYMMETRIES
    np.testing.assert_array_equal(apply_symmetry(PICTURE, 0), PICTURE)


@pytest.mark.parametrize("index", range(SYMMETRIES))
def test_symmetry_is_a_mirror_and_quarter_turns(index: int) -> None:
    flipped, turns = divmod(index, 4)
    first = PICTURE[..., ::-1] if flipped else PICTURE
    np.testing.assert_array_equal(apply_symmetry(PICTURE, index), np.rot90(first, turns, (-2, -1)))
