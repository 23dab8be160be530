"""Training from the command line: the same bytes again, one member at a time, a model folder at the end."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from core.errors import InputProblem, SettingsProblem
from core.models.registry import read_record
from core.models.weights import load_member
from core.train.cli import train as command
from core.train.common.loop import learning_rate
from core.train.config import read_config
from core.train.held_out import out_of_fold
from core.train.limits import store_limits
from core.train.loop import segmentation_loss
from core.train.segmenter import train
from tests.core.train.toy import CONFIG, segmenter_configs, write_toy


def quiet(line: str) -> None:
    assert line


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy(tmp_path_factory.mktemp("toy")).parent


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(data, CONFIG, tmp_path_factory.mktemp("models") / "toy", say=quiet)


def test_a_run_leaves_weights_curves_and_a_record(trained: Path) -> None:
    record = read_record(trained / "model.json")
    assert [each.left_out_folds for each in record.members] == [(0,), (1,)]
    assert sorted(name for fold in record.folds for name in fold) == ["p0", "p1", "p2", "p3"]
    assert record.training is not None
    assert len(record.training.seconds) == 2
    assert "torch" in dict(record.training.versions)
    with (trained / "log_1.csv").open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert [line["epoch"] for line in lines] == ["0", "1", "2"]  # two epochs and one of fine-tuning
    assert 0.0 <= float(lines[-1]["held_out_patient_dice"]) <= 1.0
    assert load_member(record, 0)(torch.zeros(1, 3, 32, 32)).shape == (1, 1, 32, 32)


def test_the_same_settings_give_the_same_bytes_member_by_member(
    trained: Path, data: Path, tmp_path: Path
) -> None:
    before = torch.get_rng_state()
    out = tmp_path / "toy"
    train(data, CONFIG, out, members=(1,), say=quiet)
    assert not (out / "model.json").exists()
    train(data, CONFIG, out, members=(0,), say=quiet)
    first, again = (read_record(folder / "model.json") for folder in (trained, out))
    assert [each.sha256 for each in first.members] == [each.sha256 for each in again.members]
    assert torch.equal(torch.get_rng_state(), before)


def test_the_second_run_takes_its_changes_and_another_seed() -> None:
    first, second = CONFIG.runs
    assert (first.epochs, first.augment.strip_probability, first.seed) == (2, 0.0, CONFIG.seed)
    assert (second.epochs, second.augment.strip_probability, second.seed) == (1, 0.5, CONFIG.seed + 1)
    assert first.finetune is None
    assert second.finetune is None


def test_another_seed_gives_other_weights(trained: Path, data: Path, tmp_path: Path) -> None:
    other = train(
        data,
        CONFIG.model_copy(update={"seed": 1, "finetune": None}),
        tmp_path / "toy",
        members=(0,),
        say=quiet,
    )
    name = "member_0.safetensors"
    assert (other / name).read_bytes() != (trained / name).read_bytes()


def test_out_of_fold_rows_cover_every_patient_once(trained: Path, data: Path) -> None:
    rows = out_of_fold(read_record(trained / "model.json"), data)
    assert [row.patient_dice.groups for row in rows] == [2, 2, 4, 2, 2, 4]
    assert {row.given for row in rows} == {"three sequences", "FLAIR alone"}


def test_limits_are_stored_in_the_record_and_survive_a_second_assembly(trained: Path, data: Path) -> None:
    from core.train.segmenter import assemble

    found = store_limits(read_record(trained / "model.json"), data)
    assert read_record(trained / "model.json").rule_limits == found
    assert found.patients == 4
    assert assemble(CONFIG, data / "lgg128_train.npz", trained).rule_limits == found


def test_missing_data_and_unknown_members_are_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputProblem, match="lgg128_train"):
        train(tmp_path, CONFIG, tmp_path / "toy", say=quiet)
    with pytest.raises(SettingsProblem, match="0 to 1"):
        train(data, CONFIG, tmp_path / "toy", members=(2,), say=quiet)


def test_the_command_trains_the_chosen_members(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "toy.json"
    config.write_text(
        CONFIG.model_copy(update={"epochs": 1, "finetune": None}).model_dump_json(), encoding="utf-8"
    )
    out = tmp_path / "toy"
    arguments = [
        "segmenter",
        "--data",
        str(data),
        "--config",
        str(config),
        "--out",
        str(out),
        "--members",
        "1",
    ]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == ["log_1.csv", "member_1.safetensors"]


def test_the_command_refuses_members_that_are_no_numbers(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "toy.json"
    config.write_text(CONFIG.model_dump_json(), encoding="utf-8")
    arguments = ["segmenter", "--data", str(data), "--config", str(config), "--members", "all"]
    assert CliRunner().invoke(command, arguments).exit_code == 2


def test_learning_rate_rises_then_falls_to_its_floor() -> None:
    steps = CONFIG.samples_per_epoch // CONFIG.batch_size * CONFIG.epochs
    rates = [learning_rate(CONFIG, step, steps) for step in range(steps + 1)]
    assert rates[0] == CONFIG.learning_rate / 2
    assert max(rates) == rates[1] == CONFIG.learning_rate
    assert np.all(np.diff(rates[2:]) < 0)
    assert rates[-1] == pytest.approx(CONFIG.learning_rate * CONFIG.final_lr_share)


def test_loss_of_a_sure_and_right_map_is_near_zero() -> None:
    target = torch.zeros(1, 1, 4, 4)
    target[..., :2] = 1.0
    assert float(segmentation_loss(40 * (target - 0.5), target)) == pytest.approx(0.0, abs=1e-4)
    # All probabilities 1/2: cross-entropy ln 2, Dice (2 * 4 + 1) / (8 + 8 + 1).
    expected = np.log(2) + 1 - 9 / 17
    assert float(segmentation_loss(torch.zeros_like(target), target)) == pytest.approx(expected, abs=1e-6)


def test_shipped_settings_are_read() -> None:
    paths = segmenter_configs()
    assert len(paths) == 3
    assert [read_config(path).id for path in paths] == [path.stem for path in paths]
