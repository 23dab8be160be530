"""The loss of a bag and the numbers of an epoch, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from mil_toy import toy_config

from core.models.mil import BagOutput
from core.train.mil.config import EarlyStopping
from core.train.mil.data import Bag
from core.train.mil.judge import BagNumbers, JudgedBag, attention_numbers, auroc, selection_confidence
from core.train.mil.loop import stop_value
from core.train.mil.losses import bag_loss, class_weights, streams_loss

ZERO = torch.zeros(2)
LABEL = torch.tensor([0.0, 1.0])


def loss(
    logit: torch.Tensor, weights: tuple[float, float] = (1.0, 1.0), gamma: float = 0.0, s: float = 0.0
) -> float:
    return float(bag_loss(logit, LABEL, weights, focal_gamma=gamma, smoothing=s))


def judged(prob: float, label: int, attention: tuple[float, ...] = (0.5, 0.5)) -> JudgedBag:
    logit = math.log(prob / (1 - prob))
    weights = np.array(attention)
    return JudgedBag(Bag(0, (0, 1)), label, logit, logit, logit, weights, np.log(weights + 1e-12))


def test_without_options_the_loss_is_cross_entropy() -> None:
    assert loss(ZERO) == pytest.approx(math.log(2))
    # Logit ln 3: probability 3/4, right for the second bag, wrong for the first.
    assert loss(torch.full((2,), math.log(3))) == pytest.approx((math.log(4) + math.log(4 / 3)) / 2)


def test_class_weights_multiply_the_bags_of_their_class() -> None:
    assert loss(ZERO, weights=(1.0, 3.0)) == pytest.approx(2 * math.log(2))


def test_focus_multiplies_by_a_power_of_how_wrong_the_bag_is() -> None:
    # Probabilities of the label 1/4 and 3/4, gamma 2: weights 9/16 and 1/16.
    expected = (9 / 16 * math.log(4) + 1 / 16 * math.log(4 / 3)) / 2
    assert loss(torch.full((2,), math.log(3)), gamma=2.0) == pytest.approx(expected)


def test_smoothing_moves_the_target_towards_one_half() -> None:
    # Target 0.9 at probability 3/4 for the second bag, 0.1 for the first.
    first = -(0.1 * math.log(3 / 4) + 0.9 * math.log(1 / 4))
    second = -(0.9 * math.log(3 / 4) + 0.1 * math.log(1 / 4))
    assert loss(torch.full((2,), math.log(3)), s=0.2) == pytest.approx((first + second) / 2)


def test_both_streams_are_trained() -> None:
    output = BagOutput(ZERO, ZERO, torch.full((2,), math.log(3)), ZERO, ZERO)
    alone = (math.log(2) + (math.log(4) + math.log(4 / 3)) / 2) / 2
    config = toy_config(label_smoothing=0.0)
    assert float(streams_loss(output, LABEL, (1.0, 1.0), config)) == pytest.approx(alone)


def test_balanced_weights_are_inverse_to_the_share_of_each_class() -> None:
    label = np.array([1, 1, 1, 0])
    assert class_weights(toy_config(class_weights="balanced"), label) == pytest.approx((2.0, 2 / 3))
    assert class_weights(toy_config(class_weights="none"), label) == (1.0, 1.0)
    assert class_weights(toy_config(class_weights=(1.0, 5.0)), label) == (1.0, 5.0)
    assert class_weights(toy_config(class_weights="balanced"), np.array([1, 1])) == (1.0, 1.0)


def test_numbers_of_an_epoch_by_hand() -> None:
    found = BagNumbers([judged(0.9, 1), judged(0.4, 1), judged(0.6, 0), judged(0.2, 0)])
    assert (found.accuracy, found.recall(0), found.recall(1), found.balanced_accuracy) == (0.5,) * 4
    # One hit, two found, two there; pairs in order: three of four.
    assert (found.f1, found.auc, found.predicted_share) == (0.5, 0.75, 0.5)
    expected = -(math.log(0.9) + math.log(0.4) + math.log(0.4) + math.log(0.8)) / 4
    assert found.loss == pytest.approx(expected)


def test_one_class_alone_has_no_auroc_and_no_recall_of_the_other() -> None:
    found = BagNumbers([judged(0.9, 1), judged(0.8, 1)])
    assert math.isnan(found.auc) and math.isnan(found.recall(0)) and math.isnan(found.balanced_accuracy)
    assert found.recall(1) == 1.0
    assert stop_value(found, EarlyStopping(metric="val_auc")) == -math.inf
    assert math.isnan(BagNumbers([judged(0.2, 0)]).f1)


def test_stopping_looks_at_the_metric_that_it_names() -> None:
    found = BagNumbers([judged(0.9, 1), judged(0.4, 1), judged(0.1, 0), judged(0.2, 0)])
    values = [
        stop_value(found, EarlyStopping(metric=metric))  # type: ignore[arg-type]
        for metric in ("val_auc", "val_f1", "val_balanced_accuracy", "val_worst_recall")
    ]
    assert values == pytest.approx([1.0, 2 / 3, 0.75, 0.5])


def test_attention_numbers_are_means_over_bags() -> None:
    found = attention_numbers([judged(0.5, 1), judged(0.5, 1, (1.0, 0.0))])
    assert (found.top1, found.effective, found.effective_inverse) == pytest.approx((0.75, 1.5, 1.5))
    assert (found.entropy, found.normalised) == pytest.approx((math.log(2) / 2, 0.5))
    assert found.selection == pytest.approx(0.75)


def test_selection_is_certain_where_one_score_towers_and_scores_may_be_huge() -> None:
    assert selection_confidence(np.array([1000.0, 0.0])) == pytest.approx(1.0)
    assert selection_confidence(np.full(4, -1000.0)) == pytest.approx(0.25)


def test_auroc_counts_ties_as_one_half() -> None:
    assert auroc(np.ones(4), np.array([True, False, True, False])) == 0.5
