"""Gains are paired, told of other patients than what they were fitted on, and put into plain words."""

from __future__ import annotations

import numpy as np
import pytest

from core.metrics.halves import split_halves
from core.metrics.reliability.histogram import code_histogram
from core.metrics.robustness.gains import deferral_gain, paired_gain, temperature_gain, verdict_of
from core.types import Estimate

NAMES = [f"patient {k}" for k in range(40)]


def test_constant_gain_has_an_interval_without_width_and_helped() -> None:
    before = np.random.default_rng(0).random(40) * 0.5
    old, new, gain = paired_gain(before, before + 0.05, NAMES)
    assert (old.value, new.value) == (pytest.approx(before.mean()), pytest.approx(before.mean() + 0.05))
    assert (gain.low, gain.high) == (pytest.approx(0.05), pytest.approx(0.05))
    assert verdict_of(gain) == "helped"


def test_noise_did_not_help_and_a_loss_did_harm() -> None:
    generator = np.random.default_rng(1)
    before = generator.random(40)
    assert verdict_of(paired_gain(before, before + generator.normal(0, 0.1, 40), NAMES)[2]) == "did not help"
    assert verdict_of(paired_gain(before, before - 0.1, NAMES)[2]) == "harmed"
    assert verdict_of(Estimate(value=0.1)) == "undefined"


def test_unit_without_one_of_both_is_left_out() -> None:
    before, after = np.array([0.5, np.nan, 0.7]), np.array([0.6, 0.9, np.nan])
    old, new, _ = paired_gain(before, after, NAMES[:3])
    assert (old.value, new.value) == (0.5, 0.6)


def test_deferral_is_told_of_the_half_that_did_not_choose_the_threshold() -> None:
    generator = np.random.default_rng(2)
    quality = generator.random(40)
    before, after, gain, reached = deferral_gain(quality, quality, NAMES, 0.5)
    fitted = split_halves(NAMES, 0)
    threshold = np.quantile(quality[fitted], 0.5)
    told = quality[~fitted]
    assert before.value == pytest.approx(told.mean())
    assert after.value == pytest.approx(told[told >= threshold].mean())
    assert reached.value == pytest.approx((told >= threshold).mean())
    assert verdict_of(gain) == "helped"


def test_temperature_is_fitted_on_one_half_and_lowers_the_error_of_the_other() -> None:
    generator = np.random.default_rng(3)
    histograms = []
    for _ in NAMES:
        logit = generator.normal(0.0, 1.5, 4000)
        event = generator.random(4000) < 1 / (1 + np.exp(-logit))
        stated = 1 / (1 + np.exp(-2.0 * logit))
        histograms.append(code_histogram(np.rint(stated * 65535).astype(np.uint16), event))
    before, after, gain, temperature = temperature_gain(np.stack(histograms), NAMES)
    assert temperature == pytest.approx(2.0, rel=0.05)
    assert before.value is not None and after.value is not None
    assert before.value > 0.1
    assert after.value < 0.02
    assert verdict_of(gain) == "helped"


def test_one_patient_cannot_be_split() -> None:
    assert deferral_gain(np.array([0.5]), np.array([0.5]), ["a"], 0.8)[2].value is None
    assert temperature_gain(np.zeros((1, 3, 358)), ["a"])[3] is None
