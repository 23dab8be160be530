"""Operating points: chosen on one half, told on the other, with bounds that hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.metrics.halves import split_halves
from core.metrics.selective.certified import STARTS, certified_threshold
from core.metrics.selective.operating import Prepared, operating_point, prepare
from core.metrics.selective.risk_bound import cases_needed, mean_risk_bound, risk_p_value
from core.types import RiskConventions


def cohort(n: int, patients: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    generator = np.random.default_rng(seed)
    confidence = np.round(generator.random(n), 2)
    risk = (generator.random(n) > confidence**0.4).astype(float)
    return confidence, risk, [f"p{k}" for k in generator.integers(0, patients, n)]


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray, list[str]]:
    return cohort(400, 60)


@pytest.fixture(scope="module")
def prepared(rows: tuple[np.ndarray, np.ndarray, list[str]]) -> Prepared:
    return prepare(*rows, seed=3, replicates=200)


def test_the_reporting_half_is_counted_by_hand(
    rows: tuple[np.ndarray, np.ndarray, list[str]], prepared: Prepared
) -> None:
    confidence, risk, groups = rows
    told = ~split_halves(groups, 3)
    for value in (0.2, 0.455, 0.7):
        answer = prepared.at_threshold(value)
        accepted = told & (confidence >= value)
        assert answer.n_report == told.sum()
        assert answer.coverage.value == pytest.approx(accepted.sum() / told.sum())
        assert answer.review.value == told.sum() - accepted.sum()
        assert answer.selective_risk.value == pytest.approx(risk[accepted].mean())
        assert answer.undetected_total.value == pytest.approx(risk[accepted].sum())
        assert answer.undetected.value == pytest.approx(100 * risk[accepted].sum() / told.sum())
        by_patient = {name: risk[accepted & (np.array(groups) == name)] for name in set(groups)}
        means = [each.mean() for each in by_patient.values() if each.size]
        assert answer.patients_accepted == len(means)
        index = prepared.report.accepting(value)
        assert index is not None
        assert prepared.report.patient_risk[index] == pytest.approx(np.mean(means))


def test_target_risk_takes_the_largest_coverage_of_the_fitting_half(
    rows: tuple[np.ndarray, np.ndarray, list[str]], prepared: Prepared
) -> None:
    confidence, risk, groups = rows
    fitted = split_halves(groups, 3)
    answer = prepared.at_risk(0.15)
    allowed = [
        level
        for level in np.unique(confidence[fitted])
        if risk[fitted & (confidence >= level)].mean() <= 0.15
    ]
    assert answer.threshold == min(allowed)
    assert answer.fit_risk is not None
    assert answer.fit_risk <= 0.15
    assert answer.fit_coverage == pytest.approx((confidence[fitted] >= min(allowed)).mean())


def test_target_coverage_is_reached_on_the_fitting_half_and_not_by_more_than_a_tie(
    rows: tuple[np.ndarray, np.ndarray, list[str]], prepared: Prepared
) -> None:
    fitted = split_halves(rows[2], 3)
    answer = prepared.at_coverage(0.6)
    assert answer.threshold is not None
    accepted = rows[0][fitted] >= answer.threshold
    assert (rows[0][fitted] > answer.threshold).mean() < 0.6 <= accepted.mean()


def test_intervals_enclose_the_value_and_stay_within_their_range(prepared: Prepared) -> None:
    for coverage in (0.05, 0.3, 0.8, 1.0):
        answer = prepared.at_coverage(coverage)
        for each, top in (
            (answer.coverage, 1.0),
            (answer.selective_risk, 1.0),
            (answer.undetected, 100.0),
            (answer.review, answer.n_report),
        ):
            assert each.value is not None
            assert each.low is not None
            assert each.high is not None
            assert -1e-9 <= each.low <= each.value + 1e-9
            assert each.value - 1e-9 <= each.high <= top + 1e-9


def test_interval_of_the_risk_at_full_coverage_is_that_of_the_mean(
    rows: tuple[np.ndarray, np.ndarray, list[str]],
) -> None:
    from core.metrics import bootstrap_mean

    confidence, risk, groups = rows
    told = ~split_halves(groups, 3)
    answer = prepare(confidence, risk, groups, seed=3, replicates=2000).at_coverage(1.0)
    mean = bootstrap_mean(risk[told], [name for name, kept in zip(groups, told, strict=True) if kept], seed=8)
    assert answer.selective_risk.low == pytest.approx(mean.low, abs=0.01)
    assert answer.selective_risk.high == pytest.approx(mean.high, abs=0.01)


def test_a_threshold_above_everything_sends_every_case_to_review(prepared: Prepared) -> None:
    answer = prepared.at_threshold(2.0)
    assert (answer.coverage.value, answer.review.value) == (0.0, float(answer.n_report))
    assert answer.selective_risk.value is None
    assert answer.undetected.value == 0.0
    assert answer.bound is None
    assert "no case" in answer.bound_note


def test_a_target_that_cannot_be_met_has_a_reason_and_no_threshold() -> None:
    always_wrong = prepare(np.linspace(0, 1, 40), np.ones(40), [str(k) for k in range(40)], seed=0)
    answer = always_wrong.at_risk(0.5)
    assert answer.threshold is None
    assert "no threshold" in answer.reason
    with pytest.raises(ValueError, match="only a threshold"):
        operating_point(
            answer, name="x", score="confidence", conventions=RiskConventions(), cohort_name="toy"
        )


def test_one_patient_cannot_be_split_but_can_be_reported_on() -> None:
    one = prepare([0.1, 0.2], [1.0, 0.0], ["a", "a"], seed=0)
    assert "two patients" in one.at_risk(0.1).reason
    answer = one.at_threshold(0.2)
    assert (answer.coverage.value, answer.coverage.low, answer.fit_coverage) == (0.5, None, None)


def test_many_cases_are_answered_exactly_with_pooled_intervals() -> None:
    confidence, risk, _ = cohort(12_000, 2)
    confidence += np.random.default_rng(1).random(12_000) / 1000
    groups = [str(k) for k in range(12_000)]
    told = ~split_halves(groups, 0)
    answer = prepare(confidence, risk, groups, seed=0, replicates=200).at_threshold(0.5)
    accepted = told & (confidence >= 0.5)
    assert answer.selective_risk.value == pytest.approx(risk[accepted].mean())
    share = accepted.sum() / told.sum()
    half = 1.96 * math.sqrt(share * (1 - share) / told.sum())
    assert answer.coverage.low == pytest.approx(share - half, abs=0.2 * half)
    assert answer.coverage.high == pytest.approx(share + half, abs=0.2 * half)


def test_few_cases_cannot_show_a_low_risk_and_the_number_needed_is_told() -> None:
    groups = [str(k) for k in range(60)]
    answer = prepare(np.linspace(0, 1, 60), np.zeros(60), groups, seed=0).at_risk(0.05)
    # 0.95^59 <= 0.05 < 0.95^58.
    assert answer.patients_needed == 59
    assert answer.bound_meets_target is False
    assert answer.bound_note.startswith("not possible with so few cases: 30 patients")
    assert answer.bound == pytest.approx(1 - 0.05 ** (1 / 30))


def test_point_carries_what_the_answer_says(prepared: Prepared) -> None:
    answer = prepared.at_risk(0.15)
    point = operating_point(
        answer, name="careful", score="agreement", conventions=RiskConventions(), cohort_name="toy"
    )
    assert (point.threshold, point.target, point.target_value) == (answer.threshold, "risk", 0.15)
    assert (point.coverage, point.bound, point.n_fit) == (answer.coverage, answer.bound, answer.n_fit)


# Bounds


def test_clopper_pearson_matches_a_printed_value() -> None:
    # 1 failure of 20: the one-sided upper 97.5 % bound is the upper end of the 95 % interval, 0.2487.
    assert mean_risk_bound(0.05, 20, confidence=0.975, binary=True) == pytest.approx(0.2487, abs=5e-5)
    # No failure: 1 - 0.05^(1/n).
    assert mean_risk_bound(0.0, 10, confidence=0.95, binary=True) == pytest.approx(1 - 0.05**0.1)


def test_bound_and_p_value_are_two_views_of_one_thing() -> None:
    for mean, n, binary in ((0.1, 40, True), (0.1, 40, False), (0.237, 33, False)):
        bound = mean_risk_bound(mean, n, confidence=0.9, binary=binary)
        assert risk_p_value(mean, n, bound + 1e-4, binary=binary) <= 0.1
        assert risk_p_value(mean, n, bound - 1e-4, binary=binary) > 0.1


def test_bound_for_any_risk_is_never_tighter_than_for_counted_failures() -> None:
    for failures in range(10):
        counted = mean_risk_bound(failures / 50, 50, confidence=0.95, binary=True)
        assert mean_risk_bound(failures / 50, 50, confidence=0.95, binary=False) >= counted - 1e-6


@pytest.mark.parametrize("binary", [True, False])
def test_bound_holds_at_least_as_often_as_it_says(binary: bool) -> None:
    generator = np.random.default_rng(5)
    samples = generator.random((400, 60)) < 0.1 if binary else generator.beta(0.5, 4.5, (400, 60))
    held = [mean_risk_bound(float(row.mean()), 60, confidence=0.9, binary=binary) >= 0.1 for row in samples]
    assert np.mean(held) >= 0.9 - 2 * math.sqrt(0.09 / 400)


def test_nothing_observed_bounds_nothing() -> None:
    assert mean_risk_bound(0.0, 0, confidence=0.95, binary=True) == 1.0
    assert mean_risk_bound(1.0, 5, confidence=0.95, binary=False) == 1.0
    assert risk_p_value(0.0, 0, 0.5, binary=True) == 1.0


def test_cases_needed_is_the_fewest() -> None:
    for risk, level in ((0.05, 0.95), (0.1, 0.9), (0.5, 0.95)):
        n = cases_needed(risk, level)
        assert mean_risk_bound(0.0, n, confidence=level, binary=True) <= risk + 1e-9
        assert mean_risk_bound(0.0, n - 1, confidence=level, binary=True) > risk


# Thresholds that keep their guarantee


def test_certified_threshold_accepts_what_the_tests_allow() -> None:
    generator = np.random.default_rng(6)
    confidence = generator.random(4000)
    risk = (generator.random(4000) > confidence).astype(float)  # selective risk at t is (1 - t) / 2
    found = certified_threshold(prepare(confidence, risk, [str(k) for k in range(4000)], seed=0), 0.2)
    assert found.threshold is not None
    assert 0.6 < found.threshold < 0.75
    assert found.patient_risk is not None
    assert found.patient_risk < 0.2


def test_certified_threshold_breaks_its_promise_no_more_often_than_allowed() -> None:
    broken = 0
    for seed in range(150):
        generator = np.random.default_rng(seed)
        confidence = generator.random(600)
        risk = (generator.random(600) > confidence).astype(float)
        groups = [str(k) for k in range(600)]
        found = certified_threshold(
            prepare(confidence, risk, groups, seed=0, replicates=0, bound_level=0.8), 0.25
        )
        broken += found.threshold is not None and (1 - found.threshold) / 2 > 0.25
    assert broken / 150 <= 0.2 + 2 * math.sqrt(0.16 / 150)


def test_few_patients_certify_nothing_and_the_number_needed_is_told() -> None:
    prepared = prepare(np.linspace(0, 1, 20), np.zeros(20), [str(k) for k in range(20)], seed=0)
    found = certified_threshold(prepared, 0.1)
    assert found.threshold is None
    assert found.reason.startswith("not possible with so few cases")
    # Three chains share 5 %: 0.9^39 <= 0.05 / 3 < 0.9^38.
    assert (found.patients_needed, STARTS) == (39, 3)
    with pytest.raises(ValueError, match="between 0 and 1"):
        certified_threshold(prepared, 1.0)


def test_failures_everywhere_certify_nothing() -> None:
    prepared = prepare(np.linspace(0, 1, 400), np.ones(400), [str(k) for k in range(400)], seed=0)
    assert "no threshold is shown" in certified_threshold(prepared, 0.1).reason
