"""The validation table and the card, on a toy model and two made-up patients."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from core.errors import InputProblem
from core.metrics import Interval
from core.models import get_model
from core.models.registry import read_record
from core.train import validate
from core.train.card import TRAINING_SLICES, TUMOUR_SLICES, card_text, write_card
from core.train.segmenter import find_packed, train
from core.train.validate import GIVEN, Study, Validation, read_studies, validate_model
from tests.core.train.toy import CONFIG, SIDE, write_toy


def write_patient(folder: Path, name: str, tumour: set[int], slices: int = 12) -> None:
    (folder / name).mkdir(parents=True)
    for number in range(1, slices + 1):
        mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
        if number in tumour:
            mask[8:20, 8:20] = 255
        picture = np.full((SIDE, SIDE, 3), (10, 100, number), dtype=np.uint8)  # red, FLAIR, blue
        for suffix, pixels in (("", picture[..., ::-1]), ("_mask", mask)):
            assert cv2.imwrite(str(folder / name / f"{name}_{number}{suffix}.tif"), pixels)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_toy(folder)
    write_patient(folder / "tif", "q1", {2, 3, 10})
    write_patient(folder / "tif", "q0", {5})
    return folder


@pytest.fixture(scope="module")
def made(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Validation]:
    folder = train(data, CONFIG, tmp_path_factory.mktemp("models") / "toy", say=str)
    record = read_record(folder / "model.json")
    validation = validate_model(record, data, say=str)
    write_card(record, validation)
    return folder, validation


def test_studies_are_read_in_slice_order_with_channels_as_stored(data: Path) -> None:
    first, second = read_studies(data)
    assert (first.patient, second.patient) == ("q0", "q1")
    assert first.image.shape == (3, 12, SIDE, SIDE)
    assert list(first.image[:, 0, 0, 0]) == [10, 100, 1]
    assert list(first.image[2, :, 0, 0]) == list(range(1, 13))
    assert list(np.flatnonzero(second.mask_ref.any(axis=(1, 2)))) == [1, 2, 9]


def test_missing_studies_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputProblem, match="tif"):
        list(read_studies(tmp_path))


def test_the_table_has_a_row_per_input_and_per_member(made: tuple[Path, Validation]) -> None:
    rows = made[1].rows
    assert [row.given for row in rows[:4]] == [given.label for given in GIVEN]
    assert [row.networks for row in rows] == ["ensemble of 2"] * 4 + ["member 0 alone", "member 1 alone"]
    assert {row.patient_dice.groups for row in rows} == {2}
    assert {row.false_alarms.n for row in rows} == {20}
    assert {row.missed.n for row in rows} == {4}


def test_a_row_counts_dice_false_alarms_and_misses() -> None:
    ref = np.zeros((4, 2, 2), dtype=bool)
    ref[:2, 0] = True
    pred = np.zeros_like(ref)
    pred[0, 0] = True  # right
    pred[2, 0, 0] = True  # false alarm; slice 1 is missed
    study = Study("a", np.zeros((3, 4, 2, 2), dtype=np.float32), ref)
    row = validate.score_row("x", "y", [study], [pred])
    assert row.patient_dice.mean == pytest.approx(2 * 2 / (3 + 4))
    assert row.tumour_slice_dice.mean == pytest.approx((1 + 0) / 2)
    assert row.false_alarms.mean == pytest.approx(1 / 2)
    assert row.missed.mean == pytest.approx(1 / 2)
    assert row.patient_dice.low is None


def test_the_card_says_what_the_numbers_say(made: tuple[Path, Validation]) -> None:
    folder, validation = made
    stored = json.loads((folder / "validation.json").read_text(encoding="utf-8"))
    assert Validation.model_validate(stored) == validation
    card = (folder / "CARD.md").read_text(encoding="utf-8")
    assert "not a medical device" in card
    assert f"{validation.rows[0].patient_dice.mean:.3f} [" in card
    assert "$" not in card
    for row in (*validation.rows, *validation.out_of_fold):
        assert f"| {row.networks} | {row.given} |" in card


@pytest.mark.parametrize("model_id", ["lgg-unet", "lgg-segformer"])
def test_shipped_card_is_what_its_record_and_table_say(model_id: str) -> None:
    record = get_model(model_id)
    stored = (record.folder / "validation.json").read_text(encoding="utf-8")
    card = (record.folder / "CARD.md").read_text(encoding="utf-8")
    assert card == card_text(record, Validation.model_validate_json(stored))
    assert "50 patients of TCGA-LGG, 1,923 axial slices, 666 with tumour" in card


@pytest.mark.data
def test_counts_on_the_card_are_those_of_the_training_data(data_dir: Path) -> None:
    with np.load(find_packed(data_dir), allow_pickle=False) as packed:
        patients, tumour = set(packed["patient"].tolist()), (packed["mask"] > 0).any(axis=(1, 2))
    assert (len(tumour), int(tumour.sum())) == (TRAINING_SLICES, TUMOUR_SLICES)
    assert patients == {name for fold in get_model("lgg-unet").folds for name in fold}


def test_the_command_writes_table_and_card(
    made: tuple[Path, Validation], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, validation = made
    monkeypatch.setattr("core.models.get_model", lambda _: read_record(folder / "model.json"))
    monkeypatch.setattr(validate, "validate_model", lambda *_: validation)
    (folder / "CARD.md").unlink()
    from core.train.cli import train as command

    result = CliRunner().invoke(command, ["validate", "toy", "--data", str(data)])
    assert result.exit_code == 0, result.output
    assert (folder / "CARD.md").is_file()
    result = CliRunner().invoke(command, ["limits", "toy", "--data", str(data)])
    assert result.exit_code == 0, result.output
    assert read_record(folder / "model.json").rule_limits is not None


def test_an_interval_without_bounds_is_written_bare() -> None:
    from core.train.common.numbers import number

    one = Interval(mean=0.5, low=None, high=None, level=0.95, n=1, groups=1, undefined=0, replicates=10)
    assert number(one) == "0.500"
    assert number(one.model_copy(update={"mean": None})) == "undefined"
