"""Asking with a prompt: where it lies decides what the network sees, and nothing else changes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from core.config import EstimatorConfig
from core.errors import ModelProblem, SettingsProblem
from core.inference import Predictor, RunSettings
from core.inference.prompted import PromptedImage
from core.models import fit_slice
from core.models.prompts import box_plane, disc_plane, prompt_plane
from core.models.weights import load_member
from core.types.prompts import Box, Point, Prompt
from tests.core.inference.conftest import TINY, make_image, make_record

CPU = RunSettings("cpu", "torch")
ASKS = {"channels": ("a", "b", "c", "prompt"), "prompt": "box"}


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    config = TINY.model_copy(update={"in_channels": 4})
    return Predictor(make_record(tmp_path_factory.mktemp("box"), 2, config, **ASKS), CPU)


def test_a_box_is_filled_and_its_edges_keep_their_share_of_a_pixel() -> None:
    # 8 x 8 pixels become 4 x 4: rows 1 to 4 of the slice cover half of row 0, row 1, and half of row 2.
    plane = prompt_plane(Box(1, 2, 5, 4), (8, 8), 4)
    assert plane.tolist() == [[0, 0.5, 0, 0], [0, 1, 0, 0], [0, 0.5, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("shape", [(48, 64), (64, 48), (128, 128)])
def test_the_prompts_plane_lies_where_the_slice_lies(shape: tuple[int, int]) -> None:
    box = Box(10, 20, 30, 44)
    drawn = np.zeros((1, *shape), dtype=np.float32)
    drawn[0, box.top : box.bottom, box.left : box.right] = 1.0
    np.testing.assert_allclose(prompt_plane(box, shape, 32), fit_slice(drawn, 32)[0], atol=1e-6)


def test_a_point_is_a_disc_of_its_radius_wherever_it_lies() -> None:
    disc = disc_plane(20.5, 30.5, 128)
    assert disc[20, 30] == 1.0
    assert disc.sum() == pytest.approx(np.pi * 3**2, rel=0.05)
    assert disc_plane(0.5, 0.5, 128).sum() < disc.sum()
    assert box_plane((-3.0, 2.0), (-1.0, 1.0), 4).sum() == 2.0


def test_the_answer_is_the_mean_of_the_networks_for_image_and_prompt(predictor: Predictor) -> None:
    image = make_image(7, slices=3)
    prompt = Box(5, 6, 20, 30)
    found = PromptedImage(predictor, image, (0, 1, 2))
    size = predictor.record.working_size
    planes = found._pictures.picture(1)
    batch = torch.from_numpy(
        np.concatenate([planes, prompt_plane(prompt, image.slice_shape, size)[None]])[None]
    )
    with torch.inference_mode():
        wanted = torch.stack([torch.sigmoid(load_member(predictor.record, k)(batch))[0] for k in (0, 1)])
    native = found._pictures.map_back(wanted.mean(0).numpy())[0]
    np.testing.assert_allclose(found.prob(1, [prompt])[0], native, atol=1e-5)


def test_each_prompt_gets_its_own_mask_at_the_slices_size(predictor: Predictor) -> None:
    image = make_image(7, slices=3)
    prompts: Sequence[Prompt] = [Box(0, 0, 10, 10), Box(5, 6, 20, 30), Point(8, 9)]
    asked = PromptedImage(predictor, image, (0, 1, 2))
    prob = asked.prob(1, prompts)
    assert prob.shape == (3, *image.slice_shape)
    assert asked(1, prompts).tolist() == (prob > 0.5).tolist()
    assert not np.array_equal(prob[0], prob[1])
    np.testing.assert_array_equal(prob[2], asked.prob(1, prompts[2:])[0])


def test_threads_get_the_same_answers_as_one_after_another(predictor: Predictor) -> None:
    asked = PromptedImage(predictor, make_image(7, slices=3), (0, 1, 2))
    prompts = [Box(k, k, k + 12, k + 15) for k in range(8)]
    alone = [asked.prob(1, [each]) for each in prompts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda each: asked.prob(1, [each]), prompts))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_only_the_permitted_networks_are_asked(predictor: Predictor) -> None:
    image, prompt = make_image(7, slices=3), Box(5, 6, 20, 30)
    first, second = (PromptedImage(predictor, image, (0, 1, 2), (k,)).prob(1, [prompt]) for k in (0, 1))
    both = PromptedImage(predictor, image, (0, 1, 2)).prob(1, [prompt])
    np.testing.assert_allclose(both, (first + second) / 2, atol=1e-6)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("prompt", [Box(0, 0, 999, 4), Point(0, 999)])
def test_a_prompt_beyond_the_picture_is_refused(predictor: Predictor, prompt: Prompt) -> None:
    asked = PromptedImage(predictor, make_image(7, slices=3), (0, 1, 2))
    with pytest.raises(SettingsProblem, match="outside the picture"):
        asked.prob(1, [prompt])
    with pytest.raises(SettingsProblem, match="slice 3"):
        asked.prob(3, [Point(0, 0)])


def test_a_model_without_prompts_is_refused(tmp_path: Path) -> None:
    plain = Predictor(make_record(tmp_path, 1), CPU)
    with pytest.raises(ModelProblem, match="takes no box"):
        PromptedImage(plain, make_image(7, slices=3), (0, 1, 2))


def test_a_prompted_model_says_which_command_takes_a_box(predictor: Predictor) -> None:
    with pytest.raises(ModelProblem, match=r"needs a box.*jitter COHORT --model tiny"):
        predictor.stream(
            make_image(7, slices=3),
            (0, 1, 2, 2),
            EstimatorConfig(kind="point"),
            "c",
            lambda share, text: None,
        )
