"""Patient bootstrap of a mean."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.metrics import bootstrap_mean


def test_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(0).random(30)
    assert bootstrap_mean(values, seed=3) == bootstrap_mean(values, seed=3)
    assert bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)


def test_mean_is_over_values_and_draws_are_over_patients() -> None:
    # Patient a holds three values of 0, b one value of 1: mean 1/4; a replicate is aa, ab or bb.
    interval = bootstrap_mean([0.0, 0.0, 0.0, 1.0], ["a", "a", "a", "b"], seed=0)
    assert interval.mean == 0.25
    assert (interval.low, interval.high) == (0.0, 1.0)
    assert (interval.n, interval.groups) == (4, 2)


def test_interval_of_many_values_matches_the_normal_approximation() -> None:
    values = np.random.default_rng(1).normal(size=400)
    interval = bootstrap_mean(values, seed=0, replicates=4000)
    half = 1.96 * values.std() / math.sqrt(400)
    assert interval.low == pytest.approx(values.mean() - half, abs=0.012)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.012)


def test_slices_of_one_patient_widen_the_interval() -> None:
    values = np.repeat(np.linspace(0, 1, 8), 20)
    patients = [str(index // 20) for index in range(160)]
    by_patient, by_slice = bootstrap_mean(values, patients, seed=0), bootstrap_mean(values, seed=0)
    assert by_patient.high - by_patient.low > 3 * (by_slice.high - by_slice.low)


def test_undefined_values_are_left_out_and_counted() -> None:
    interval = bootstrap_mean([math.nan, 0.5, 0.5], seed=0)
    assert (interval.mean, interval.n, interval.undefined) == (0.5, 2, 1)


@pytest.mark.parametrize("values", [[], [math.nan], [0.3]])
def test_fewer_than_two_patients_have_no_interval(values: list[float]) -> None:
    interval = bootstrap_mean(values, seed=0)
    assert (interval.low, interval.high) == (None, None)
    assert interval.mean == (0.3 if values == [0.3] else None)


def test_group_names_must_match_the_values() -> None:
    with pytest.raises(ValueError, match="2 values but 1"):
        bootstrap_mean([0.1, 0.2], ["a"], seed=0)
