"""The table of a bag model: attention against marks by hand, baselines, honest sentences, the command."""

from __future__ import annotations

import json
from pathlib import Path

import mil_toy
import numpy as np
import pytest
from click.testing import CliRunner
from mil_toy import toy_config, toy_data
from toy import write_toy

from core.train.cli import train as command
from core.train.mil.card import bag_card, honest_sentence
from core.train.mil.data import evaluation_bags
from core.train.mil.judge import judge_bags
from core.train.mil.measure import (
    Verdict,
    attention_check,
    auroc_difference,
    bag_row,
    extent_rows,
    position_prior,
    verdict,
)
from core.train.mil.sources import load_source
from core.train.mil.train import read_bag_record, train_mil
from core.train.mil.validate import left_out, validate_bag_model
from core.types import Estimate

GRADE = toy_config(
    id="toy-grade", source="lgg-grade", bag="volume", bag_size=None, class_names=("II", "III"), plot_every=0
)


def one(
    patient: str,
    prob: float,
    marked: str,
    attention: tuple[float, ...],
    instance: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0),
) -> Verdict:
    marks = np.array([letter == "x" for letter in marked])
    return Verdict(
        patient, int(marks.any()), prob, np.array(attention), np.array(instance), np.linspace(0, 1, 4), marks
    )


VERDICTS = (
    one("a", 0.9, "x...", (0.4, 0.3, 0.2, 0.1), (1.0, 2.0, 0.0, 0.0)),
    one("a", 0.4, "..xx", (0.4, 0.1, 0.3, 0.2), (0.0, 0.0, 1.0, 1.0)),
    one("b", 0.2, "....", (0.25, 0.25, 0.25, 0.25)),
    one("b", 0.6, "xxxx", (0.7, 0.1, 0.1, 0.1)),
    one("c", 0.3, "....", (0.25, 0.25, 0.25, 0.25)),
)


def test_bags_are_counted_by_hand() -> None:
    row = bag_row("toy", VERDICTS)
    assert (row.bags, row.positives, row.patients) == (5, 3, 3)
    # Right: .9, .2, .6, .3; found of the second class two of three, of the first all.
    values = (row.accuracy, row.recall_positive, row.recall_negative, row.balanced_accuracy)
    assert [each.value for each in values] == pytest.approx([0.8, 2 / 3, 1.0, 5 / 6])
    assert row.auroc.value == 1.0
    assert row.accuracy.low is not None and row.accuracy.low < 0.8 < (row.accuracy.high or 0.0)


def test_another_judge_of_the_same_bags_is_compared_on_the_same_patients() -> None:
    other = np.array([0.0, 0.0, 1.0, 1.0, 0.0])
    # Positives at 0, 0, 1 against negatives at 1, 0: pairs 0, 1/2, 0, 1/2, 1/2, 1 of six.
    assert bag_row("other", VERDICTS, other).auroc.value == pytest.approx(2.5 / 6)
    assert auroc_difference(VERDICTS, other).value == pytest.approx(1 - 2.5 / 6)
    assert auroc_difference(VERDICTS, np.array([each.prob for each in VERDICTS])) == Estimate(
        value=0.0, low=0.0, high=0.0
    )


def test_attention_is_held_against_the_marks_by_hand() -> None:
    prior = [np.array([0.0, 0.0, 1.0, 1.0])] * 5
    check = attention_check("toy", VERDICTS, prior)
    assert (check.positive_bags, check.mixed_bags, check.patients) == (3, 2, 2)
    found = {row.title: row for row in check.rows}
    # First bag: the marked slice is highest (1). Second: marked .3 .2 against .4 .1: two of four pairs.
    assert found["attention"].auroc.value == pytest.approx((1 + 0.5) / 2)
    # Top slices: marked, not marked, marked (all are).
    assert found["attention"].top_hit.value == pytest.approx(2 / 3)
    assert found["attention"].top_hit_mixed.value == pytest.approx(1 / 2)
    # Equal scores: chance, a quarter, a half and all.
    uniform = found["uniform attention"]
    assert (uniform.auroc.value, uniform.top_hit.value) == pytest.approx((0.5, (0.25 + 0.5 + 1) / 3))
    # Slice scores: first bag 1 above 0 0, below 2: two of three; second all.
    assert found["slice scores"].auroc.value == pytest.approx((2 / 3 + 1) / 2)
    # Position: first bag 0 against 0 1 1: a half of three; second all.
    assert found["position alone"].auroc.value == pytest.approx((0.5 / 3 + 1) / 2)
    assert check.minus_uniform.auroc.value == pytest.approx(0.75 - 0.5)
    assert check.minus_slice_scores.top_hit.value == pytest.approx(2 / 3 - (0 + 1 + 1) / 3)


def test_without_marks_there_is_nothing_to_check() -> None:
    bare = tuple(
        Verdict(each.patient, each.label, each.prob, each.attention, each.instance, each.place, None)
        for each in VERDICTS
    )
    check = attention_check("bare", bare, [np.zeros(4)] * 5)
    assert (check.positive_bags, check.rows[0].auroc.value) == (0, None)


