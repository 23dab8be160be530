"""Boundary F1 at any tolerance: a distance transform taken literally, millimetres, turned pictures, MONAI."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from core.metrics import boundary_f1, boundary_f1_mm
from core.metrics.agreement.boundary import Hits, boundary_score, disk_mm, disk_px, plane_hits
from core.types import BoolArray

MASKS = arrays(np.bool_, (13, 17), elements=st.booleans())
TOLERANCES = st.floats(0.0, 30.0)
SPACINGS = st.tuples(st.floats(0.3, 4.0), st.floats(0.3, 4.0))


def plain_boundary(mask: BoolArray) -> BoolArray:
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge: BoolArray = mask & ~inner
    return edge


def literal_hits(
    pred: BoolArray, ref: BoolArray, tolerance: float, spacing: tuple[float, float] = (1.0, 1.0)
) -> Hits:
    """Hits by SciPy's distance transform."""
    edges = [plain_boundary(mask) for mask in (pred, ref)]
    near = []
    for one, other in (edges, edges[::-1]):
        far = distance_transform_edt(~other, sampling=spacing) if other.any() else np.full(one.shape, np.inf)
        near.append(int((far[one] <= tolerance).sum()))
    return Hits(near[0], int(edges[0].sum()), near[1], int(edges[1].sum()))


def bytes_of(mask: BoolArray) -> np.ndarray:
    return mask.view(np.uint8)


def test_disk_of_two_pixels_has_thirteen() -> None:
    # One middle row of 5, then two rows each of 3 and of 1.
    widths = disk_px(2.0).half_widths
    assert widths == (2, 1, 0)
    assert 5 + 2 * 3 + 2 * 1 == 13 == (2 * widths[0] + 1) + sum(2 * (2 * each + 1) for each in widths[1:])


def test_pixels_at_exactly_the_tolerance_in_mm_are_hits() -> None:
    # 20 * 0.1 and 3 * 0.7 round upwards in binary.
    assert disk_mm(2.0, (0.1, 0.1)).half_widths[0] == 20
    assert len(disk_mm(2.1, (0.7, 0.7)).half_widths) == 4


def test_disk_larger_than_the_picture_reaches_every_pixel() -> None:
    # Two corners of a 3 x 4 picture lie sqrt(4 + 9) = 3.6 pixels apart.
    one, other = np.zeros((3, 4), np.bool_), np.zeros((3, 4), np.bool_)
    one[0, 0] = other[2, 3] = True
    assert (boundary_f1(one, other, 3.6), boundary_f1(one, other, 40.0)) == (0.0, 1.0)


@settings(max_examples=60, deadline=None)
@given(MASKS, MASKS)
def test_counts_at_two_pixels_equal_the_distance_transform_to_the_bit(
    pred: BoolArray, ref: BoolArray
) -> None:
    hits = plane_hits(bytes_of(pred), bytes_of(ref), disk_px(2.0))
    assert hits == literal_hits(pred, ref, 2.0)
    assert boundary_f1(pred, ref) == boundary_score(literal_hits(pred, ref, 2.0))


def test_smooth_masks_equal_the_distance_transform_to_the_bit() -> None:
    cv2 = pytest.importorskip("cv2")
    generator = np.random.default_rng(0)
    for _ in range(12):
        masks = [cv2.GaussianBlur(generator.standard_normal((120, 90)), (0, 0), 6) > 0.05 for _ in range(2)]
        assert plane_hits(*map(bytes_of, masks), disk_px(2.0)) == literal_hits(*masks, 2.0)


@settings(max_examples=60, deadline=None)
@given(MASKS, MASKS, TOLERANCES, SPACINGS)
def test_any_tolerance_in_mm_equals_the_distance_transform(
    pred: BoolArray, ref: BoolArray, tolerance: float, spacing: tuple[float, float]
) -> None:
    # Distances that equal the tolerance to the last bits may round either way: stay clear of them.
    rows, columns = np.mgrid[:13, :17]
    distances = np.hypot(rows * spacing[0], columns * spacing[1])
    if np.abs(distances - tolerance).min() < 1e-6:
        return
    hits = plane_hits(bytes_of(pred), bytes_of(ref), disk_mm(tolerance, spacing))
    assert hits == literal_hits(pred, ref, tolerance, spacing)
    assert boundary_f1_mm(pred, ref, spacing, tolerance) == boundary_score(hits)


@settings(max_examples=40, deadline=None)
@given(MASKS, MASKS, TOLERANCES)
def test_score_is_symmetric_bounded_and_survives_transposition(
    pred: BoolArray, ref: BoolArray, tolerance: float
) -> None:
    score = boundary_f1(pred, ref, tolerance)
    assert 0.0 <= score <= 1.0
    assert boundary_f1(ref, pred, tolerance) == pytest.approx(score)
    assert boundary_f1(pred.T, ref.T, tolerance) == pytest.approx(score)
    assert boundary_f1(pred[::-1, ::-1], ref[::-1, ::-1], tolerance) == pytest.approx(score)
    assert boundary_f1(pred, pred, tolerance) == 1.0


def test_tolerance_grows_with_the_spacing() -> None:
    pred, ref = np.zeros((2, 9, 9), bool)
    pred[4, 2] = ref[4, 4] = True
    # Two columns apart: 2 mm at 1 mm, 3 mm at 1.5 mm.
    assert boundary_f1_mm(pred, ref, (1.0, 1.0)) == 1.0
    assert boundary_f1_mm(pred, ref, (1.0, 1.5)) == 0.0
    assert boundary_f1_mm(pred, ref, (1.0, 1.5), tolerance_mm=3.0) == 1.0


@pytest.mark.slow
def test_monai_surface_dice_pools_the_same_hits() -> None:
    # MONAI's normalised surface Dice is (hits of both) / (boundaries of both): same counts, other mean.
    torch = pytest.importorskip("torch")
    surface = pytest.importorskip("monai.metrics.surface_dice")
    generator = np.random.default_rng(1)
    for _ in range(6):
        pred, ref = generator.random((2, 20, 22)) > 0.9
        pair = [torch.from_numpy(np.stack([~each, each]))[None].float() for each in (pred, ref)]
        oracle = surface.compute_surface_dice(*pair, class_thresholds=[2.0], include_background=False)
        hits = plane_hits(bytes_of(pred), bytes_of(ref), disk_px(2.0))
        pooled = (hits.hit_pred + hits.hit_ref) / (hits.edge_pred + hits.edge_ref)
        assert pooled == pytest.approx(float(oracle), abs=1e-4)
