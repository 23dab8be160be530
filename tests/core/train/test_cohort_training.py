"""Training on any cohort: patients are never split, strangers judge every case, any number of classes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from core.errors import ModelProblem, SettingsProblem
from core.models.registry import list_models, read_record
from core.models.weights import load_member
from core.train.cli import train as command
from core.train.cohorts.card import cohort_card
from core.train.cohorts.data import common_channels, group_folds, load_slices, open_cohort
from core.train.cohorts.loop import CohortTask, draw_slices, several_class_loss
from core.train.cohorts.segmenter import CONFIG as SHIPPED
from core.train.cohorts.segmenter import name_model, train_on_cohort
from core.train.cohorts.validate import validate_on_cohort
from core.train.common.groups import in_folds
from core.train.config import SegmenterConfig, read_config

SIDE, PATIENTS = 40, 6
SETTINGS = read_config(SHIPPED).model_copy(
    update={
        "id": "toy",
        "encoder": "resnet18",
        "decoder_channels": (8, 8, 8, 8, 8),
        "members": ((0,), (1,)),
        "folds": 2,
        "epochs": 2,
        "samples_per_epoch": 8,
        "batch_size": 4,
        "size": 32,
        "early_size": 32,
        "warmup_steps": 1,
        "evaluate_every": 1,
    }
)


def quiet(line: str) -> None:
    assert line


def write_cohort(folder: Path, classes: int = 1, colour: bool = False) -> Path:
    """Two pictures of each patient in nnU-Net's manner of names; the last patient's masks are empty."""
    rng = np.random.default_rng(0)
    for patient in range(PATIENTS):
        here = folder / f"patient{patient:02d}"
        here.mkdir(parents=True)
        for number in range(2):
            image = rng.integers(20, 60, (SIDE, SIDE), dtype=np.uint8)
            mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
            if patient < PATIENTS - 1:
                for each in range(classes):
                    mask[8 : 16 + patient, 6 + 14 * each : 16 + 14 * each] = each + 1
                image[mask > 0] = 120 + 60 * (mask[mask > 0] - 1)
            if classes == 1:
                mask *= 255
            picture = np.stack([image, image // 2, image], -1) if colour and patient == 0 else image
            stem = f"patient{patient:02d}_frame{number:02d}"
            cv2.imwrite(str(here / f"{stem}.png"), picture)
            cv2.imwrite(str(here / f"{stem}_mask.png"), mask)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cohort(tmp_path_factory.mktemp("cohorts") / "toys")


def train(folder: Path, out: Path, config: SegmenterConfig = SETTINGS):  # type: ignore[no-untyped-def]
    cohort = open_cohort(str(folder))
    return cohort, train_on_cohort(cohort, config.model_copy(update={"id": out.name}), out, quiet)


def test_pictures_of_one_patient_are_one_group(folder: Path) -> None:
    cohort = open_cohort(str(folder))
    data = load_slices(cohort, 32)
    assert (len(cohort.cases), data.image.shape) == (12, (12, 1, 32, 32))
    assert sorted(set(data.group)) == [f"patient{k:02d}" for k in range(PATIENTS)]
    assert data.has_foreground.sum() == 10


def test_no_patient_stands_on_both_sides_of_a_split(folder: Path) -> None:
    data = load_slices(open_cohort(str(folder)), 32)
    folds = group_folds(data, 2)
    for member, left_out in enumerate(SETTINGS.members):
        unseen = in_folds(data.group, folds, left_out)
        assert not set(data.group[unseen]) & set(data.group[~unseen])
        task = CohortTask(SETTINGS, data, member, unseen)
        for epoch in range(5):
            drawn = draw_slices(task, epoch)
            assert len(drawn) == SETTINGS.samples_per_epoch
            assert not unseen[drawn].any()


def test_a_member_knows_nothing_of_the_patients_that_it_left_out(folder: Path, tmp_path: Path) -> None:
    # Other pictures of the patients in fold 0, same folds: member 0 must come out byte for byte the same.
    cohort, record = train(folder, tmp_path / "first")
    data = load_slices(cohort, 32)
    unseen = np.isin(data.group, record.folds[0])
    data.image[unseen] = 1.0 - data.image[unseen]
    data.label[unseen] = data.label[unseen][:, ::-1]
    from core.train.cohorts.segmenter import _train_one
    from core.train.common.threads import one_thread

    folds = {name: fold for fold, names in enumerate(record.folds) for name in names}
    (tmp_path / "again").mkdir()
    with one_thread():
        for member in (0, 1):
            _train_one(SETTINGS, data, folds, member, tmp_path / "again", quiet)
    first, again = (
        [(tmp_path / name / f"member_{k}.safetensors").read_bytes() for k in (0, 1)]
        for name in ("first", "again")
    )
    assert first[0] == again[0]
    assert first[1] != again[1]


def test_a_model_folder_holds_weights_curves_record_and_an_honest_card(folder: Path, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    cohort, record = train(folder, tmp_path / "toy-model")
    assert torch.equal(torch.get_rng_state(), before)
    assert read_record(tmp_path / "toy-model" / "model.json") == record
    assert sorted(name for fold in record.folds for name in fold) == [
        f"patient{k:02d}" for k in range(PATIENTS)
    ]
    assert (record.channels, record.activation) == (("intensity",), "sigmoid")
    assert record.rule_limits is not None and record.rule_limits.patients == PATIENTS
    assert record.training is not None and record.training.data_digest == cohort.record.id
    found = validate_on_cohort(record, cohort, quiet)
    assert found.networks == (1, 1)
    (row,) = found.rows
    assert (row.all.n, row.all.groups, row.present.n, row.false_alarms.n) == (12, 6, 10, 2)
    whole, present = row.all.mean or 0.0, row.present.mean or 0.0
    right_empty = 2 * (1 - (row.false_alarms.mean or 0.0))
    assert 12 * whole == pytest.approx(10 * present + right_empty)
    assert [value for _, _, value in found.cases] == sorted(value for _, _, value in found.cases)
    card = cohort_card(record, found)
    assert "6 patients" in card and "$" not in card


def test_several_classes_become_a_softmax_with_background(tmp_path: Path) -> None:
    several = write_cohort(tmp_path / "several", classes=2)
    cohort, record = train(several, tmp_path / "two-classes")
    assert record.activation == "softmax"
    assert len(record.class_names) == 2
    assert load_member(record, 0)(torch.zeros(1, 1, 32, 32)).shape == (1, 3, 32, 32)
    names = [row.name for row in validate_on_cohort(record, cohort, quiet).rows]
    assert names == [*record.class_names, "all classes together"]


def test_the_first_channel_is_taken_where_some_pictures_have_colours(tmp_path: Path) -> None:
    cohort = open_cohort(str(write_cohort(tmp_path / "mixed", colour=True)))
    assert {len(case.image.channel_names) for _, _, case in cohort.cases} == {1, 3}
    assert len(common_channels(cohort)) == 1


def test_loss_of_several_classes_by_hand() -> None:
    target = torch.tensor([[[0, 1], [2, 2]]])
    sure = 60.0 * torch.nn.functional.one_hot(target, 3).permute(0, 3, 1, 2).float()
    assert float(several_class_loss(sure, target)) == pytest.approx(0.0, abs=1e-6)
    # All probabilities 1/3: cross-entropy ln 3; Dice of the classes with 1 and 2 of 4 pixels:
    # (2/3 + 1) / (4/3 + 1 + 1) and (4/3 + 1) / (4/3 + 2 + 1).
    expected = np.log(3) + 1 - ((5 / 3) / (10 / 3) + (7 / 3) / (13 / 3)) / 2
    assert float(several_class_loss(torch.zeros(1, 3, 2, 2), target)) == pytest.approx(expected, abs=1e-6)


def test_too_few_patients_and_odd_folds_are_refused(folder: Path, tmp_path: Path) -> None:
    cohort = open_cohort(str(folder))
    with pytest.raises(SettingsProblem, match="6 patients for 5 folds"):
        train_on_cohort(cohort, read_config(SHIPPED), tmp_path / "few", quiet)
    odd = SETTINGS.model_copy(update={"members": ((0,),)})
    with pytest.raises(SettingsProblem, match="left out"):
        train_on_cohort(cohort, odd, tmp_path / "odd", quiet)


def test_a_model_is_named_after_its_cohort_and_never_overwrites(folder: Path, home: Path) -> None:
    cohort = open_cohort(str(folder))
    assert name_model(SETTINGS, cohort)[1] == home / "models" / "toys"
    assert name_model(SETTINGS, cohort, "mine")[0].id == "mine"
    with pytest.raises(ModelProblem, match="already"):
        name_model(SETTINGS, cohort, list_models()[0].id)
    with pytest.raises(SettingsProblem, match="cannot be the id"):
        name_model(SETTINGS, cohort, "../up")


def test_the_command_trains_judges_and_lists(folder: Path, home: Path, tmp_path: Path) -> None:
    config = tmp_path / "toy.json"
    config.write_text(SETTINGS.model_copy(update={"epochs": 1}).model_dump_json(), encoding="utf-8")
    arguments = ["segmenter", "--cohort", str(folder), "--config", str(config), "--id", "toy-run"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "| foreground |" in result.output
    assert "toy-run" in {record.id for record in list_models()}
    numbers = json.loads((home / "models" / "toy-run" / "validation.json").read_text())
    assert numbers["cohort"] == "toys"


def test_the_command_wants_one_source(folder: Path, tmp_path: Path) -> None:
    both = ["segmenter", "--config", str(SHIPPED), "--cohort", str(folder), "--data", str(folder)]
    for arguments in (both, ["segmenter", "--config", str(SHIPPED)], [*both[:-2], "--members", "0"]):
        assert CliRunner().invoke(command, arguments).exit_code == 2
