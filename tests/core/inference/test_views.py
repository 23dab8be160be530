"""What the networks saw of a slice: the same numbers from both engines, without another pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.config import EstimatorConfig
from core.inference import Predictor
from core.inference.member import Member
from core.models import ModelRecord
from core.models.weights import load_member
from core.types import SliceView
from tests.core.inference.conftest import make_image

ENSEMBLE = EstimatorConfig(kind="ensemble")


def views(predictor: Predictor, estimator: EstimatorConfig = ENSEMBLE) -> list[SliceView]:
    found = []
    for each in predictor.stream(make_image(0), (0, 1, 2), estimator, "seed", lambda share, text: None):
        list(each.samples)
        assert each.view is not None
        found.append(each.view())
    return found


def test_features_are_the_mean_of_the_second_deepest_stage(eager: Predictor, record: ModelRecord) -> None:
    seen = views(eager)[1]
    net = load_member(record, 2)
    with torch.inference_mode():
        stage = net.encoder(torch.from_numpy(seen.picture[None]))[-2]
    assert sorted(seen.features) == [0, 1, 2]
    assert np.allclose(seen.features[2], stage.mean((2, 3))[0].numpy(), atol=1e-5)
    assert seen.picture.shape == (3, 32, 32)


def test_both_engines_see_the_same(eager: Predictor, fast: Predictor) -> None:
    for one, other in zip(views(eager), views(fast), strict=True):
        assert np.array_equal(one.picture, other.picture)
        for index in one.features:
            assert np.abs(one.features[index] - other.features[index]).max() <= 1e-4


@pytest.mark.parametrize("kind", ["point", "tta", "mc-dropout", "ensemble"])
def test_no_network_runs_again_for_a_view(
    eager: Predictor, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    keep = Member.keep
    monkeypatch.setattr(Member, "keep", lambda self, pictures: runs.append(1) or keep(self, pictures))
    estimator = EstimatorConfig(kind=kind, samples=2)
    stream = eager.stream(make_image(0), (0, 1, 2), estimator, "seed", lambda share, text: None)
    for each in stream:
        list(each.samples)
        before = len(runs)
        assert each.view is not None
        assert each.view().features
        assert len(runs) == before


def test_view_of_a_slice_whose_samples_nobody_read(eager: Predictor) -> None:
    stream = eager.stream(make_image(0), (0, 1, 2), ENSEMBLE, "seed", lambda share, text: None)
    unread = [each.view() for each in stream if each.view is not None]
    for one, other in zip(unread, views(eager), strict=True):
        assert all(np.array_equal(one.features[k], other.features[k]) for k in other.features)
