"""The list of models, their records, and the refusal of damaged ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.errors import ModelProblem
from core.models.records import ArchitectureConfig, MemberRecord, ModelRecord
from core.models.registry import get_model, list_models, user_models_folder, weights_digest, write_record

ZERO = "0" * 64


def record(model_id: str = "toy", **changes: object) -> ModelRecord:
    fields = {
        "id": model_id,
        "title": "Toy",
        "description": "A toy.",
        "architecture": ArchitectureConfig(kind="unet", encoder="resnet18"),
        "channels": ("pre-contrast", "FLAIR", "post-contrast"),
        "class_names": ("lesion",),
        "members": tuple(
            MemberRecord(file=f"member_{k}.safetensors", sha256=ZERO, left_out_folds=folds)
            for k, folds in enumerate(((0, 1), (1, 2), (2, 0)))
        ),
        "folds": (("a", "b"), ("c",), ("d",)),
        "licence": "none",
        "source": "here",
    }
    return ModelRecord.model_validate(fields | changes)


def install(folder: Path, found: ModelRecord) -> Path:
    target = folder / found.id
    target.mkdir(parents=True)
    return write_record(found, target)


def test_a_written_record_is_read_back_with_its_folder(tmp_path: Path) -> None:
    install(tmp_path, record())
    read = get_model("toy", shipped=tmp_path, own=tmp_path / "none")
    assert read.folder == tmp_path / "toy"
    assert read.model_copy(update={"folder": Path()}) == record()
    assert read.weight_file(1) == tmp_path / "toy" / "member_1.safetensors"
    assert weights_digest(read, 1) == ZERO


def test_shipped_models_come_first_and_keep_their_id(tmp_path: Path) -> None:
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    install(shipped, record("toy", title="Shipped"))
    install(own, record("toy", title="Impostor"))
    install(own, record("a-own"))
    assert [(each.id, each.title) for each in list_models(shipped, own)] == [
        ("toy", "Shipped"),
        ("a-own", "Toy"),
    ]


def test_an_unknown_id_names_the_known_ones(tmp_path: Path) -> None:
    install(tmp_path, record())
    with pytest.raises(ModelProblem) as caught:
        get_model("lgg-unett", shipped=tmp_path, own=tmp_path / "none")
    assert "toy" in caught.value.expected
    assert "lgg-unett" in caught.value.found


def test_own_models_lie_in_the_chosen_home(home: Path) -> None:
    assert user_models_folder() == home / "models"


def test_members_unseen_are_those_that_left_the_patients_fold_out() -> None:
    toy = record()
    assert [toy.members_unseen(patient) for patient in "abcd"] == [(0, 2), (0, 2), (0, 1), (1, 2)]


def test_a_patient_of_no_fold_was_seen_by_no_member() -> None:
    assert record().members_unseen("new") == (0, 1, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"working_size": 100},
        {"channels": ("FLAIR",)},
        {"class_names": ("lesion", "oedema")},
        {"activation": "softmax"},
        {"preprocessing": {"mean": (0.5,), "std": (0.2,)}},
        {"preprocessing": {"mean": (0.5, 0.5, 0.5)}},
        {"members": ()},
        {"members": ({"file": "../x.safetensors", "sha256": ZERO},)},
        {"id": "../up"},
    ],
)
def test_an_inconsistent_record_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        record(**wrong)


def test_several_classes_that_may_overlap_are_refused() -> None:
    two = ArchitectureConfig(kind="unet", encoder="resnet18", classes=2)
    with pytest.raises(ValidationError, match="need softmax"):
        record(architecture=two, class_names=("core", "oedema"))


def test_softmax_counts_the_background() -> None:
    two = ArchitectureConfig(kind="unet", encoder="resnet18", classes=2)
    assert record(architecture=two, activation="softmax").class_names == ("lesion",)


@pytest.mark.parametrize(
    ("change", "found"),
    [({"working_size": "big"}, "working_size"), ({"surprise": 1}, "surprise"), ({"id": "other"}, "other")],
)
def test_a_damaged_record_names_the_field(tmp_path: Path, change: dict[str, object], found: str) -> None:
    path = install(tmp_path, record())
    path.write_text(json.dumps(json.loads(path.read_text()) | change), encoding="utf-8")
    with pytest.raises(ModelProblem) as caught:
        list_models(tmp_path, tmp_path / "none")
    assert found in caught.value.found
    assert caught.value.file == "toy/model.json"


def test_importing_the_models_package_loads_no_torch() -> None:
    check = "import sys, core.models; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
