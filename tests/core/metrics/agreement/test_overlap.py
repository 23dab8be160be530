"""Overlap: published figures, empty masks, and agreement with independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from core.metrics import boundary_f1, dice, jaccard, overlap_report, summarise
from core.types import BoolArray

MASKS = arrays(np.bool_, (2, 9, 11), elements=st.booleans())


def square(side: int, first: int, last: int) -> BoolArray:
    """A side x side picture with rows and columns first … last - 1 set."""
    mask = np.zeros((side, side), bool)
    mask[first:last, first:last] = True
    return mask


def cross() -> tuple[BoolArray, BoolArray]:
    """MetricsReloaded's cross: a 5 x 5 square, and the same with a bar of row 5 and column 5."""
    ref = square(11, 3, 8)
    pred = ref.copy()
    pred[5, 1:10] = pred[1:10, 5] = True
    return pred, ref


def test_dice_of_disjoint_masks_is_zero() -> None:
    assert dice(square(8, 0, 2), square(8, 4, 6)) == 0.0


def test_dice_counts_shared_pixels_twice() -> None:
    # 4 shared pixels, 4 + 16 in all.
    assert dice(square(8, 2, 4), square(8, 1, 5)) == pytest.approx(8 / 20)


@pytest.mark.parametrize(
    ("pred", "ref", "expected"),
    [
        # definitions.md section 8; masks in 13.2 (MetricsReloaded).
        (*cross(), (0.8621, 0.7576, 0.8889)),
        (square(14, 6, 8), square(14, 5, 9), (0.4000, 0.2500, 0.8000)),
        (square(14, 4, 10), square(14, 5, 9), (0.6154, 0.4444, 0.8889)),
    ],
)
def test_published_figures_at_one_pixel(
    pred: BoolArray, ref: BoolArray, expected: tuple[float, float, float]
) -> None:
    measured = dice(pred, ref), jaccard(pred, ref), boundary_f1(pred, ref, 1)
    assert measured == pytest.approx(expected, abs=5e-5)
    assert boundary_f1(pred, ref, 2) == 1.0


@pytest.mark.parametrize(
    ("pred", "ref", "value", "state"),
    [
        (square(6, 0, 0), square(6, 0, 0), 1.0, "both empty"),
        (square(6, 1, 3), square(6, 0, 0), 0.0, "reference empty"),
        (square(6, 0, 0), square(6, 1, 3), 0.0, "prediction empty"),
    ],
)
def test_empty_masks_follow_one_rule(pred: BoolArray, ref: BoolArray, value: float, state: str) -> None:
    whole = overlap_report(pred[None], ref[None]).whole
    assert (whole.dice, whole.jaccard, whole.boundary_f1_2px, whole.state) == (value, value, value, state)


def test_outside_the_picture_counts_as_background() -> None:
    # A mask that fills the picture has the frame as its boundary; its centre is 3 pixels from it.
    full, centre = np.ones((7, 7), bool), square(7, 3, 4)
    # Predicted: 24 frame pixels, none within 2 of the centre; so the score is 0.
    assert boundary_f1(full, centre) == 0.0
    # Within 3 pixels of the centre: the middles of the four sides. P = 4/24, R = 1/1.
    assert boundary_f1(full, centre, 3) == pytest.approx(2 * (4 / 24) / (4 / 24 + 1))


def test_volume_pools_boundary_pixels_over_slices() -> None:
    pred = np.stack([square(9, 0, 1), square(9, 8, 9), square(9, 4, 5)])
    ref = np.stack([square(9, 0, 1), square(9, 0, 1), square(9, 0, 0)])
    # Predicted boundary pixels 3, one of them near; reference 2, one near: P = 1/3, R = 1/2.
    assert boundary_f1(pred, ref) == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))
    report = overlap_report(pred, ref)
    assert [each.boundary_f1_2px for each in report.slices] == [1.0, 0.0, 0.0]
    assert report.whole.boundary_f1_2px == boundary_f1(pred, ref)


