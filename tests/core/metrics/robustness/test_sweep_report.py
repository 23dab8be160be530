"""A sweep in numbers: differences share their draws, weights are (2/3)^severity, nothing undefined is 0."""

from __future__ import annotations

import numpy as np
import pytest

from core.metrics.classes.ranking import ranked, ranking_metrics
from core.metrics.reliability.histogram import LEVELS, unit_histogram
from core.metrics.reliability.report import PreparedReliability
from core.metrics.robustness.report import SweptTable, severity_weight, sweep_report
from core.metrics.robustness.statistics import STATISTICS, statistics, weighted_aurc, weighted_mean
from core.metrics.selective.risk_coverage import areas
from core.types import FixedPoint, Float64Array, UnitTable


def masks(dice: list[float], confidence: list[float], groups: list[str] | None = None) -> UnitTable:
    """A table of segmented cases with these Dice values and confidences."""
    n = len(dice)
    names = tuple(f"case {k}" for k in range(n))
    every = np.ones(n, np.bool_)
    return UnitTable(
        title="made up", task="segmentation", level="case", class_names=("lesion",), name=names,
        group=tuple(groups or names), case_id=(None,) * n, analysis_key=(None,) * n,
        slice=np.full(n, -1), pred_empty=~every, ref_empty=~every, has_ref=every,
        confidence={"agreement": np.array(confidence)}, default_confidence="agreement",
        metrics={"dice": np.array(dice)},
    )  # fmt: skip


def swept(key: str, severity: float, dice: list[float], flagged: list[bool] | None = None) -> SweptTable:
    table = masks(dice, [0.9 - 0.1 * k for k in range(len(dice))])
    return SweptTable(key, severity, table, np.array(flagged or [False] * len(dice)))


def once(n: int) -> Float64Array:
    return np.ones((1, n))


def test_difference_is_paired_so_a_constant_loss_has_no_width() -> None:
    clean, worse = [0.9, 0.5, 0.2], [0.8, 0.4, 0.1]
    report = sweep_report([swept("", 0.0, clean), swept("blur", 1.0, worse)], replicates=200)
    row = report.row("blur", 1.0, "dice")
    assert row is not None
    assert row.delta.value == pytest.approx(-0.1)
    assert row.delta.low == pytest.approx(-0.1) and row.delta.high == pytest.approx(-0.1)
    assert row.value.low is not None and row.value.high is not None and row.value.high - row.value.low > 0.2
    assert row.sd == pytest.approx(np.std(worse, ddof=1))


def test_robustness_weighs_severities_by_powers_of_two_thirds() -> None:
    report = sweep_report(
        [
            swept("", 0.0, [0.9, 0.9]),
            swept("blur", 1.0, [0.8, 0.8]),
            swept("blur", 2.0, [0.3, 0.3]),
            swept("noise", 1.0, [0.9, 0.9]),
            swept("noise", 2.0, [0.9, 0.9]),
        ],
        replicates=50,
    )
    first, second = 2 / 3, 4 / 9
    loss = (first * 0.1 + second * 0.6) / (first + second)
    assert (severity_weight(1.0), severity_weight(2.0)) == pytest.approx((first, second))
    assert [each.key for each in report.worst] == ["blur", "noise"]
    assert report.worst[0].loss.value == pytest.approx(loss)
    assert report.worst[1].loss.value == pytest.approx(0.0)
    assert report.overall.loss.value == pytest.approx(loss / 2)


def test_share_of_flagged_failures_is_undefined_without_a_failure() -> None:
    report = sweep_report(
        [
            swept("", 0.0, [0.9, 0.9, 0.9]),
            swept("blur", 3.0, [0.9, 0.5, 0.1], [True, True, False]),
        ],
        replicates=20,
    )
    clean, worse = report.row("", 0.0, "flagged"), report.row("blur", 3.0, "flagged")
    assert clean is not None and worse is not None
    assert clean.value.value is None
    assert worse.value.value == pytest.approx(0.5)
    assert worse.delta.value is None


