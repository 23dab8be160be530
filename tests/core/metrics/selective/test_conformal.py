"""Conformal risk control of the miss rate, against arithmetic, simulation and MAPIE."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from core.metrics.reliability.histogram import LOWER, code_histogram
from core.metrics.selective.conformal import LossCurves, control_miss_rate, miss_curve, miss_curves
from core.types import FixedPoint

LAMBDAS = np.array([0.0, 0.5, 1.0])


def curves(*rows: list[float]) -> LossCurves:
    return LossCurves(np.array(rows), LAMBDAS)


def test_mean_loss_may_be_one_ninth_for_nine_cases_and_alpha_one_fifth() -> None:
    # (n/(n+1)) m + 1/(n+1) <= 0.2 with n = 9: m <= 1/9.
    just = curves(*[[1.0, 1 / 9, 0.0]] * 9)
    above = curves(*[[1.0, 1 / 9 + 1e-6, 0.0]] * 9)
    assert control_miss_rate(just, 0.2).lam == 0.5
    assert control_miss_rate(above, 0.2).lam == 1.0


def test_too_few_patients_are_told_how_many_would_do() -> None:
    found = control_miss_rate(curves(*[[1.0, 0.0, 0.0]] * 8), 0.1)
    assert (found.lam, found.cases_needed, found.n) == (None, 9, 8)
    assert found.reason == "not possible with so few cases: 8 patients, and at least 9 would be needed"
    assert control_miss_rate(curves(*[[1.0, 0.0, 0.0]] * 9), 0.1).lam == 0.5


def test_patients_are_the_unit_not_their_slices() -> None:
    rows = [[1.0, 0.0, 0.0]] * 9 + [[1.0, 1.0, 0.0]]
    by_slice = control_miss_rate(curves(*rows), 0.2)
    # Patient b has one slice that misses everything: patient means 0 and 1.
    by_patient = control_miss_rate(curves(*rows), 0.7, ["a"] * 9 + ["b"])
    assert (by_slice.n, by_slice.lam) == (10, 0.5)
    assert (by_patient.n, by_patient.lam, by_patient.miss_rate) == (2, 0.5, 0.5)


def test_cases_with_nothing_to_find_follow_the_declared_rule() -> None:
    rows = [[1.0, 0.2, 0.0]] * 5 + [[math.nan] * 3] * 5
    out = control_miss_rate(curves(*rows), 0.3)
    zero = control_miss_rate(curves(*rows), 0.3, empty_rule="loss 0")
    assert (out.n, out.left_out, out.lam) == (5, 5, 1.0)  # 5/6 0.2 + 1/6 = 0.333
    assert (zero.n, zero.left_out, zero.lam) == (10, 0, 0.5)  # 10/11 0.1 + 1/11 = 0.182
    assert zero.miss_rate == pytest.approx(0.1)


def test_a_loss_that_rises_is_refused() -> None:
    with pytest.raises(ValueError, match="rises"):
        control_miss_rate(curves([0.1, 0.5, 0.0]), 0.2)
    with pytest.raises(ValueError, match="outside"):
        control_miss_rate(curves([1.5, 0.5, 0.0]), 0.2)
    with pytest.raises(ValueError, match="alpha"):
        control_miss_rate(curves([1.0, 0.5, 0.0]), 0.0)


def test_probabilities_that_end_too_early_are_told() -> None:
    found = control_miss_rate(LossCurves(np.full((30, 1), 0.5), np.array([0.3])), 0.2)
    assert found.lam is None
    assert "misses too much" in found.reason


def test_histograms_give_the_curve_of_the_pixels() -> None:
    generator = np.random.default_rng(0)
    prob = FixedPoint.of(generator.random((3, 40, 40)), 1.0)
    masks = generator.random((3, 40, 40)) < prob.values * 0.6
    masks[2] = False
    counted = np.stack([code_histogram(prob.codes[k], masks[k]) for k in range(3)])
    found = miss_curves(counted, LOWER)
    assert found.loss.shape == (3, LOWER.size)
    assert np.isnan(found.loss[2]).all()
    for index in (0, 1):
        exact = miss_curve(prob.values[index], masks[index], found.lambdas)
        # A level goes in as a whole: at its edge the counted loss is the loss just below it, up to one code.
        nudged = miss_curve(prob.values[index], masks[index], np.clip(found.lambdas - 4e-5, 0, 1))
        assert (found.loss[index] >= exact - 1e-9).all()
        assert (found.loss[index] <= nudged + 1e-9).all()


def test_realised_miss_rate_stays_below_alpha_on_average() -> None:
    generator = np.random.default_rng(1)
    lambdas = np.linspace(0, 1, 101)
    realised = []
    for _ in range(300):
        skill = generator.beta(4, 1.5, 21)
        loss = np.clip(1 - lambdas[None] - skill[:, None] + 0.6, 0, 1)
        found = control_miss_rate(LossCurves(loss[:20], lambdas), 0.15)
        assert found.lam is not None
        realised.append(loss[20, round(found.lam * 100)])
    assert np.mean(realised) <= 0.15 + 2 * np.std(realised) / math.sqrt(300)


def test_mapie_chooses_the_same_threshold() -> None:
    from mapie.risk_control import MultiLabelClassificationController

    generator = np.random.default_rng(2)
    label = generator.random((60, 25)) < 0.3
    label[:, 0] = True
    prob = np.clip(generator.beta(2, 3, (60, 25)) + 0.35 * label, 0.0, 0.999)
    thresholds = np.arange(0.0005, 1, 0.01)
    lambdas = 1.0 - thresholds[::-1]
    ours = LossCurves(
        np.stack([miss_curve(p, y, lambdas) for p, y in zip(prob, label, strict=True)]), lambdas
    )
    for alpha in (0.05, 0.1, 0.3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peer = MultiLabelClassificationController(
                predict_function=lambda rows: prob[np.asarray(rows, int).ravel()],
                risk="recall",
                method="crc",
                target_level=1 - alpha,
                predict_params=thresholds,
            )
            peer.calibrate(np.arange(60)[:, None], label.astype(int))
        found = control_miss_rate(ours, alpha)
        assert found.probability_from == pytest.approx(float(np.ravel(peer.best_predict_param)[0]), abs=1e-9)
