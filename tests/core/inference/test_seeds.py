"""Seeds and masks: functions of what is sampled."""

from __future__ import annotations

import numpy as np
import pytest

from core.inference.seeds import draw_mask, mask_seed


def test_every_part_of_the_identity_changes_the_seed() -> None:
    base = ("case", "weights", 0, "dropout", 0)
    changed = [
        ("other", "weights", 0, "dropout", 0),
        ("case", "other", 0, "dropout", 0),
        ("case", "weights", 1, "dropout", 0),
        ("case", "weights", 0, "head", 0),
        ("case", "weights", 0, "dropout", 1),
    ]
    assert len({mask_seed(*each) for each in (base, *changed)}) == 6


def test_seed_and_mask_are_those_of_the_first_release() -> None:
    # A change here changes every stored Monte-Carlo result: raise SCHEME instead.
    seed = mask_seed("case", "weights", 0, "dropout", 0)
    assert seed == 7675775383094269561
    assert draw_mask((1, 8, 1, 1), 0.5, seed).ravel().tolist() == [2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0]


def test_mask_is_zero_or_inverse_of_the_kept_share() -> None:
    mask = draw_mask((1, 4000, 1, 1), 0.2, 7)
    assert set(np.unique(mask)) == {np.float32(0), np.float32(1 / 0.8)}
    # 4000 draws: the share dropped has a standard deviation of 0.0063.
    assert (mask == 0).mean() == pytest.approx(0.2, abs=0.03)


def test_everything_is_dropped_at_one() -> None:
    assert not draw_mask((1, 8, 1, 1), 1.0, 7).any()
