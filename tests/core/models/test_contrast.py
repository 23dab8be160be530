"""Contrast of a scaled slice: left alone, equalised, or equalised in places."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import Contrast
from core.models.preprocess import CONTRASTS, change_contrast

KEYS: tuple[Contrast, ...] = get_args(Contrast)


def noise(seed: int = 0, shape: tuple[int, int] = (64, 64)) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def test_every_contrast_has_a_label() -> None:
    assert tuple(CONTRASTS) == KEYS and all(CONTRASTS.values())


@pytest.mark.parametrize("key", KEYS)
def test_contrast_keeps_shape_type_range_and_its_argument(key: Contrast) -> None:
    plane = noise()
    before = plane.copy()
    changed = change_contrast(plane, key)
    assert changed.shape == plane.shape and changed.dtype == np.float32
    assert changed.min() >= 0.0 and changed.max() <= 1.0
    assert np.array_equal(plane, before)


def test_percentile_leaves_the_slice_alone() -> None:
    plane = noise() * 1.5
    assert change_contrast(plane, "percentile") is plane


@given(st.integers(0, 1000), st.floats(0.3, 3.0))
def test_equalised_ignores_any_rising_change_of_grey_values(seed: int, gamma: float) -> None:
    # Multiples of 1/255 stay distinct under the power, as in a file of 8 bits.
    plane = (np.random.default_rng(seed).integers(0, 256, (8, 8)) / 255).astype(np.float32)
    curved = (plane.astype(np.float64) ** gamma).astype(np.float32)
    assert np.array_equal(change_contrast(plane, "equalised"), change_contrast(curved, "equalised"))


def test_a_constant_slice_stays_constant() -> None:
    flat = np.full((16, 16), 0.3, dtype=np.float32)
    for key in KEYS:
        assert np.ptp(change_contrast(flat, key)) == 0.0


def test_clahe_stretches_a_weak_pattern() -> None:
    weak = 0.5 + 0.02 * (noise() - 0.5)
    assert change_contrast(weak, "clahe").std() > 2 * weak.std()
