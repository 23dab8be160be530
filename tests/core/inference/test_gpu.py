"""A GPU against the processor; skipped, with the reason, where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.config import EstimatorConfig, EstimatorKind
from core.inference import Predictor, RunSettings, resolve_settings
from core.inference.settings import CHUNK_CUDA
from core.models import ModelRecord
from core.types import Float32Array
from tests.core.inference.conftest import make_image

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]

TOLERANCE = 1e-3
"""Promised between devices; TF32 is off, so float32 stays well below it."""
MIXED_TOLERANCE = 5e-2
"""Half precision has about three digits; labelled as such wherever it is used."""


def samples_of(predictor: Predictor, kind: EstimatorKind) -> Float32Array:
    estimator = EstimatorConfig(kind=kind, samples=4)
    stream = predictor.stream(make_image(0, 11), (0, 1, 2), estimator, "case", lambda share, sentence: None)
    return np.stack([np.stack(list(each.samples)) for each in stream])


@pytest.mark.parametrize("kind", ["point", "mc-dropout", "tta", "ensemble", "ensemble-mc-dropout"])
def test_gpu_agrees_with_the_processor(record: ModelRecord, kind: EstimatorKind) -> None:
    on_cpu = samples_of(Predictor(record, RunSettings("cpu", "torch")), kind)
    on_gpu = samples_of(Predictor(record, resolve_settings("cuda")), kind)
    np.testing.assert_allclose(on_gpu, on_cpu, atol=TOLERANCE)


def test_device_is_named(record: ModelRecord) -> None:
    predictor = Predictor(record, resolve_settings("cuda"))
    assert torch.cuda.get_device_name() in predictor.device
    assert predictor.ran(predictor.plan(EstimatorConfig())).backend == "torch"


def test_mixed_precision_is_labelled_and_close(record: ModelRecord) -> None:
    mixed = Predictor(record, resolve_settings("cuda", precision="mixed"))
    found = samples_of(mixed, "ensemble")
    assert mixed.precision == "mixed"
    assert any("mixed precision" in note for note in mixed.ran(mixed.plan(EstimatorConfig())).notes)
    exact = samples_of(Predictor(record, resolve_settings("cuda")), "ensemble")
    np.testing.assert_allclose(found, exact, atol=MIXED_TOLERANCE)


def test_batch_falls_when_memory_runs_out(record: ModelRecord) -> None:
    predictor = Predictor(record, resolve_settings("cuda"))
    exact = samples_of(predictor, "point")
    member = predictor._member(0)
    run = member.opened.engine._run  # type: ignore[attr-defined]
    hog = 2 * torch.cuda.mem_get_info()[1]

    def crowded(part: torch.Tensor) -> tuple[torch.Tensor, ...]:
        # More than one picture asks for twice the card's memory: a real out-of-memory error of the driver.
        if len(part) > 1:
            torch.empty(hog, dtype=torch.uint8, device="cuda")
        return run(part)  # type: ignore[no-any-return]

    member.opened.engine._run = crowded  # type: ignore[attr-defined]
    np.testing.assert_allclose(samples_of(predictor, "point"), exact, atol=TOLERANCE)
    assert member.chunk == 1
    assert any(
        f"instead of {CHUNK_CUDA}" in note
        for note in predictor.ran(predictor.plan(EstimatorConfig(kind="point"))).notes
    )
