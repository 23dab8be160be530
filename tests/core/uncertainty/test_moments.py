"""Running moments against the definitions taken literally."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.errors import InferenceProblem
from core.types import Float32Array, Float64Array
from core.uncertainty import MomentMaps, Moments

PROB = st.floats(0, 1, width=32)


def reduced(*samples: Float32Array) -> MomentMaps:
    moments = Moments(samples[0].shape)  # type: ignore[arg-type]
    for each in samples:
        moments.add(each)
    return moments.maps()


def pixel(*prob: float) -> Float32Array:
    """One pixel with these foreground probabilities."""
    return np.array(prob, np.float32).reshape(-1, 1, 1)


def literal_entropy(prob: Float64Array) -> Float64Array:
    """-sum p ln p over the first axis, background added."""
    every = np.concatenate([prob, 1 - prob.sum(axis=0, keepdims=True)])
    logs = np.log(np.where(every > 0, every, 1.0))
    found: Float64Array = -(every * logs).sum(axis=0)
    return found


def test_two_certain_samples_that_disagree_hold_all_the_information() -> None:
    maps = reduced(pixel(0.0), pixel(1.0))
    # Mean 1/2: entropy ln 2. Each sample has entropy 0, so all of it is mutual information. Variance 1/4.
    assert maps.predictive_entropy[0, 0] == pytest.approx(math.log(2))
    assert maps.expected_entropy is not None and maps.expected_entropy[0, 0] == 0.0
    assert maps.mutual_information is not None
    assert maps.mutual_information[0, 0] == pytest.approx(math.log(2))
    assert maps.variance is not None and maps.variance[0, 0] == 0.25


def test_one_sample_cannot_tell_information_or_variance() -> None:
    maps = reduced(pixel(0.3))
    assert (maps.expected_entropy, maps.mutual_information, maps.variance) == (None, None, None)


def test_background_is_the_last_class() -> None:
    # Classes .2, .3 and background .5.
    expected = -(0.2 * math.log(0.2) + 0.3 * math.log(0.3) + 0.5 * math.log(0.5))
    assert reduced(pixel(0.2, 0.3)).predictive_entropy[0, 0] == pytest.approx(expected, abs=1e-7)


def test_variance_averages_over_classes_with_background() -> None:
    # Class 1: .1, .3 (variance .01); class 2: .2, .2 (0); background .7, .5 (.01). Mean .02 / 3.
    maps = reduced(pixel(0.1, 0.2), pixel(0.3, 0.2))
    assert maps.variance is not None
    assert maps.variance[0, 0] == pytest.approx(0.02 / 3, rel=1e-6)


def test_zero_probability_has_no_entropy() -> None:
    assert reduced(pixel(0.0)).predictive_entropy[0, 0] == 0.0
    assert reduced(pixel(1.0)).predictive_entropy[0, 0] == 0.0


def test_tiny_variance_survives() -> None:
    # A float32 sum of squares would lose it: values near 1 that differ in the seventh digit.
    low, high = np.float32(0.9), np.nextafter(np.float32(0.9), np.float32(1))
    maps = reduced(*[pixel(float(low)), pixel(float(high))] * 10)
    expected = ((float(high) - float(low)) / 2) ** 2
    assert maps.variance is not None
    assert maps.variance[0, 0] == pytest.approx(expected, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(arrays(np.float32, (5, 1, 2, 3), elements=PROB))
def test_running_maps_equal_the_stack(stack: Float32Array) -> None:
    maps = reduced(*stack)
    exact = stack.astype(np.float64)
    mean, entropies = exact.mean(axis=0), np.stack([literal_entropy(each) for each in exact])
    np.testing.assert_allclose(maps.mean, mean, atol=1e-12)
    np.testing.assert_allclose(maps.predictive_entropy, literal_entropy(mean), atol=1e-7)
    np.testing.assert_allclose(maps.expected_entropy, entropies.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(maps.variance, exact.var(axis=0)[0], atol=1e-12)
    assert maps.mutual_information is not None and maps.mutual_information.min() >= 0.0


@pytest.mark.parametrize("classes", [2, 5, 20, 63])
def test_equal_samples_of_many_classes_hold_no_information(classes: int) -> None:
    logits = np.random.default_rng(classes).normal(0.0, 5.0, (classes + 1, 40, 40)).astype(np.float32)
    shares = np.exp(logits - logits.max(axis=0))
    sample = (shares / shares.sum(axis=0))[1:]
    maps = reduced(*[sample] * 5)
    assert maps.mutual_information is not None
    np.testing.assert_allclose(maps.mutual_information, 0.0, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(arrays(np.float32, (4, 1, 2, 2), elements=PROB))
def test_order_of_samples_does_not_matter(stack: Float32Array) -> None:
    forward, backward = reduced(*stack), reduced(*stack[::-1])
    np.testing.assert_allclose(forward.mean, backward.mean, atol=1e-15)
    np.testing.assert_allclose(forward.variance, backward.variance, atol=1e-15)


def test_samples_are_not_changed() -> None:
    sample = pixel(0.4)
    sample.flags.writeable = False
    moments = Moments((1, 1, 1))
    moments.add(sample)
    moments.add(sample)
    assert moments.maps().mean[0, 0, 0] == pytest.approx(0.4)


@pytest.mark.parametrize("wrong", [math.nan, -0.1, 1.5, math.inf])
def test_values_that_are_no_probabilities_are_refused(wrong: float) -> None:
    with pytest.raises(InferenceProblem, match="probabilities"):
        Moments((1, 1, 1)).add(pixel(wrong))


def test_maps_before_the_first_sample_are_refused() -> None:
    with pytest.raises(ValueError, match="no sample"):
        Moments((1, 1, 1)).maps()
