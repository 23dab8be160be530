"""Evaluation of a segmentation: the three means, patients pooled, intervals, what is undefined."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.errors import InputProblem
from core.metrics import METRICS, bootstrap_mean, evaluate
from core.metrics.draws import draw_groups
from core.types import LabelArray
from tests.core.metrics.unit_tables import segmented, unit_table


def picture(count: int, label: int = 1) -> LabelArray:
    """One slice of 4 x 5 pixels whose first `count` hold the label."""
    flat = np.zeros(20, np.uint8)
    flat[:count] = label
    return flat.reshape(1, 4, 5)


FOUR = (("a", picture(4), picture(4)), ("a", picture(0), picture(2)), ("b", picture(3), picture(0)),
        ("b", picture(0), picture(0)))  # fmt: skip
"""Dice 1, 0 (missed), 0 (false alarm), 1 (both empty)."""


def test_three_means_and_the_empty_counts_stand_side_by_side() -> None:
    report = evaluate(segmented(FOUR))
    row, (empty, _) = report.row("dice"), report.empties
    assert row.value.value == 0.5  # (1 + 0 + 0 + 1) / 4
    assert (row.present.value, row.n_present) == (0.5, 2)  # (1 + 0) / 2
    assert empty.false_positive_rate.value == 0.5  # one of two empty references
    assert (empty.n, empty.n_present, empty.n_agree, empty.n_missed, empty.n_false_alarms) == (4, 2, 1, 1, 1)


def test_patient_pools_counts_before_the_metric() -> None:
    row = evaluate(segmented(FOUR)).row("dice", "patient")
    # a: 2 * 4 / (4 + 6) = 0.8; b: 0 of 3 predicted pixels, so 0.
    assert row.value.value == pytest.approx(0.4)
    assert row.n == 2
    # a's cases separately would give (1 + 0) / 2.


def test_distance_of_a_patient_is_the_mean_over_its_defined_cases() -> None:
    units = (("a", picture(1), picture(1)), ("a", picture(3), picture(1)), ("a", picture(0), picture(1)))
    row = evaluate(segmented(units)).row("hd95_px", "patient")
    # Three pixels in a row against the first: distances 0, 1, 2, so 1.9; no distance in the third case.
    assert row.value.value == pytest.approx((0.0 + 1.9) / 2)


def test_spread_median_and_undefined_are_of_the_defined_units() -> None:
    units = [("abcd"[index], picture(index), picture(2)) for index in range(4)]
    report = evaluate(segmented(units))
    values = [0.0, 2 / 3, 1.0, 4 / 5]
    row = report.row("dice")
    assert row.value.value == pytest.approx(np.mean(values))
    assert row.sd == pytest.approx(np.std(values, ddof=1))
    assert row.median == pytest.approx((2 / 3 + 4 / 5) / 2)
    distance = report.row("hd95_px")
    assert (distance.n, distance.undefined) == (3, 1)


def test_interval_draws_patients_not_slices() -> None:
    generator = np.random.default_rng(0)
    sizes = generator.integers(1, 11, 12)
    many = [(f"p{index // 10}", picture(int(sizes[index // 10])), picture(10)) for index in range(120)]
    alone = [(f"u{index}", pred, ref) for index, (_, pred, ref) in enumerate(many)]
    grouped, separate = (evaluate(segmented(each)).row("dice").value for each in (many, alone))
    assert grouped.value == pytest.approx(separate.value)
    assert grouped.high - grouped.low > 2 * (separate.high - separate.low)


def test_interval_agrees_with_the_bootstrap_of_a_mean() -> None:
    values = np.random.default_rng(2).random(60)
    groups = [str(index // 3) for index in range(60)]
    mine = draw_groups(groups, seed=0, replicates=4000).mean(values)
    other = bootstrap_mean(values, groups, seed=1, replicates=4000)
    assert mine.value == pytest.approx(other.mean)
    assert (mine.low, mine.high) == pytest.approx((other.low, other.high), abs=0.01)


def test_one_patient_has_no_interval() -> None:
    value = evaluate(segmented(FOUR[:2])).row("dice").value
    assert (value.value, value.low, value.high) == (0.5, None, None)


def test_same_arguments_give_the_same_report() -> None:
    table = segmented(FOUR)
    assert evaluate(table, seed=1, replicates=200) == evaluate(table, seed=1, replicates=200)


def test_classes_have_their_own_rows_and_emptiness() -> None:
    units = [
        ("a", picture(4), picture(4)),
        ("b", picture(4, 2), picture(4, 2)),
        ("c", picture(4), picture(4, 2)),
    ]
    report = evaluate(segmented(units, ("core", "edema")))
    # core: right, both empty, false alarm; edema: both empty, right, missed.
    assert report.row("dice:core").value.value == pytest.approx(2 / 3)
    by_class = {(each.class_name, each.level): each for each in report.empties}
    core, edema = by_class["core", "case"], by_class["edema", "case"]
    assert (core.n_agree, core.n_false_alarms, core.n_missed) == (1, 1, 0)
    assert (edema.n_agree, edema.n_false_alarms, edema.n_missed) == (1, 0, 1)
    assert report.row("dice").value.value == pytest.approx((1 + 1 + 0) / 3)
    assert report.values()["false_positive_rate:core"] == 0.5
    assert report.row("dice:core").class_name == "core"


def test_metrics_that_no_unit_can_have_are_named_not_listed_as_undefined() -> None:
    pixels, millimetres = evaluate(segmented(FOUR)), evaluate(segmented(FOUR, spacing_mm=(1.0, 1.0, 1.0)))
    assert pixels.not_available == tuple(spec.key for spec in METRICS if spec.needs == "spacing")
    assert millimetres.not_available == ("hd95_px",)
    shown = {row.metric for row in millimetres.rows}
    assert shown == {spec.key for spec in METRICS} - {"hd95_px"}


def test_volumes_of_a_patient_are_added_up_in_ml() -> None:
    table = segmented(FOUR, spacing_mm=(10.0, 10.0, 10.0))
    # a: 4 - 4 and 0 - 2 voxels of 1 ml; b: 3 - 0 and 0.
    assert evaluate(table).row("volume_error_ml", "patient").value.value == pytest.approx((-2 + 3) / 2)


def test_units_without_a_reference_are_left_out_and_counted() -> None:
    table = segmented(FOUR)
    known = np.array([True, False, True, True])
    report = evaluate(dataclasses.replace(table, has_ref=known))
    assert (report.units, report.without_reference) == (3, 1)
    assert report.row("dice").n == 3
    with pytest.raises(InputProblem, match="nothing to compare"):
        evaluate(dataclasses.replace(table, has_ref=~known & known))


def test_a_table_of_risks_is_averaged_and_nothing_is_said_about_empties() -> None:
    table = unit_table(["a", "b"], task="segmentation", metrics={"risk": np.array([0.1, 0.3])})
    report = evaluate(table)
    assert report.row("risk").value.value == pytest.approx(0.2)
    assert report.empties == ()
    with pytest.raises(InputProblem, match="no segmentation metric"):
        evaluate(dataclasses.replace(table, metrics={}))
