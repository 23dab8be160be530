"""Training a bag model on made-up slabs: same bytes again, honest folds, logs for the audit, a record."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import mil_toy
import numpy as np
import pytest
import torch
from toy import write_toy

from core.errors import SettingsProblem
from core.models.mil_records import BagRecord
from core.models.mil_weights import load_bag_net
from core.train.mil.bags import FoldTask
from core.train.mil.config import EarlyStopping
from core.train.mil.data import BagData, evaluation_bags
from core.train.mil.judge import BagNumbers, judge_bags
from core.train.mil.logs import MilLog
from core.train.mil.loop import train_bag_member
from core.train.mil.plots import attention_svg
from core.train.mil.sources import load_source
from core.train.mil.train import out_of_fold_bags, read_bag_record, train_mil

CONFIG = mil_toy.toy_config()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy(tmp_path_factory.mktemp("packed")).parent


@pytest.fixture(scope="module")
def model(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_mil(data, CONFIG, tmp_path_factory.mktemp("models") / "toy-bags", say=lambda text: None)


@pytest.fixture(scope="module")
def record(model: Path) -> BagRecord:
    return read_bag_record(model)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def easy(count: int = 8) -> BagData:
    return mil_toy.toy_data(("..xx", "....", "xx..", "xxxx") * (count // 4))


def run(data: BagData, config: mil_toy.TinyConfig, member: int = 0) -> tuple[torch.nn.Module, list[MilLog]]:
    lines: list[MilLog] = []
    half = len(data.volumes) // 2
    task = FoldTask(config, data, member, tuple(range(half)), tuple(range(half, 2 * half)))
    return train_bag_member(task, lines.append, clock=lambda: 0.0), lines


def test_the_folder_holds_weights_logs_pictures_predictions_and_the_record(model: Path) -> None:
    names = {path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file()}
    assert names == {
        "bag.json",
        "predictions.csv",
        *(f"member_{k}.safetensors" for k in (0, 1)),
        *(f"fold_{k}/metrics.csv" for k in (0, 1)),
        *(f"fold_{k}/plots/epoch_002.svg" for k in (0, 1)),
    }


def test_metrics_have_the_columns_of_the_logger_and_steps_count_batches(model: Path) -> None:
    lines = rows(model / "fold_0" / "metrics.csv")
    wanted = {
        "epoch", "step", "train_loss", "val_loss", "val_auc", "val_accuracy", "val_f1", "attention_entropy",
        "attention_top1", "attention_effective_exp", "selection_confidence",
    }  # fmt: skip
    assert wanted <= set(lines[0])
    # Twelve bags in batches of four: three steps an epoch, counted from 0.
    assert [(line["epoch"], line["step"]) for line in lines] == [("0", "2"), ("1", "5")]
    for line in lines:
        effective, entropy = float(line["attention_effective_exp"]), float(line["attention_entropy"])
        assert 1.0 <= effective <= 2.0 and math.exp(entropy) == pytest.approx(effective, abs=1e-2)
        assert 0.5 <= float(line["attention_top1"]) <= 1.0


def test_predictions_hold_every_bag_of_every_patient_once(model: Path) -> None:
    lines = rows(model / "predictions.csv")
    assert list(lines[0]) == ["fold", "case", "group", "label", "prob"]
    assert len({line["case"] for line in lines}) == len(lines) == 12
    assert {line["group"] for line in lines} == {"p0", "p1", "p2", "p3"}
    # Slices 1, 2 | 3, 9 | 10, 11 of each patient; those not divisible by three hold tumour.
    assert [line["label"] for line in lines if line["group"] == "p0"] == ["1", "0", "1"]
    assert all(0.0 < float(line["prob"]) < 1.0 for line in lines)


def test_no_patient_is_judged_by_a_member_that_saw_it(record: BagRecord, model: Path) -> None:
    for line in rows(model / "predictions.csv"):
        assert record.members_unseen(line["group"]) == (int(line["fold"]),)
    assert sorted(name for fold in record.folds for name in fold) == ["p0", "p1", "p2", "p3"]


def test_predictions_are_those_of_the_saved_weights(data: Path, record: BagRecord, model: Path) -> None:
    judged = out_of_fold_bags(record, load_source(data, CONFIG))
    expected = [f"{each.prob:.6f}" for each in judged]
    assert [line["prob"] for line in rows(model / "predictions.csv")] == expected


def test_the_same_settings_give_the_same_bytes_and_members_may_be_trained_apart(
    data: Path, model: Path, tmp_path: Path
) -> None:
    for member in (1, 0):
        train_mil(data, CONFIG, tmp_path / "toy-bags", (member,), say=lambda text: None)
        assert (tmp_path / "toy-bags" / "bag.json").is_file() == (member == 0)
    for name in ("member_0.safetensors", "member_1.safetensors", "predictions.csv"):
        assert (tmp_path / "toy-bags" / name).read_bytes() == (model / name).read_bytes()


def test_training_leaves_the_global_generators_alone() -> None:
    before = torch.random.get_rng_state()
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - looked at, not used
    run(easy(), mil_toy.toy_config(stochastic_depth=0.3, head_dropout=0.3))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("attention", ["distance", "gated"])
def test_a_network_learns_to_find_the_bright_square(attention: str) -> None:
    data = easy(16)
    config = mil_toy.toy_config(epochs=12, bags_per_epoch=32, attention=attention, plot_every=0)
    net, lines = run(data, config)
    judged = judge_bags(net, data, evaluation_bags(data, range(8, 16), 2))  # type: ignore[arg-type]
    assert BagNumbers(judged).auc > 0.9
    assert lines[-1].train_loss < lines[0].train_loss


def test_the_temperature_of_the_last_epoch_is_what_the_network_keeps() -> None:
    net, lines = run(
        easy(), mil_toy.toy_config(temperature_start=4.0, temperature_end=0.5, temperature_share=1.0)
    )
    assert [line.attention_temperature for line in lines] == [4.0, 0.5]
    assert float(net.temperature) == 0.5  # type: ignore[arg-type]


def test_top_k_leaves_no_more_effective_slices_than_k() -> None:
    _, lines = run(easy(), mil_toy.toy_config(bag_size=4, top_k=2))
    assert all(
        line.attention_effective_exp is not None and line.attention_effective_exp <= 2.0 + 1e-6
        for line in lines
    )


def test_early_stopping_ends_the_run_and_keeps_the_best_epoch() -> None:
    stop = EarlyStopping(metric="val_auc", patience=2, share=0.25)
    config = mil_toy.toy_config(epochs=40, early_stopping=stop, bags_per_epoch=24, learning_rate=0.02)
    net, lines = run(easy(16), config)
    assert 3 <= len(lines) < 40
    # The best epoch lies `patience` before the last one, and its temperature is kept with it.
    assert float(net.temperature) == pytest.approx(config.temperature(len(lines) - 3), rel=1e-6)  # type: ignore[arg-type]


def test_the_patients_that_decide_when_to_stop_are_training_patients_that_are_set_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from core.train.mil import loop

    seen: list[tuple[int, ...]] = []
    inner = loop.epoch_bags

    def spy(task: FoldTask, epoch: int):  # type: ignore[no-untyped-def]
        seen.append(task.seen)
        return inner(task, epoch)

    monkeypatch.setattr(loop, "epoch_bags", spy)
    run(easy(16), mil_toy.toy_config(early_stopping=EarlyStopping(share=0.25)))
    assert len(seen[0]) == 6 and set(seen[0]) < set(range(8))


def test_without_left_out_patients_the_cells_are_empty() -> None:
    data, lines = easy(), []
    train_bag_member(FoldTask(mil_toy.toy_config(), data, 0, tuple(range(8)), ()), lines.append)
    assert all(math.isnan(line.val_auc) and math.isnan(line.attention_entropy) for line in lines)


def test_an_unknown_member_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsProblem, match="no such member"):
        train_mil(data, CONFIG, tmp_path, (5,))


def test_the_picture_shows_one_bar_per_slice_and_no_markup_from_names() -> None:
    data = mil_toy.toy_data(("x.",))
    net = load_or_make()
    text = attention_svg("a < b", data, judge_bags(net, data, evaluation_bags(data, (0,), 2)))
    assert (text.count("<rect"), text.count("<circle")) == (2, 1)
    assert "a &lt; b" in text and "p0 1-2" in text


def load_or_make() -> torch.nn.Module:
    from core.models.mil import build_bag_net, initialise_bag_net

    net = build_bag_net(mil_toy.TINY)
    initialise_bag_net(net, torch.Generator().manual_seed(0))
    return net


def test_loaded_weights_fit_the_settings(model: Path, record: BagRecord) -> None:
    net = load_bag_net(model / "member_0.safetensors", record.architecture)
    assert float(net.temperature) == CONFIG.temperature_end
    made = record.training
    assert made is not None and (made.seed, made.epochs, len(made.seconds)) == (2024, 2, 2)
