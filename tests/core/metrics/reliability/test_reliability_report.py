"""Reliability reports: pooled numbers, intervals over patients, halves, undefined regions, every control."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.errors import SettingsProblem
from core.metrics.halves import split_halves
from core.metrics.reliability.binning import equal_width
from core.metrics.reliability.calibration import bin_sums, ece, top_label, wilson
from core.metrics.reliability.histogram import code_histogram, level_bins, unit_histogram
from core.metrics.reliability.recalibration import COLDEST, RECALIBRATIONS
from core.metrics.reliability.report import (
    HARD_MASKS,
    IN_SAMPLE,
    NO_BEST_TEMPERATURE,
    REPORT_HALF,
    PreparedReliability,
    reliability_report,
)
from core.metrics.reliability.sums import BLOCKS, draw_weights, group_index
from core.types import CALIBRATION_REGIONS, FixedPoint, UnitTable


def table_of(units: int, groups: tuple[str, ...] | None = None, **fields: Any) -> UnitTable:
    names = tuple(f"unit {k}" for k in range(units))
    no = np.zeros(units, bool)
    given: dict[str, Any] = {
        "title": "made up", "task": "classification", "level": "case", "class_names": (), "name": names,
        "group": groups or names, "case_id": (None,) * units, "analysis_key": (None,) * units,
        "slice": np.full(units, -1), "pred_empty": no, "ref_empty": no, "has_ref": ~no, "confidence": {},
        "default_confidence": "", "metrics": {},
    }  # fmt: skip
    return UnitTable(**{**given, **fields})


def classification(
    units: int = 400, classes: int = 3, seed: int = 0, groups: tuple[str, ...] | None = None
) -> UnitTable:
    generator = np.random.default_rng(seed)
    true = generator.dirichlet(np.ones(classes), units)
    label = np.eye(classes, dtype=bool)[[generator.choice(classes, p=each) for each in true]]
    sharp = true**2 / (true**2).sum(axis=1, keepdims=True)
    names = tuple("abcdefgh"[:classes])
    return table_of(units, groups, class_names=names, prob=sharp, label=label)


def segmentation(patients: int = 12, per_patient: int = 3, classes: int = 1, seed: int = 0) -> UnitTable:
    """Slices of 24 x 24 with one blob per class; every third slice predicts nothing."""
    generator = np.random.default_rng(seed)
    histograms, groups = [], []
    for k in range(patients * per_patient):
        prob = generator.beta(0.3, 2.0, (classes, 1, 24, 24)) / classes
        if k % 3:
            for c in range(classes):
                prob[c, 0, 3 + 9 * c : 10 + 9 * c, 4:12] = 0.55 + 0.4 * generator.random((7, 8))
        else:
            prob = np.minimum(prob, 0.4 / classes)
        ref = np.zeros((1, 24, 24), np.uint8)
        pred = np.zeros_like(ref)
        for c in range(classes):
            ref[generator.random(ref.shape) < prob[c] ** 1.4] = c + 1
            pred[prob[c] > 0.5] = c + 1
        histograms.append(unit_histogram(FixedPoint.of(prob, 1.0), pred, ref))
        groups.append(f"patient {k // per_patient}")
    names = ("tumour", "oedema", "core")[:classes]
    return table_of(len(groups), tuple(groups), task="segmentation", level="slice", class_names=names,
                    histograms=np.stack(histograms))  # fmt: skip


def test_classification_reports_the_top_label_then_every_class() -> None:
    table = classification()
    report = reliability_report(table, bins=10)
    assert [part.name for part in report.parts] == ["top-label", "a", "b", "c"]
    assert (report.n, report.groups, report.kind, report.headline) == (400, 400, "classes", "top-label")
    confidence, right = top_label(table.prob, table.label)
    sums = bin_sums(confidence, right, equal_width(confidence, 10))
    assert report.part("top-label").ece.value == pytest.approx(float(ece(sums)))
    assert [each.count for each in report.parts[0].bins] == sums[0].tolist()
    of_class = [report.part(name).ece.value for name in "abc"]
    assert report.classwise_ece == pytest.approx(np.mean(of_class))
    assert "summed over classes" in report.parts[0].brier_form
    assert "one event" in report.parts[1].brier_form


def test_bins_of_independent_cases_carry_the_wilson_interval() -> None:
    report = reliability_report(classification(), bins=5)
    for each in report.part("a").bins:
        low, high = wilson(np.array(each.frequency * each.count), np.array(each.count))
        assert (each.low, each.high) == pytest.approx((float(low), float(high)))


def test_bins_of_grouped_cases_carry_an_interval_over_groups_which_is_wider() -> None:
    alone = classification()
    repeated = classification(groups=tuple(f"g{k // 8}" for k in range(400)))
    copies = table_of(
        3200, tuple(f"g{k % 400}" for k in range(3200)), class_names=("a", "b", "c"),
        prob=np.tile(alone.prob, (8, 1)), label=np.tile(alone.label, (8, 1)),
    )  # fmt: skip
    one, same = (reliability_report(each, bins=5).part("a").ece for each in (alone, copies))
    # Eight copies of every case in the same group say nothing new.
    assert same.value == pytest.approx(one.value)
    assert same.high - same.low == pytest.approx(one.high - one.low, rel=0.15)
    assert reliability_report(repeated, bins=5).parts[0].debiased_l2 is None


def test_interval_holds_the_value_although_draws_have_larger_gaps() -> None:
    report = reliability_report(classification(300, seed=3))
    for part in report.parts:
        for each in (part.ece, part.mce, part.brier, part.nll):
            assert each.low <= each.value <= each.high


def test_order_of_the_rows_does_not_matter() -> None:
    table = classification(150, groups=tuple(f"g{k % 40}" for k in range(150)))
    order = np.random.default_rng(5).permutation(150)
    turned = table_of(150, tuple(table.group[k] for k in order), class_names=table.class_names,
                      prob=table.prob[order], label=table.label[order])  # fmt: skip
    for binning in ("width", "mass"):
        one, other = (reliability_report(each, binning=binning) for each in (table, turned))
        for old, new in zip(one.parts, other.parts, strict=True):
            assert new.ece.value == pytest.approx(old.ece.value)
            assert new.ece.high == pytest.approx(old.ece.high, abs=1e-6)
        assert other.temperature.value == pytest.approx(one.temperature.value)


def test_temperature_is_fitted_on_one_half_and_shown_on_the_other() -> None:
    table = classification(600)
    effect = reliability_report(table, seed=4).temperature
    fitted = split_halves(table.group, 4)
    assert (effect.units_fit, effect.units_report) == (300, 300)
    assert effect.shown_on == REPORT_HALF
    confidence, right = top_label(table.prob[~fitted], table.label[~fitted])
    sums = bin_sums(confidence, right, equal_width(confidence, 15))
    assert effect.before[0].ece.value == pytest.approx(float(ece(sums)))
    assert effect.value == pytest.approx(2.0, rel=0.2)
    assert effect.after[0].nll.value < effect.before[0].nll.value


def test_fit_on_all_says_that_it_is_in_sample() -> None:
    effect = reliability_report(classification(100), fit="all").temperature
    assert (effect.shown_on, effect.units_fit, effect.units_report) == (IN_SAMPLE, 100, 100)


@pytest.mark.parametrize("key", [each for each in RECALIBRATIONS if each != "none"])
@pytest.mark.parametrize("table", [classification(200), segmentation(classes=2)], ids=["rows", "levels"])
def test_every_recalibration_can_be_shown_on_the_report_half(key: str, table: UnitTable) -> None:
    report = reliability_report(table, recalibration=key, bins=10, binning="mass")
    assert report.applied is not None
    assert report.parts == report.applied.after
    assert report.shown_on == REPORT_HALF
    # Isotonic steps of 0 and 1 make single certain errors dear in NLL; their aim is the squared error.
    for_score = "brier" if key == "isotonic" else "nll"
    before, after = (getattr(parts[0], for_score).value for parts in (report.applied.before, report.parts))
    assert after < before


def test_regions_are_pooled_over_units_and_equal_the_summed_histograms() -> None:
    table = segmentation()
    report = reliability_report(table, bins=10)
    assert [part.name for part in report.parts] == list(CALIBRATION_REGIONS)
    pooled = table.histograms.sum(axis=0, dtype=np.float64)[:, 0]
    for levels, part in zip(pooled, report.parts, strict=True):
        sums = np.stack([np.bincount(level_bins(10), weights=row, minlength=10) for row in levels])
        assert part.ece.value == pytest.approx(float(ece(sums)))
        assert part.outcomes == levels[0].sum()
        assert part.ece.low <= part.ece.value <= part.ece.high


def test_units_without_any_pixel_of_a_region_are_counted_not_scored() -> None:
    report = reliability_report(segmentation())
    assert [part.undefined_units for part in report.parts][:2] == [0, 12]
    assert report.part("prediction").units == 24
    nothing = segmentation()
    nothing.histograms[:, 1:] = 0
    empty = reliability_report(nothing).part("prediction")
    assert (empty.ece.value, empty.brier.value, empty.nll.value, empty.mce_count) == (None,) * 4
    assert empty.undefined_units == 36
    assert all(each.frequency is None and each.low is None for each in empty.bins)


def test_one_class_of_several_is_that_class_alone_and_all_are_pooled() -> None:
    table = segmentation(classes=2)
    single = table_of(table.units, table.group, task="segmentation", level="slice", class_names=("oedema",),
                      histograms=table.histograms[:, :, 1:])  # fmt: skip
    chosen = reliability_report(table, class_name="oedema")
    alone = reliability_report(single)
    assert chosen.part("union").ece.value == pytest.approx(alone.part("union").ece.value)
    pooled = reliability_report(table)
    assert pooled.part("image").outcomes == 2 * alone.part("image").outcomes


def test_brier_and_nll_of_a_region_are_those_of_its_pixels() -> None:
    generator = np.random.default_rng(0)
    prob = generator.beta(0.5, 1.5, (1, 1, 64, 64))
    ref = (generator.random(prob.shape[1:]) < prob[0]).astype(np.uint8)
    stored = FixedPoint.of(prob, 1.0)
    histogram = unit_histogram(stored, (prob[0] > 0.5).astype(np.uint8), ref)
    table = table_of(1, task="segmentation", class_names=("x",), histograms=histogram[None])
    part = reliability_report(table).part("image")
    p = np.clip(stored.codes[0] / 65535, 0.5 / 65535, 65534.5 / 65535)
    assert part.brier.value == pytest.approx(np.mean((p - ref) ** 2), abs=5e-5)
    assert part.nll.value == pytest.approx(-np.mean(np.log(np.where(ref, p, 1 - p))), abs=5e-4)


def test_a_single_patient_has_values_but_neither_intervals_nor_a_temperature() -> None:
    table = segmentation(patients=1, per_patient=4)
    report = reliability_report(table)
    assert report.part("image").ece.value is not None
    assert report.part("image").ece.low is None
    assert all(each.low is None for each in report.part("image").bins)
    assert report.temperature.value is None
    assert "none is left to fit on" in report.temperature.reason


def test_units_without_reference_are_left_out_and_counted() -> None:
    table = classification(50)
    known = np.arange(50) < 40
    fewer = table_of(50, class_names=table.class_names, prob=table.prob, label=table.label, has_ref=known)
    report = reliability_report(fewer)
    assert (report.n, report.without_reference) == (40, 10)


def test_confidence_with_risk_is_judged_against_one_minus_risk() -> None:
    confidence, risk = np.array([0.9, 0.8, 0.3, np.nan]), np.array([0.0, 0.4, 0.5, 0.1])
    table = table_of(4, task="segmentation", confidence={"confidence": confidence},
                     default_confidence="confidence", metrics={"risk": risk})  # fmt: skip
    report = reliability_report(table, bins=2)
    part = report.part("confidence")
    # Bin (0.5, 1]: mean 0.85 against (1 + 0.6) / 2; bin [0, 0.5]: 0.3 against 0.5.
    assert part.ece.value == pytest.approx((2 * 0.05 + 0.2) / 3)
    assert (report.n, report.undefined, part.nll.value) == (3, 1, None)
    assert report.temperature.value is None
    assert "not the probabilities" in report.temperature.reason
    with pytest.raises(SettingsProblem, match="cannot be shown"):
        reliability_report(table, recalibration="isotonic")


def test_confidence_with_right_or_wrong_has_a_likelihood() -> None:
    table = table_of(2, confidence={"c": np.array([0.8, 0.5])}, default_confidence="c",
                     metrics={"risk": np.array([0.0, 1.0])})  # fmt: skip
    assert reliability_report(table).parts[0].nll.value == pytest.approx(-np.log(0.8 * 0.5) / 2)


def test_run_without_probabilities_is_judged_by_its_confidence_against_dice() -> None:
    table = table_of(2, task="segmentation", confidence={"c": np.array([0.9, 0.7])},
                     default_confidence="c", metrics={"dice": np.array([0.8, 0.8])})  # fmt: skip
    part = reliability_report(table, bins=2).part("confidence")
    # Both lie in (0.5, 1]: 0.8 on average, against a Dice of 0.8.
    assert part.ece.value == pytest.approx(0.0, abs=1e-12)
    assert "Dice" in part.event


def test_unit_whose_histogram_is_not_there_is_undefined() -> None:
    table = segmentation()
    table.histograms[5] = 0
    report = reliability_report(table)
    assert (report.n, report.undefined) == (35, 1)


def test_confidence_outside_zero_and_one_is_no_probability() -> None:
    table = table_of(2, confidence={"c": np.array([-3.0, -1.0])}, default_confidence="c",
                     metrics={"risk": np.array([0.1, 0.2])})  # fmt: skip
    with pytest.raises(SettingsProblem, match="only ranks"):
        reliability_report(table)


def test_several_findings_are_judged_one_by_one() -> None:
    generator = np.random.default_rng(0)
    prob = generator.random((300, 2))
    table = table_of(300, task="multilabel", class_names=("nodule", "fluid"), prob=prob,
                     label=generator.random((300, 2)) < prob)  # fmt: skip
    report = reliability_report(table)
    assert [part.name for part in report.parts] == ["nodule", "fluid"]
    assert report.temperature.value == pytest.approx(1.0, abs=0.25)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bins": 7}, "2, 3, 4, 5"),
        ({"binning": "size"}, "width, mass"),
        ({"recalibration": "platt"}, "temperature"),
        ({"class_name": "liver"}, "tumour"),
    ],
)
def test_unknown_settings_are_refused_with_the_known_ones(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsProblem, match=words):
        reliability_report(segmentation(), **settings)


def test_table_without_anything_to_judge_is_refused() -> None:
    with pytest.raises(SettingsProblem, match="neither probabilities"):
        reliability_report(table_of(3))
    with pytest.raises(SettingsProblem, match="no unit with a reference"):
        reliability_report(table_of(3, has_ref=np.zeros(3, bool)))
    nobody = classification(3)
    with pytest.raises(SettingsProblem, match="no unit with a reference"):
        reliability_report(table_of(3, class_names=nobody.class_names, prob=nobody.prob, label=nobody.label,
                                    has_ref=np.zeros(3, bool)))  # fmt: skip


def test_prepared_answers_do_not_read_the_units_again() -> None:
    table = segmentation()
    prepared = PreparedReliability(table, replicates=100)
    before = [prepared.report(bins=bins).part("union").ece for bins in (5, 10)]
    table.histograms[:, :, :, 1:] = np.nan
    assert [prepared.report(bins=bins).part("union").ece for bins in (10, 5)] == before[::-1]


def test_draws_repeat_groups_and_a_single_group_cannot_be_drawn() -> None:
    weights = draw_weights(7, seed=0, replicates=50)
    assert (weights.sum(axis=1) == 7).all()
    assert draw_weights(1, seed=0, replicates=50).shape == (0, 1)


def test_very_many_groups_are_merged_into_blocks_of_equal_size() -> None:
    index = group_index([str(k) for k in range(24_000)], seed=0)
    assert set(np.bincount(index)) == {24_000 // BLOCKS}


def test_histogram_of_all_pixels_is_the_image_region() -> None:
    generator = np.random.default_rng(0)
    prob = FixedPoint.of(generator.random((1, 2, 16, 16)), 1.0)
    ref = (generator.random((2, 16, 16)) < 0.3).astype(np.uint8)
    found = unit_histogram(prob, np.zeros_like(ref), ref)
    assert found[0, 0] == pytest.approx(code_histogram(prob.codes[0], ref == 1))


def test_hard_masks_come_with_a_caution() -> None:
    hist = segmentation().histograms
    assert hist is not None
    hard = np.zeros_like(hist)
    hard[..., 0] = hist.sum(axis=-1)
    assert reliability_report(segmentation()).caution == ""
    found = reliability_report(table_of(len(hist), task="segmentation", class_names=("x",), histograms=hard))
    assert found.caution == HARD_MASKS


def test_a_temperature_that_no_case_limits_says_so() -> None:
    prob, label = np.tile([0.6, 0.4], (8, 1)), np.tile([True, False], (8, 1))
    always_right = reliability_report(table_of(8, class_names=("a", "b"), prob=prob, label=label))
    assert (always_right.temperature.value, always_right.temperature.note) == (COLDEST, NO_BEST_TEMPERATURE)
    assert reliability_report(classification()).temperature.note == ""
