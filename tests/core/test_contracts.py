"""Errors, settings and records that every stage shares."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.config import AnalysisConfig, EstimatorConfig, canonical_json, digest
from core.errors import Cancelled, InputProblem, SecondLookError
from core.types import FixedPoint, label_map


def test_problem_says_file_what_found_expected_and_fix() -> None:
    problem = InputProblem("cut short", file="a.nii", found="64 bytes", expected="8 MiB", fix="copy it again")
    assert str(problem) == "a.nii: cut short. Found: 64 bytes. Expected: 8 MiB. To fix: copy it again."


@pytest.mark.parametrize(
    "problem", [InputProblem("w", found="f", expected="e", fix="x", file="n"), Cancelled("stopped")]
)
def test_problem_survives_the_way_between_processes(problem: SecondLookError) -> None:
    again = copy.copy(problem)  # goes through __reduce__, as a process boundary does
    assert (type(again), again.sentence) == (type(problem), problem.sentence)


def test_digest_does_not_depend_on_key_order() -> None:
    assert digest({"a": 1, "b": [1.5, None]}) == digest({"b": [1.5, None], "a": 1})


def test_digest_changes_with_every_setting() -> None:
    changed = [
        AnalysisConfig(),
        AnalysisConfig(model_id="other"),
        AnalysisConfig(estimator=EstimatorConfig(kind="tta")),
        AnalysisConfig(estimator=EstimatorConfig(seed=1)),
        AnalysisConfig(estimator=EstimatorConfig(samples=21)),
        AnalysisConfig(channels=(0, 1, 2)),
        AnalysisConfig(precision="mixed"),
        AnalysisConfig(backend="torch"),
        AnalysisConfig(device="cpu"),
    ]
    assert len({digest(each) for each in changed}) == len(changed)


def test_canonical_json_refuses_nan() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": math.nan})


def test_settings_refuse_unknown_fields_and_values() -> None:
    with pytest.raises(ValidationError):
        AnalysisConfig.model_validate({"model": "lgg-unet"})
    with pytest.raises(ValidationError):
        EstimatorConfig(samples=1)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=50), st.sampled_from([1.0, 0.25, math.log(2.0)]))
def test_fixed_point_is_within_half_a_code(shares: list[float], upper: float) -> None:
    values = np.array(shares) * upper
    decoded = FixedPoint.of(values, upper).values
    assert np.abs(decoded - values).max() <= upper / 131070 + 1e-7 * upper


def test_fixed_point_of_its_own_values_is_unchanged() -> None:
    codes = np.arange(0, 65536, 7, dtype=np.uint16)
    again = FixedPoint.of(FixedPoint(codes, 0.25).values, 0.25).codes
    assert np.array_equal(again, codes)


def test_label_map_of_one_class_is_probability_above_one_half() -> None:
    prob = FixedPoint(np.array([[[[0, 32767, 32768, 65535]]]], dtype=np.uint16), 1.0)
    assert label_map(prob).tolist() == [[[0, 0, 1, 1]]]


def test_probability_of_exactly_one_half_is_background() -> None:
    assert label_map(FixedPoint.of(np.array([[[[0.5, 0.50001]]]]), 1.0)).tolist() == [[[0, 1]]]


def test_label_map_of_two_classes_takes_the_likeliest_background_included() -> None:
    shares = np.array([[0.2, 0.6, 0.3], [0.2, 0.3, 0.5]])
    prob = FixedPoint.of(shares[:, None, None, :], 1.0)
    assert label_map(prob).tolist() == [[[0, 1, 2]]]
