"""A user's checkpoint comes in through the same door as the shipped weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import torch
from safetensors.torch import save_file

from core.errors import ModelProblem
from core.models.importer import import_checkpoint
from core.models.registry import get_model
from core.models.weights import load_member

CONFIG = {
    "id": "my-fpn",
    "title": "My FPN",
    "architecture": {
        "kind": "fpn",
        "encoder": "resnet18",
        "in_channels": 1,
        "classes": 3,
        "head_dropout": 0.0,
    },
    "channels": ["FLAIR"],
    "class_names": ["oedema", "core"],
    "activation": "softmax",
    "working_size": 64,
    "preprocessing": {"mean": [0.4], "std": [0.2]},
}


@pytest.fixture(scope="module")
def plain() -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        # Weights are kept in half precision: how far that moves a logit depends on what was drawn.
        torch.manual_seed(0)
        return smp.FPN("resnet18", encoder_weights=None, in_channels=1, classes=3).eval()


def write(folder: Path, plain: torch.nn.Module, **changes: object) -> tuple[Path, Path]:
    weights, config = folder / "mine.safetensors", folder / "mine.json"
    save_file(plain.state_dict(), weights)
    config.write_text(json.dumps(CONFIG | changes), encoding="utf-8")
    return weights, config


def test_an_imported_network_says_what_the_users_network_says(
    plain: torch.nn.Module, tmp_path: Path, home: Path
) -> None:
    record = import_checkpoint(*write(tmp_path, plain))
    assert record == get_model("my-fpn")
    assert record.folder == home / "models" / "my-fpn"
    x = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(load_member(record, 0)(x), plain(x), rtol=0, atol=5e-3)


def test_an_id_is_taken_once(plain: torch.nn.Module, tmp_path: Path) -> None:
    weights, config = write(tmp_path, plain)
    import_checkpoint(weights, config, tmp_path / "own")
    with pytest.raises(ModelProblem, match="already"):
        import_checkpoint(weights, config, tmp_path / "own")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"class_names": ["core"]}, "needs 2 classes"),
        ({"id": "../../up"}, "id"),
        ({"channels": "FLAIR"}, "channels"),
        ({"weights": "x"}, "weights"),
        ({"working_size": 100}, "multiple of 32"),
        ({"architecture": {"kind": "fpn", "encoder": "resnet34", "in_channels": 1, "classes": 3}}, "missing"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused_and_leaves_nothing(
    plain: torch.nn.Module, tmp_path: Path, changes: dict[str, object], found: str
) -> None:
    with pytest.raises(ModelProblem) as caught:
        import_checkpoint(*write(tmp_path, plain, **changes), tmp_path / "own")
    assert found in caught.value.found
    assert not (tmp_path / "own").exists() or not list((tmp_path / "own").iterdir())