def test_how_often_a_bag_is_found_depends_on_its_marked_slices() -> None:
    rows = extent_rows(VERDICTS)
    assert [(row.low, row.high, row.bags, row.found.value) for row in rows] == [
        (1, 3, 2, 0.5),
        (4, 8, 1, 1.0),
        (9, 512, 0, None),
    ]


def test_the_position_prior_counts_marks_by_height_in_the_volumes_it_is_given() -> None:
    data = toy_data(("x" + "." * 9, "xx" + "." * 8, "." * 9 + "x"))
    prior = position_prior(data, (0, 1))
    assert prior.of(np.array([0.0, 0.11, 0.5, 1.0])).tolist() == pytest.approx([1.0, 0.5, 0.0, 0.0])
    assert position_prior(data, (2,)).of(np.array([1.0])).tolist() == [1.0]


def test_a_verdict_takes_label_and_marks_from_the_data() -> None:
    from test_mil_training import load_or_make

    data = toy_data(("..x.", "...."))
    judged = judge_bags(load_or_make(), data, evaluation_bags(data, (0, 1), 4))
    first, second = (verdict(data, each) for each in judged)
    assert (first.label, second.label, first.patient) == (1, 0, "p0")
    assert first.marked is not None and first.marked.tolist() == [False, False, True, False]
    assert first.place.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    data = tmp_path_factory.mktemp("packed")
    write_toy(data)
    (data / "clinical.csv").write_text("Patient,neoplasm_histologic_grade\np0,1\np1,2\np2,1\np3,2\n")
    out = tmp_path_factory.mktemp("models") / "toy-grade"
    return data, train_mil(data, GRADE, out, say=lambda text: None)


def test_the_table_of_a_volume_task_has_no_position_and_its_card_says_what_it_can(
    graded: tuple[Path, Path],
) -> None:
    data, folder = graded
    record = read_bag_record(folder)
    found = validate_bag_model(record, GRADE, data, say=lambda text: None)
    assert [row.patients for row in found.rows] == [4]
    assert (found.minus_position, found.by_extent, len(found.attention)) == (None, (), 1)
    card = bag_card(record, found)
    assert "grade III rather than II?" in card and honest_sentence(found) in card and "$" not in card


def test_honest_sentences_follow_the_interval(graded: tuple[Path, Path]) -> None:
    data, folder = graded
    found = validate_bag_model(read_bag_record(folder), GRADE, data, say=lambda text: None)

    def said(auroc: Estimate, minus: Estimate | None) -> str:
        row = found.rows[0].model_copy(update={"auroc": auroc})
        return honest_sentence(found.model_copy(update={"rows": (row,), "minus_position": minus}))

    unsure, sure = Estimate(value=0.6, low=0.4, high=0.8), Estimate(value=0.9, low=0.8, high=0.95)
    assert "cannot tell" in said(unsure, None) and "cannot tell" in said(Estimate(value=None), None)
    assert said(sure, None).endswith("all of the interval above 0.5.")
    assert said(sure, Estimate(value=0.05, low=0.01, high=0.1)).endswith("lies above 0.")
    assert said(sure, Estimate(value=0.05, low=-0.01, high=0.1)).endswith("may explain all of it.")


def test_left_out_bags_come_with_the_heights_of_the_patients_that_were_seen(
    graded: tuple[Path, Path],
) -> None:
    data, folder = graded
    bags = load_source(data, GRADE)
    verdicts, prior = left_out(read_bag_record(folder), GRADE, bags)
    assert sorted(each.patient for each in verdicts) == ["p0", "p1", "p2", "p3"]
    assert [len(each) for each in prior] == [6] * 4


def test_the_command_trains_judges_and_leaves_logs_that_the_audit_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.audit import audit_study, read_study_paths

    monkeypatch.setattr("core.train.mil.config.read_mil_config", lambda path: GRADE)
    write_toy(tmp_path)
    (tmp_path / "clinical.csv").write_text("Patient,neoplasm_histologic_grade\np0,1\np1,2\np2,1\np3,2\n")
    settings = tmp_path / "settings.json"
    settings.write_text("{}")
    out = tmp_path / "toy-grade"
    arguments = ["mil", "--data", str(tmp_path), "--config", str(settings), "--out", str(out)]
    first = CliRunner().invoke(command, [*arguments, "--members", "0"])
    assert first.exit_code == 0, first.output
    assert not (out / "CARD.md").exists()
    second = CliRunner().invoke(command, [*arguments, "--members", "1"])
    assert second.exit_code == 0, second.output
    table = json.loads((out / "validation.json").read_text())
    assert table["model"] == "toy-grade" and (out / "CARD.md").is_file()
    logs = [out / "predictions.csv", *sorted(out.glob("fold_*/metrics.csv"))]
    audited = audit_study(read_study_paths([str(path) for path in logs]))
    assert [fold.fold for fold in audited.folds] == ["0", "1"]
    assert all(len(fold.attention) == 2 and fold.curves for fold in audited.folds)


def test_an_unknown_member_is_told_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.train.mil.config.read_mil_config", lambda path: mil_toy.toy_config())
    write_toy(tmp_path)
    settings = tmp_path / "settings.json"
    settings.write_text("{}")
    arguments = ["mil", "--data", str(tmp_path), "--config", str(settings), "--members", "a"]
    assert "not a list of numbers" in CliRunner().invoke(command, arguments).output
