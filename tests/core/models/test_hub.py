"""Networks saved by smp: from a folder as save_pretrained writes it, and what happens without a network."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import segmentation_models_pytorch as smp
import torch
from safetensors.torch import load_file, save_file

from core.errors import ModelProblem
from core.models import hub
from core.models.hub import import_from_hub
from core.models.records import ArchitectureConfig
from core.models.weights import load_member

CONFIG = {
    "id": "saved",
    "title": "Saved",
    "channels": ["intensity"],
    "class_names": ["lesion"],
    "working_size": 64,
}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def plain() -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        # Weights are kept in half precision: how far that moves a logit depends on what was drawn.
        torch.manual_seed(0)
        return smp.Unet(
            "resnet18", encoder_weights=None, in_channels=1, classes=1, decoder_channels=(32, 16, 16, 8, 8)
        ).eval()


@pytest.fixture
def saved(plain: torch.nn.Module, tmp_path: Path) -> Path:
    folder = tmp_path / "saved-unet"
    plain.save_pretrained(folder)
    return folder


def stated(folder: Path, **changes: object) -> Path:
    path = folder.parent / "stated.json"
    path.write_text(json.dumps(CONFIG | changes), encoding="utf-8")
    return path


def test_a_folder_that_smp_wrote_comes_in_and_says_the_same(
    plain: torch.nn.Module, saved: Path, home: Path
) -> None:
    assert {path.name for path in saved.iterdir()} >= {"config.json", "model.safetensors"}
    record = import_from_hub(str(saved), stated(saved))
    assert record.folder == home / "models" / "saved"
    assert record.architecture == ArchitectureConfig(
        kind="unet",
        encoder="resnet18",
        encoder_depth=5,
        decoder_channels=(32, 16, 16, 8, 8),
        in_channels=1,
        head_dropout=0.0,
    )
    assert record.source == "folder saved-unet, saved by smp"
    x = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(load_member(record, 0)(x), plain(x), rtol=0, atol=5e-3)


def test_a_stated_source_is_kept(saved: Path, home: Path) -> None:
    assert import_from_hub(str(saved), stated(saved, source="our clinic")).source == "our clinic"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"decoder_attention_type": "scse"}, "decoder_attention_type"),
        ({"surprise": 1}, "surprise"),
        ({"aux_params": {"classes": 2}}, "aux_params"),
        ({"_model_class": "DPT"}, "not known here"),
        ({"encoder_name": "../../x"}, "encoder"),
        ({"encoder_name": "resnet34"}, "incomplete|another shape|lacks"),
        ({"in_channels": 10**9}, "in_channels"),
    ],
)
def test_an_architecture_that_cannot_be_rebuilt_is_refused_by_name(
    saved: Path, home: Path, changes: dict[str, object], what: str
) -> None:
    path = saved / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes), encoding="utf-8")
    with pytest.raises(ModelProblem) as caught:
        import_from_hub(str(saved), stated(saved))
    assert re.search(what, caught.value.sentence), caught.value.sentence
    assert not (home / "models").exists()


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_damaged_architecture_file_is_refused(saved: Path, home: Path, text: str) -> None:
    (saved / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelProblem, match="architecture file"):
        import_from_hub(str(saved), stated(saved))


def test_a_pickle_in_place_of_safetensors_is_never_read(saved: Path, home: Path) -> None:
    state = load_file(saved / "model.safetensors")
    (saved / "model.safetensors").unlink()
    torch.save(state, saved / "pytorch_model.bin")
    with pytest.raises(ModelProblem, match=r"no model\.safetensors"):
        import_from_hub(str(saved), stated(saved))


def test_weights_of_another_network_are_refused(saved: Path, home: Path) -> None:
    save_file({"x": torch.zeros(1)}, saved / "model.safetensors")
    with pytest.raises(ModelProblem, match="lacks"):
        import_from_hub(str(saved), stated(saved))


def test_without_a_network_one_sentence_comes_at_once(
    saved: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(hub, "_fetch", lambda *_: pytest.fail("the Hub was asked"))
    started = time.monotonic()
    with pytest.raises(ModelProblem, match="Hub cannot be reached"):
        import_from_hub("smp-hub/unet", stated(saved), COMMIT)
    assert time.monotonic() - started < 10.0


def test_a_refusal_of_the_hub_names_repository_and_reason(
    saved: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from httpx2 import HTTPError
    from huggingface_hub import HfApi

    def refuse(*_: object, **__: object) -> None:
        raise HTTPError("404 no such repository")

    monkeypatch.setattr(hub, "hub_reachable", lambda: True)
    monkeypatch.setattr(HfApi, "model_info", refuse)
    with pytest.raises(ModelProblem) as caught:
        import_from_hub("a/b", stated(saved))
    assert (caught.value.file, "404" in caught.value.found) == ("a/b", True)


@pytest.mark.parametrize(
    ("sizes", "what"),
    [
        ({"config.json": 10}, "no model.safetensors"),
        ({"config.json": 10**7, "model.safetensors": 1}, "too large"),
    ],
)
def test_nothing_is_fetched_before_names_and_sizes_are_known(
    saved: Path, home: Path, monkeypatch: pytest.MonkeyPatch, sizes: dict[str, int], what: str
) -> None:
    import huggingface_hub

    files = [SimpleNamespace(rfilename=name, size=size) for name, size in sizes.items()]
    info = SimpleNamespace(sha=COMMIT, siblings=files)
    monkeypatch.setattr(hub, "hub_reachable", lambda: True)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: info)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *_, **__: pytest.fail("fetched"))
    with pytest.raises(ModelProblem, match=what):
        import_from_hub("a/b", stated(saved))


def test_what_is_fetched_is_pinned_to_the_commit_found(
    saved: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    def fetch(repository: str, name: str, *, revision: str, etag_timeout: float) -> str:
        assert (repository, revision, etag_timeout <= 10) == ("a/b", COMMIT, True)
        return str(saved / name)

    files = [SimpleNamespace(rfilename=name, size=10) for name in ("config.json", "model.safetensors")]
    info = SimpleNamespace(sha=COMMIT, siblings=files)
    monkeypatch.setattr(hub, "hub_reachable", lambda: True)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: info)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    assert import_from_hub("a/b", stated(saved)).source == f"Hugging Face Hub, a/b at {COMMIT}"


def test_a_name_server_that_knows_nothing_is_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.models import hub_access

    def nothing(*_: object, **__: object) -> None:
        raise OSError("no such host")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(hub_access.socket, "create_connection", nothing)
    assert not hub_access.hub_reachable()


def test_a_kept_copy_of_a_pinned_commit_needs_no_network(
    saved: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    cache = tmp_path / "hub"
    snapshot = cache / "models--smp-hub--unet" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        shutil.copy(saved / name, snapshot / name)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    record = import_from_hub("smp-hub/unet", stated(saved), COMMIT)
    assert record.source == f"Hugging Face Hub, smp-hub/unet at {COMMIT}"


@pytest.mark.parametrize(
    ("repository", "revision", "what"),
    [
        ("unet", None, "no id of the Hub"),
        ("../../etc/passwd", None, "no id of the Hub"),
        ("a/..", None, "no id of the Hub"),
        ("https://huggingface.co/a/b", None, "no id of the Hub"),
        ("a/b", "main", "not pinned"),
        ("a/b", COMMIT.upper(), "not pinned"),
    ],
)
def test_ids_and_revisions_are_checked_before_anyone_is_asked(
    saved: Path, home: Path, repository: str, revision: str | None, what: str
) -> None:
    with pytest.raises(ModelProblem, match=what):
        import_from_hub(repository, stated(saved), revision)
