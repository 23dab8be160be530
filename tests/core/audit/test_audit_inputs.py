"""What the audit reads, and how it refuses."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from core.audit import Audit, audit_study, read_study
from core.errors import InputProblem
from core.types import NamedBytes

HEAD = "fold,case,group,label,prob_a,prob_b,digest\n"


def study_of(text: str, name: str = "x.csv") -> Audit:
    return audit_study(read_study([NamedBytes(name, text.encode())]))


def predictions(rows: list[tuple[str, str, str, str, float, str]]) -> str:
    return HEAD + "".join(f"{f},{c},{g},{label},{1 - p:.4f},{p:.4f},{d}\n" for f, c, g, label, p, d in rows)


def test_predictions_are_recomputed() -> None:
    rows = [
        ("1", f"c{k}", f"p{k}", "b" if k >= 2 else "a", p, "") for k, p in enumerate((0.1, 0.6, 0.4, 0.9))
    ]
    (row,) = study_of(predictions(rows)).folds
    values = {each.key: each.value for each in row.scores}
    assert row.confusion == ((1, 1), (1, 1)) and row.counts == (2, 2)
    assert values["accuracy"] == 0.5 and values["sensitivity"] == 0.5
    assert values["auc"] == 0.75  # of the four pairs, 0.4 against 0.6 is the one in wrong order
    assert values["f1_macro"] == values["f1_binary"] == 0.5


def test_ids_stay_as_they_are_spelled() -> None:
    rows = [("01", f"00{k}", "NA" if k < 2 else "1E5", "a" if k % 2 else "b", 0.5, "") for k in range(4)]
    assert [each.fold for each in study_of(predictions(rows)).folds] == ["01"]


def test_same_group_in_two_folds_and_same_input_in_two_folds() -> None:
    rows = [("1", "c1", "p1", "a", 0.1, "d1"), ("1", "c2", "p2", "b", 0.9, "d2"),
            ("2", "c3", "p1", "a", 0.2, "d3"), ("2", "c4", "p4", "b", 0.8, "D2")]  # fmt: skip
    leaks = {(each.code, each.where) for each in study_of(predictions(rows)).findings if "leak" in each.code}
    assert leaks == {("group-leak", "folds 1, 2"), ("input-leak", "folds 1, 2")}


def test_training_rows_decide_about_leakage() -> None:
    text = (
        "fold,case,group,label,prob,split\n1,a,p,0,0.1,train\n1,b,p,1,0.9,val\n"
        "1,c,q,0,0.2,train\n1,d,r,0,0.3,val\n"
    )
    leaks = [(each.code, each.where) for each in study_of(text).findings if "leak" in each.code]
    assert leaks == [("group-leak", "fold 1")]
    # Repeated cross-validation judges a case again and again: no leak as long as it is not trained on.
    again = text.replace("1,a,p,", "1,a,s,") + "2,b,p,1,0.9,val\n2,d,r,0,0.3,val\n2,e,s,0,0.1,train\n"
    assert not [each for each in study_of(again).findings if "leak" in each.code]


def shifted(fold: str, shift: float) -> list[tuple[str, str, str, str, float, str]]:
    """60 cases, ranked well, all with probabilities below one half."""
    return [
        (
            fold,
            f"{fold}-{k}",
            f"{fold}-{k}",
            "b" if k % 2 else "a",
            shift + 0.1 * (k % 2) + 0.002 * (k // 2),
            "",
        )
        for k in range(60)
    ]


def test_threshold_is_fitted_on_other_folds_and_its_gain_is_told() -> None:
    found = study_of(predictions([row for fold in "123" for row in shifted(fold, 0.2)]))
    first = found.thresholds[0]
    assert first.fitted_on == "other folds" and 0.25 < first.threshold < 0.31
    assert first.before == 0.5 and first.after == 1.0 and first.gain == 0.5
    assert {each.where for each in found.findings if each.code == "threshold-off"} == {
        "fold 1",
        "fold 2",
        "fold 3",
    }


def test_threshold_is_fitted_on_the_training_part_where_given() -> None:
    """The training rows ask for 0.5; the rows of the other folds would ask for about 0.28."""
    judged = "".join(
        f"{f},{c},{label},{p:.4f},val\n" for fold in "12" for f, c, _, label, p, _ in shifted(fold, 0.2)
    )
    judged = judged.replace(",a,", ",0,").replace(",b,", ",1,")
    trained = "".join(
        f"{fold},t{k},{k % 2},{0.2 + 0.6 * (k % 2)},train\n" for fold in "12" for k in range(20)
    )
    found = study_of("fold,case,label,prob,split\n" + judged + trained)
    assert [(each.fitted_on, each.threshold, each.gain) for each in found.thresholds] == [
        ("training part of the fold", 0.5, 0.0)
    ] * 2


def test_reported_table_is_the_same_study_as_reported_json() -> None:
    table = (
        "fold,n_a,n_b,cm_a__a,cm_a__b,cm_b__a,cm_b__b,auc,accuracy,final_auc,best_epoch,val_loss_best,val_loss_final\n"
        "0,50,50,45,5,6,44,0.9400,0.8900,0.9000,12,0.300,0.450\n1,50,50,40,10,5,45,0.9300,0.8500,0.9100,9,0.310,0.320\n"
        "mean,,,,,,,0.9350,0.8700,,,,\nsd,,,,,,,0.0071,0.0283,,,,\n"
    )
    document: dict[str, Any] = {
        "classes": ["a", "b"],
        "summary": {"auc": {"mean": 0.935, "sd": 0.0071}, "accuracy": {"mean": 0.87, "sd": 0.0283}},
        "folds": [
            {"fold": 0, "counts": {"a": 50, "b": 50}, "confusion": [[45, 5], [6, 44]], "best_epoch": 12,
             "scores": {"auc": 0.94, "accuracy": 0.89}, "final_scores": {"auc": 0.9},
             "validation_loss": {"best": 0.3, "final": 0.45}},
            {"fold": 1, "counts": {"a": 50, "b": 50}, "confusion": [[40, 10], [5, 45]], "best_epoch": 9,
             "scores": {"auc": 0.93, "accuracy": 0.85}, "final_scores": {"auc": 0.91},
             "validation_loss": {"best": 0.31, "final": 0.32}},
        ],
    }  # fmt: skip
    found = study_of(table)
    assert [(each.code, each.where) for each in found.findings] == [
        ("best-epoch-headline", "AUC"),
        ("overfitting", "fold 0"),
    ]
    assert found.folds[0].confusion == study_of(json.dumps(document), "x.json").folds[0].confusion
    assert found.summary[0].reported_mean == 0.935


def test_files_of_one_study_are_put_together() -> None:
    reported = {"classes": ["b", "a"], "folds": [{"fold": 1, "scores": {"accuracy": 0.75}}]}
    rows = [
        ("1", f"c{k}", f"p{k}", "b" if k >= 2 else "a", p, "") for k, p in enumerate((0.1, 0.6, 0.4, 0.9))
    ]
    log = b"epoch,val_loss\n0,0.5\n1,0.4\n"
    files = [
        NamedBytes("reported.json", json.dumps(reported).encode()),
        NamedBytes("cases.csv", predictions(rows).encode()),
        NamedBytes("fold_1.csv", log),
    ]
    found = audit_study(read_study(files))
    (row,) = found.folds
    assert (
        found.classes == ("b", "a")
        and row.confusion == ((1, 1), (1, 1))
        and row.curves[0].values == (0.5, 0.4)
    )
    assert ("score-not-from-cases", "fold 1, accuracy") in {
        (each.code, each.where) for each in found.findings
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in files:
            archive.writestr(file.name, file.data)
    assert audit_study(read_study([NamedBytes("all.zip", packed.getvalue())])).findings == found.findings


def fold_with(**more: object) -> str:
    return json.dumps({"classes": ["a", "b"], "folds": [{"fold": 0} | more]})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.json", "{", "Expecting property name"),
        ("x.json", "[" * 100_000, "nested too deeply"),
        ("x.json", '{"a": 1}', "JSON of another form"),
        ("x.json", '{"classes": ["a", "b"], "folds": []}', "folds"),
        ("x.json", fold_with(colour=1), "folds.0.colour"),
        ("x.json", fold_with(scores={"auc": 91.2}), "auc = 91.2"),
        ("x.json", fold_with(scores={"colour": 0.5}), "'colour' in fold 0"),
        ("x.json", fold_with(counts={"a": 1}), "counts {'a': 1}"),
        ("x.json", fold_with(counts={"a": 10**30, "b": 1}), "counts {'a': 1000"),
        ("x.csv", HEAD + "".join(f"{k},c,p,a,0.5,0.5,\n" for k in range(201)), "201 folds"),
        ("x.json", fold_with(confusion=[[1, 2]]), "confusion [[1, 2]]"),
        ("x.json", fold_with(attention=[{"epoch": 0, "weights": [[-1.0]]}]), "a weight of -1"),
        ("x.json", '{"classes": ["a", "a"], "folds": [{"fold": 0}]}', "classes a, a"),
        ("x.csv", "a,b\n1,2\n", "columns a, b"),
        ("x.csv", "fold,auc,colour\n0,0.9,1\n", "the column 'colour'"),
        ("x.csv", "fold,auc\n0,high\n", "'high' in column auc"),
        ("x.csv", "fold,n_a,n_b\n0,1.5,2\n", "1.5 in column n_a"),
        ("x.csv", "fold,label,prob\n0,1,0.5\n", "columns fold, label, prob"),
        ("x.csv", HEAD + "1,c,p,z,0.5,0.5,\n", "label 'z'"),
        ("x.csv", HEAD + "1,c,p,a,0.5,0.9,\n", "a sum of 1.4"),
        ("x.csv", HEAD + "1,c,p,a,nan,0.9,\n", "'nan' in column prob_a"),
        ("x.csv", HEAD + 2 * "1,c,p,a,0.5,0.5,\n", "case 'c' in row 2"),
        ("x.csv", HEAD + ",c,p,a,0.5,0.5,\n", "an empty fold or case in row 1"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_sentence(name: str, text: str, said: str) -> None:
    with pytest.raises(InputProblem) as caught:
        read_study([NamedBytes(name, text.encode())])
    problem = caught.value
    assert said in problem.found and problem.file == name and problem.expected and problem.fix


def test_attention_that_collapses_is_dated_and_zeros_are_named() -> None:
    one_hot, spread = [1.0, 0.0, 0.0, 0.0], [0.25] * 4
    points = [{"epoch": k, "weights": [spread if k < 5 else one_hot]} for k in range(8)]
    found = study_of(fold_with(attention=points), "x.json")
    (alarm,) = [each for each in found.findings if each.code == "attention-collapse"]
    assert alarm.evidence.startswith("From epoch 5 to the last, 7")
    zero = study_of(fold_with(attention=[{"epoch": 3, "weights": [spread, [0.0] * 4]}]), "x.json")
    assert [each.code for each in zero.findings if each.code == "attention-empty"]
    assert zero.folds[0].attention[0].top1 == 0.25


def test_attention_is_only_missed_in_a_study_that_has_some() -> None:
    assert not study_of(fold_with(), "x.json").findings
    mil = json.dumps({"classes": ["a", "b"], "mil": True, "folds": [{"fold": 0}]})
    assert [each.code for each in study_of(mil, "x.json").findings] == ["attention-not-logged"]


def test_curves_are_values_or_pairs_with_their_epoch() -> None:
    curves = {"train_loss": [0.9, 0.5], "val_auc": [[3, 0.7], [5, 0.8]]}
    (row,) = study_of(fold_with(curves=curves), "x.json").folds
    assert [(each.split, each.key, each.epochs, each.values) for each in row.curves] == [
        ("train", "loss", (0, 1), (0.9, 0.5)),
        ("validation", "auc", (3, 5), (0.7, 0.8)),
    ]


def test_groups_in_very_many_folds_are_one_finding() -> None:
    rows = [(str(fold), f"c{fold}-{k}", f"p{(fold * 7 + k * 3) % 40}", "a" if k % 2 else "b", 0.5, "")
            for fold in range(40) for k in range(4)]  # fmt: skip
    leaks = [each.where for each in study_of(predictions(rows)).findings if each.code == "group-leak"]
    assert leaks == ["study"]
