"""The stream of samples: sizes, order, progress, cancel, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.config import EstimatorConfig, EstimatorKind
from core.errors import Cancelled, ModelProblem
from core.inference import Predictor, RunSettings, open_predictor
from core.inference.pictures import constant_values
from core.models import ModelRecord, fit_slice, scale_intensity
from core.models.weights import load_member
from core.types import Float32Array, Image, SliceSamples
from tests.core.inference.conftest import TINY, make_image, make_record

CHANNELS = (0, 1, 2)
CASE = "c" * 64
KINDS: tuple[EstimatorKind, ...] = ("point", "mc-dropout", "tta", "ensemble", "ensemble-mc-dropout")


def silent(share: float, sentence: str) -> None:
    """Progress that tells nobody."""


def stream(
    predictor: Predictor, image: Image, kind: EstimatorKind = "point", samples: int = 4
) -> Iterator[SliceSamples]:
    return predictor.stream(image, CHANNELS, EstimatorConfig(kind=kind, samples=samples), CASE, silent)


def all_samples(predictor: Predictor, image: Image, kind: EstimatorKind = "point") -> Float32Array:
    return np.stack([np.stack(list(each.samples)) for each in stream(predictor, image, kind)])


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_probabilities_at_the_images_own_size(eager: Predictor, kind: EstimatorKind) -> None:
    image = make_image(0)
    samples = all_samples(eager, image, kind)
    assert samples.shape == (4, eager.plan(EstimatorConfig(kind=kind, samples=4)).samples, 1, 28, 40)
    assert samples.dtype == np.float32
    assert samples.min() >= 0.0 and samples.max() <= 1.0


def test_point_is_the_network_on_the_prepared_slice_mapped_back(
    record: ModelRecord, eager: Predictor
) -> None:
    image = make_image(0)
    picture = torch.from_numpy(fit_slice(scale_intensity(image.values)[:, 1], 32))[None]
    with torch.inference_mode():
        prob = torch.sigmoid(load_member(record, 0)(picture))[0, 0].numpy()
    # 28 x 40 was padded to 40 x 40 (6 rows above and below) and resized to 32 x 32.
    expected = cv2.resize(prob, (40, 40), interpolation=cv2.INTER_LINEAR)[6:34]
    np.testing.assert_allclose(all_samples(eager, image)[1, 0, 0], expected, atol=1e-5)


def test_ensemble_members_come_in_order_and_differ(record: ModelRecord, eager: Predictor) -> None:
    samples = all_samples(eager, make_image(0), "ensemble")
    np.testing.assert_array_equal(samples[:, :1], all_samples(eager, make_image(0), "point"))
    assert np.abs(samples[1, 0] - samples[1, 1]).max() > 0.01


def test_first_symmetry_is_the_picture_itself(eager: Predictor) -> None:
    samples = all_samples(eager, make_image(0), "tta")
    np.testing.assert_array_equal(samples[:, :1], all_samples(eager, make_image(0), "point"))


def test_symmetric_answer_of_a_symmetric_picture(eager: Predictor) -> None:
    # A picture that all symmetries leave as it is gives eight answers that are each other's images.
    distance = np.hypot(*np.mgrid[-15.5:16, -15.5:16]).astype(np.float32)
    image = replace(make_image(0, 1), values=np.repeat(distance[None, None], 3, axis=0))
    samples = all_samples(eager, image, "tta")[0, :, 0]
    np.testing.assert_allclose(samples[1], np.rot90(samples[0], -1), atol=1e-5)


def test_dropout_samples_differ_from_each_other_and_with_the_seed(eager: Predictor) -> None:
    def of_seed(seed: int) -> Float32Array:
        estimator = EstimatorConfig(kind="mc-dropout", samples=4, seed=seed)
        found = eager.stream(make_image(0), CHANNELS, estimator, CASE, silent)
        return np.stack([np.stack(list(each.samples)) for each in found])

    first = of_seed(0)
    assert np.abs(first[:, 0] - first[:, 1]).max() > 1e-3
    assert np.abs(first - of_seed(1)).max() > 1e-3
    np.testing.assert_array_equal(first, of_seed(0))


def test_more_samples_start_with_the_same_ones(eager: Predictor) -> None:
    few, many = (
        [np.stack(list(each.samples)) for each in stream(eager, make_image(0), "mc-dropout", count)]
        for count in (5, 40)
    )
    for one, other in zip(few, many, strict=True):
        np.testing.assert_allclose(one, other[:5], atol=1e-6)


def test_all_slices_of_a_case_share_their_masks(eager: Predictor) -> None:
    image = make_image(0)
    twice = replace(image, values=np.repeat(image.values[:, 1:2], 2, axis=1))
    samples = all_samples(eager, twice, "mc-dropout")
    np.testing.assert_array_equal(samples[0], samples[1])


def test_slices_without_structure_are_marked_equal(eager: Predictor) -> None:
    marks = [(each.index, each.same_as) for each in stream(eager, make_image(0, 5))]
    assert marks == [(0, None), (1, None), (2, None), (3, None), (4, 0)]
    samples = all_samples(eager, make_image(0, 5))
    np.testing.assert_array_equal(samples[0], samples[4])


def test_constant_values_are_per_channel() -> None:
    flat = np.stack([np.zeros((2, 2)), np.ones((2, 2))]).astype(np.float32)
    assert constant_values(flat) == (0.0, 1.0)
    flat[0, 1, 1] = 0.5
    assert constant_values(flat) is None


def test_progress_is_told_before_each_slice(eager: Predictor) -> None:
    told: list[tuple[float, str]] = []
    found = eager.stream(
        make_image(0), CHANNELS, EstimatorConfig(kind="point"), CASE, lambda s, t: told.append((s, t))
    )
    for each in found:
        list(each.samples)
    assert [share for share, text in told if text.startswith("Slice")] == [0.0, 0.25, 0.5, 0.75]
    assert told[-1][0] == 1.0


def test_cancel_stops_before_the_next_slice(eager: Predictor) -> None:
    def stop(share: float, sentence: str) -> None:
        if share >= 0.5:
            raise Cancelled

    seen = []
    with pytest.raises(Cancelled):
        for each in eager.stream(make_image(0), CHANNELS, EstimatorConfig(kind="point"), CASE, stop):
            seen.append(each.index)
    assert seen == [0, 1]


def test_one_channel_can_feed_all_inputs(eager: Predictor) -> None:
    image = make_image(0)
    single = replace(image, values=image.values[1:2], channel_names=("FLAIR",))
    estimator = EstimatorConfig(kind="point")
    alone = [list(e.samples) for e in eager.stream(single, (0, 0, 0), estimator, CASE, silent)]
    chosen = [list(e.samples) for e in eager.stream(image, (1, 1, 1), estimator, CASE, silent)]
    np.testing.assert_array_equal(alone, chosen)


@pytest.mark.parametrize("channels", [(0, 1), (0, 1, 3), (0, 1, -1)])
def test_channels_that_do_not_fit_are_refused(eager: Predictor, channels: tuple[int, ...]) -> None:
    with pytest.raises(ModelProblem, match="channels do not fit"):
        eager.stream(make_image(0), channels, EstimatorConfig(kind="point"), CASE, silent)


@pytest.mark.parametrize("kind", ["mc-dropout", "ensemble-mc-dropout"])
def test_dropout_of_a_model_without_any_is_refused(tmp_path: Path, kind: EstimatorKind) -> None:
    bare = make_record(tmp_path, 2, TINY.model_copy(update={"head_dropout": 0.0}))
    predictor = Predictor(bare, RunSettings("cpu", "torch", threads=1))
    with pytest.raises(ModelProblem, match="0 active dropout modules"):
        predictor.plan(EstimatorConfig(kind=kind))
    assert predictor.plan(EstimatorConfig(kind="ensemble")).samples == 2


def test_softmax_model_gives_its_foreground_classes(tmp_path: Path) -> None:
    config = TINY.model_copy(update={"classes": 3})
    changes = {"activation": "softmax", "class_names": ("core", "oedema")}
    softmax = make_record(tmp_path, 1, config, **changes)
    image = make_image(0)
    predictor = Predictor(softmax, RunSettings("cpu", "torch", threads=1))
    samples = all_samples(predictor, image)
    picture = torch.from_numpy(fit_slice(scale_intensity(image.values)[:, 1], 32))[None]
    with torch.inference_mode():
        prob = torch.softmax(load_member(softmax, 0)(picture), 1)[0, 1:].numpy()
    assert samples.shape == (4, 1, 2, 28, 40)
    expected = [cv2.resize(each, (40, 40), interpolation=cv2.INTER_LINEAR)[6:34] for each in prob]
    np.testing.assert_allclose(samples[1, 0], expected, atol=1e-5)


def test_predictors_are_shared_and_bounded(record: ModelRecord) -> None:
    one = open_predictor(record, device="cpu", backend="torch")
    assert open_predictor(record, device="cpu", backend="torch") is one
    assert open_predictor(record, device="cpu", backend="onnxruntime") is not one
    other_size = record.model_copy(update={"working_size": 64})
    assert open_predictor(other_size, device="cpu", backend="torch").record.working_size == 64
    for index in range(4):
        open_predictor(record.model_copy(update={"id": f"other-{index}"}), device="cpu")
    assert open_predictor(record, device="cpu", backend="torch") is not one


def test_opening_a_predictor_reads_no_weights(record: ModelRecord, tmp_path: Path) -> None:
    nowhere = record.model_copy(update={"folder": tmp_path, "id": "nowhere"})
    predictor = open_predictor(nowhere, device="cpu", backend="torch")
    meant = predictor.ran(predictor.plan(EstimatorConfig()))
    assert (predictor.device, meant.backend, meant.self_check) == ("cpu", "torch", None)
    with pytest.raises(ModelProblem, match="missing"):
        stream(predictor, make_image(0))


def test_what_ran_is_known_after_running(fast: Predictor) -> None:
    all_samples(fast, make_image(0))
    ran = fast.ran(fast.plan(EstimatorConfig()))
    assert (ran.backend, ran.chunk, ran.notes) == ("onnxruntime", 1, ())
    assert ran.self_check is not None and ran.self_check < 1e-4
