"""Risk-coverage curves: published golden numbers, ties, identities, working points."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.metrics.selective.risk_coverage import (
    areas,
    coverage_at_risk,
    failure_auroc,
    oracle_aurc,
    risk_at_coverage,
    risk_coverage,
    sensitivity_at_specificity,
    working_point,
)

ALTERNATING = np.tile([1.0, 0.0], 50)
LINE = np.linspace(0.0, 1.0, 100)
PLATEAUS = np.repeat([0.2, 0.4, 0.6, 0.8], 25)

FD_SHIFTS = [
    (LINE, ALTERNATING, 0.48281112575762547, 0.3293847, 0.2475),
    (LINE, 1.0 - LINE, 0.2475, 0.0, 0.1658333),
    (PLATEAUS, 1.0 - PLATEAUS, 0.3125, -0.0057085, 0.1875),
    (np.full(100, 0.5), ALTERNATING, 0.5, 0.34657359, 0.25),
    (1.0 - ALTERNATING, ALTERNATING, 0.125, -0.0284264, 0.125),
]
"""Confidence, risk, AURC, E-AURC, AUGRC as printed by IML-DKFZ/fd-shifts (tests/test_analysis_metrics.py)."""

units = st.lists(
    st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.sampled_from([0.0, 0.25, 1.0])),
    min_size=1,
    max_size=30,
)
wrong_or_right = st.lists(
    st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.sampled_from([0.0, 1.0])), min_size=2, max_size=30
)


@pytest.mark.parametrize(("confidence", "risk", "aurc", "e_aurc", "augrc"), FD_SHIFTS)
def test_published_table_is_reproduced(
    confidence: np.ndarray, risk: np.ndarray, aurc: float, e_aurc: float, augrc: float
) -> None:
    found = areas(confidence, risk)
    assert found.aurc == pytest.approx(aurc, abs=1e-12)
    assert found.e_aurc == pytest.approx(e_aurc, abs=5e-8)
    assert found.augrc == pytest.approx(augrc, abs=5e-8)


@pytest.mark.data
def test_vectors_are_reproduced(data_dir: Path) -> None:
    cases = json.loads((data_dir / "vectors" / "aurc_cases.json").read_text())["cases"]
    assert len(cases) == 6
    for case in cases:
        risk = 1.0 - np.array(case["correct"], np.float64)
        expected = case["expected"]
        if isinstance(expected, str):
            with pytest.raises(ValueError, match="0 confidences and 34 risks are NaN"):
                areas(case["confidence"], risk)
            continue
        found = areas(case["confidence"], risk)
        assert found.aurc == pytest.approx(expected["aurc"], abs=1e-12)
        assert found.e_aurc == pytest.approx(expected["eaurc"], abs=1e-12)
        assert found.augrc == pytest.approx(expected["augrc"], abs=1e-12)
        curve = risk_coverage(case["confidence"], risk)
        for coverage, name in ((0.5, "selective_risk_at_50cov"), (0.95, "selective_risk_at_95cov")):
            point = working_point(curve, coverage)
            assert point.coverage == pytest.approx(expected[name]["coverage"])
            assert point.selective_risk == pytest.approx(expected[name]["risk"], abs=5e-8)
            assert point.threshold == pytest.approx(expected[name]["threshold"], abs=5e-8)


@pytest.mark.data
def test_real_class_probabilities_are_reproduced(data_dir: Path) -> None:
    with np.load(data_dir / "vectors" / "cifar10_vgg16_probs.npz") as stored:
        prob, labels = stored["probs"].astype(np.float64), stored["labels"]
    wanted = json.loads((data_dir / "vectors" / "cifar10_vgg16_reference.json").read_text())["values"]
    confidence, risk = prob.max(axis=1), (prob.argmax(axis=1) != labels).astype(float)
    found = areas(confidence, risk)
    assert found.n == wanted["n"]
    assert 1.0 - found.mean_risk == pytest.approx(wanted["accuracy"])
    assert found.aurc == pytest.approx(wanted["aurc_threshold_trapezoid"], abs=1e-12)
    assert found.augrc == pytest.approx(wanted["augrc"], abs=1e-12)
    assert found.failure_auroc == pytest.approx(wanted["failure_auroc_of_confidence"], abs=1e-9)
    curve = risk_coverage(confidence, risk)
    for share in (50, 80, 90, 95):
        found_risk = risk_at_coverage(curve, share / 100).selective_risk
        assert found_risk == pytest.approx(wanted[f"selective_risk_top_{share}pct"], abs=1e-12)


def test_ties_enter_together_whatever_the_order_of_the_rows() -> None:
    # Risk is 13/25 or 12/25 per level, in steps of coverage 1/4.
    order = np.random.default_rng(0).permutation(100)
    for rows in (slice(None), order):
        found = areas(PLATEAUS[rows], ALTERNATING[rows])
        assert found.aurc == pytest.approx(0.49083, abs=5e-6)
        assert found.augrc == pytest.approx(0.24750, abs=5e-6)


@given(units, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows: list[tuple[float, float]], shuffle: object) -> None:
    first = areas(*zip(*rows, strict=True))
    mixed = list(rows)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    second = areas(*zip(*mixed, strict=True))
    assert second.model_dump() == pytest.approx(first.model_dump(), abs=1e-12)


@given(wrong_or_right)
def test_binary_identities_hold_exactly_with_ties(rows: list[tuple[float, float]]) -> None:
    confidence, risk = (np.array(each) for each in zip(*rows, strict=True))
    found, error = areas(confidence, risk), float(risk.mean())
    right = 1.0 - error
    assert found.oracle_augrc == pytest.approx(error**2 / 2)
    assert found.random_augrc == pytest.approx(error / 2)
    if 0 < error < 1:
        pairs = [
            1.0 if good > bad else 0.5 if good == bad else 0.0
            for good in confidence[risk == 0]
            for bad in confidence[risk == 1]
        ]
        auroc = sum(pairs) / len(pairs)
        assert found.failure_auroc == pytest.approx(auroc)
        assert found.augrc == pytest.approx((1 - auroc) * right * error + error**2 / 2)


@given(units)
def test_equal_confidence_is_as_good_as_no_confidence(rows: list[tuple[float, float]]) -> None:
    risk = np.array([each for _, each in rows])
    found = areas(np.full(risk.size, 0.3), risk)
    assert found.aurc == pytest.approx(found.mean_risk)
    assert (found.normalised_aurc or 0.0) == pytest.approx(0.0, abs=1e-9)


@given(units)
def test_any_rising_function_of_the_confidence_gives_the_same_areas(rows: list[tuple[float, float]]) -> None:
    confidence, risk = (np.array(each) for each in zip(*rows, strict=True))
    assert areas(np.exp(3 * confidence) - 7, risk) == areas(confidence, risk)


def test_temperature_does_not_move_the_areas_of_one_binary_model() -> None:
    generator = np.random.default_rng(1)
    logits = generator.normal(size=400)
    wrong = (generator.random(400) < 1 / (1 + np.exp(2 * np.abs(logits)))).astype(float)
    confidence = [1 / (1 + np.exp(-np.abs(logits) / t)) for t in (0.5, 1.0, 1.7)]
    found = [areas(each, wrong) for each in confidence]
    assert found[0] == found[1] == found[2]


def test_ordering_by_the_risk_itself_has_no_excess() -> None:
    risk = np.random.default_rng(2).random(50)
    found = areas(-risk, risk)
    assert found.e_aurc == pytest.approx(0.0, abs=1e-15)
    assert found.normalised_aurc == pytest.approx(1.0)
    assert found.augrc == pytest.approx(found.oracle_augrc)


def test_oracle_of_two_cases() -> None:
    # Continuous: running means 0.2, 0.5 in two steps of 1/2, the first flat: 0.2/2 + 0.35/2.
    assert oracle_aurc(np.array([0.8, 0.2])) == pytest.approx(0.275)
    assert oracle_aurc(np.array([1.0, 0.0])) == pytest.approx(0.5 + 0.5 * math.log(0.5))
    assert (oracle_aurc(np.ones(3)), oracle_aurc(np.zeros(3))) == (1.0, 0.0)


def test_coverage_at_risk_looks_past_a_wrong_first_case() -> None:
    curve = risk_coverage(np.arange(10), [0.0] * 9 + [1.0])
    point = coverage_at_risk(curve, 0.15)
    assert point is not None
    assert (point.coverage, point.accepted, point.threshold) == (1.0, 10, 0.0)
    assert coverage_at_risk(curve, 0.05) is None


def test_a_target_that_is_met_exactly_counts() -> None:
    curve = risk_coverage(np.zeros(10), [0.1] * 3 + [0.0] * 7)
    point = coverage_at_risk(curve, 0.03)  # 0.1 + 0.1 + 0.1 is a little more than 0.3
    assert point is not None
    assert point.coverage == 1.0


def test_sensitivity_takes_the_highest_step_without_interpolation() -> None:
    # 20 right cases at 1..20; the failure at 1.5 lies above one of them: specificity 19/20 just allows it.
    confidence = np.append(np.arange(1, 21), [1.5, 2.5])
    risk = np.append(np.zeros(20), [1.0, 1.0])
    assert sensitivity_at_specificity(risk_coverage(confidence, risk)) == 0.5
    assert sensitivity_at_specificity(risk_coverage(confidence, risk), 0.9) == 1.0
    assert sensitivity_at_specificity(risk_coverage([1.0, 2.0], [0.0, 0.0])) is None


def test_without_both_outcomes_nothing_can_be_told_apart() -> None:
    assert failure_auroc(risk_coverage([0.1, 0.2], [1.0, 1.0])) is None
    found = areas([0.1, 0.2], [1.0, 1.0])
    assert (found.aurc, found.e_aurc, found.normalised_aurc, found.failure_auroc) == (1.0, 0.0, None, None)


@pytest.mark.parametrize(
    ("confidence", "risk", "words"),
    [
        ([], [], "non-empty"),
        ([0.1], [0.1, 0.2], "equal"),
        ([math.nan, 0.2], [0.0, 1.0], "1 confidences and 0 risks are NaN"),
        ([0.1, 0.2], [0.0, math.nan], "0 confidences and 1 risks are NaN"),
        ([0.1, 0.2], [0.0, 1.5], "within"),
    ],
)
def test_what_has_no_answer_is_refused(confidence: list[float], risk: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        risk_coverage(confidence, risk)
