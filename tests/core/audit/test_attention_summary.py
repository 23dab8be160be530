"""Spread of attention: definitions section 11."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.audit.attention import AttentionSummary, attention_summary, mean_summary
from core.errors import InputProblem

WEIGHTS = st.lists(st.floats(0.0, 1e6), min_size=1, max_size=40)


def test_golden_weights() -> None:
    found = attention_summary([0.5, 0.25, 0.25, 0.0])
    assert found.entropy == pytest.approx(1.5 * math.log(2.0))  # 1.03972
    assert found.effective_exp == pytest.approx(2.0**1.5)  # 2.82843
    assert found.effective_inverse == pytest.approx(1 / (1 / 4 + 1 / 16 + 1 / 16))  # 2.66667
    assert (found.top1, found.instances) == (0.5, 4)
    assert found.normalised_entropy == pytest.approx(0.75)


@pytest.mark.parametrize("n", [2, 7, 500])
def test_uniform_weights_count_every_instance_and_one_hot_counts_one(n: int) -> None:
    uniform, one_hot = attention_summary(np.full(n, 1.0 / n)), attention_summary(np.eye(n)[n // 2])
    assert uniform.effective_exp == pytest.approx(n) and uniform.effective_inverse == pytest.approx(n)
    assert uniform.normalised_entropy == pytest.approx(1.0)
    assert (one_hot.entropy, one_hot.effective_exp, one_hot.effective_inverse) == (0.0, 1.0, 1.0)
    assert (one_hot.top1, one_hot.normalised_entropy) == (1.0, 0.0)


def test_single_instance_has_no_normalised_entropy() -> None:
    assert attention_summary([0.3]) == AttentionSummary(0.0, None, 1.0, 1.0, 1.0, 1)


def test_all_zero_is_undefined_not_zero() -> None:
    assert attention_summary([0.0, 0.0]) == AttentionSummary(None, None, None, None, None, 2)


@pytest.mark.parametrize("weights", [[], [0.5, -0.1], [math.nan, 1.0], [math.inf]])
def test_what_is_no_weight_is_refused(weights: list[float]) -> None:
    with pytest.raises(InputProblem, match="attention weights"):
        attention_summary(weights)


@given(WEIGHTS)
def test_order_and_scale_do_not_matter_and_bounds_hold(weights: list[float]) -> None:
    found, turned = attention_summary(weights), attention_summary([3.0 * each for each in weights[::-1]])
    if not any(weights):
        assert found.entropy is None
        return
    assert found.entropy is not None and found.effective_exp is not None
    assert found.effective_inverse is not None and found.top1 is not None
    assert turned.entropy == pytest.approx(found.entropy, abs=1e-9)
    n = len(weights)
    assert 1 - 1e-9 <= found.effective_inverse <= found.effective_exp * (1 + 1e-9) <= n * (1 + 1e-9) ** 2
    assert 1 / n - 1e-12 <= found.top1 <= 1.0


def test_mean_leaves_undefined_bags_out() -> None:
    bags = [attention_summary([1.0, 1.0]), attention_summary([0.0, 0.0]), attention_summary([1.0, 0.0])]
    found = mean_summary(bags)
    assert (found.top1, found.effective_exp, found.instances) == (0.75, 1.5, 2)
