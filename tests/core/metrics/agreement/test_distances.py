"""HD95: published figures, stored vectors, anisotropic spacing, MONAI, and properties."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.metrics import boundary_f1, boundary_f1_mm, dice, hd95
from core.metrics.agreement.distances import surface_distances
from core.types import BoolArray

MASKS = arrays(np.bool_, (3, 6, 7), elements=st.booleans())


def square(side: int, first: int, last: int) -> BoolArray:
    """A side x side picture with rows and columns first … last - 1 set."""
    mask = np.zeros((side, side), bool)
    mask[first:last, first:last] = True
    return mask


def test_far_pixel_moves_one_direction_only() -> None:
    # definitions.md 13.2, figure 5c: reference 9:12 squared plus pixel (1, 1), so 8 + 1 surface pixels.
    pred = square(14, 9, 12)
    ref = pred.copy()
    ref[1, 1] = True
    forward, backward = surface_distances(pred, ref)
    assert forward.max() == 0.0
    assert backward.max() == pytest.approx(math.hypot(8, 8), abs=1e-12)  # HD 11.3137
    # Sorted: eight 0, then 11.3137; the 95th percentile lies at place 0.95 * 8 = 7.6.
    assert hd95(pred, ref) == pytest.approx(0.6 * math.hypot(8, 8), abs=1e-12)
    assert hd95(pred, ref) == pytest.approx(6.7882, abs=5e-5)


@pytest.mark.parametrize(
    ("first", "last", "hausdorff", "mean_of_means", "pooled_mean"),
    [(6, 8, 1.4142, 1.0690, 1.1036), (4, 10, 1.4142, 1.0414, 1.0518)],
)
def test_published_squares(
    first: int, last: int, hausdorff: float, mean_of_means: float, pooled_mean: float
) -> None:
    # definitions.md 13.2, SN 2.10: HD, MASD (mean of both directed means), ASSD (mean over both surfaces).
    forward, backward = surface_distances(square(14, first, last), square(14, 5, 9))
    assert max(forward.max(), backward.max()) == pytest.approx(hausdorff, abs=5e-5)
    assert (forward.mean() + backward.mean()) / 2 == pytest.approx(mean_of_means, abs=5e-5)
    assert np.concatenate([forward, backward]).mean() == pytest.approx(pooled_mean, abs=5e-5)


def test_published_cross() -> None:
    # definitions.md 13.2: HD 2.0, ASSD .4444, MASD .425.
    ref = square(11, 3, 8)
    pred = ref.copy()
    pred[5, 1:10] = pred[1:10, 5] = True
    forward, backward = surface_distances(pred, ref)
    assert max(forward.max(), backward.max()) == 2.0
    assert np.concatenate([forward, backward]).mean() == pytest.approx(0.4444, abs=5e-5)
    assert (forward.mean() + backward.mean()) / 2 == pytest.approx(0.425, abs=5e-5)


def test_half_spaces_of_surface_distance() -> None:
    # definitions.md 13.3: HD95 2.0 and Dice .990 are published for surfels, which leave out the border of the
    # grid. Ours counts outside as background, so the border belongs to the surface: most of it coincides, but
    # of 39 404 predicted surface voxels the 10 000 of the last layer lie 2 mm off, so HD95 is 2 mm too.
    grid = np.arange(100)[:, None, None] + np.zeros((1, 100, 100), int)
    pred, ref = grid < 51, grid < 50
    assert hd95(pred, ref, (2.0, 1.0, 1.0)) == 2.0
    assert dice(pred, ref) == pytest.approx(2 * 50 / 101)
    assert dice(pred, ref) == pytest.approx(0.990, abs=5e-4)


@pytest.mark.data
def test_stored_vectors(data_dir: Path) -> None:
    for case in json.loads((data_dir / "vectors" / "surface_cases.json").read_text()):
        masks = []
        for key in ("pred_on", "gt_on"):
            mask = np.zeros(case["shape"], bool)
            for row, column in case[key]:
                mask[row, column] = True
            masks.append(mask)
        pred, ref = masks
        spacing = tuple(case["spacing"])
        assert dice(pred, ref) == case["expected"]["dice"]
        if not case["pred_on"]:
            # surface-distance says infinite and 0; ours: no distance to nothing, and one empty = 0.
            assert math.isnan(hd95(pred, ref, spacing))
            assert boundary_f1_mm(pred, ref, spacing, 1.0) == 0.0
            continue
        assert hd95(pred, ref, spacing) == case["expected"]["hd95"] == 2.0
        # Surfels of the two pixels touch and give 0.5; the pixels themselves lie 2 mm apart.
        assert case["expected"]["surface_dice_1mm"] == 0.5
        assert boundary_f1_mm(pred, ref, spacing, 1.0) == 0.0
        assert boundary_f1_mm(pred, ref, spacing, 2.0) == 1.0


def test_spacing_scales_each_axis() -> None:
    pred, ref = np.zeros((2, 5, 5, 5), bool)
    pred[1, 2, 2] = ref[3, 2, 2] = True
    assert hd95(pred, ref) == 2.0
    assert hd95(pred, ref, (5.0, 1.0, 1.0)) == 10.0
    assert hd95(pred.transpose(1, 0, 2), ref.transpose(1, 0, 2), (5.0, 3.0, 1.0)) == 6.0


def test_one_slice_is_judged_as_a_slice() -> None:
    # In three dimensions every pixel of a single slice would be surface.
    pred, ref = square(20, 2, 12), square(20, 4, 14)
    assert hd95(pred[None], ref[None], (9.0, 0.5, 0.5)) == hd95(pred, ref, (0.5, 0.5))


@pytest.mark.parametrize(("pred", "ref"), [((0, 0), (1, 3)), ((1, 3), (0, 0)), ((0, 0), (0, 0))])
def test_distance_to_nothing_is_undefined(pred: tuple[int, int], ref: tuple[int, int]) -> None:
    assert math.isnan(hd95(square(6, *pred), square(6, *ref)))


def test_masks_and_spacing_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        hd95(square(6, 1, 2), square(7, 1, 2))
    with pytest.raises(ValueError, match="spacing"):
        hd95(square(6, 1, 2), square(6, 1, 2), (1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="tolerance"):
        boundary_f1(square(6, 1, 2), square(6, 1, 2), -1.0)


@settings(max_examples=40, deadline=None)
@given(MASKS, MASKS)
def test_distance_is_symmetric_and_survives_turning_the_volume(pred: BoolArray, ref: BoolArray) -> None:
    spacing = (2.0, 1.0, 0.5)
    value = hd95(pred, ref, spacing)
    assert hd95(ref, pred, spacing) == pytest.approx(value, nan_ok=True)
    turned = hd95(pred.transpose(2, 0, 1), ref.transpose(2, 0, 1), (0.5, 2.0, 1.0))
    assert turned == pytest.approx(value, nan_ok=True)
    assert math.isnan(value) == (not pred.any() or not ref.any())
    if not math.isnan(value):
        assert 0.0 <= value <= math.hypot(2 * 2.0, 5 * 1.0, 6 * 0.5)
        assert hd95(pred, pred, spacing) == 0.0


@pytest.mark.slow
def test_monai_agrees_in_two_and_three_dimensions() -> None:
    torch = pytest.importorskip("torch")
    hausdorff = pytest.importorskip("monai.metrics.hausdorff_distance")
    generator = np.random.default_rng(0)
    for shape, spacing in [((24, 26), (1.0, 1.0)), ((24, 26), (0.7, 1.3)), ((8, 14, 15), (3.0, 0.7, 1.3))]:
        for _ in range(4):
            pred, ref = (generator.random((2, *shape)) > 0.8) & True
            pair = [torch.from_numpy(np.stack([~each, each]))[None].float() for each in (pred, ref)]
            oracle = hausdorff.compute_hausdorff_distance(*pair, percentile=95, spacing=list(spacing))
            assert hd95(pred, ref, spacing) == pytest.approx(float(oracle), abs=1e-5)
