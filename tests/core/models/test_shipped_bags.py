"""The shipped bag model, the logs of its cross-validation, and the two runs kept for the audit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.audit import Audit, audit_study, read_study_paths
from core.config import EstimatorConfig, digest
from core.inference.bag_predictor import BagPredictor
from core.inference.settings import RunSettings
from core.models.mil_records import get_bag_model
from core.models.mil_weights import load_bag_member
from core.models.registry import SHIPPED_FOLDER, list_models
from core.train.mil.card import bag_card
from core.train.mil.config import read_mil_config
from core.train.mil.sources import load_source
from core.train.mil.train import bags_digest, out_of_fold_bags, patient_folds
from core.train.mil.validate import BagValidation, held_out
from core.train.validate import read_studies

ROOT = SHIPPED_FOLDER.parents[1]
NOWHERE = Path("/nowhere")
RECORD = get_bag_model("lgg-mil", SHIPPED_FOLDER, NOWHERE)
CONFIG = read_mil_config(ROOT / "core" / "train" / "configs" / "lgg-mil.json")
VALIDATION = BagValidation.model_validate_json((RECORD.folder / "validation.json").read_text())


def audited(folder: Path) -> Audit:
    logs = [folder / "predictions.csv", *sorted(folder.glob("fold_*/metrics.csv"))]
    return audit_study(read_study_paths([str(path) for path in logs]))


def test_the_weights_load_and_are_small() -> None:
    assert sum((RECORD.folder / each.file).stat().st_size for each in RECORD.members) < 15_000_000
    for member in range(len(RECORD.members)):
        assert 0.0 < float(load_bag_member(RECORD, member).temperature) <= CONFIG.temperature_start


def test_every_member_left_out_its_own_fold_and_every_patient_is_in_one() -> None:
    assert [each.left_out_folds for each in RECORD.members] == [(0,), (1,), (2,), (3,), (4,)]
    names = [name for fold in RECORD.folds for name in fold]
    assert len(names) == len(set(names)) == 50


def test_the_record_was_made_by_the_settings_in_the_repository() -> None:
    assert RECORD.training is not None
    assert digest(CONFIG.model_dump(mode="json", exclude={"about"})) == RECORD.training.config_digest
    assert RECORD.architecture == CONFIG.architecture


def test_the_card_is_made_from_the_record_and_the_table() -> None:
    assert (RECORD.folder / "CARD.md").read_text() == bag_card(RECORD, VALIDATION)


def test_pages_that_ask_for_segmenters_or_classifiers_do_not_meet_it() -> None:
    assert "lgg-mil" not in {each.id for each in list_models(SHIPPED_FOLDER, NOWHERE)}


@pytest.mark.data
def test_no_validation_patient_is_in_a_fold(data_dir: Path) -> None:
    seen = {name for fold in RECORD.folds for name in fold}
    assert seen.isdisjoint(path.name for path in (data_dir / "lgg" / "tif").iterdir())


def test_a_volume_is_judged_the_same_twice() -> None:
    predictor = BagPredictor(RECORD, RunSettings("cpu", "torch"))
    from core.train.validate import as_image

    values = np.random.default_rng(0).random((3, 15, 64, 64), dtype=np.float32)
    estimator = EstimatorConfig(kind="ensemble-mc-dropout", samples=4)
    one, two = (
        predictor.judge(as_image(values, RECORD.channels), (0, 1, 2), estimator, "a", lambda *_: None)
        for _ in range(2)
    )
    assert [each.slices for each in one] == [tuple(range(12)), tuple(range(3, 15))]
    assert [each.prob.tobytes() for each in one] == [each.prob.tobytes() for each in two]
    assert one[0].prob.shape == (20, 2) and one[0].spread is not None


def test_its_own_cross_validation_contradicts_nothing_and_what_the_audit_says_is_known() -> None:
    found = audited(RECORD.folder)
    assert {each.code for each in found.findings} == {"overfitting"}
    assert {each.severity for each in found.findings} == {"warning"}
    assert len(found.folds) == 5 and all(len(fold.attention) == CONFIG.epochs for fold in found.folds)


def test_the_run_made_to_collapse_is_caught_with_its_epoch_and_the_cured_one_is_not() -> None:
    collapsed, cured = (
        audited(ROOT / "assets" / "audit" / f"lgg-mil-{kind}") for kind in ("collapsed", "cured")
    )
    caught = {each.code: each.evidence for each in collapsed.findings if each.severity == "error"}
    assert set(caught) == {"class-collapse", "attention-collapse"}
    assert "From epoch 3 to the last, 19" in caught["attention-collapse"]
    assert {each.severity for each in cured.findings} == {"warning"}
    assert {each.code for each in cured.findings} == {"too-few-cases"}


def test_the_two_runs_saw_the_same_fold_for_as_many_epochs() -> None:
    made, cure = (
        read_mil_config(ROOT / "core" / "train" / "configs" / f"lgg-mil-{kind}.json")
        for kind in ("collapsed", "cured")
    )
    assert (made.epochs, made.seed, made.folds) == (cure.epochs, cure.seed, cure.folds)
    rows = [
        [
            line.split(",")[:4]
            for line in (ROOT / "assets" / "audit" / f"lgg-mil-{kind}" / "predictions.csv")
            .read_text()
            .splitlines()
        ]
        for kind in ("collapsed", "cured")
    ]
    assert rows[0] == rows[1]


def test_synthetic_grades_are_told_apart_so_training_finds_what_is_there() -> None:
    (fold,) = audited(ROOT / "assets" / "audit" / "synthetic-mil").folds
    assert fold.cases == 40 and {each.key: each.value for each in fold.scores}["auc"] == 1.0


def test_the_grade_task_says_that_it_cannot_tell() -> None:
    folder = ROOT / "assets" / "audit" / "lgg-grade-mil"
    row = BagValidation.model_validate_json((folder / "validation.json").read_text()).rows[0]
    assert row.auroc.low is not None and row.auroc.high is not None and row.auroc.low < 0.5 < row.auroc.high
    assert "**It cannot tell.**" in (folder / "CARD.md").read_text()


@pytest.mark.data
def test_the_table_out_of_fold_is_that_of_the_weights(data_dir: Path) -> None:
    data = load_source(data_dir, CONFIG)
    assert RECORD.training is not None and bags_digest(data) == RECORD.training.data_digest
    folds = patient_folds(data, CONFIG.folds)
    assert all(name in RECORD.folds[fold] for name, fold in folds.items())
    lines = (RECORD.folder / "predictions.csv").read_text().splitlines()[1:]
    written = np.array([float(line.rpartition(",")[2]) for line in lines])
    judged = np.array([each.prob for each in out_of_fold_bags(RECORD, data)])
    assert np.abs(judged - written).max() < 1e-3


@pytest.mark.data
def test_the_held_out_row_is_that_of_the_products_inference(data_dir: Path) -> None:
    verdicts = held_out(RECORD, tuple(read_studies(data_dir)))["ensemble"]
    (row,) = (each for each in VALIDATION.rows if each.title == "held-out patients: ensemble")
    right = np.mean([(each.prob > 0.5) == (each.label == 1) for each in verdicts])
    assert (len(verdicts), sum(each.label for each in verdicts)) == (row.bags, row.positives)
    assert row.accuracy.value == pytest.approx(float(right), abs=1e-9)
    assert json.loads((RECORD.folder / "validation.json").read_text())["model"] == RECORD.id
