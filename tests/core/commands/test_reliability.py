"""`python -m core reliability`: the agreed JSON, the golden numbers, refusals and gates."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from core.cli import main

PROB = (0.22, 0.48, 0.49, 0.96, 0.55, 0.64, 0.78, 0.82, 0.34, 0.87)
EVENT = (0, 1, 0, 0, 1, 1, 1, 1, 1, 0)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["reliability", *(str(each) for each in arguments)])


def record(*arguments: object) -> dict:
    done = call(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def write(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    rows = [[f"{k:03}", y, f"{1 - p:.2f}", p] for k, (p, y) in enumerate(zip(PROB, EVENT, strict=True))]
    return write(tmp_path / "binary.csv", ["case", "label", "prob_0", "prob_1"], rows)


@pytest.fixture(scope="module")
def cifar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.conftest import find_data

    folder = find_data()
    if folder is None:
        pytest.skip("real data not found")
    with np.load(folder / "vectors" / "cifar10_vgg16_probs.npz") as file:
        prob, label = file["probs"], file["labels"]
    rows = [[f"{k:05}", int(y), *(repr(float(each)) for each in p)]
            for k, (p, y) in enumerate(zip(prob, label, strict=True))]  # fmt: skip
    header = ["case", "label", *(f"prob_{k}" for k in range(10))]
    return write(tmp_path_factory.mktemp("tables") / "cifar.csv", header, rows)


@pytest.mark.parametrize(
    ("bins", "positive", "worst", "top"),
    [(2, 0.109, 0.1175, 0.109), (5, 0.315, 0.55, 0.221), (10, 0.359, 0.96, 0.281)],
)
def test_metrics_reloaded_figure(binary: Path, bins: int, positive: float, worst: float, top: float) -> None:
    classes = record("--table", binary, "--bins", bins)["classes"]
    assert classes["1"]["ece"] == pytest.approx(positive, abs=1e-9)
    assert classes["1"]["mce"] == pytest.approx(worst, abs=1e-9)
    assert classes["top-label"]["ece"] == pytest.approx(top, abs=1e-9)
    assert classes["top-label"]["brier"] == pytest.approx(2 * classes["1"]["brier"])


def test_json_has_the_agreed_fields(binary: Path) -> None:
    found = record("--table", binary)
    assert found["n"] == 10
    assert list(found["classes"]) == ["top-label", "0", "1"]
    for part in found["classes"].values():
        assert {"ece", "mce", "brier", "nll", "bins", "intervals"} <= set(part)
        assert len(part["bins"]) == 15
        assert set(part["bins"][0]) == {"lower", "upper", "confidence", "frequency", "count", "low", "high"}
    assert {"value", "before", "after"} <= set(found["temperature"])
    assert set(found["temperature"]["before"]) == {"ece", "mce", "brier", "nll"}
    assert found["temperature"]["units_fit"] == found["temperature"]["units_report"] == 5


@pytest.mark.data
@pytest.mark.parametrize("bins", [10, 15])
def test_vectors_of_cifar(cifar: Path, data_dir: Path, bins: int) -> None:
    values = json.loads((data_dir / "vectors" / "cifar10_vgg16_reference.json").read_text())["values"]
    found = record("--table", cifar, "--bins", bins, "--fit", "all", "--replicates", 100)
    top = found["classes"]["top-label"]
    assert found["n"] == values["n"]
    # The reference's ECE comes from single precision (see metrics/reliability/test_calibration.py).
    assert top["ece"] == pytest.approx(values[f"ece_{bins}_equal_width"], abs=2e-5)
    assert top["mce"] == pytest.approx(values[f"mce_{bins}_equal_width"], abs=1e-6)
    assert top["brier"] == pytest.approx(values["brier_sum"], abs=1e-9)
    assert top["nll"] == pytest.approx(values["nll"], abs=1e-7)
    assert found["temperature"]["value"] == pytest.approx(values["temperature_from_log_probs"], abs=1e-5)
    assert found["temperature"]["after"]["nll"] == pytest.approx(values["nll_after_temperature"], abs=1e-7)
    assert "in sample" in found["temperature"]["shown_on"]


@pytest.mark.data
def test_temperature_of_cifar_helps_on_the_half_it_was_not_fitted_on(cifar: Path) -> None:
    found = record("--table", cifar, "--replicates", 100)["temperature"]
    assert (found["units_fit"], found["units_report"]) == (2500, 2500)
    assert found["value"] == pytest.approx(1.68, abs=0.1)
    assert found["after"]["ece"] < found["before"]["ece"] / 2
    assert found["after"]["nll"] < found["before"]["nll"]


def test_confidence_and_risk_have_no_temperature_and_say_why(tmp_path: Path) -> None:
    rows = [[f"c{k}", k / 10, 1 - k / 10] for k in range(11)]
    table = write(tmp_path / "bare.csv", ["case", "confidence", "risk"], rows)
    found = record("--table", table)
    assert list(found["classes"]) == ["confidence"]
    assert found["classes"]["confidence"]["ece"] == pytest.approx(0.0, abs=1e-12)
    assert found["temperature"]["value"] is None
    assert "not the probabilities" in found["temperature"]["reason"]


def test_row_order_changes_nothing(binary: Path, tmp_path: Path) -> None:
    lines = binary.read_text().splitlines()
    turned = tmp_path / "turned" / "binary.csv"
    turned.parent.mkdir()
    turned.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    one, other = (record("--table", each, "--binning", "mass", "--bins", 4) for each in (binary, turned))
    for name, part in one["classes"].items():
        for key in ("ece", "mce", "brier", "nll"):
            assert other["classes"][name][key] == pytest.approx(part[key])
    assert other["temperature"]["value"] == pytest.approx(one["temperature"]["value"])


def test_words_for_people_name_the_numbers_and_the_conventions(binary: Path) -> None:
    done = call("--table", binary, "--bins", 5)
    assert done.exit_code == 0
    assert "0.31500" in done.stdout
    assert "closed on the right" in done.stdout
    assert "temperature" in done.stdout


def test_gate_ends_with_exit_code_3_after_the_result(binary: Path) -> None:
    failed = call("--table", binary, "--json", "--fail-on", "ece>0.05")
    assert failed.exit_code == 3
    assert json.loads(failed.stdout)["n"] == 10
    assert "gate not met: ece>0.05" in failed.stderr
    assert call("--table", binary, "--json", "--fail-on", "ece>0.9").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "either COHORT or --table"),
        (("lgg", "--table", "{table}"), "either COHORT or --table"),
        (("--table", "{table}", "--recalibration", "platt"), "none, temperature, vector, isotonic"),
        (("--table", "{table}", "--fail-on", "dice<0.8"), "unknown metric"),
        (("--table", "missing.csv"), "missing.csv"),
    ],
)
def test_wrong_usage_ends_with_exit_code_2_and_says_what_is_allowed(
    binary: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = call(*(each.format(table=binary) for each in arguments))
    assert done.exit_code == 2
    assert words in done.stderr
