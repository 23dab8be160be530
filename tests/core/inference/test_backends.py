"""Engines: the start-up check, kept graphs, batches that shrink when memory runs out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor

from core.errors import InferenceProblem
from core.inference import Predictor, RunSettings, onnx_graph, resolve_settings, settings
from core.inference.backends import SELF_CHECK_LIMIT, OnnxEngine, TorchEngine, open_engine
from core.inference.devices import run_in_parts
from core.inference.member import fixed_picture
from core.inference.split import stage
from tests.core.inference.conftest import stub_net

SETTINGS = RunSettings("cpu", "onnxruntime", threads=1)
PICTURE = fixed_picture((3, 32, 32))


def test_fast_engine_is_used_and_its_difference_kept() -> None:
    opened = open_engine(stage(stub_net(0), PICTURE), SETTINGS, PICTURE, "test-fast", None)
    assert opened.engine.backend == "onnxruntime"
    assert opened.self_check is not None and 0.0 <= opened.self_check < 1e-5
    assert opened.note == ""


def test_torch_is_used_when_the_fast_engine_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    def off(self: OnnxEngine, batch: Tensor) -> tuple[Tensor, ...]:
        return (torch.zeros(1, 8, 32, 32),)

    monkeypatch.setattr(OnnxEngine, "__call__", off)
    opened = open_engine(stage(stub_net(0), PICTURE), SETTINGS, PICTURE, "test-differs", None)
    assert opened.engine.backend == "torch"
    assert opened.self_check is not None and opened.self_check > SELF_CHECK_LIMIT
    assert "differs from torch" in opened.note


def test_torch_is_used_when_the_network_cannot_be_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("no such operation")

    monkeypatch.setattr(torch.onnx, "export", fail)
    opened = open_engine(stage(stub_net(0), PICTURE), SETTINGS, PICTURE, "test-no-export", None)
    assert (opened.engine.backend, opened.self_check) == ("torch", None)
    assert "cannot run this network" in opened.note


def test_one_kept_graph_serves_all_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exports = []
    export = torch.onnx.export

    def counted(*args: object, **options: object) -> object:
        exports.append(1)
        return export(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.onnx, "export", counted)
    for seed in range(3):
        staged = stage(stub_net(seed), PICTURE)
        opened = open_engine(staged, SETTINGS, PICTURE, "test-shared", tmp_path)
        assert opened.engine.backend == "onnxruntime"
    assert len(exports) == 1
    (kept,) = tmp_path.iterdir()
    assert kept.name == "test-shared.onnx"
    weights = onnx.load(kept).graph.initializer
    assert [each.name for each in weights if each.name.endswith("weight") and each.raw_data] == []


@pytest.mark.parametrize("damage", [b"", b"not a graph", bytes(100)], ids=["empty", "text", "zeros"])
def test_a_damaged_kept_graph_is_exported_again(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "test-damaged.onnx"
    path.write_bytes(damage)
    onnx_graph._MEMORY.pop("test-damaged", None)
    opened = open_engine(stage(stub_net(0), PICTURE), SETTINGS, PICTURE, "test-damaged", tmp_path)
    assert opened.engine.backend == "onnxruntime"
    assert len(path.read_bytes()) > 1000


def test_a_graph_of_another_network_is_not_filled() -> None:
    other = torch.nn.Conv2d(3, 2, 1)
    graph = onnx_graph._export(stage(stub_net(0), PICTURE).prefix, PICTURE)
    with pytest.raises(onnx_graph.GraphProblem, match="other weights"):
        onnx_graph.fill_graph(graph, other.state_dict())


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    opened = open_engine(stage(stub_net(0), PICTURE), SETTINGS, PICTURE, "test-blocked", blocked)
    assert opened.engine.backend == "onnxruntime"


def test_kept_graph_holds_no_path_of_this_machine(tmp_path: Path) -> None:
    open_engine(stage(stub_net(0), PICTURE), SETTINGS, PICTURE, "test-paths", tmp_path)
    assert str(Path(__file__).parents[3]).encode() not in (tmp_path / "test-paths.onnx").read_bytes()


def out_of_memory_above(limit: int, seen: list[int]):  # type: ignore[no-untyped-def]
    def run(part: Tensor) -> tuple[Tensor, ...]:
        seen.append(len(part))
        if len(part) > limit:
            raise torch.cuda.OutOfMemoryError("simulated")
        return (part * 2,)

    return run


def test_batch_is_halved_until_it_fits() -> None:
    seen: list[int] = []
    batch = torch.arange(8.0).reshape(8, 1)
    (found,), size = run_in_parts(out_of_memory_above(2, seen), batch, 8)
    assert size == 2
    assert seen == [8, 4, 2, 2, 2, 2]
    torch.testing.assert_close(found, batch * 2)


def test_engine_remembers_the_size_that_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = TorchEngine(torch.nn.Identity(), RunSettings("cpu", "torch", chunk=8), any_batch=True)
    monkeypatch.setattr(engine, "_run", out_of_memory_above(2, []))
    engine(torch.zeros(8, 1))
    assert engine.chunk == 2


def test_no_room_for_one_picture_is_explained() -> None:
    with pytest.raises(InferenceProblem, match="memory is too small"):
        run_in_parts(out_of_memory_above(0, []), torch.zeros(4, 3, 8, 8), 4)


def test_auto_is_onnx_runtime_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_has_cuda", lambda: False)
    assert resolve_settings() == RunSettings("cpu", "onnxruntime")
    assert resolve_settings(backend="torch") == RunSettings("cpu", "torch")


def test_auto_is_torch_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_has_cuda", lambda: True)
    found = resolve_settings(precision="mixed")
    assert (found.device, found.backend, found.precision) == ("cuda", "torch", "mixed")
    assert resolve_settings("cpu").device == "cpu"


@pytest.mark.parametrize(
    ("cuda", "device", "backend", "precision", "message"),
    [
        (False, "cuda", "auto", "float32", "No GPU"),
        (False, "auto", "auto", "mixed", "mixed precision without a GPU"),
        (True, "auto", "onnxruntime", "float32", "ONNX Runtime on a GPU"),
    ],
)
def test_settings_that_do_not_exist_are_refused(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, device: str, backend: str, precision: str, message: str
) -> None:
    monkeypatch.setattr(settings, "_has_cuda", lambda: cuda)
    with pytest.raises(InferenceProblem, match=message):
        resolve_settings(device, backend, precision)


def test_engines_agree_on_every_member(eager: Predictor, fast: Predictor) -> None:
    for index in range(3):
        picture = np.random.default_rng(index).random((1, 3, 32, 32), dtype=np.float32)
        found = [
            member.probabilities(member.keep(picture), member.no_masks(), range(1))[0]
            for member in (eager._member(index), fast._member(index))
        ]
        np.testing.assert_allclose(found[0], found[1], atol=1e-5)
