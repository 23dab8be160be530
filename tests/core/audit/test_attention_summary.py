"""How concentrated attention is: golden numbers, the two ends, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.audit.attention import attention_summary
from core.errors import InputProblem


def test_golden_numbers() -> None:
    found = attention_summary((0.5, 0.25, 0.25, 0.0))
    values = (
        found.entropy,
        found.normalised_entropy,
        found.top1,
        found.effective_exp,
        found.effective_inverse,
    )
    assert values == pytest.approx((1.03972, 0.75, 0.5, 2.82843, 2.66667), abs=5e-6)
    assert found.instances == 4


@pytest.mark.parametrize("count", [2, 7, 100])
def test_uniform_weights_count_all_and_one_hot_weights_one(count: int) -> None:
    uniform, one = attention_summary([1 / count] * count), attention_summary([1.0] + [0.0] * (count - 1))
    assert (uniform.normalised_entropy, uniform.effective_exp) == pytest.approx((1.0, count))
    assert uniform.effective_inverse == pytest.approx(count)
    assert (one.entropy, one.normalised_entropy, one.effective_exp, one.effective_inverse) == (0, 0, 1, 1)


def test_one_instance_has_no_normalised_entropy() -> None:
    assert attention_summary([1.0]).normalised_entropy is None


def test_order_plays_no_part() -> None:
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    assert attention_summary(weights[::-1]).entropy == pytest.approx(attention_summary(weights).entropy)
    assert attention_summary(weights).entropy <= math.log(4)


@pytest.mark.parametrize("weights", [[], [0.5, 0.6], [1.5, -0.5], [math.nan, 1.0], [[1.0]]])
def test_what_is_no_attention_is_refused(weights: list[float]) -> None:
    with pytest.raises(InputProblem, match="no attention weights"):
        attention_summary(weights)
