"""Training a classifier on made-up pictures: same bytes again, honest folds, a model folder and a card."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from core.errors import InputProblem, ModelProblem, SettingsProblem
from core.models import ClassifierArchitecture, PictureMove
from core.models.build_classifier import build_classifier, initialise_classifier
from core.models.registry import read_record
from core.models.weights import load_classifier_member
from core.train.classes.augment import PictureChange, apply_change, draw_change
from core.train.classes.baseline import baseline_probabilities, tiny_pictures
from core.train.classes.card import class_card
from core.train.classes.config import ClassifierConfig, PictureChanges, SecondRun, with_backbone
from core.train.classes.data import assign_person_folds, load_pictures, person_of
from core.train.classes.train import train_classifier
from core.train.classes.validate import validate_classifier
from core.train.cli import train as command
from core.train.common.groups import in_folds
from core.train.common.settings import About

NAMES = ("dark", "bright")
CONFIG = ClassifierConfig(
    id="toy",
    about=About(title="Toy", description="A toy.", licence="none", source="made up", volume="none"),
    class_names=NAMES,
    architecture=ClassifierArchitecture(
        backbone="convnextv2_atto", classes=2, depths=(1, 1, 1, 1), dims=(8, 8, 8, 8)
    ),
    members=((0,), (1,)),
    folds=2,
    epochs=3,
    batch_size=4,
    size=32,
    early_size=32,
    warmup_steps=2,
    learning_rate=0.01,
    ema_decay=0.5,
    second=SecondRun(epochs=1, learning_rate=0.001, warmup_steps=1),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve persons with two pictures each: a bright square on the left, or on the right."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for person in range(12):
        for number in range(2):
            kind = person % 2
            picture = rng.integers(0, 80, (40, 40), dtype=np.uint8)
            picture[10:30, 4 + 18 * kind : 18 + 18 * kind] += 150
            (folder / NAMES[kind]).mkdir(exist_ok=True)
            cv2.imwrite(str(folder / NAMES[kind] / f"person{person}_x_{number}.jpeg"), picture)
    return folder


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_classifier(data, CONFIG, tmp_path_factory.mktemp("models") / "toy", say=quiet)


def quiet(line: str) -> None:
    assert line


def test_file_names_tell_the_person() -> None:
    assert person_of("person7_bacteria_21.jpeg") == person_of("person7_virus_3.jpeg") == "person7"
    assert person_of("IM-0718-0001.jpeg") == person_of("NORMAL2-IM-0718-0001.jpeg") == "IM-0718"


def test_no_person_is_in_two_folds_and_folds_are_balanced(data: Path) -> None:
    pictures = load_pictures(data, NAMES)
    folds = assign_person_folds(pictures, 3)
    assert sorted(folds) == sorted({str(name) for name in pictures.person})
    assert [list(folds.values()).count(fold) for fold in range(3)] == [4, 4, 4]
    first = in_folds(pictures.person, folds, (0,))
    assert first.sum() == 8 and not set(pictures.person[first]) & set(pictures.person[~first])
    assert pictures.label[first].sum() == 4


def test_a_run_leaves_weights_curves_and_a_record(trained: Path) -> None:
    record = read_record(trained / "model.json")
    assert record.task == "classification" and record.moves[0] == PictureMove()
    assert [each.left_out_folds for each in record.members] == [(0,), (1,)]
    assert record.training is not None and record.training.epochs == 4  # three, and one more
    assert len((trained / "log_1.csv").read_text().splitlines()) == 5
    assert load_classifier_member(record, 1).head.out_channels == 2


def test_same_settings_same_bytes_and_another_seed_others(data: Path, trained: Path, tmp_path: Path) -> None:
    again = train_classifier(data, CONFIG, tmp_path / "again", (0,), quiet)
    other = train_classifier(data, CONFIG.model_copy(update={"seed": 1}), tmp_path / "other", (0,), quiet)
    first = (trained / "member_0.safetensors").read_bytes()
    assert (again / "member_0.safetensors").read_bytes() == first
    assert (other / "member_0.safetensors").read_bytes() != first


def test_initial_weights_do_not_depend_on_the_global_generator() -> None:
    states = []
    for draws in (0, 3):
        with torch.random.fork_rng(devices=[]):
            torch.rand(draws)  # moves the global generator on
            net = build_classifier(ClassifierArchitecture(backbone="resnet18", classes=3))
            initialise_classifier(net, torch.Generator().manual_seed(1))
            states.append(net.state_dict())
    first, second = states
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_member_learns_nothing_from_what_it_leaves_out(data: Path, trained: Path, tmp_path: Path) -> None:
    pictures = load_pictures(data, NAMES)
    folds = assign_person_folds(pictures, 2)
    spoilt = tmp_path / "spoilt"
    for name, person in zip(pictures.name, pictures.person, strict=True):
        target = spoilt / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((data / name).read_bytes())
        if folds[str(person)] == 0:
            cv2.imwrite(str(target), np.zeros((40, 40), np.uint8))
    again = train_classifier(spoilt, CONFIG, tmp_path / "again", (0,), quiet)
    first = (trained / "member_0.safetensors").read_bytes()
    assert (again / "member_0.safetensors").read_bytes() == first


def test_validation_judges_every_person_by_members_that_never_saw_it(data: Path, trained: Path) -> None:
    record = read_record(trained / "model.json")
    found = validate_classifier(record, data, quiet)
    assert (found.network.units, found.network.patients) == (24, 12)
    assert [each.units for each in found.members] == [12, 12]
    assert found.baseline.row("accuracy").value.value == 1.0  # a square on one side is linear in the pixels
    accuracy = found.network.row("accuracy").value.value
    assert accuracy is not None
    gap = next(each.value for each in found.differences if each.metric == "accuracy")
    assert gap.value == pytest.approx(accuracy - 1.0)
    card = class_card(record, found)
    assert f"{accuracy:.3f}" in card and "$" not in card


def test_the_baseline_never_sees_what_it_is_judged_on(data: Path) -> None:
    pictures = load_pictures(data, NAMES)
    unseen = in_folds(pictures.person, assign_person_folds(pictures, 2), (0,))
    prob = baseline_probabilities(pictures, unseen)
    assert prob.shape == (12, 2) and np.abs(prob.sum(axis=1) - 1).max() < 1e-12
    assert tiny_pictures(pictures).shape == (24, 784)


def test_a_change_of_nothing_changes_nothing_and_a_shift_moves_content() -> None:
    picture = np.random.default_rng(0).random((16, 16), dtype=np.float32)
    still = PictureChange(0.0, (1.0, 1.0), (0.0, 0.0), 1.0, 1.0, 0.0, 0.0, 0.0, 0, None)
    assert np.allclose(apply_change(picture, still), picture, atol=1e-6)
    moved = PictureChange(0.0, (1.0, 1.0), (0.25, 0.0), 1.0, 1.0, 0.0, 0.0, 0.0, 0, None)
    assert np.allclose(apply_change(picture, moved)[:, :12], picture[:, 4:], atol=1e-6)


def test_changes_are_drawn_from_the_generator_alone() -> None:
    one, two = (draw_change(np.random.default_rng(3), PictureChanges()) for _ in range(2))
    assert one == two != draw_change(np.random.default_rng(4), PictureChanges())


def test_unknown_members_and_missing_pictures_are_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsProblem, match="no such member"):
        train_classifier(data, CONFIG, tmp_path, (2,), quiet)
    with pytest.raises(InputProblem, match="dark, bright"):
        train_classifier(tmp_path, CONFIG, tmp_path / "out", (0,), quiet)


def test_hub_weights_out_of_reach_are_said_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from core.models import backbones

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(backbones, "_cached", lambda repository: False)
    config = with_backbone(CONFIG, "vit_small_patch14_dinov2.lvd142m", True)
    assert config.id == "cxr-vit-small-patch14-dinov2-lvd142m"
    with pytest.raises(ModelProblem, match=r"no copy of timm/vit_small_patch14_dinov2.lvd142m on disk"):
        backbones.hub_classifier(config.architecture, 0)
    with pytest.raises(ModelProblem, match="no weights on the Hub"):
        backbones.hub_classifier(config.architecture.model_copy(update={"backbone": "nonsense"}), 0)


def test_the_command_trains_another_backbone(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "toy.json"
    file.write_text(CONFIG.model_copy(update={"epochs": 1, "second": None}).model_dump_json())
    words = ["classifier", "--data", str(data), "--config", str(file), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(command, [*words, "--backbone", "resnet10t"])
    assert result.exit_code == 0, result.output
    record = read_record_anywhere(tmp_path / "out")
    assert '"backbone": "resnet10t"' in record and '"id": "cxr-resnet10t"' in record


def read_record_anywhere(folder: Path) -> str:
    """The record's text: its folder is not named after its id."""
    return (folder / "model.json").read_text()