@settings(max_examples=40, deadline=None)
@given(MASKS, MASKS)
def test_boundary_f1_equals_euclidean_distance_transform(pred: BoolArray, ref: BoolArray) -> None:
    assert boundary_f1(pred, ref) == pytest.approx(edt_boundary_f1(pred, ref), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(MASKS, MASKS)
def test_overlap_is_symmetric_bounded_and_consistent(pred: BoolArray, ref: BoolArray) -> None:
    report = overlap_report(pred, ref)
    mirrored = overlap_report(ref[..., ::-1].copy(), pred[..., ::-1].copy())
    assert report.whole.dice == mirrored.whole.dice
    assert report.whole.boundary_f1_2px == pytest.approx(mirrored.whole.boundary_f1_2px)
    for each in (report.whole, *report.slices):
        assert 0.0 <= each.jaccard <= each.dice <= 1.0
        assert each.jaccard == pytest.approx(each.dice / (2 - each.dice))
    assert report.whole.dice == dice(pred, ref)
    assert report.whole.jaccard == jaccard(pred, ref)


def test_summary_keeps_the_three_means_apart() -> None:
    empty, lesion = square(6, 0, 0), square(6, 1, 3)
    pred = np.stack([lesion, empty, lesion, empty])
    ref = np.stack([lesion, lesion, empty, empty])
    summary = summarise(overlap_report(pred, ref).slices)
    assert (summary.n, summary.n_present, summary.n_empty_agree) == (4, 2, 1)
    assert (summary.mean_dice, summary.mean_dice_present, summary.false_alarm_rate) == (0.5, 0.5, 0.5)


def test_summary_of_nothing_is_undefined() -> None:
    summary = summarise(())
    assert summary.mean_dice is None
    assert summary.false_alarm_rate is None


def test_masks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        dice(square(6, 1, 2), square(7, 1, 2))
    with pytest.raises(ValueError, match="bool"):
        dice(square(6, 1, 2), square(6, 1, 2).astype(np.uint8))  # type: ignore[arg-type]


@pytest.mark.slow
def test_boundary_agrees_with_monai_surface_dice() -> None:
    # NSD pools both directions, BF averages them: equal when both boundaries are equally long.
    torch = pytest.importorskip("torch")
    surface = pytest.importorskip("monai.metrics.surface_dice")
    generator = np.random.default_rng(0)
    for _ in range(5):
        pred = np.zeros((32, 32), bool)
        top, left = generator.integers(3, 18, 2)
        pred[top : top + 9, left : left + 9] = True
        ref = np.roll(pred, generator.integers(-3, 4, 2), (0, 1))
        pair = [torch.from_numpy(np.stack([~each, each]))[None].float() for each in (pred, ref)]
        oracle = surface.compute_surface_dice(*pair, class_thresholds=[2.0], include_background=False)
        assert boundary_f1(pred, ref) == pytest.approx(float(oracle), abs=1e-4)


def edt_boundary_f1(pred: BoolArray, ref: BoolArray) -> float:
    """The definition taken literally, with SciPy's distance transform in every slice."""
    edges = [np.stack([plain_boundary(plane) for plane in mask]) for mask in (pred, ref)]
    if not edges[0].any() and not edges[1].any():
        return 1.0
    if not edges[0].any() or not edges[1].any():
        return 0.0
    near = []
    for one, other in (edges, edges[::-1]):
        distance = [distance_transform_edt(~p) if p.any() else np.full(p.shape, np.inf) for p in other]
        near.append((np.stack(distance)[one] <= 2).mean())
    return float(2 * near[0] * near[1] / (near[0] + near[1])) if sum(near) else 0.0


def plain_boundary(mask: BoolArray) -> BoolArray:
    padded = np.pad(mask, 1)
    inner = padded[1:-1, 1:-1].copy()
    for rows, columns in ((0, 1), (2, 1), (1, 0), (1, 2)):
        inner &= padded[rows : rows + mask.shape[0], columns : columns + mask.shape[1]]
    edge: BoolArray = mask & ~inner
    return edge
