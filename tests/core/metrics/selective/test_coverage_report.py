"""Risk under conventions, confidence of class probabilities, and the report that page and command share."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from core.errors import InputProblem, SettingsProblem
from core.metrics.reliability.histogram import LEVELS
from core.metrics.selective.class_scores import CLASS_SCORES, class_confidence, with_confidence
from core.metrics.selective.conventions import under_conventions
from core.metrics.selective.coverage_report import DRAWN_POINTS, coverage_report
from core.metrics.selective.risk import BOTH_EMPTY, NO_REFERENCE, PREDICTED_NOTHING, UNDEFINED, risk_of
from core.metrics.selective.risk_coverage import areas
from core.types import RiskConventions, UnitTable

SLICES = RiskConventions(level="slice")


def segmentation(dice: list[float], **changes: object) -> UnitTable:
    """One slice per value; 0 and 1 of them (both empty, prediction empty) by `changes`."""
    n = len(dice)
    base = UnitTable(
        title="toy",
        task="segmentation",
        level="slice",
        class_names=("lesion",),
        name=tuple(f"s{k}" for k in range(n)),
        group=tuple(f"p{k // 2}" for k in range(n)),
        case_id=(None,) * n,
        analysis_key=(None,) * n,
        slice=np.arange(n),
        pred_empty=np.zeros(n, np.bool_),
        ref_empty=np.zeros(n, np.bool_),
        has_ref=np.ones(n, np.bool_),
        confidence={"agreement": np.linspace(0, 1, n), "other": np.linspace(1, 0, n)},
        default_confidence="agreement",
        metrics={"dice": np.array(dice)},
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def classification(prob: list[list[float]], label: list[list[bool]], *, several: bool = False) -> UnitTable:
    table = segmentation([0.0] * len(prob))
    return replace(
        table,
        task="multilabel" if several else "classification",
        class_names=tuple("abc"[: len(prob[0])]),
        confidence={},
        default_confidence="",
        metrics={},
        prob=np.array(prob),
        label=np.array(label),
    )


def test_risk_of_a_segmentation_is_what_dice_lacks() -> None:
    found = risk_of(segmentation([1.0, 0.25]), SLICES)
    assert found.risk.tolist() == [0.0, 0.75]
    assert (found.binary, found.words, found.left_out) == (False, "1 - Dice", ())


def test_failure_is_a_dice_below_the_limit() -> None:
    table = segmentation([14 / 17, 0.82, 1.0, math.nan])
    found = risk_of(table, RiskConventions(level="slice", risk="failure"))
    assert found.risk[:3].tolist() == [0.0, 1.0, 0.0]
    assert math.isnan(found.risk[3])
    assert found.left_out == ((UNDEFINED, 1),)
    assert found.binary


@pytest.mark.parametrize(
    ("empty", "kept", "reason"),
    [
        ("counted", [True, True, True, False], (NO_REFERENCE, 1)),
        ("left out", [False, True, True, False], (BOTH_EMPTY, 1)),
        ("prediction left out", [False, False, True, False], (PREDICTED_NOTHING, 2)),
    ],
)
def test_empty_masks_follow_the_convention_and_are_counted(
    empty: str, kept: list[bool], reason: tuple[str, int]
) -> None:
    table = segmentation(
        [1.0, 0.0, 0.5, math.nan],
        pred_empty=np.array([True, True, False, False]),
        ref_empty=np.array([True, False, False, False]),
        has_ref=np.array([True, True, True, False]),
    )
    found = risk_of(table, RiskConventions(level="slice", empty=empty))  # type: ignore[arg-type]
    assert found.keep.tolist() == kept
    assert reason in found.left_out
    assert sum(count for _, count in found.left_out) == 4 - sum(kept)


def test_a_table_of_another_level_is_refused() -> None:
    with pytest.raises(ValueError, match="table of slices judged by conventions for cases"):
        risk_of(segmentation([1.0]), RiskConventions(level="case"))


def test_a_class_is_right_or_wrong_and_several_findings_must_all_be_right() -> None:
    single = classification([[0.6, 0.4], [0.3, 0.7]], [[True, False], [True, False]])
    assert risk_of(single, SLICES).risk.tolist() == [0.0, 1.0]
    several = classification(
        [[0.6, 0.6, 0.1], [0.6, 0.6, 0.1], [0.1, 0.2, 0.3]],
        [[True, True, False], [True, False, False], [False, False, False]],
        several=True,
    )
    assert risk_of(several, SLICES).risk.tolist() == [0.0, 1.0, 0.0]


def test_class_scores_by_hand() -> None:
    found = class_confidence(np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]))
    assert found["max_softmax"] == pytest.approx([0.5, 1.0, 1 / 3])
    # ln 3 - (ln 2 / 2 + ln 4 / 2) = ln 3 - 1.5 ln 2.
    assert found["entropy"] == pytest.approx([math.log(3) - 1.5 * math.log(2), math.log(3), 0.0], abs=1e-12)
    assert found["margin"] == pytest.approx([0.25, 1.0, 0.0])


def test_the_least_certain_finding_decides() -> None:
    found = class_confidence(np.array([[0.9, 0.4], [0.99, 0.01]]), multilabel=True)
    assert found["max_softmax"] == pytest.approx([0.6, 0.99])
    assert found["margin"] == pytest.approx([0.2, 0.98])


@pytest.mark.parametrize("score", CLASS_SCORES, ids=lambda score: score.key)
def test_every_class_score_keeps_its_range_and_ignores_the_order_of_classes(score: object) -> None:
    prob = np.random.default_rng(0).dirichlet([0.3] * 4, 200)
    prob[0], prob[1] = [1, 0, 0, 0], [0.25] * 4
    found = score.rule(prob)  # type: ignore[attr-defined]
    upper = score.upper if score.upper is not None else math.log(4)  # type: ignore[attr-defined]
    assert found.min() >= score.lower - 1e-12  # type: ignore[attr-defined]
    assert found.max() <= upper + 1e-12
    assert found.argmax() == 0
    np.testing.assert_allclose(score.rule(prob[:, ::-1]), found, atol=1e-12)  # type: ignore[attr-defined]


def test_a_table_with_its_own_confidence_keeps_it() -> None:
    table = segmentation([1.0])
    assert with_confidence(table) is table
    derived = with_confidence(classification([[0.6, 0.4]], [[True, False]]))
    assert list(derived.confidence) == [score.key for score in CLASS_SCORES]
    assert derived.default_confidence == "max_softmax"


def test_report_repeats_the_library_and_puts_the_default_first() -> None:
    dice = np.random.default_rng(1).random(40)
    table = segmentation(list(dice))
    report = coverage_report(table, SLICES, ["other", "agreement"], seed=0, replicates=50)
    assert list(report.scores) == ["agreement", "other"]
    assert (report.default, report.n, report.groups) == ("agreement", 40, 20)
    exact = areas(table.confidence["other"], 1 - dice)
    other = report.scores["other"].areas
    assert (other["aurc"].value, other["augrc"].value) == (exact.aurc, exact.augrc)
    assert report.oracle_aurc.value == pytest.approx(exact.oracle_aurc)
    assert report.mean_risk.value == pytest.approx((1 - dice).mean())
    assert report.mean_risk.low < report.mean_risk.value < report.mean_risk.high  # type: ignore[operator]


def test_a_score_with_gaps_has_no_area_and_says_how_many() -> None:
    table = segmentation([0.5] * 6)
    gaps = np.array([0.1, math.nan, 0.3, 0.4, math.nan, 0.6])
    holed = replace(table, confidence={"agreement": gaps, "other": table.confidence["other"]})
    report = coverage_report(holed, SLICES, seed=0, replicates=10)
    score = report.scores["agreement"]
    assert (score.undefined, score.curve, score.areas["aurc"].value) == (2, None, None)
    assert report.operating is None
    assert report.scores["other"].areas["aurc"].value == pytest.approx(0.5)


def test_empty_predictions_are_counted_in_the_report() -> None:
    table = segmentation(
        [1.0, 0.0, 0.5], pred_empty=np.array([True, True, False]), ref_empty=np.array([True, False, False])
    )
    report = coverage_report(table, SLICES, seed=0, replicates=10)
    assert (report.predicted_nothing, report.both_empty) == (2, 1)


def test_drawn_curve_is_thinned_and_keeps_its_ends() -> None:
    generator = np.random.default_rng(2)
    table = segmentation(list(generator.random(3000)))
    report = coverage_report(table, SLICES, seed=0, replicates=0)
    curve = report.scores["agreement"].curve
    assert curve is not None
    assert curve.coverage.size <= DRAWN_POINTS
    assert (curve.coverage[0], curve.coverage[-1], curve.generalised_risk[0]) == (0.0, 1.0, 0.0)
    assert curve.selective_risk[0] == curve.selective_risk[1]
    assert curve.selective_risk[-1] == pytest.approx(report.mean_risk.value)
    assert (np.diff(curve.coverage) > 0).all()
    oracle = report.comparison["oracle"]
    assert (np.diff(oracle.selective_risk) >= -1e-12).all()
    assert report.comparison["random"].selective_risk.tolist() == [report.mean_risk.value] * 2


def test_miss_rate_comes_from_the_histograms_of_the_cases() -> None:
    n = 30
    counts = np.zeros((n, 4, 1, 3, LEVELS), np.float32)
    counts[:, 0, 0, 0, [10, LEVELS - 1]] = 50
    counts[:, 0, 0, 2, LEVELS - 1] = 9  # nine of ten positives at the top level, one low down
    counts[:, 0, 0, 2, 10] = 1
    table = segmentation([0.5] * n, histograms=counts, group=tuple(str(k) for k in range(n)))
    strict = coverage_report(table, SLICES, seed=0, replicates=0, alpha=0.05).miss_rate["lesion"]
    loose = coverage_report(table, SLICES, seed=0, replicates=0, alpha=0.2).miss_rate["lesion"]
    never = coverage_report(table, SLICES, seed=0, replicates=0, alpha=0.03).miss_rate["lesion"]
    assert (strict.miss_rate, loose.miss_rate) == (0.0, pytest.approx(0.1))
    assert strict.lam > loose.lam  # type: ignore[operator]
    assert (never.lam, never.cases_needed) == (None, 33)


def test_unknown_score_and_nothing_left_are_refused_in_words() -> None:
    with pytest.raises(SettingsProblem, match="agreement, other"):
        coverage_report(segmentation([0.5]), SLICES, ["nonsense"], seed=0)
    nothing = segmentation([0.5, 0.5], has_ref=np.zeros(2, np.bool_))
    with pytest.raises(InputProblem, match="2 left out: no reference"):
        coverage_report(nothing, SLICES, seed=0)


def test_every_switch_is_shown_with_the_difference_it_makes() -> None:
    table = segmentation(
        [1.0, 0.0, 0.5], pred_empty=np.array([True, True, False]), ref_empty=np.array([True, False, False])
    )
    found = {each.words: each for each in under_conventions(table, SLICES, "agreement")}
    assert list(found) == [
        "as chosen", "risk failure", "empty masks left out", "empty masks prediction left out",
    ]  # fmt: skip
    assert [each.n for each in found.values()] == [3, 3, 2, 1]
    assert [each.mean_risk for each in found.values()] == pytest.approx([0.5, 2 / 3, 0.75, 0.5])
    plain = under_conventions(classification([[0.6, 0.4]], [[True, False]]), SLICES, "margin")
    assert [each.words for each in plain] == ["as chosen"]


def test_a_switch_that_leaves_nothing_is_undefined() -> None:
    table = segmentation([1.0], pred_empty=np.array([True]), ref_empty=np.array([True]))
    emptied = under_conventions(table, SLICES, "agreement")[-1]
    assert (emptied.words, emptied.n, emptied.aurc) == ("empty masks prediction left out", 0, None)


def test_a_run_without_any_reference_is_refused_in_words() -> None:
    bare = segmentation([0.0, 0.0], metrics={}, has_ref=np.zeros(2, np.bool_))
    found = risk_of(bare, SLICES)
    assert np.isnan(found.risk).all()
    assert found.left_out == ((NO_REFERENCE, 2),)
    with pytest.raises(InputProblem, match=r"No case is left to judge.*2 left out: no reference"):
        coverage_report(bare, SLICES, seed=0)
