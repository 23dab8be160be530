"""The door for weights: what fits comes in, everything else is refused before it is copied."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.errors import ModelProblem
from core.models import formats
from core.models.build import SegmentationNet, build_network, initialise
from core.models.records import ArchitectureConfig, MemberRecord
from core.models.registry import get_model
from core.models.weights import expected_shapes, load_member, load_network, save_weights
from tests.core.models.test_registry import install, record

TINY = ArchitectureConfig(kind="unet", encoder="resnet18", decoder_channels=(16, 8, 8, 8, 8))
State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def net() -> SegmentationNet:
    built = build_network(TINY)
    initialise(built, torch.Generator().manual_seed(0))
    return built


@pytest.fixture
def saved(net: SegmentationNet, tmp_path: Path) -> Path:
    path = tmp_path / "member_0.safetensors"
    save_weights(net, path)
    return path


def test_saved_weights_come_back_within_half_precision(net: SegmentationNet, saved: Path) -> None:
    loaded = load_network(saved, TINY)
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], tensor, rtol=1e-3, atol=1e-6)
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert {tensor.dtype for tensor in loaded.parameters()} == {torch.float32}


def test_the_file_holds_smps_names_in_half_precision_and_statistics_in_single(saved: Path) -> None:
    state = load_file(saved)
    assert state["segmentation_head.0.weight"].dtype == torch.float16
    assert state["encoder.bn1.running_var"].dtype == torch.float32
    assert not any(name.endswith("num_batches_tracked") for name in state)


def test_saving_twice_gives_the_same_digest(net: SegmentationNet, tmp_path: Path) -> None:
    assert save_weights(net, tmp_path / "a.safetensors") == save_weights(net, tmp_path / "b.safetensors")


def test_a_member_is_loaded_only_when_its_digest_is_the_recorded_one(
    net: SegmentationNet, tmp_path: Path
) -> None:
    path = install(tmp_path, record(architecture=TINY)).parent / "member_0.safetensors"
    digest = save_weights(net, path)
    member = MemberRecord(file=path.name, sha256=digest)
    known = get_model("toy", shipped=tmp_path, own=tmp_path / "none").model_copy(
        update={"members": (member,)}
    )
    assert isinstance(load_member(known, 0), SegmentationNet)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ModelProblem, match="changed"):
        load_member(known, 0)
    path.unlink()
    with pytest.raises(ModelProblem, match="missing"):
        load_member(known, 0)


def _renamed(state: State) -> State:
    return {("stem." if name == "encoder.conv1.weight" else "") + name: t for name, t in state.items()}


def _without_head(state: State) -> State:
    return {name: tensor for name, tensor in state.items() if not name.startswith("segmentation_head")}


def _two_classes(state: State) -> State:
    return state | {"segmentation_head.0.weight": torch.zeros(2, 8, 3, 3)}


def _with_nan(state: State) -> State:
    return state | {"segmentation_head.0.bias": torch.tensor([torch.nan])}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_renamed, "stem.encoder.conv1.weight"),
        (_without_head, "segmentation_head.0"),
        (_two_classes, "(2, 8, 3, 3)"),
        (_with_nan, "segmentation_head.0.bias"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    saved: Path, change: Callable[[State], State], found: str
) -> None:
    save_file(change(load_file(saved)), saved)
    with pytest.raises(ModelProblem) as caught:
        load_network(saved, TINY)
    assert found in caught.value.found
    assert caught.value.file == saved.name


def test_an_encoder_that_does_not_exist_is_refused_in_one_sentence(saved: Path) -> None:
    with pytest.raises(ModelProblem, match="resnet19"):
        load_network(saved, ArchitectureConfig(kind="unet", encoder="resnet19"))


def test_shapes_are_refused_before_the_values_are_read(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(path: Path) -> State:
        raise AssertionError(f"values of {path} were read")

    monkeypatch.setattr("core.models.weights.read_tensors", never)
    with pytest.raises(ModelProblem):
        load_network(saved, ArchitectureConfig(kind="unet", encoder="resnet34"))


def _header(path: Path, text: str) -> Path:
    raw = text.encode()
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + bytes(8))
    return path


ENTRY = '{"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f'{{"a": {ENTRY}, "a": {ENTRY}}}', "twice"),
        ('{"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}', "no valid shape"),
        ('{"a": {"dtype": "F32", "shape": [true], "data_offsets": [0, 8]}}', "no valid shape"),
        ('{"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 8]}}', "odd number type"),
        ('{"a": 3}', "no valid shape"),
        ("[1, 2]", "not an object"),
        ("{", "not JSON"),
    ],
)
def test_a_dishonest_header_is_refused(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(ModelProblem, match=what):
        formats.read_shapes(_header(tmp_path / "x.safetensors", text))


def test_a_header_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes((1 << 60).to_bytes(8, "little") + b"{}")
    with pytest.raises(ModelProblem, match="damaged"):
        formats.read_shapes(path)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MAX_FILE_BYTES", 10)
    with pytest.raises(ModelProblem, match="too large"):
        formats.read_shapes(_header(tmp_path / "x.safetensors", "{}"))


def test_another_ending_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.pkl").write_bytes(b"x")
    with pytest.raises(ModelProblem, match="not a weight file"):
        formats.read_shapes(tmp_path / "x.pkl")


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_pytorch_state_dict_comes_in_too(net: SegmentationNet, tmp_path: Path, wrapped: bool) -> None:
    state = {n.replace("head.", "segmentation_head.0.", 1): t for n, t in net.state_dict().items()}
    path = tmp_path / "own.pt"
    torch.save({"state_dict": state} if wrapped else state, path)
    loaded = load_network(path, TINY)
    assert torch.equal(loaded.head.weight, net.head.weight)


class Shout:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("this must never run",)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "evil.pt"
    torch.save({"a": Shout()}, path)
    with pytest.raises(ModelProblem, match="cannot be read safely"):
        formats.read_shapes(path)
    assert "never run" not in capsys.readouterr().out


def test_a_bare_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bare.pth"
    torch.save({"a": 1}, path, _use_new_zipfile_serialization=False)  # as torch wrote before its zip format
    with pytest.raises(ModelProblem, match="not a PyTorch archive"):
        formats.read_shapes(path)


def test_a_compressed_archive_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1000)}, tmp_path / "plain.pt")
    with (
        zipfile.ZipFile(tmp_path / "plain.pt") as source,
        zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    with pytest.raises(ModelProblem, match="compressed"):
        formats.read_shapes(tmp_path / "bomb.pt")


@pytest.mark.filterwarnings("ignore:Validating sparse")
@pytest.mark.parametrize("content", [{"a": 3}, {"a": torch.zeros(2).to_sparse()}, torch.zeros(3)])
def test_a_file_with_more_than_weights_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "odd.pt")
    with pytest.raises(ModelProblem):
        formats.read_shapes(tmp_path / "odd.pt")


def test_expected_shapes_use_smps_names() -> None:
    assert expected_shapes(TINY)["segmentation_head.0.weight"] == (1, 8, 3, 3)
    assert json.dumps(sorted(expected_shapes(TINY)))


def test_prefix_of_parallel_training_is_taken_off(net: SegmentationNet, tmp_path: Path) -> None:
    path = tmp_path / "parallel.pt"
    torch.save({f"module.{name}": value for name, value in net.state_dict().items()}, path)
    assert set(formats.read_shapes(path)) == set(net.state_dict())


def test_one_repeated_name_among_very_many_is_refused_at_once(tmp_path: Path) -> None:
    """Counting name by name took time with the square of their number: hours for the largest header."""
    names = ",".join(f'"{n}":0' for n in (*range(400_000), 7))
    header = f"{{{names}}}".encode()
    path = tmp_path / "many.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ModelProblem, match="A name appears twice in the header"):
        formats.read_shapes(path)
