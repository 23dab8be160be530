"""Calibration numbers against published figures, the reference vectors and torchmetrics."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss
from torchmetrics.functional.classification import binary_calibration_error

from core.metrics.reliability.binning import equal_mass, equal_width
from core.metrics.reliability.calibration import (
    bin_gaps,
    bin_sums,
    brier_binary,
    brier_sum,
    debiased_l2,
    ece,
    mce,
    mce_count,
    nll_binary,
    nll_exclusive,
    plugin_l2,
    top_label,
    wilson,
)
from core.types import BoolArray, Float64Array

# Metrics Reloaded, Fig. SN 2.24.
PROB = np.array([0.22, 0.48, 0.49, 0.96, 0.55, 0.64, 0.78, 0.82, 0.34, 0.87])
EVENT = np.array([0, 1, 0, 0, 1, 1, 1, 1, 1, 0], bool)


def cifar(data_dir: Path) -> tuple[Float64Array, BoolArray, dict[str, float]]:
    with np.load(data_dir / "vectors" / "cifar10_vgg16_probs.npz") as file:
        prob, label = file["probs"].astype(np.float64), file["labels"].astype(int)
    values = json.loads((data_dir / "vectors" / "cifar10_vgg16_reference.json").read_text())["values"]
    return prob, np.eye(10, dtype=bool)[label], values


def random_rows(n: int = 3000, classes: int = 4, seed: int = 0) -> tuple[Float64Array, BoolArray]:
    generator = np.random.default_rng(seed)
    prob = generator.dirichlet(np.full(classes, 0.4), n)
    return prob, np.eye(classes, dtype=bool)[[generator.choice(classes, p=each) for each in prob]]


@pytest.mark.parametrize(
    ("bins", "positive", "worst", "top"),
    [(2, 0.109, 0.1175, 0.109), (5, 0.315, 0.55, 0.221), (10, 0.359, 0.96, 0.281)],
)
def test_metrics_reloaded_figure(bins: int, positive: float, worst: float, top: float) -> None:
    sums = bin_sums(PROB, EVENT, equal_width(PROB, bins))
    confidence, right = top_label(np.c_[1 - PROB, PROB], np.c_[~EVENT, EVENT])
    assert float(ece(sums)) == pytest.approx(positive, abs=1e-9)
    assert float(mce(sums)) == pytest.approx(worst, abs=1e-9)
    assert float(ece(bin_sums(confidence, right, equal_width(confidence, bins)))) == pytest.approx(
        top, abs=1e-9
    )


@pytest.mark.data
def test_vectors_of_the_binary_example(data_dir: Path) -> None:
    found = json.loads((data_dir / "vectors" / "calibration_cases.json").read_text())
    prob, event = np.array(found["p"]), np.array(found["y"], bool)
    for case in found["expected"]:
        sums = bin_sums(prob, event, equal_width(prob, case["bins"]))
        assert float(ece(sums)) == pytest.approx(case["ece"], abs=0.01)
        assert float(mce(sums)) == pytest.approx(case["mce"], abs=0.01)
    for bins, (of_ece, of_mce) in found["exact_check"].items():
        sums = bin_sums(prob, event, equal_width(prob, int(bins)))
        assert [float(ece(sums)), float(mce(sums))] == pytest.approx([of_ece, of_mce], abs=1e-9)
    for case in found["other"]:
        score = brier_sum(np.array(case["p"]), np.eye(2, dtype=bool)[case["y"]]).mean()
        assert score == pytest.approx(case["expected"], abs=case["tol"])


@pytest.mark.data
def test_vectors_of_cifar(data_dir: Path) -> None:
    prob, label, values = cifar(data_dir)
    confidence, right = top_label(prob, label)
    assert right.mean() == values["accuracy"]
    assert nll_exclusive(prob, label).mean() == pytest.approx(values["nll"], abs=1e-8)
    assert brier_sum(prob, label).mean() == pytest.approx(values["brier_sum"], abs=1e-12)
    for bins in (10, 15):
        sums = bin_sums(confidence, right, equal_width(confidence, bins))
        # The reference's multi-class routine casts to single precision, which is off by 1.3e-5 here; the
        # same library's binary routine in double precision agrees to rounding.
        assert float(ece(sums)) == pytest.approx(values[f"ece_{bins}_equal_width"], abs=2e-5)
        assert float(mce(sums)) == pytest.approx(values[f"mce_{bins}_equal_width"], abs=1e-6)
        tensors = torch.from_numpy(confidence), torch.from_numpy(right.astype(int))
        exact = binary_calibration_error(*tensors, n_bins=bins)
        assert float(ece(sums)) == pytest.approx(float(exact), abs=1e-9)


@pytest.mark.parametrize("bins", [5, 10, 15])
def test_torchmetrics_agrees_in_double_precision(bins: int) -> None:
    prob, label = random_rows()
    column, event = prob[:, 0].copy(), label[:, 0]
    sums = bin_sums(column, event, equal_width(column, bins))
    tensors = torch.from_numpy(column), torch.from_numpy(event.astype(int))
    for norm, ours in (("l1", ece), ("max", mce), ("l2", plugin_l2)):
        # torchmetrics judges p of class 1, as the positive-class event does.
        theirs = binary_calibration_error(*tensors, n_bins=bins, norm=norm)
        assert float(ours(sums)) == pytest.approx(float(theirs), abs=1e-9)


def test_scikit_learn_agrees_on_scores_and_curve() -> None:
    prob, label = random_rows(classes=2)
    column, event = prob[:, 1], label[:, 1]
    assert brier_binary(column, event).mean() == pytest.approx(brier_score_loss(event, column))
    assert brier_sum(prob, label).mean() == pytest.approx(2 * brier_score_loss(event, column))
    assert nll_exclusive(prob, label).mean() == pytest.approx(log_loss(event, column))
    assert nll_binary(column, event).mean() == pytest.approx(log_loss(event, column))
    share, mean = calibration_curve(event, column, n_bins=10)
    count, total, positive = bin_sums(column, event, equal_width(column, 10))
    assert positive / count == pytest.approx(share)
    assert total / count == pytest.approx(mean)


def test_pooled_ece_is_not_the_mean_of_the_images() -> None:
    # p = 1/2 everywhere: one image all foreground, one all background. Each is off by 1/2, together by 0.
    half, into = np.full(4, 0.5), equal_width(np.full(4, 0.5), 10)
    images = [bin_sums(half, np.full(4, event), into) for event in (0.0, 1.0)]
    assert [float(ece(each)) for each in images] == [0.5, 0.5]
    assert float(ece(images[0] + images[1])) == 0.0


def test_nothing_counted_is_undefined_and_an_empty_bin_has_no_gap() -> None:
    empty = np.zeros((3, 4))
    assert all(np.isnan(measure(empty)) for measure in (ece, mce, plugin_l2, debiased_l2))
    sums = bin_sums(np.array([0.1, 0.9]), np.array([0.0, 1.0]), equal_width(np.array([0.1, 0.9]), 4))
    assert np.isnan(bin_gaps(sums)).tolist() == [False, True, True, False]
    assert all(np.isnan(each) for each in wilson(np.array(0.0), np.array(0.0)))


def test_largest_gap_tells_how_much_its_bin_holds() -> None:
    sums = np.array([[98.0, 2.0], [9.8, 1.8], [9.8, 0.0]])
    assert float(mce(sums)) == pytest.approx(0.9)
    assert float(mce_count(sums)) == 2.0


def test_measures_work_on_many_sums_at_once() -> None:
    sums = np.random.default_rng(0).random((5, 2, 3, 6)) * np.array([10, 5, 5])[:, None]
    assert ece(sums)[3, 1] == pytest.approx(float(ece(sums[3, 1])))
    assert mce(sums)[4, 0] == pytest.approx(float(mce(sums[4, 0])))


@given(st.permutations(range(10)), st.sampled_from([2, 3, 5, 10]))
def test_order_of_the_rows_does_not_matter(order: list[int], bins: int) -> None:
    for assign in (equal_width, lambda prob, parts: equal_mass(prob, np.ones(len(prob)), parts)):
        turned = bin_sums(PROB[order], EVENT[order], assign(PROB[order], bins))
        assert turned == pytest.approx(bin_sums(PROB, EVENT, assign(PROB, bins)))


def test_debiased_l2_is_near_zero_where_the_plug_in_is_not() -> None:
    """Perfectly calibrated draws: the plug-in value is noise, about sqrt(bins * p (1 - p) / n)."""
    generator = np.random.default_rng(0)
    values = []
    for _ in range(40):
        prob = generator.random(1000)
        sums = bin_sums(prob, generator.random(1000) < prob, equal_mass(prob, np.ones(1000), 20))
        values.append((float(plugin_l2(sums)) ** 2, float(debiased_l2(sums)) ** 2))
    plug_in, debiased = np.mean(values, axis=0)
    # E p (1 - p) = 1/6 for uniform p: 20 / 1000 / 6 = 0.0033.
    assert plug_in == pytest.approx(20 / 1000 / 6, rel=0.15)
    assert debiased < plug_in / 3


def test_debiased_l2_by_hand() -> None:
    # One bin, n = 5, mean p 0.5, frequency 0.8: 0.09 - 0.8 * 0.2 / 4 = 0.05.
    assert float(debiased_l2(np.array([[5.0], [2.5], [4.0]]))) == pytest.approx(0.05**0.5)


def test_certain_error_has_a_finite_likelihood() -> None:
    assert np.isfinite(nll_exclusive(np.array([[1.0, 0.0]]), np.array([[False, True]]))).all()
    assert np.isfinite(nll_binary(np.array([0.0, 1.0]), np.array([1.0, 0.0]))).all()
