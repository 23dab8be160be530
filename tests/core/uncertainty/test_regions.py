"""Boundary bands, distances and the sliding patch, drawn."""

from __future__ import annotations

import numpy as np
import pytest

from core.types import BoolArray, Float32Array
from core.uncertainty.patch import lowest_patch
from core.uncertainty.regions import REGIONS, boundary_band, boundary_distance, region_weights


def drawn(*rows: str) -> BoolArray:
    return np.array([[each == "#" for each in line] for line in rows])


def test_narrowest_band_is_inner_and_outer_boundary() -> None:
    mask = drawn(".......", "..###..", "..###..", "..###..", ".......")
    band = drawn("..###..", ".#####.", ".##.##.", ".#####.", "..###..")
    np.testing.assert_array_equal(boundary_band(mask, 2), band)


def test_each_two_pixels_of_width_are_one_more_step() -> None:
    mask = np.zeros((21, 21), bool)
    mask[10, 10] = True
    # A plus of 5 pixels grows by one cross step per two pixels: diamonds of 5, 13, 25 pixels.
    assert [int(boundary_band(mask, width).sum()) for width in (2, 4, 6)] == [5, 13, 25]


def test_picture_edge_is_no_boundary() -> None:
    assert not boundary_band(np.ones((6, 6), bool)).any()


@pytest.mark.parametrize("width", [0, 1, 3, -2])
def test_odd_band_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match="even"):
        boundary_band(np.ones((3, 3), bool), width)


def test_distance_starts_at_the_boundary_and_stops_at_four() -> None:
    mask = np.zeros((1, 9), bool)
    mask[0, 0] = True
    np.testing.assert_allclose(boundary_distance(mask)[0], [0, 1, 2, 3, 4, 4, 4, 4, 4], atol=1e-5)


def test_distance_does_not_start_at_the_edge_of_the_picture() -> None:
    mask = np.zeros((5, 7), bool)
    mask[:, :3] = True
    # The mask touches three sides of the picture; its one boundary is column 2.
    np.testing.assert_allclose(boundary_distance(mask), [[2, 1, 0, 1, 2, 3, 4]] * 5, atol=1e-5)
    assert (boundary_distance(np.ones((3, 3), bool)) == 4).all()


def test_distance_of_an_empty_mask_is_four_everywhere() -> None:
    assert (boundary_distance(np.zeros((3, 3), bool)) == 4).all()


def test_foreground_boundary_and_rest_share_out_the_picture() -> None:
    mask = np.zeros((30, 30), bool)
    mask[8:22, 8:22] = True
    whole, foreground, outside, boundary, _ = region_weights(mask)
    assert REGIONS == ("whole", "foreground", "non-boundary", "boundary", "distance")
    np.testing.assert_array_equal(outside + boundary, whole)
    assert ((foreground == 1) <= mask).all()
    # 14 wide, minus the inner pixel and one step on each side: 10 wide.
    assert foreground.sum() == 100


def test_patch_finds_the_worst_place_and_its_box() -> None:
    planes = np.ones((3, 20, 30), np.float32)
    planes[1, 5:15, 12:22] = 0.0
    found = lowest_patch(lambda index: planes[index], range(1, 2))
    assert (found.value, found.slice, found.box) == (0.0, 1, (5, 12, 15, 22))
    # As a cube, three slices deep: a third of it is bad.
    cube = lowest_patch(lambda index: planes[index], range(3))
    assert cube.value == pytest.approx(2 / 3)
    assert (cube.slice, cube.box) == (1, (5, 12, 15, 22))


def test_patch_shrinks_to_a_small_picture() -> None:
    plane: Float32Array = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)
    found = lowest_patch(lambda index: plane, range(1))
    assert (found.value, found.box) == (0.5, (0, 0, 2, 2))


def test_patch_equals_a_plain_search() -> None:
    planes = np.random.default_rng(0).random((13, 14, 15)).astype(np.float32)
    found = lowest_patch(lambda index: planes[index], range(13))
    plain = min(
        float(planes[z : z + 10, r : r + 10, c : c + 10].mean(dtype=np.float64))
        for z in range(4)
        for r in range(5)
        for c in range(6)
    )
    assert found.value == pytest.approx(plain, abs=1e-9)
