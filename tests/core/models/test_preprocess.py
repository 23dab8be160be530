"""Scaling of intensities, and the way to the working size and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models.preprocess import (
    CEILING,
    IntensityRange,
    apply_range,
    fit_slice,
    intensity_range,
    scale_intensity,
    standardise,
    unfit_slice,
)


def head(air: float, tissue: float, side: int = 40) -> np.ndarray:
    """A bright square of tissue in air, the tissue rising slightly from row to row."""
    picture = np.full((side, side), air, dtype=np.float32)
    picture[10:30, 10:30] = tissue + np.arange(20, dtype=np.float32)[:, None]
    return picture


def test_tissue_percentile_becomes_one_and_air_becomes_zero() -> None:
    scaled = scale_intensity(head(5.0, 100.0)[None, None])[0, 0]
    assert scaled[0, 0] == 0.0
    # 400 tissue values 100 … 119, twenty of each: the 99th percentile is 119, the air is 5.
    assert scaled[10, 10] == pytest.approx(95 / 114, abs=1e-6)
    assert scaled[29, 10] == pytest.approx(1.0, abs=1e-6)


def test_air_around_the_head_does_not_change_its_scale() -> None:
    tight = head(5.0, 100.0)
    wide = np.full((120, 120), 5.0, dtype=np.float32)
    wide[40:80, 40:80] = tight
    assert intensity_range(tight) == intensity_range(wide)


def test_exact_padding_above_the_minimum_is_left_out_and_becomes_zero() -> None:
    scored = head(0.0, 0.0)
    scored[10:30, 10:30] = np.linspace(-2.0, 3.0, 400, dtype=np.float32).reshape(20, 20)
    limits = intensity_range(scored)
    assert limits.padding == 0.0
    assert limits.low == pytest.approx(np.percentile(scored[10:30, 10:30], 0.5), abs=1e-5)
    assert apply_range(scored, limits)[0, 0] == 0.0
    assert apply_range(scored, limits)[20, 20] > 0.3


def test_padding_at_the_minimum_is_ordinary_background() -> None:
    assert intensity_range(head(-3.5, 0.0)).padding is None


def test_constant_channel_scales_to_zero() -> None:
    assert not scale_intensity(np.full((1, 2, 8, 8), 7.0, dtype=np.float32)).any()


def test_very_bright_spot_is_cut_at_the_ceiling() -> None:
    picture = head(0.0, 100.0)
    picture[20, 20] = 10_000.0
    assert scale_intensity(picture[None, None]).max() == CEILING


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(bad: float) -> None:
    picture = head(0.0, 100.0)
    picture[3, 3] = bad
    with pytest.raises(ValueError, match="finite"):
        scale_intensity(picture[None, None])


def test_channels_are_scaled_apart() -> None:
    both = np.stack([head(0.0, 100.0), head(0.0, 100.0) * 50])[:, None]
    scaled = scale_intensity(both)
    np.testing.assert_allclose(scaled[0], scaled[1], atol=1e-5)


@given(factor=st.floats(0.01, 1000.0), shift=st.floats(-500.0, 500.0))
@settings(max_examples=30, deadline=None)
def test_unit_and_offset_of_the_scanner_do_not_matter(factor: float, shift: float) -> None:
    picture = head(5.0, 100.0)
    moved = (picture * np.float32(factor) + np.float32(shift)).astype(np.float32)
    np.testing.assert_allclose(
        scale_intensity(moved[None, None]), scale_intensity(picture[None, None]), atol=2e-2
    )


def test_integer_images_scale_like_their_float_copies() -> None:
    picture = head(5.0, 100.0)
    np.testing.assert_array_equal(
        scale_intensity(picture.astype(np.uint8)[None, None]), scale_intensity(picture[None, None])
    )


def test_range_is_a_record_of_numbers() -> None:
    assert IntensityRange(0.0, 1.0).padding is None


def test_standardise_subtracts_and_divides_per_channel() -> None:
    image = np.stack([np.full((2, 2), 0.5), np.full((2, 2), 0.9)]).astype(np.float32)
    result = standardise(image, (0.5, 0.4), (0.2, 0.5))
    np.testing.assert_allclose(result[:, 0, 0], [0.0, 1.0], atol=1e-6)
    assert standardise(image, None, None) is image


@pytest.mark.parametrize("shape", [(64, 64), (50, 64), (64, 50), (200, 131), (33, 47)])
def test_a_blob_comes_back_where_it_was(shape: tuple[int, int]) -> None:
    rows, columns = shape
    blob = np.zeros((1, rows, columns), dtype=np.float32)
    top, left = rows // 4, columns // 2
    blob[0, top : top + rows // 3, left : left + columns // 3] = 1.0
    back = unfit_slice(fit_slice(blob, 64), shape)
    assert back.shape == blob.shape
    assert ((back > 0.5) == (blob > 0.5)).mean() > 0.97


def test_padding_is_symmetric() -> None:
    tall = np.ones((1, 8, 4), dtype=np.float32)
    np.testing.assert_array_equal(fit_slice(tall, 8)[0, 0], [0, 0, 1, 1, 1, 1, 0, 0])


def test_working_size_leaves_a_square_of_that_size_untouched() -> None:
    picture = np.random.default_rng(0).random((3, 32, 32), dtype=np.float32)
    np.testing.assert_array_equal(fit_slice(picture, 32), picture)
    np.testing.assert_array_equal(unfit_slice(picture, (32, 32)), picture)
