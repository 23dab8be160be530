"""Can these numbers be true together?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.audit import audit_study, read_study
from core.audit.advice import ADVICE
from core.audit.codes import CODES, finding_spec
from core.types import NamedBytes


def found(document: dict[str, Any]) -> set[tuple[str, str]]:
    file = NamedBytes("study.json", json.dumps(document).encode())
    return {(each.code, each.where) for each in audit_study(read_study([file])).findings}


def one_fold(counts: tuple[int, int], **scores: float) -> dict[str, Any]:
    fold = {"fold": 0, "counts": {"0": counts[0], "1": counts[1]}, "scores": scores}
    return {"classes": ["0", "1"], "folds": [fold]}


def test_readme_pair_of_mlscorecheck() -> None:
    first = one_fold((200, 100), accuracy=0.9567, sensitivity=0.8545, specificity=0.9734)
    assert ("scores-impossible", "fold 0") in found(first)
    second = {"sensitivity": 0.22, "specificity": 0.86, "f1_binary": 0.3, "fm": 0.32}
    assert found(one_fold((902, 530), accuracy=0.62, **second)) == set()
    assert found(one_fold((902, 530), accuracy=0.92, **second)) == {("scores-impossible", "fold 0")}


@pytest.mark.parametrize(
    ("counts", "scores", "held"),
    [
        (
            (8, 8),
            {"accuracy": 0.8125, "auc": 0.9531},
            ["accuracy (1) is a multiple of 1/16", "AUC (1) is a multiple of 1/64"],
        ),
        ((8, 8), {"accuracy": 0.8512, "auc": 0.9561}, []),
        ((9000, 9000), {"accuracy": 0.8512}, []),
    ],
    ids=["on the grid", "beside it", "grid finer than the rounding"],
)  # fmt: skip
def test_what_holds_is_said_only_where_it_could_have_failed(
    counts: tuple[int, int], scores: dict[str, float], held: list[str]
) -> None:
    file = NamedBytes("study.json", json.dumps(one_fold(counts, **scores)).encode())
    assert [
        each.removeprefix("Every reported ").removesuffix(", as it must be.")
        for each in audit_study(read_study([file])).held
    ] == held


@pytest.mark.parametrize(("accuracy", "wrong"), [(0.8, False), (0.9123, True), (0.95, False), (1.0, False)])
def test_accuracy_has_to_be_a_multiple_of_one_over_n(accuracy: float, wrong: bool) -> None:
    document = one_fold((10, 10), accuracy=accuracy, auc=0.9500)
    assert (("accuracy-grid", "fold 0") in found(document)) == wrong


@pytest.mark.parametrize(
    ("auc", "wrong"),
    [(0.9095, False), (0.9100, True), (0.9103, False)],  # 573/630; between; 573.5/630: a tie
)
def test_auc_has_to_be_a_multiple_of_half_a_pair(auc: float, wrong: bool) -> None:
    file = json.dumps(one_fold((15, 42), auc=1.0)).replace('"auc": 1.0', f'"auc": {auc:.4f}')
    findings = audit_study(read_study([NamedBytes("a.json", file.encode())])).findings
    assert any(each.code == "auc-grid" for each in findings) == wrong


def folds_of(accuracies: list[str], mean: str, sd: str) -> set[tuple[str, str]]:
    rows = ",".join(
        f'{{"fold": {k}, "counts": {{"a": 50, "b": 50}}, "scores": {{"accuracy": {each}}}}}'
        for k, each in enumerate(accuracies)
    )
    summary = f'{{"accuracy": {{"mean": {mean}, "sd": {sd}}}}}'
    text = f'{{"classes": ["a", "b"], "summary": {summary}, "folds": [{rows}]}}'
    findings = audit_study(read_study([NamedBytes("s.json", text.encode())])).findings
    return {(each.code, each.where) for each in findings}


@pytest.mark.parametrize("sd", ["0.0200", "0.0163"])  # 0.80, 0.82, 0.84: divisor n-1, divisor n
def test_mean_and_either_sd_follow(sd: str) -> None:
    assert folds_of(["0.80", "0.82", "0.84"], "0.8200", sd) == set()


def test_wrong_mean_wrong_sd_and_standard_error() -> None:
    assert folds_of(["0.8000", "0.8200", "0.8400"], "0.8300", "0.0200") == {
        ("mean-not-from-folds", "summary, accuracy")
    }
    assert folds_of(["0.8000", "0.8200", "0.8400"], "0.8200", "0.0115") == {
        ("sd-not-from-folds", "summary, accuracy")
    }
    assert ("mean-impossible", "summary, accuracy") in folds_of(
        ["0.8000", "0.8200", "0.8400"], "0.8251", "0.0200"
    )


def test_mean_of_all_cases_is_said_to_be_that() -> None:
    text = """{"classes": ["a", "b"], "summary": {"accuracy": {"mean": 0.8600}}, "folds": [
      {"fold": 0, "counts": {"a": 10, "b": 10}, "scores": {"accuracy": 0.8000}},
      {"fold": 1, "counts": {"a": 40, "b": 40}, "scores": {"accuracy": 0.8750}}]}"""
    findings = audit_study(read_study([NamedBytes("s.json", text.encode())])).findings
    assert [each.code for each in findings] == ["mean-is-pooled"]  # (16 + 70) / 100 = 0.86; mean 0.8375


def test_matrix_against_counts_and_scores() -> None:
    fold = {"fold": 0, "counts": {"a": 50, "b": 50}, "confusion": [[45, 5], [6, 44]]}
    document = {"classes": ["a", "b"], "folds": [fold]}
    assert found(document) == set()
    right = {"accuracy": 0.89, "sensitivity": 0.88, "specificity": 0.9, "f1": 0.8889}  # F1 of b: 88/99
    assert found({**document, "folds": [fold | {"scores": right}]}) == set()
    wrong = right | {"specificity": 0.8}
    assert ("score-matrix", "fold 0, specificity") in found({**document, "folds": [fold | {"scores": wrong}]})
    assert ("matrix-counts", "fold 0") in found(
        {**document, "folds": [fold | {"counts": {"a": 40, "b": 50}}]}
    )


def test_declared_variant_of_f1_has_to_fit() -> None:
    scores = {"accuracy": 0.8900, "sensitivity": 0.8800, "f1": 0.8889}
    document = one_fold((50, 50), **scores)
    assert found({**document, "f1": "binary"}) == set()
    assert ("f1-variant", "fold 0") in found({**document, "f1": "macro"})


def test_headline_of_some_folds_from_another_epoch() -> None:
    folds = [
        {"fold": k, "scores": {"auc": auc}, "best_scores": {"auc": 0.9123}, "final_scores": {"auc": 0.8456}}
        for k, auc in enumerate((0.9123, 0.8456))
    ]
    document = {"classes": ["a", "b"], "folds": folds}
    assert {code for code, _ in found(document)} == {"epochs-mixed"}
    folds[1]["scores"] = {"auc": 0.9123}
    assert found(document) == {("best-epoch-headline", "AUC")}
    assert found({**document, "weights": "best"}) == set()


def test_every_finding_has_a_recommendation_and_codes_are_unique() -> None:
    codes = [each.code for each in CODES]
    answered = {code for each in ADVICE for code in each.answers}
    assert len(set(codes)) == len(codes) and answered == set(codes)
    with pytest.raises(KeyError, match="class-collapse"):
        finding_spec("colour")
