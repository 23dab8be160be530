"""Measures of small drawn masks; the arithmetic stands beside each."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.detector import (
    SLICE_MEASURES,
    STUDY_MEASURES,
    measure_slice,
    measure_study,
    summarise,
    value_of,
)
from core.errors import SettingsProblem
from core.types import BoolArray


def blank(rows: int = 20, columns: int = 20) -> BoolArray:
    return np.zeros((rows, columns), dtype=bool)


def disk(radius: float, size: int = 101) -> BoolArray:
    row, column = np.mgrid[:size, :size] - size // 2
    found: BoolArray = row**2 + column**2 <= radius**2
    return found


def value(mask: BoolArray, key: str) -> float | None:
    return value_of(measure_slice(mask)[0], key)


def test_measures_come_in_the_order_of_the_table() -> None:
    assert [each.key for each in measure_slice(blank())[0]] == [spec.key for spec in SLICE_MEASURES]


def test_empty_mask_has_area_and_blobs_zero_and_says_why_the_rest_is_undefined() -> None:
    measures, components = measure_slice(blank())
    defined = {each.key: each.value for each in measures if each.value is not None}
    assert defined == {"area_fraction": 0.0, "area_px": 0.0, "components": 0.0, "border_contact": 0.0}
    assert all(each.note for each in measures if each.value is None)
    assert components == ()


def test_square_of_sixteen_pixels_on_four_hundred() -> None:
    mask = blank()
    mask[3:7, 5:9] = True
    assert value(mask, "area_fraction") == 16 / 400
    assert value(mask, "area_px") == 16
    assert value(mask, "largest_share") == 1.0
    assert value(mask, "solidity") == 1.0
    assert value(mask, "elongation") == pytest.approx(1.0)
    assert value(mask, "border_contact") == 0.0


def test_blobs_come_largest_first_with_boxes_that_end_after_the_last_pixel() -> None:
    mask = blank()
    mask[1:3, 1:3] = True
    mask[10:14, 10:15] = True
    _, components = measure_slice(mask)
    assert [(each.area_px, each.box) for each in components] == [(20, (10, 10, 14, 15)), (4, (1, 1, 3, 3))]


def test_shares_of_blobs_of_20_8_and_4_pixels() -> None:
    mask = blank()
    mask[10:14, 10:15] = True
    mask[1:3, 10:14] = True
    mask[1:3, 1:3] = True
    assert value(mask, "components") == 3
    assert value(mask, "largest_share") == 20 / 32
    assert value(mask, "second_share") == 8 / 20
    assert value(mask, "smallest_share") == 4 / 20


def test_pixels_that_touch_at_a_corner_are_one_blob() -> None:
    mask = blank()
    mask[4, 4] = mask[5, 5] = True
    assert value(mask, "components") == 1


def test_single_blob_has_no_smallest_share() -> None:
    measures, _ = measure_slice(disk(5))
    found = {each.key: each for each in measures}
    assert found["smallest_share"].value is None
    assert found["smallest_share"].note == "there is only one blob"


def test_labels_above_zero_count_as_one_foreground() -> None:
    labels = np.zeros((20, 20), dtype=np.uint8)
    labels[2:6, 2:4], labels[2:6, 4:6] = 1, 2
    assert measure_slice(labels) == measure_slice(labels > 0)


@pytest.mark.parametrize(("radius", "tolerance"), [(8, 0.1), (15, 0.05), (40, 0.02)])
def test_disk_has_compactness_near_one(radius: int, tolerance: float) -> None:
    assert value(disk(radius), "compactness") == pytest.approx(1.0, abs=tolerance)


def test_line_of_forty_by_two_is_not_compact_but_convex() -> None:
    mask = blank(60, 60)
    mask[10:12, 10:50] = True
    # 4 pi 80 / 84^2 = 0.14 with the exact perimeter 2 (40 + 2); Crofton's formula is an estimate.
    assert value(mask, "compactness") == pytest.approx(0.14, abs=0.04)
    assert value(mask, "solidity") == 1.0
    # Variance of n pixels in a row, each a unit square: n^2 / 12. Ratio of lengths 40 / 2.
    assert value(mask, "elongation") == pytest.approx(20.0)


def test_ell_of_three_squares_fills_six_sevenths_of_its_hull() -> None:
    mask = blank(40, 40)
    mask[10:30, 10:30] = True
    mask[10:20, 20:30] = False
    # 300 of 400 pixels; the hull cuts off half of the missing 10 x 10 square: 300 / 350.
    assert value(mask, "solidity") == pytest.approx(300 / 350)


def test_ring_is_less_solid_and_less_compact_than_its_disk() -> None:
    ring = disk(20) & ~disk(15)
    assert value(ring, "solidity") < 0.5 < value(disk(20), "solidity")
    assert value(ring, "compactness") < 0.3 < value(disk(20), "compactness")


def test_blob_too_small_for_an_outline_has_none() -> None:
    mask = blank()
    mask[5:7, 5:7] = True
    measures = {each.key: each for each in measure_slice(mask)[0]}
    assert measures["compactness"].value is measures["solidity"].value is None
    assert measures["compactness"].note == "the largest blob is too small for an outline"


def test_edge_contact_counts_the_outermost_rows_and_columns() -> None:
    mask = blank()
    mask[0:2, 5:10] = True
    assert value(mask, "border_contact") == 5 / 10


@pytest.mark.parametrize("factor", [2, 4])
def test_sizes_and_outline_do_not_depend_on_the_resolution(factor: int) -> None:
    mask = np.pad(disk(20, 64), 32) | np.pad(disk(5, 32), ((70, 26), (80, 16)))
    fine = cv2.resize(mask.astype(np.uint8), None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST) > 0
    for key in ("area_fraction", "components", "smallest_share", "compactness", "solidity"):
        assert value(fine, key) == value(mask, key)


def test_study_of_slices_10_0_30_percent() -> None:
    masks = [blank(10, 10) for _ in range(4)]
    masks[0][0, :] = True
    masks[2][:3, :] = True
    found = {each.key: each.value for each in measure_study(summarise(masks))}
    assert list(found) == [spec.key for spec in STUDY_MEASURES]
    assert found == {
        "volume_fraction": 40 / 400,
        "slices_found": 2,
        "slices_found_share": 2 / 4,
        "runs": 2,
        "largest_slice_fraction": 30 / 100,
        "pieces": 2,
        "largest_piece_share": 30 / 40,
        "midline_share": None,
    }


def test_volume_is_refused_as_a_slice() -> None:
    with pytest.raises(SettingsProblem, match="two axes"):
        measure_slice(np.zeros((2, 3, 4), dtype=bool))


@given(arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24))))
def test_every_value_lies_in_the_range_of_its_table(mask: BoolArray) -> None:
    before = mask.copy()
    for measure, spec in zip(measure_slice(mask)[0], SLICE_MEASURES, strict=True):
        if measure.value is not None:
            assert spec.low <= measure.value <= (np.inf if spec.high is None else spec.high), measure
        assert (measure.value is None) == bool(measure.note)
    assert np.array_equal(mask, before)


@given(arrays(np.bool_, (16, 16)))
def test_flips_change_no_measure(mask: BoolArray) -> None:
    for turned in (mask[::-1], mask[:, ::-1], mask.T):
        for one, other in zip(measure_slice(mask)[0], measure_slice(turned)[0], strict=True):
            # Of several equally large blobs only one is measured, and a flip may choose another one.
            if one.key in ("compactness", "solidity", "elongation") and _tied(mask):
                continue
            assert other.value == pytest.approx(one.value), one.key


def _tied(mask: BoolArray) -> bool:
    areas = [each.area_px for each in measure_slice(mask)[1]]
    return len(areas) > 1 and areas[0] == areas[1]
