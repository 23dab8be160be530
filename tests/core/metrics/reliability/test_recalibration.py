"""Recalibrations: what they leave alone, what they mend, and the golden temperature."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import SettingsProblem
from core.metrics.reliability.calibration import nll_binary, nll_exclusive
from core.metrics.reliability.histogram import MIDDLE, code_histogram
from core.metrics.reliability.recalibration import (
    COLDEST,
    HOTTEST,
    RECALIBRATIONS,
    Outcomes,
    fit_recalibration,
    logits,
    row_outcomes,
)
from core.types import BoolArray, FixedPoint, Float64Array


def rows(n: int = 2000, classes: int = 3, seed: int = 0) -> tuple[Float64Array, BoolArray]:
    """Overconfident: the stated logits are twice the true ones."""
    generator = np.random.default_rng(seed)
    true = generator.dirichlet(np.ones(classes), n)
    label = np.eye(classes, dtype=bool)[[generator.choice(classes, p=each) for each in true]]
    sharp = true**2
    return sharp / sharp.sum(axis=1, keepdims=True), label


def pixels(n: int = 20_000) -> tuple[Float64Array, BoolArray]:
    generator = np.random.default_rng(0)
    true = generator.beta(0.6, 0.9, n)
    sharp = true**2 / (true**2 + (1 - true) ** 2)
    return sharp[:, None], (generator.random(n) < true)[:, None]


@pytest.mark.data
def test_temperature_of_cifar(data_dir: Path) -> None:
    with np.load(data_dir / "vectors" / "cifar10_vgg16_probs.npz") as file:
        prob, label = file["probs"].astype(np.float64), np.eye(10, dtype=bool)[file["labels"].astype(int)]
    values = json.loads((data_dir / "vectors" / "cifar10_vgg16_reference.json").read_text())["values"]
    fitted = fit_recalibration("temperature", row_outcomes(prob, label, exclusive=True))
    assert fitted.temperature == pytest.approx(values["temperature_from_log_probs"], abs=1e-5)
    after = nll_exclusive(fitted.apply(prob), label).mean()
    assert after == pytest.approx(values["nll_after_temperature"], abs=1e-8)


@pytest.mark.parametrize("exclusive", [True, False])
def test_temperature_finds_back_the_factor_of_two(exclusive: bool) -> None:
    prob, label = rows(8000) if exclusive else pixels()
    fitted = fit_recalibration("temperature", row_outcomes(prob, label, exclusive=exclusive))
    assert fitted.temperature == pytest.approx(2.0, rel=0.06)


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("key", list(RECALIBRATIONS))
def test_result_is_a_probability_and_the_flags_tell_the_truth(key: str, exclusive: bool) -> None:
    prob, label = rows() if exclusive else pixels(2000)
    fitted = fit_recalibration(key, row_outcomes(prob, label, exclusive=exclusive))
    after = fitted.apply(prob)
    assert after.shape == prob.shape
    assert (after >= 0).all()
    assert (after <= 1).all()
    if exclusive:
        assert after.sum(axis=1) == pytest.approx(np.ones(len(prob)))
    if RECALIBRATIONS[key].keeps_argmax:
        assert np.array_equal(after.argmax(axis=1), prob.argmax(axis=1))
        assert np.array_equal(after > 0.5, prob > 0.5) or exclusive
    if RECALIBRATIONS[key].keeps_ranking and not exclusive:
        assert (np.diff(after[np.argsort(prob[:, 0]), 0]) >= 0).all()
        assert len(np.unique(after)) == len(np.unique(prob))


@pytest.mark.parametrize("key", ["temperature", "vector", "isotonic"])
@pytest.mark.parametrize("exclusive", [True, False])
def test_what_was_fitted_has_a_smaller_loss_where_it_was_fitted(key: str, exclusive: bool) -> None:
    prob, label = rows() if exclusive else pixels(2000)
    score = nll_exclusive if exclusive else nll_binary
    fitted = fit_recalibration(key, row_outcomes(prob, label, exclusive=exclusive))
    assert score(fitted.apply(prob), label).mean() < score(prob, label).mean()


def test_vector_is_at_least_as_good_as_temperature_which_is_a_special_case() -> None:
    prob, label = rows()
    data = row_outcomes(prob, label, exclusive=True)
    losses = [nll_exclusive(fit_recalibration(key, data).apply(prob), label).mean() for key in
              ("temperature", "vector")]  # fmt: skip
    assert losses[1] <= losses[0] + 1e-6


def test_histogram_levels_give_the_temperature_of_the_pixels() -> None:
    prob, event = pixels()
    codes = FixedPoint.of(prob, 1.0).codes
    stored = np.clip(codes / 65535, 0.5 / 65535, 65534.5 / 65535)
    of_pixels = fit_recalibration("temperature", row_outcomes(stored, event, exclusive=False))
    count, total, positive = code_histogram(codes, event)
    mean = np.where(count > 0, total / np.maximum(count, 1), MIDDLE)
    levels = Outcomes(mean[:, None], count[:, None], positive[:, None], exclusive=False)
    of_levels = fit_recalibration("temperature", levels)
    assert of_levels.temperature == pytest.approx(of_pixels.temperature, rel=2e-3)


def test_order_of_the_rows_does_not_matter() -> None:
    prob, label = rows(300)
    order = np.random.default_rng(1).permutation(300)
    for key in ("temperature", "isotonic"):
        one = fit_recalibration(key, row_outcomes(prob, label, exclusive=True)).apply(prob)
        other = fit_recalibration(key, row_outcomes(prob[order], label[order], exclusive=True)).apply(prob)
        assert one == pytest.approx(other, abs=1e-9)


def test_data_that_do_not_limit_the_temperature_give_the_end_of_the_range() -> None:
    prob = np.array([[0.9], [0.2]])
    right = Outcomes(prob, np.ones((2, 1)), np.array([[1.0], [0.0]]), exclusive=False)
    wrong = Outcomes(prob, np.ones((2, 1)), np.array([[0.0], [1.0]]), exclusive=False)
    assert fit_recalibration("temperature", right).temperature == COLDEST
    assert fit_recalibration("temperature", wrong).temperature == HOTTEST


def test_isotonic_equals_scikit_learn_at_the_fitted_points() -> None:
    from sklearn.isotonic import isotonic_regression

    prob, event = pixels(400)
    order = np.argsort(prob[:, 0])
    fitted = fit_recalibration("isotonic", row_outcomes(prob, event, exclusive=False))
    assert fitted.apply(prob)[order, 0] == pytest.approx(isotonic_regression(event[order, 0].astype(float)))


def test_unknown_name_lists_the_known_ones_and_nothing_cannot_be_fitted() -> None:
    prob, label = rows(10)
    with pytest.raises(SettingsProblem, match="none, temperature, vector, isotonic"):
        fit_recalibration("platt", row_outcomes(prob, label, exclusive=True))
    with pytest.raises(SettingsProblem, match="nothing to be fitted on"):
        fit_recalibration("temperature", row_outcomes(prob[:0], label[:0], exclusive=True))


def test_logits_of_certainty_are_finite() -> None:
    ends = np.array([[0.0, 1.0]])
    assert np.isfinite(logits(ends, True)).all()
    assert np.isfinite(logits(ends, False)).all()
