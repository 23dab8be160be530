"""Metrics of a classification: published numbers, scikit-learn, absent classes, several findings."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputProblem
from core.metrics import CLASS_METRICS, EvaluationReport, evaluate
from core.metrics.classes.ranking import ranked, ranking_metrics
from core.types import BoolArray, Float64Array, UnitTable
from tests.core.metrics.unit_tables import unit_table

NAMES = ("normal", "bacterial", "viral")


def table(prob: Float64Array, label: BoolArray, **columns: object) -> UnitTable:
    names = [f"case {index}" for index in range(len(prob))]
    return unit_table(names, **({"class_names": NAMES, "prob": prob, "label": label} | columns))


def made_up(units: int, seed: int = 0) -> tuple[Float64Array, BoolArray]:
    """Class probabilities in steps of 1/20, so that some are equal, and labels they know something about."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 3, units)
    score = generator.normal(size=(units, 3))
    score[np.arange(units), truth] += 1.0
    prob = np.exp(score)
    prob = np.round(20 * prob / prob.sum(axis=1, keepdims=True)) / 20
    return prob, np.arange(3) == truth[:, None]


def findings(units: int, seed: int = 0) -> tuple[Float64Array, BoolArray]:
    """Several findings at once, none to all of them."""
    generator = np.random.default_rng(seed)
    label = generator.random((units, 3)) < (0.5, 0.3, 0.2)
    return np.clip(0.4 * label + 0.6 * generator.random((units, 3)), 0, 1), label


def value(report: EvaluationReport, key: str) -> float:
    found = report.row(key).value.value
    assert found is not None
    return found


def test_published_ranking() -> None:
    # definitions.md 13.2, SN 2.18. Of 9 pairs 7 are in order: .92 beats three, .79 three, .32 one.
    score = np.array([0.21, 0.35, 0.63, 0.92, 0.32, 0.79])
    label = np.array([0, 0, 0, 1, 1, 1], bool)
    report = evaluate(table(score[:, None], label[:, None], class_names=("ill",), task="multilabel"))
    assert value(report, "auroc:ill") == pytest.approx(7 / 9)
    assert value(report, "auroc:ill") == pytest.approx(0.7778, abs=5e-5)
    # No false alarm is allowed among three negatives: .92 and .79 lie above .63.
    assert value(report, "sensitivity_at_95_specificity:ill") == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("tp", "fp", "fn", "tn", "balanced", "f1"),
    [(45, 10, 5, 40, 0.85, 0.8571), (81, 2, 9, 8, 0.85, 0.9364)],
)
def test_published_counts(tp: int, fp: int, fn: int, tn: int, balanced: float, f1: float) -> None:
    # definitions.md 13.2, SN 2.9.
    label = np.repeat([1, 0, 1, 0], [tp, fp, fn, tn])
    predicted = np.repeat([1, 1, 0, 0], [tp, fp, fn, tn])
    prob = np.stack([1.0 - predicted, predicted], axis=1)
    classes = np.stack([label == 0, label == 1], axis=1)
    report = evaluate(table(prob, classes, class_names=("no", "yes")))
    assert value(report, "balanced_accuracy") == pytest.approx(balanced)
    assert value(report, "f1:yes") == pytest.approx(f1, abs=5e-5)
    assert value(report, "accuracy") == pytest.approx((tp + tn) / 100)
    assert report.confusion[0].counts == ((tn, fp), (fn, tp))
    assert report.confusion[0].shares[1][1].value == pytest.approx(tp / (tp + fn))


def test_scikit_learn_agrees_on_every_metric() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    prob, label = made_up(300)
    report = evaluate(table(prob, label), replicates=20)
    truth, predicted = label.argmax(axis=1), prob.argmax(axis=1)
    expected = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
        "f1": metrics.f1_score(truth, predicted, average="macro"),
        "recall": metrics.recall_score(truth, predicted, average="macro"),
        "auroc": metrics.roc_auc_score(label, prob, average="macro"),
        "auprc": metrics.average_precision_score(label, prob, average="macro"),
    }
    for index, name in enumerate(NAMES):
        expected[f"auroc:{name}"] = metrics.roc_auc_score(label[:, index], prob[:, index])
        expected[f"auprc:{name}"] = metrics.average_precision_score(label[:, index], prob[:, index])
        expected[f"f1:{name}"] = metrics.f1_score(truth == index, predicted == index)
        expected[f"recall:{name}"] = metrics.recall_score(truth == index, predicted == index)
        fpr, tpr, _ = metrics.roc_curve(label[:, index], prob[:, index], drop_intermediate=False)
        expected[f"sensitivity_at_95_specificity:{name}"] = tpr[1 - fpr >= 0.95 - 1e-12].max()
    for key, each in expected.items():
        assert value(report, key) == pytest.approx(each, abs=1e-12), key
    assert report.confusion[0].counts == tuple(
        map(tuple, metrics.confusion_matrix(truth, predicted).tolist())
    )


def test_scikit_learn_agrees_on_several_findings() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    prob, label = findings(250)
    report = evaluate(table(prob, label, task="multilabel"), replicates=20)
    predicted = prob > 0.5
    assert value(report, "subset_accuracy") == pytest.approx(metrics.accuracy_score(label, predicted))
    assert value(report, "f1") == pytest.approx(metrics.f1_score(label, predicted, average="macro"))
    assert value(report, "auroc") == pytest.approx(metrics.roc_auc_score(label, prob, average="macro"))
    balanced = [metrics.balanced_accuracy_score(label[:, k], predicted[:, k]) for k in range(3)]
    assert value(report, "balanced_accuracy") == pytest.approx(np.mean(balanced))
    tables = metrics.multilabel_confusion_matrix(label, predicted)
    assert [each.counts for each in report.confusion] == [tuple(map(tuple, each.tolist())) for each in tables]
    assert report.confusion[1].class_names == ("no bacterial", "bacterial")
    assert not any(row.metric == "accuracy" for row in report.rows)


