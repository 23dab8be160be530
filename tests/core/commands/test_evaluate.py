"""`evaluate`: tables in, metrics with intervals out, gates and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.cli import main
from core.commands.evaluate import report_record
from core.metrics import evaluate
from tests.core.metrics.test_evaluation import FOUR
from tests.core.metrics.unit_tables import segmented

ROWS = """case,group,label,prob_normal,prob_viral
001,p1,normal,0.9,0.1
002,p1,normal,0.4,0.6
003,p2,viral,0.2,0.8
004,p3,viral,0.3,0.7
"""


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    path = tmp_path / "predictions.csv"
    path.write_text(ROWS)
    return path


def test_json_holds_every_metric_with_its_interval(predictions: Path) -> None:
    done = CliRunner().invoke(main, ["evaluate", "--table", str(predictions), "--json"])
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert (record["n"], record["patients_n"], record["task"]) == (4, 3, "classification")
    assert record["metrics"]["accuracy"]["value"] == 0.75
    assert record["metrics"]["recall:normal"]["value"] == 0.5
    assert record["metrics"]["auroc"]["low"] <= record["metrics"]["auroc"]["value"] == 1.0
    assert record["confusion"][0]["counts"] == [[1, 1], [0, 2]]


def test_text_names_the_classes_and_the_draws(predictions: Path) -> None:
    done = CliRunner().invoke(main, ["evaluate", "--table", str(predictions)])
    assert done.exit_code == 0, done.output
    assert "recall:viral" in done.stdout
    assert "1000 draws of patients" in done.stdout


@pytest.mark.parametrize(
    ("condition", "code"), [("accuracy<0.8", 3), ("accuracy<0.7", 0), ("acuracy<0.7", 2)]
)
def test_gate_decides_the_exit_code(predictions: Path, condition: str, code: int) -> None:
    done = CliRunner().invoke(main, ["evaluate", "--table", str(predictions), "--fail-on", condition])
    assert done.exit_code == code, done.output
    assert ("gate not met" in done.stderr) == (code == 3)


@pytest.mark.parametrize("extra", [[], ["lgg", "--table", "some.csv"]])
def test_a_cohort_or_a_table_but_not_both(extra: list[str]) -> None:
    done = CliRunner().invoke(main, ["evaluate", *extra])
    assert done.exit_code == 2
    assert "--table FILE" in done.stderr


def test_record_of_a_segmentation_keeps_the_three_means_and_patients() -> None:
    record = report_record(evaluate(segmented(FOUR)))
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["metrics"]["dice"]["value"] == record["metrics"]["dice"]["present"]["value"] == 0.5
    assert record["patients"]["dice"]["value"] == pytest.approx(0.4)
    assert record["empty"][0]["n_agree"] == 1
    assert "hd95_mm" in record["not_available"]
