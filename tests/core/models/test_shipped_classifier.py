"""The chest X-ray classifier in assets: complete, honest about who saw whom, as good as its card says."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from core.config import digest
from core.inference import open_predictor, possible_estimators
from core.models.registry import SHIPPED_FOLDER, get_model
from core.models.weights import load_classifier_member
from core.train.classes.card import CLASS_ROWS, ROWS, class_card, number
from core.train.classes.config import read_classifier_config
from core.train.classes.data import assign_person_folds, find_pictures, load_pictures, pictures_digest
from core.train.classes.validate import ClassValidation, ask

NAME = "cxr-convnextv2"
CONFIG = Path(__file__).resolve().parents[3] / "core" / "train" / "configs" / f"{NAME}.json"
RECORD = get_model(NAME, SHIPPED_FOLDER, Path("/nowhere"))
VALIDATION = ClassValidation.model_validate_json((RECORD.folder / "validation.json").read_bytes())


def test_every_member_loads_and_names_three_classes() -> None:
    size = RECORD.working_size
    for member in range(len(RECORD.members)):
        with torch.inference_mode():
            assert load_classifier_member(RECORD, member)(torch.zeros(2, 1, size, size)).shape == (2, 3)


def test_weights_stay_below_forty_megabytes() -> None:
    assert sum(RECORD.weight_file(k).stat().st_size for k in range(len(RECORD.members))) <= 40_000_000


def test_all_five_estimators_are_possible() -> None:
    assert len(possible_estimators(RECORD)) == 5


def test_every_person_has_two_members_that_never_saw_it() -> None:
    persons = [name for fold in RECORD.folds for name in fold]
    assert len(set(persons)) == len(persons) == 504
    assert {len(RECORD.members_unseen(name)) for name in persons} == {2}
    assert [each.left_out_folds for each in RECORD.members] == [(k, (k + 1) % 5) for k in range(5)]


def test_the_weights_were_made_with_the_settings_in_the_repository() -> None:
    config = read_classifier_config(CONFIG)
    assert RECORD.training is not None
    assert RECORD.training.config_digest == digest(config.model_dump(mode="json", exclude={"about"}))
    assert RECORD.architecture == config.architecture and RECORD.moves == config.moves


def test_the_card_says_what_the_table_says() -> None:
    card = (RECORD.folder / "CARD.md").read_text(encoding="utf-8")
    assert card == class_card(RECORD, VALIDATION)
    keys = [key for key, _ in ROWS]
    keys += [f"{key}:{name}" for key, _ in CLASS_ROWS for name in RECORD.class_names]
    for key in keys:
        assert number(VALIDATION.network.row(key).value) in card
        assert number(VALIDATION.baseline.row(key).value) in card
    for words in (
        "Children only",
        "one hospital",
        "frontal view only",
        "CC BY 4.0",
        "Whiteout",
        "Grid",
        "Lateral",
    ):
        assert words in card


def test_the_limit_of_the_confidence_is_the_one_in_the_table() -> None:
    assert RECORD.rule_limits is not None
    assert RECORD.rule_limits.rules[0].limit == VALIDATION.limit.limit
    assert VALIDATION.limit.accuracy_below < VALIDATION.limit.accuracy_above


@pytest.mark.data
def test_folds_are_those_of_the_data_and_of_its_manifest(data_dir: Path) -> None:
    pictures = load_pictures(data_dir, RECORD.class_names)
    assert RECORD.training is not None and RECORD.training.data_digest == pictures_digest(pictures)
    folds = assign_person_folds(pictures, 5)
    assert all(name in RECORD.folds[fold] for name, fold in folds.items())
    with (data_dir / "MANIFEST.csv").open(newline="", encoding="utf-8") as stream:
        patients = {row["path"]: row["patient"] for row in csv.DictReader(stream)}
    told = {name: patients[f"cxr224/{name}"] for name in pictures.name}
    pairs = {(str(person), told[name]) for person, name in zip(pictures.person, pictures.name, strict=True)}
    assert len(pairs) == len({person for person, _ in pairs}) == len({patient for _, patient in pairs}) == 504


@pytest.mark.data
def test_a_few_pictures_out_of_fold_are_as_good_as_the_card_says(data_dir: Path) -> None:
    pictures = load_pictures(data_dir, RECORD.class_names)
    folder = find_pictures(data_dir, RECORD.class_names)
    predictor = open_predictor(RECORD, device="cpu", backend="torch")
    places = np.linspace(0, len(pictures.label) - 1, 45).astype(int)
    right = []
    for place in places:
        unseen = RECORD.members_unseen(str(pictures.person[place]))
        prob = ask(predictor, folder / pictures.name[place], unseen).mean(axis=0)
        right.append(int(prob.argmax()) == pictures.label[place])
    accuracy = VALIDATION.network.row("accuracy").value.value
    assert accuracy is not None
    # Three standard errors of a share of 45 pictures.
    assert abs(np.mean(right) - accuracy) < 3 * np.sqrt(accuracy * (1 - accuracy) / len(places))