def test_only_units_that_every_severity_has_are_compared() -> None:
    whole, part = swept("", 0.0, [0.9, 0.7, 0.1]), swept("blur", 1.0, [0.8, 0.6])
    report = sweep_report([whole, part], replicates=20)
    row = report.row("", 0.0, "dice")
    assert (report.units, report.left_out) == (2, 1)
    assert row is not None and row.value.value == pytest.approx(0.8)


def test_undefined_values_are_counted_and_left_out() -> None:
    report = sweep_report([swept("", 0.0, [0.9, float("nan"), 0.5])], replicates=20)
    row = report.row("", 0.0, "dice")
    assert row is not None
    assert (row.value.value, row.n, row.undefined) == (pytest.approx(0.7), 2, 1)


def test_sweep_without_clean_pictures_or_common_units_is_refused() -> None:
    with pytest.raises(ValueError, match="clean"):
        sweep_report([swept("blur", 1.0, [0.5])])
    other = swept("blur", 1.0, [0.5])
    renamed = SweptTable("blur", 1.0, masks([0.5], [0.5]).__class__(**{**vars(other.table), "name": ("x",)}),
                         other.flagged)  # fmt: skip
    with pytest.raises(ValueError, match="every severity"):
        sweep_report([swept("", 0.0, [0.5]), renamed])


@pytest.mark.parametrize("seed", range(5))
def test_weighted_aurc_equals_that_of_the_repeated_units(seed: int) -> None:
    generator = np.random.default_rng(seed)
    confidence, risk = np.round(generator.random(12), 1), generator.random(12)
    weights = generator.integers(0, 4, (3, 12)).astype(np.float64)
    found = weighted_aurc(confidence, risk, np.concatenate([once(12), weights]))
    assert found[0] == pytest.approx(areas(confidence, risk).aurc)
    for row, value in zip(weights.astype(int), found[1:], strict=True):
        assert value == pytest.approx(areas(np.repeat(confidence, row), np.repeat(risk, row)).aurc)


def test_pooled_calibration_error_is_that_of_the_reliability_page() -> None:
    generator = np.random.default_rng(0)
    histograms = []
    for _ in range(3):
        prob = FixedPoint.of(generator.random((1, 1, 20, 20)), 1.0)
        pred, ref = (
            (prob.codes[0] > 32767).astype(np.uint8),
            (generator.random((1, 20, 20)) > 0.6).astype(np.uint8),
        )
        histograms.append(unit_histogram(prob, pred, ref))
    table = masks([0.5] * 3, [0.5, 0.6, 0.7])
    table = UnitTable(**{**vars(table), "histograms": np.stack(histograms)})
    assert table.histograms is not None and table.histograms.shape[-1] == LEVELS
    found = statistics(table, np.zeros(3, np.bool_), once(3))["ece"]
    page = PreparedReliability(table, replicates=20).report(bins=15).part("union").ece.value
    assert found[0] == pytest.approx(page)


def test_classes_are_told_by_ranking_and_predicted_class() -> None:
    prob = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.2, 0.8]])
    label = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.bool_)
    table = UnitTable(
        **{
            **vars(masks([0.0] * 4, [0.5] * 4)),
            "task": "classification", "class_names": ("well", "ill"), "metrics": {}, "confidence": {},
            "default_confidence": "", "prob": prob, "label": label,
        }
    )  # fmt: skip
    found = statistics(table, np.array([False, True, False, False]), once(4))
    by_class = [ranking_metrics(ranked(p, y), once(4))[0] for p, y in zip(prob.T, label.T, strict=True)]
    assert found["auroc"][0] == pytest.approx(np.mean([each[0] for each in by_class]))
    assert found["f1"][0] == pytest.approx(0.5), "one of two right in each class, and one wrong in each"
    assert (found["risk"][0], found["failures"][0], found["flagged"][0]) == (0.5, 0.5, 0.5)


def test_weighted_mean_of_nothing_is_undefined() -> None:
    assert np.isnan(weighted_mean(np.array([np.nan]), once(1))[0])


def test_every_statistic_says_what_it_is() -> None:
    assert len({each.key for each in STATISTICS}) == len(STATISTICS)
    assert all(each.label and each.help.endswith(".") for each in STATISTICS)
