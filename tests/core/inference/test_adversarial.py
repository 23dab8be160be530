"""Worst changes: within their bound, against the clean answer, the same for the same seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import ModelProblem
from core.inference import Predictor, RunSettings
from core.inference.adversarial import perturb
from core.inference.pictures import Pictures
from core.models import ModelRecord, OnnxArchitecture
from core.models.preprocess import intensity_range
from core.models.weights import load_any_member
from core.types import Float32Array, Image
from tests.core.inference.conftest import make_image
from tests.core.inference.test_classifier import tiny_record

CHANNELS = (0, 1, 2)
BOUND = 8 / 255


def attacked(
    predictor: Predictor, image: Image, kind: str, bound: float = BOUND, seed: int = 0
) -> Float32Array:
    return perturb(predictor, image, CHANNELS, kind, bound, seed)


def loss_of(record: ModelRecord, clean: Image, values: Float32Array, index: int) -> float:
    """Mean loss of a slice against the first network's mask of the clean one."""
    net = load_any_member(record, 0)
    logits = [
        net(torch.from_numpy(Pictures(each, CHANNELS, record).picture(index))[None])
        for each in (clean, replace(clean, values=values))
    ]
    target = (logits[0] > 0).float()
    return float(torch.nn.functional.binary_cross_entropy_with_logits(logits[1], target))


@pytest.mark.parametrize("kind", ["fgsm", "pgd"])
def test_no_value_moves_past_the_bound_and_empty_slices_stay(eager: Predictor, kind: str) -> None:
    image = make_image(1)
    found = attacked(eager, image, kind)
    assert np.array_equal(found[:, [0, -1]], image.values[:, [0, -1]])
    for channel in CHANNELS:
        limits = intensity_range(image.values[channel])
        moved = np.abs(found[channel] - image.values[channel])
        assert 0.0 < moved.max() <= BOUND * (limits.high - limits.low) * (1 + 1e-5)
        assert found[channel].min() >= image.values[channel].min()


def test_loss_against_the_clean_mask_rises_with_the_bound_and_more_with_more_steps(
    eager: Predictor, record: ModelRecord
) -> None:
    image = make_image(2)
    losses = {
        (kind, bound): loss_of(record, image, attacked(eager, image, kind, bound), 1)
        for kind in ("fgsm", "pgd")
        for bound in (0.0, 2 / 255, BOUND)
    }
    for kind in ("fgsm", "pgd"):
        assert losses[kind, 0.0] < losses[kind, 2 / 255] < losses[kind, BOUND]
    noise = np.random.default_rng(0).choice((-BOUND, BOUND), image.values.shape).astype(np.float32)
    assert losses["fgsm", BOUND] > loss_of(record, image, np.maximum(image.values + noise, 0.0), 1)


def test_same_seed_gives_the_same_bytes(eager: Predictor) -> None:
    image = make_image(3)
    first, again, other = (attacked(eager, image, "pgd", seed=seed).tobytes() for seed in (1, 1, 2))
    assert first == again != other


def test_channel_that_feeds_several_inputs_moves_once(eager: Predictor) -> None:
    image = make_image(4)
    found = perturb(eager, image, (1, 1, 1), "fgsm", BOUND, 0)
    changed = (found != image.values).any(axis=(1, 2, 3))
    assert changed.tolist() == [False, True, False]


def test_classifier_is_attacked_too(tmp_path: Path) -> None:
    record = tiny_record(tmp_path)
    predictor = Predictor(record, RunSettings("cpu", "torch"))
    image = make_image(5, slices=3)
    single = replace(image, values=image.values[: len(record.channels), 1:2])
    found = perturb(predictor, single, tuple(range(len(record.channels))), "fgsm", BOUND, 0)
    assert (found != single.values).any()


def test_graph_without_gradients_is_refused(record: ModelRecord) -> None:
    graph = OnnxArchitecture(in_channels=3, classes=1, opset=18)
    blind = Predictor(record.model_copy(update={"architecture": graph}), RunSettings("cpu", "onnxruntime"))
    with pytest.raises(ModelProblem, match="no gradients"):
        attacked(blind, make_image(1), "fgsm")
