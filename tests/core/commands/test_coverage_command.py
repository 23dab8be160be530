"""`python -m core coverage --table`: golden numbers through the command, its JSON contract and its gates."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from core.cli import main
from tests.core.metrics.selective.test_risk_coverage import FD_SHIFTS


def write(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([each if isinstance(each, str) else repr(each) for each in row] for row in rows)
    return path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["coverage", *(str(each) for each in arguments)])


def record(*arguments: object) -> dict[str, Any]:
    done = call(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def bare(path: Path, confidence: np.ndarray, risk: np.ndarray) -> Path:
    rows = [(f"{k:04d}", float(c), float(r)) for k, (c, r) in enumerate(zip(confidence, risk, strict=True))]
    return write(path, ["case", "confidence", "risk"], rows)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    confidence = generator.random(200)
    return bare(tmp_path / "table.csv", confidence, (generator.random(200) > confidence**0.3).astype(float))


@pytest.mark.parametrize(("confidence", "risk", "aurc", "e_aurc", "augrc"), FD_SHIFTS)
def test_published_table_is_reproduced(
    tmp_path: Path, confidence: np.ndarray, risk: np.ndarray, aurc: float, e_aurc: float, augrc: float
) -> None:
    path = bare(tmp_path / "t.csv", confidence, risk)
    found = record("--table", path, "--replicates", 0)["scores"]["confidence"]
    assert found["aurc"]["value"] == pytest.approx(aurc, abs=1e-12)
    assert found["e_aurc"]["value"] == pytest.approx(e_aurc, abs=5e-8)
    assert found["augrc"]["value"] == pytest.approx(augrc, abs=5e-8)


@pytest.mark.data
def test_vectors_are_reproduced(tmp_path: Path, data_dir: Path) -> None:
    for case in json.loads((data_dir / "vectors" / "aurc_cases.json").read_text())["cases"]:
        path = bare(tmp_path / "t.csv", np.array(case["confidence"]), 1.0 - np.array(case["correct"], float))
        expected = case["expected"]
        if isinstance(expected, str):
            done = call("--table", path, "--json")
            assert (done.exit_code, done.stdout) == (2, "")
            assert "'nan'" in done.stderr
            continue
        found = record("--table", path, "--replicates", 0)["scores"]["confidence"]
        for ours, theirs in (("aurc", "aurc"), ("e_aurc", "eaurc"), ("augrc", "augrc")):
            assert found[ours]["value"] == pytest.approx(expected[theirs], abs=1e-12)


@pytest.mark.data
def test_real_class_probabilities_are_reproduced(tmp_path: Path, data_dir: Path) -> None:
    wanted = json.loads((data_dir / "vectors" / "cifar10_vgg16_reference.json").read_text())["values"]
    with np.load(data_dir / "vectors" / "cifar10_vgg16_probs.npz") as stored:
        prob, labels = stored["probs"].astype(np.float64), stored["labels"]
    header = ["case", "label", *(f"prob_{k}" for k in range(10))]
    rows = [(f"{k:05d}", str(y), *map(float, p)) for k, (p, y) in enumerate(zip(prob, labels, strict=True))]
    found = record("--table", write(tmp_path / "t.csv", header, rows), "--replicates", 200)
    score = found["scores"]["max_softmax"]
    assert (found["n"], found["default"]) == (wanted["n"], "max_softmax")
    assert 1 - found["mean_risk"] == pytest.approx(wanted["accuracy"])
    assert score["aurc"]["value"] == pytest.approx(wanted["aurc_threshold_trapezoid"], abs=1e-12)
    assert score["augrc"]["value"] == pytest.approx(wanted["augrc"], abs=1e-12)
    assert score["failure_auroc"]["value"] == pytest.approx(wanted["failure_auroc_of_confidence"], abs=1e-9)
    assert score["aurc"]["low"] < score["aurc"]["value"] < score["aurc"]["high"]


def test_json_holds_the_agreed_fields(table: Path) -> None:
    found = record("--table", table, "--replicates", 100)
    wanted = {"n", "default", "scores", "mean_risk", "oracle_aurc", "operating_point"}
    more = {"conventions", "undefined", "predicted_nothing", "guarantees", "left_out"}
    assert wanted | more <= set(found)
    score = found["scores"][found["default"]]
    assert all(set(score[name]) == {"value", "low", "high"} for name in ("aurc", "e_aurc", "augrc"))
    assert found["conventions"]["risk_is"] == "risk as given"
    point = found["operating_point"]
    assert {"threshold", "coverage", "selective_risk", "undetected", "review", "bound"} <= set(point)


def test_same_seed_prints_the_same_bytes(table: Path) -> None:
    first, second = (call("--table", table, "--json", "--replicates", 100).stdout for _ in range(2))
    assert first == second
    assert first != call("--table", table, "--json", "--replicates", 100, "--seed", 1).stdout


def test_rows_in_another_order_change_nothing(table: Path, tmp_path: Path) -> None:
    lines = table.read_text().splitlines()
    mixed = tmp_path / "mixed.csv"
    mixed.write_text("\n".join([lines[0], *reversed(lines[1:])]))
    first, second = (record("--table", path, "--replicates", 100) for path in (table, mixed))
    assert second["scores"]["confidence"]["aurc"] == pytest.approx(
        first["scores"]["confidence"]["aurc"], abs=1e-12
    )
    assert second["operating_point"]["threshold"] == first["operating_point"]["threshold"]


def test_targets_choose_the_threshold(table: Path) -> None:
    by_risk = record("--table", table, "--target-risk", 0.1, "--replicates", 50)["operating_point"]
    by_coverage = record("--table", table, "--target-coverage", 0.5, "--replicates", 50)["operating_point"]
    assert (by_risk["target"], by_risk["target_value"]) == ("risk", 0.1)
    assert by_risk["fit_risk"] <= 0.1
    assert by_coverage["fit_coverage"] == pytest.approx(0.5)


def test_failure_convention_counts_what_lies_below_the_limit(tmp_path: Path) -> None:
    path = bare(tmp_path / "t.csv", np.array([0.9, 0.5, 0.1]), np.array([0.1, 0.17, 0.3]))
    found = record("--table", path, "--risk", "failure", "--replicates", 0)
    # 1 - risk is 0.9, 0.83 and 0.7; the limit is 14/17 = 0.8235.
    assert found["mean_risk"] == pytest.approx(1 / 3)
    strict = record("--table", path, "--risk", "failure", "--failure-below", 0.85, "--replicates", 0)
    assert strict["mean_risk"] == pytest.approx(2 / 3)


def test_gate_that_is_not_met_exits_with_3_after_the_result(table: Path) -> None:
    done = call("--table", table, "--json", "--replicates", 0, "--fail-on", "aurc>0.0001")
    assert done.exit_code == 3
    assert json.loads(done.stdout)["n"] == 200
    assert "aurc>0.0001" in done.stderr
    assert call("--table", table, "--replicates", 0, "--fail-on", "aurc>0.99").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "either a COHORT or --table"),
        (["--table", "no-such.csv"], "no such file"),
        (["--table", "{table}", "--score", "nonsense"], "no such confidence score"),
        (["--table", "{table}", "--target-risk", "0.1", "--target-coverage", "0.5"], "not both"),
        (["--table", "{table}", "--run", "x"], "--run belongs"),
        (["--table", "{table}", "--fail-on", "nonsense>1"], "nonsense"),
    ],
)
def test_what_cannot_be_done_exits_with_2_and_nothing_on_stdout(
    table: Path, arguments: list[str], words: str
) -> None:
    done = call(*(each.format(table=table) for each in arguments), "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr


def test_words_name_the_threshold_and_what_stands_in_the_way(table: Path) -> None:
    done = call("--table", table, "--target-risk", 0.01, "--replicates", 50)
    assert done.exit_code == 0
    assert "200 units of 200 groups, risk: risk as given" in done.stdout
    assert "operating point for risk 0.01" in done.stdout
    assert "not possible with so few cases" in done.stdout


def test_cohort_of_a_table_gives_the_numbers_of_the_table(table: Path, home: Path) -> None:
    added = CliRunner().invoke(main, ["cohort", "add", str(table), "--name", "toy"])
    assert added.exit_code == 0, added.stderr
    by_cohort = record("toy", "--replicates", 50)
    by_table = record("--table", table, "--replicates", 50)
    for field in ("n", "default", "scores", "mean_risk", "oracle_aurc", "operating_point"):
        assert by_cohort[field] == by_table[field], field


def test_unknown_cohort_is_refused_with_the_known_ones(table: Path, home: Path) -> None:
    CliRunner().invoke(main, ["cohort", "add", str(table), "--name", "toy"])
    done = call("nonsense")
    assert done.exit_code == 2
    assert "toy" in done.stderr


@pytest.mark.parametrize("option", ["--target-risk", "--target-coverage", "--failure-below", "--alpha"])
def test_an_option_that_is_no_number_is_refused(table: Path, option: str) -> None:
    done = call("--table", table, option, "nan", "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "nan is no number" in done.stderr


def test_a_folder_is_no_table(tmp_path: Path, table: Path) -> None:
    done = call("--table", tmp_path)
    assert done.exit_code == 2
    assert "is a directory" in done.stderr
