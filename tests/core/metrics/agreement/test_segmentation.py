"""All metrics of one unit: empty masks, several classes, volumes, published counts, bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.metrics import METRICS, boundary_f1, boundary_f1_mm, dice, hd95, jaccard, unit_metrics
from core.metrics.agreement.segmentation import COUNTS, VOXEL, class_metrics
from core.types import LabelArray

LABELS = arrays(np.uint8, (2, 5, 6), elements=st.integers(0, 2))
SPACING = (4.0, 0.5, 0.5)


def labels(*rows: str) -> LabelArray:
    """One slice from rows of digits."""
    return np.array([[int(each) for each in row] for row in rows], np.uint8)[None]


EMPTY, SOME = labels("000", "000"), labels("010", "010")


@pytest.mark.parametrize(
    ("pred", "ref", "value"), [(EMPTY, EMPTY, 1.0), (SOME, EMPTY, 0.0), (EMPTY, SOME, 0.0)]
)
def test_empty_masks_follow_one_rule_in_every_metric(pred: LabelArray, ref: LabelArray, value: float) -> None:
    found = unit_metrics(pred, ref, ("lesion",), (1.0, 1.0, 1.0))
    shares = ("dice", "jaccard", "boundary_f1_2px", "boundary_f1_mm", "sensitivity", "precision")
    assert [found[key] for key in shares] == [value] * len(shares)
    assert math.isnan(found["hd95_mm"])
    assert found["volume_error_ml"] == pytest.approx((int(pred.sum()) - int(ref.sum())) / 1000)


def test_relative_volume_error_of_an_empty_reference() -> None:
    assert unit_metrics(EMPTY, EMPTY, ("lesion",), None)["volume_error_rel"] == 0.0
    assert math.isnan(unit_metrics(SOME, EMPTY, ("lesion",), None)["volume_error_rel"])
    assert unit_metrics(EMPTY, SOME, ("lesion",), None)["volume_error_rel"] == -1.0


def test_volume_errors_are_voxels_times_their_size() -> None:
    pred, ref = np.zeros((2, 2, 10, 10), np.uint8)
    pred[:, :3, :5], ref[:, :5, :8] = 1, 1
    found = unit_metrics(pred, ref, ("lesion",), SPACING)
    # 30 predicted and 80 reference voxels of 4 * 0.5 * 0.5 = 1 mm³ = 0.001 ml.
    assert found["volume_error_ml"] == pytest.approx(-0.05)
    assert found["volume_error_abs_ml"] == pytest.approx(0.05)
    assert found["volume_error_rel"] == pytest.approx(-50 / 80)
    assert found["volume_error_abs_rel"] == pytest.approx(50 / 80)
    assert (found["sensitivity"], found["precision"]) == (30 / 80, 1.0)


@pytest.mark.parametrize(
    ("tp", "fp", "fn", "f1", "precision"), [(45, 10, 5, 0.8571, 0.8182), (81, 2, 9, 0.9364, 0.9759)]
)
def test_published_counts(tp: int, fp: int, fn: int, f1: float, precision: float) -> None:
    # definitions.md 13.2, SN 2.9: F1 of pixels is Dice, PPV is precision; 100 pixels in all.
    pred, ref = np.zeros((2, 1, 1, 100), np.uint8)
    pred[..., : tp + fp] = 1
    ref[..., :tp] = ref[..., tp + fp : tp + fp + fn] = 1
    found = unit_metrics(pred, ref, ("lesion",), None)
    assert found["dice"] == pytest.approx(f1, abs=5e-5)
    assert found["precision"] == pytest.approx(precision, abs=5e-5)


def test_spacing_decides_which_distance_is_defined() -> None:
    known, unknown = (unit_metrics(SOME, SOME, ("lesion",), each) for each in ((1.0, 1.0, 1.0), None))
    assert known.keys() == unknown.keys()
    assert (known["hd95_mm"], unknown["hd95_px"]) == (0.0, 0.0)
    needs_spacing = [spec.key for spec in METRICS if spec.needs == "spacing"]
    assert all(math.isnan(unknown[key]) for key in (*needs_spacing, VOXEL))
    assert math.isnan(known["hd95_px"])


def test_several_classes_have_their_own_columns_and_a_mean() -> None:
    pred, ref = labels("1100", "0022"), labels("1000", "0022")
    found = unit_metrics(pred, ref, ("core", "edema"), None)
    assert (found["dice:core"], found["dice:edema"]) == (2 / 3, 1.0)
    assert found["dice"] == pytest.approx((2 / 3 + 1) / 2)
    assert "n_ref" not in found
    assert found["n_ref:edema"] == 2.0


def test_mean_over_classes_is_undefined_when_one_class_is() -> None:
    found = unit_metrics(labels("110", "000"), labels("010", "002"), ("core", "edema"), None)
    assert found["hd95_px:core"] == pytest.approx(0.95)  # distances 0 and 1 the one way, 0 the other
    assert math.isnan(found["hd95_px:edema"])
    assert math.isnan(found["hd95_px"])


def test_every_metric_of_the_table_is_measured_and_nothing_else() -> None:
    found = unit_metrics(SOME, SOME, ("lesion",), SPACING)
    assert set(found) == {spec.key for spec in METRICS} | {*COUNTS, VOXEL}
    assert all(spec.label and spec.help and spec.source and spec.undefined for spec in METRICS)


@settings(max_examples=40, deadline=None)
@given(LABELS, LABELS, st.sampled_from([None, SPACING, (1.0, 2.0, 1.0)]))
def test_values_stay_in_their_bounds_and_agree_with_the_single_functions(
    pred: LabelArray, ref: LabelArray, spacing: tuple[float, float, float] | None
) -> None:
    found = unit_metrics(pred, ref, ("a", "b"), spacing)
    for spec in METRICS:
        for key in (spec.key, f"{spec.key}:a", f"{spec.key}:b"):
            value = found[key]
            assert math.isnan(value) or spec.low is None or value >= spec.low
            assert math.isnan(value) or spec.high is None or value <= spec.high
    masks = pred == 2, ref == 2
    assert found["dice:b"] == dice(*masks)
    assert found["jaccard:b"] == jaccard(*masks)
    assert found["boundary_f1_2px:b"] == boundary_f1(*masks)
    if spacing:
        assert found["boundary_f1_mm:b"] == boundary_f1_mm(*masks, spacing[1:])
        assert found["hd95_mm:b"] == pytest.approx(hd95(*masks, spacing), nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(LABELS, LABELS)
def test_swapping_the_masks_swaps_sensitivity_and_precision(pred: LabelArray, ref: LabelArray) -> None:
    one, other = class_metrics(pred == 1, ref == 1, SPACING), class_metrics(ref == 1, pred == 1, SPACING)
    assert (one["sensitivity"], one["precision"]) == (other["precision"], other["sensitivity"])
    assert one["volume_error_ml"] == pytest.approx(-other["volume_error_ml"])
    for key in ("dice", "jaccard", "boundary_f1_2px", "boundary_f1_mm", "hd95_mm"):
        assert one[key] == pytest.approx(other[key], nan_ok=True)


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        unit_metrics(SOME, SOME[:, :1], ("lesion",), None)
    with pytest.raises(ValueError, match="label 2 but only 1"):
        unit_metrics(labels("2"), labels("1"), ("lesion",), None)
    with pytest.raises(ValueError, match="class names"):
        unit_metrics(SOME, SOME, ("lesion", "lesion"), None)