def test_no_finding_at_all_is_a_right_answer() -> None:
    prob = np.array([[0.1, 0.2, 0.3], [0.9, 0.1, 0.8], [0.1, 0.6, 0.1]])
    label = np.array([[0, 0, 0], [1, 0, 1], [1, 1, 0]], bool)
    report = evaluate(table(prob, label, task="multilabel"))
    assert value(report, "subset_accuracy") == pytest.approx(2 / 3)


def test_class_in_no_reference_is_undefined_named_and_left_out_of_the_mean() -> None:
    prob, label = made_up(60)
    keep = ~label[:, 2]
    report = evaluate(table(prob[keep], label[keep]))
    assert report.classes_absent == ("viral",)
    for spec in CLASS_METRICS:
        if spec.scope == "class":
            row = report.row(f"{spec.key}:viral")
            assert (row.value.value, row.undefined, row.n) == (None, 1, 0)
            present = [value(report, f"{spec.key}:{name}") for name in NAMES[:2]]
            assert value(report, spec.key) == pytest.approx(np.mean(present))
            assert report.row(spec.key).undefined == 1
    assert report.confusion[0].shares[2][0].value is None


def test_every_metric_of_the_table_is_reported_for_its_tasks() -> None:
    for task, (prob, label) in (("classification", made_up(40)), ("multilabel", findings(40))):
        report = evaluate(table(prob, label, task=task), replicates=100)
        assert {row.metric for row in report.rows} == {s.key for s in CLASS_METRICS if task in s.tasks}
        for row in report.rows:
            assert 0.0 <= row.value.low <= row.value.high <= 1.0
            assert row.value.low <= row.value.value + 0.2


def test_intervals_equal_scikit_learn_on_the_same_draws() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    from core.metrics.draws import draw_groups

    prob, label = made_up(90, seed=3)
    groups = tuple(f"p{index // 3}" for index in range(90))
    report = evaluate(table(prob, label, group=groups), replicates=200, seed=5)
    draws = draw_groups(groups, seed=5, replicates=200)
    areas = []
    for weights in draws.weights[:, draws.index]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            areas.append(metrics.roc_auc_score(label[:, 0], prob[:, 0], sample_weight=weights))
    low, high = np.percentile(areas, (2.5, 97.5))
    found = report.row("auroc:normal").value
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)


def test_pictures_of_one_person_widen_the_interval() -> None:
    prob, label = made_up(40)
    many = np.repeat(prob, 6, axis=0), np.repeat(label, 6, axis=0)
    people = tuple(f"p{index // 6}" for index in range(240))
    grouped = evaluate(table(*many, group=people)).row("auroc").value
    separate = evaluate(table(*many)).row("auroc").value
    assert grouped.value == pytest.approx(separate.value)
    assert grouped.high - grouped.low > 1.8 * (separate.high - separate.low)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(25)))
def test_order_of_the_rows_does_not_matter(seed: int, order: list[int]) -> None:
    prob, label = made_up(25, seed)
    one, other = (
        evaluate(table(p, y), replicates=2) for p, y in ((prob, label), (prob[order], label[order]))
    )
    for row, again in zip(one.rows, other.rows, strict=True):
        assert row.value.value == pytest.approx(again.value.value, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_rising_transform_keeps_the_ranking_and_a_falling_one_turns_it(seed: int) -> None:
    generator = np.random.default_rng(seed)
    score, positive = generator.integers(0, 6, 30) / 5.0, generator.random(30) < 0.5
    one = np.ones((1, 30))
    found = ranking_metrics(ranked(score, positive), one)[0]
    assert ranking_metrics(ranked(np.exp(score) - 7, positive), one)[0] == pytest.approx(found, nan_ok=True)
    assert ranking_metrics(ranked(-score, positive), one)[0][0] == pytest.approx(1 - found[0], nan_ok=True)


def test_weights_count_units_as_often_as_they_were_drawn() -> None:
    generator = np.random.default_rng(1)
    score, positive = generator.integers(0, 9, 40) / 8.0, generator.random(40) < 0.4
    weights = generator.integers(0, 4, 40)
    repeated = np.repeat(np.arange(40), weights)
    weighted = ranking_metrics(ranked(score, positive), weights[None].astype(float))[0]
    plain = ranking_metrics(ranked(score[repeated], positive[repeated]), np.ones((1, repeated.size)))[0]
    assert weighted == pytest.approx(plain, abs=1e-12)


def test_nineteen_of_twenty_negatives_are_a_specificity_of_95_percent() -> None:
    # One of 20 negatives scores .9; below it a positive at .8, then the other negatives.
    score = np.array([0.9, 0.8, *[0.1] * 19])
    positive = np.array([False, True, *[False] * 19])
    assert ranking_metrics(ranked(score, positive), np.ones((1, 21)))[0][2] == 1.0


def test_table_without_probabilities_is_refused() -> None:
    with pytest.raises(InputProblem, match="no class probabilities"):
        evaluate(unit_table(["a", "b"]))
    prob, label = made_up(4)
    prob[1, 0] = np.nan
    with pytest.raises(InputProblem, match="undefined"):
        evaluate(table(prob, label))
