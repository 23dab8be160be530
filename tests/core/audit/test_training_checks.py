"""Collapse, rare classes, overfitting, instability: what curves and matrices show."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from core.audit import audit_study, read_study
from core.audit.facts import of_cases
from core.audit.records import CaseTable
from core.audit.scores import matrix_scores
from core.types import NamedBytes

EPOCHS = 40
T = np.arange(EPOCHS)
FALL = 0.3 + 0.4 * np.exp(-T / 4)
"""A loss that falls to 0.3 and stays there."""


def found(classes: list[str] | None = None, **fold: Any) -> dict[str, str]:
    document = {"classes": classes or ["a", "b"], "folds": [{"fold": 0} | fold]}
    findings = audit_study(read_study([NamedBytes("s.json", json.dumps(document).encode())])).findings
    return {each.code: each.evidence for each in findings}


def curves(**values: Any) -> dict[str, list[float]]:
    return {name: np.asarray(each, float).tolist() for name, each in values.items()}


def test_quiet_curves_say_nothing() -> None:
    assert found(curves=curves(train_loss=FALL * 0.9, val_loss=FALL, val_auc=1.2 - FALL)) == {}


def test_rising_validation_loss_is_overfitting() -> None:
    rising = FALL + np.clip(T - 15, 0, None) * 0.008  # 0.3 to 0.49
    said = found(curves=curves(train_loss=FALL * 0.9, val_loss=rising))
    assert list(said) == ["overfitting"] and "Training loss goes from" in said["overfitting"]


def test_one_lucky_epoch_is_no_best_level() -> None:
    values = FALL.copy()
    values[20] = 0.1
    assert "overfitting" not in found(curves=curves(val_loss=values))


def test_gap_without_a_rise() -> None:
    assert list(found(curves=curves(train_loss=FALL - 0.25, val_loss=FALL))) == ["loss-gap"]


def test_jumping_score_is_unstable() -> None:
    jumping = 0.8 + 0.1 * (T % 2)  # differences of 0.1 in turn: SD 0.1 / sqrt(2)
    assert list(found(curves=curves(val_auc=jumping))) == ["unstable"]


@pytest.mark.parametrize(
    ("best", "code"), [(2, {"best-epoch-early"}), (20, set()), (39, {"best-epoch-last"})]
)
def test_place_of_the_best_epoch(best: int, code: set[str]) -> None:
    assert set(found(best_epoch=best, final_epoch=39)) == code


def test_loss_that_still_falls() -> None:
    assert list(found(curves=curves(val_loss=0.9 - 0.01 * T))) == ["best-epoch-last"]


def test_class_of_several_that_is_never_predicted() -> None:
    said = found(["a", "b", "c"], confusion=[[40, 2, 0], [3, 37, 0], [20, 20, 0]])
    assert list(said) == ["class-collapse"] and said["class-collapse"].startswith("c is 40 of 122 cases")


def test_few_missed_cases_are_no_collapse() -> None:
    # 0 of 3: Wilson's upper limit of the recall is 0.56.
    assert "class-collapse" not in found(confusion=[[60, 0], [3, 0]])
    assert "class-collapse" in found(confusion=[[60, 0], [10, 0]])


def test_rare_class_and_few_cases() -> None:
    assert "class-imbalance" in found(confusion=[[90, 0], [3, 7]])
    assert "class-imbalance" not in found(confusion=[[70, 5], [3, 22]])
    assert "too-few-cases" in found(confusion=[[12, 2], [3, 9]])


def test_good_auc_beside_a_bad_matrix_asks_for_a_threshold() -> None:
    scores = {"auc": 0.95}
    said = found(confusion=[[100, 0], [60, 40]], scores=scores)
    assert list(said) == ["threshold-off"] and "0.700" in said["threshold-off"]  # (1 + 0.4) / 2
    # Where the matrix contradicts another score nobody knows which weights the AUC is of.
    assert "threshold-off" not in found(confusion=[[100, 0], [60, 40]], scores=scores | {"accuracy": 0.9512})


def test_scores_of_a_matrix_agree_with_scikit_learn() -> None:
    matrix = [[20, 5, 1], [4, 30, 6], [0, 2, 9]]
    label = np.repeat([0, 1, 2], [26, 40, 11])
    predicted = np.concatenate([np.repeat([0, 1, 2], row) for row in matrix])
    scores = matrix_scores(matrix, 2)
    for variant in ("macro", "weighted", "micro"):
        assert scores[f"f1_{variant}"] == pytest.approx(f1_score(label, predicted, average=variant))
    assert "f1_binary" not in scores and scores["accuracy"] == pytest.approx(59 / 77)
    two = matrix_scores([[20, 5], [4, 30]], 0)
    assert two["sensitivity"] == 20 / 25 and two["f1_binary"] == pytest.approx(40 / 49)


def test_auc_of_several_classes_is_the_mean_of_one_against_the_rest() -> None:
    prob = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.4, 0.3, 0.3], [0.3, 0.3, 0.4]])
    table = CaseTable(
        fold=("0",) * 4, case=("a", "b", "c", "d"), group=("",) * 4, digest=("",) * 4,
        training=np.zeros(4, np.bool_), label=np.array([0, 1, 2, 2]), prob=prob,
    )  # fmt: skip
    matrix, scores = of_cases(table, "0", 2, 3)
    # class 0: 3 of 3 pairs; class 1: 3 of 3; class 2 (0.3 0.4 against 0.1 0.3): 3 right, 1 tie of 4
    assert scores["auc"] == pytest.approx((1 + 1 + 3.5 / 4) / 3)
    assert matrix == ((1, 0, 0), (0, 1, 0), (1, 0, 1))
