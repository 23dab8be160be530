"""The models in assets: small enough, complete, honest about who saw whom, as good as their cards say."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from core.config import digest
from core.detector import rule_spec
from core.metrics import dice
from core.models.records import ModelRecord
from core.models.registry import SHIPPED_FOLDER, list_models, promptless
from core.models.weights import load_member
from core.pipeline.foreign import known_pictures
from core.pipeline.quality import quality_networks
from core.train.config import read_config
from core.train.prompts.config import read_prompt_config
from core.train.quality.records import QualityReport
from core.train.quality.report import GOOD_BELOW
from core.train.quality.text import quality_text
from core.train.validate import GIVEN, Validation, mask_of, model_predictor, read_studies

SHIPPED = list_models(SHIPPED_FOLDER, own=Path("/nowhere"))
RECORDS = tuple(each for each in promptless(SHIPPED) if each.task == "segmentation")
PROMPTED = next(each for each in SHIPPED if each.prompt is not None)
EACH = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.id)
LARGEST_TOTAL = 40_000_000
TARGET_DICE = 0.77


def validation_of(record: ModelRecord) -> Validation:
    return Validation.model_validate_json((record.folder / "validation.json").read_bytes())


def test_both_families_are_shipped() -> None:
    assert [record.id for record in RECORDS] == ["lgg-segformer", "lgg-unet"]


def test_all_weights_together_stay_below_forty_megabytes() -> None:
    sizes = [
        record.weight_file(member).stat().st_size
        for record in RECORDS
        for member in range(len(record.members))
    ]
    assert sum(sizes) <= LARGEST_TOTAL


@EACH
def test_description_of_the_training_pictures_fits_the_networks(record: ModelRecord) -> None:
    known = known_pictures(record)
    assert known is not None
    unseen = [k for k, each in enumerate(record.members) if each.left_out_folds]
    assert sorted(known.members) == unseen
    assert (record.folder / "familiarity.safetensors").stat().st_size < 1_000_000
    assert (record.folder / "FAMILIARITY.md").is_file()


@EACH
def test_every_member_loads_and_answers(record: ModelRecord) -> None:
    x = torch.zeros(1, len(record.channels), record.working_size, record.working_size)
    for member in range(len(record.members)):
        with torch.inference_mode():
            logits = load_member(record, member)(x)
        assert logits.shape == (1, 1, record.working_size, record.working_size)
        assert float(torch.sigmoid(logits).max()) < 0.5, "an all-black slice shows no tumour"


def test_every_training_patient_has_two_members_that_never_saw_it() -> None:
    record = next(each for each in RECORDS if each.id == "lgg-unet")
    patients = [name for fold in record.folds for name in fold]
    assert len(set(patients)) == len(patients) == 50
    assert {len(record.members_unseen(name)) for name in patients} == {2}


@EACH
def test_no_validation_patient_was_trained_on(record: ModelRecord) -> None:
    trained = {name for fold in record.folds for name in fold}
    assert len(validation_of(record).patients) == 12
    assert not trained & set(validation_of(record).patients)


@EACH
def test_record_and_card_are_complete(record: ModelRecord) -> None:
    assert record.rule_limits is not None
    assert record.rule_limits.patients == 50
    assert record.training is not None
    assert len(record.training.seconds) == len(record.members)
    assert "not a medical device" in (record.folder / "CARD.md").read_text(encoding="utf-8")
    assert "NC-SA" in record.licence
    for member in range(len(record.members)):
        assert (record.folder / f"log_{member}.csv").is_file()


def test_the_ensemble_reaches_the_promised_dice_with_three_sequences() -> None:
    record = next(each for each in RECORDS if each.id == "lgg-unet")
    found = validation_of(record).rows[0].patient_dice.mean
    assert found is not None
    assert found >= TARGET_DICE


@EACH
def test_the_settings_beside_the_code_are_those_that_made_the_weights(record: ModelRecord) -> None:
    assert record.training is not None
    settings = read_config(SHIPPED_FOLDER.parents[1] / record.training.config)
    assert record.training.config_digest == digest(settings.model_dump(mode="json", exclude={"about"}))
    assert tuple(each.left_out_folds for each in record.members) == settings.members


@pytest.mark.data
@EACH
def test_the_weights_were_trained_on_the_data_at_hand(record: ModelRecord, data_dir: Path) -> None:
    packed = (data_dir / "lgg" / "lgg128_train.npz").read_bytes()
    assert record.training is not None
    assert record.training.data_digest == hashlib.sha256(packed).hexdigest()


@pytest.mark.data
@pytest.mark.slow
@EACH
def test_a_patient_scores_what_the_card_says(record: ModelRecord, data_dir: Path) -> None:
    study = min(read_studies(data_dir), key=lambda each: len(each.mask_ref))
    stored = validation_of(record)
    expected = stored.patient_dice[stored.patients.index(study.patient)]
    mask_pred = mask_of(model_predictor(record), study, GIVEN[0])
    # Other thread counts and library builds move a few boundary pixels.
    assert dice(mask_pred, study.mask_ref) == pytest.approx(expected, abs=0.005)
    assert np.asarray(mask_pred).dtype == bool


def test_prompted_model_is_small_complete_and_saw_no_validation_patient() -> None:
    folder = PROMPTED.folder
    assert PROMPTED.weight_file(0).stat().st_size < 8_000_000
    load_member(PROMPTED, 0)
    trained = {name for fold in PROMPTED.folds for name in fold}
    assert not trained & set(validation_of(RECORDS[0]).patients)
    assert "not a medical device" in (folder / "CARD.md").read_text(encoding="utf-8")
    curve = (folder / "PROMPTS.md").read_text(encoding="utf-8")
    assert "The 12 validation patients" in curve and curve.count("| box |") == 8
    assert PROMPTED.training is not None
    settings = read_prompt_config(SHIPPED_FOLDER.parents[1] / PROMPTED.training.config)
    assert PROMPTED.training.config_digest == digest(settings.model_dump(mode="json", exclude={"about"}))


def test_quality_networks_of_the_unet_left_each_fold_out_once() -> None:
    record = next(each for each in RECORDS if each.id == "lgg-unet")
    networks = quality_networks(record, None)
    assert networks is not None and record.quality is not None
    assert networks.left_out == tuple(range(len(record.folds)))
    assert record.channels[record.quality.channel] == "FLAIR"
    assert (record.folder / record.quality.file).stat().st_size <= 8_000_000


def test_quality_report_belongs_to_the_shipped_limit_and_is_written_out() -> None:
    record = next(each for each in RECORDS if each.id == "lgg-unet")
    report = QualityReport.model_validate_json((record.folder / "quality.json").read_bytes())
    assert report.limit == rule_spec("low-quality").limit
    assert report.limit == next(each.limit for each in report.limits if each.share == GOOD_BELOW)
    assert (record.folder / "QUALITY.md").read_text(encoding="utf-8") == quality_text(record, report)
