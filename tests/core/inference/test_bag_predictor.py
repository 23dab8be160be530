"""Judging volumes with a bag model: estimators, determinism, folded dropout, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.config import EstimatorConfig, EstimatorKind
from core.errors import ModelProblem
from core.inference.bag_predictor import BagPredictor, open_bag_predictor
from core.inference.pictures import Pictures
from core.inference.seeds import draw_mask, mask_seed
from core.inference.settings import RunSettings
from core.models import MemberRecord, PictureMove, list_models
from core.models.mil import build_bag_net, initialise_bag_net
from core.models.mil_pool import attention_weights
from core.models.mil_records import (
    BagArchitecture,
    BagRecord,
    get_bag_model,
    list_bag_models,
    write_bag_record,
)
from core.models.mil_weights import load_bag_member
from core.models.weights import save_weights
from core.types import BagSamples, Geometry, Image

ARCHITECTURE = BagArchitecture(
    backbone="resnet18", depths=(1, 1, 1, 1), dims=(8, 8, 8, 8), attention_width=4, head_dropout=0.5
)
MOVES = (PictureMove(), PictureMove(down=0.1), PictureMove(scale=1.1))


def quiet(share: float, sentence: str) -> None:
    pass


def bag_record(folder: Path, members: int = 2, **changes: Any) -> BagRecord:
    folder.mkdir(exist_ok=True)
    files = []
    for index in range(members):
        net = build_bag_net(ARCHITECTURE)
        initialise_bag_net(net, torch.Generator().manual_seed(index))
        torch.nn.init.normal_(net.instance_head.weight, generator=torch.Generator().manual_seed(index))
        path = folder / f"member_{index}.safetensors"
        files.append(MemberRecord(file=path.name, sha256=save_weights(net, path), left_out_folds=(index,)))
    fields: dict[str, Any] = {
        "id": folder.name,
        "title": "Tiny",
        "description": "For tests",
        "task": "classification",
        "architecture": ARCHITECTURE,
        "working_size": 32,
        "channels": ("a", "b", "c"),
        "class_names": ("no", "yes"),
        "activation": "softmax",
        "moves": MOVES,
        "members": tuple(files),
        "folds": (("p",), ("q",)),
        "licence": "none",
        "source": "made up",
        "bag": "slab",
        "bag_size": 4,
    }
    record = BagRecord(**{**fields, **changes})
    write_bag_record(record, folder)
    return record.model_copy(update={"folder": folder})


def volume(slices: int = 7, seed: int = 0) -> Image:
    values = np.random.default_rng(seed).random((3, slices, 40, 30), dtype=np.float32)
    grid = (slices, 40, 30)
    geometry = Geometry(None, None, "axial", "assumed", None, grid, (0, 1, 2), (False, False, False))
    return Image(values, geometry, ("a", "b", "c"), "MR", "float32", (0.0, 1.0))


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> BagRecord:
    return bag_record(tmp_path_factory.mktemp("models") / "tiny-bags")


@pytest.fixture(scope="module")
def predictor(record: BagRecord) -> BagPredictor:
    return BagPredictor(record, RunSettings("cpu", "torch"))


def judge(
    predictor: BagPredictor, kind: EstimatorKind, image: Image | None = None, **more: Any
) -> tuple[BagSamples, ...]:
    estimator = EstimatorConfig(kind=kind, samples=5)
    return predictor.judge(image or volume(), (0, 1, 2), estimator, "case", quiet, **more)


@pytest.mark.parametrize(
    ("kind", "draws"),
    [("point", 1), ("ensemble", 2), ("tta", 3), ("mc-dropout", 5), ("ensemble-mc-dropout", 10)],
)
def test_every_estimator_gives_its_draws_for_every_bag(
    predictor: BagPredictor, kind: EstimatorKind, draws: int
) -> None:
    found = judge(predictor, kind)
    assert [each.slices for each in found] == [(0, 1, 2, 3), (3, 4, 5, 6)]
    for each in found:
        shapes = (each.prob.shape, each.attention.shape, each.instance.shape)
        assert shapes == ((draws, 2), (draws, 4), (draws, 4))
        assert np.abs(each.prob.sum(axis=1) - 1).max() < 1e-12
        assert np.abs(each.attention.sum(axis=1) - 1).max() < 1e-12
        assert len(np.unique(each.prob, axis=0)) == draws
        assert (each.spread is None) == (draws == 1)


def test_same_volume_gives_the_same_bytes_after_others_and_in_a_fresh_predictor(
    record: BagRecord, predictor: BagPredictor
) -> None:
    first = judge(predictor, "ensemble-mc-dropout")
    judge(predictor, "mc-dropout", volume(seed=1))
    again = judge(BagPredictor(record, RunSettings("cpu", "torch")), "ensemble-mc-dropout")
    assert [each.prob.tobytes() for each in first] == [each.prob.tobytes() for each in again]
    assert [each.attention.tobytes() for each in first] == [each.attention.tobytes() for each in again]


def test_a_bag_says_the_same_alone_as_among_others(predictor: BagPredictor) -> None:
    among = judge(predictor, "mc-dropout")[1]
    (alone,) = judge(predictor, "mc-dropout", bags=[range(3, 7)])
    assert alone.prob.tobytes() == among.prob.tobytes()


def test_folded_dropout_equals_one_pass_per_sample_with_the_same_masks(
    record: BagRecord, predictor: BagPredictor
) -> None:
    (found,) = judge(predictor, "mc-dropout", bags=[range(0, 4)])
    net = load_bag_member(record, 0)
    pictures = Pictures(volume(), (0, 1, 2), record)
    inputs = torch.from_numpy(np.stack([pictures.picture(place) for place in range(4)]))
    with torch.inference_mode():
        features = net.features(inputs)
        for sample in range(5):
            masks = [
                torch.from_numpy(
                    draw_mask((8,), 0.5, mask_seed("case", record.members[0].sha256, sample, name, 0))
                )
                for name in ("dropout.instance", "dropout.bag")
            ]
            scores = net.instance_head(features * masks[0])[:, 0]
            weights = attention_weights(net.attention(features, scores.argmax()), net.temperature, None)
            pooled = net.bag_head((weights @ features * masks[1])[None])[0, 0]
            prob = torch.sigmoid((scores.max() + pooled) / 2)
            assert abs(float(prob) - found.prob[sample, 1]) < 1e-6
            assert np.abs(weights.numpy() - found.attention[sample]).max() < 1e-6


def test_point_is_the_network_itself(record: BagRecord, predictor: BagPredictor) -> None:
    (found,) = judge(predictor, "point", bags=[range(2, 6)])
    pictures = Pictures(volume(), (0, 1, 2), record)
    inputs = torch.from_numpy(np.stack([pictures.picture(place) for place in range(2, 6)]))
    with torch.inference_mode():
        output = load_bag_member(record, 0)(inputs)
    assert found.mean_prob == pytest.approx(float(torch.sigmoid(output.logit[0])), abs=1e-6)
    assert found.mean_attention.tolist() == pytest.approx(output.attention.tolist(), abs=1e-6)
    assert found.top_slice == 2 + int(output.attention.argmax())


def test_a_short_volume_is_one_bag(predictor: BagPredictor) -> None:
    (found,) = judge(predictor, "ensemble", volume(slices=2))
    assert found.slices == (0, 1)


def test_only_members_that_may_be_asked_are_asked(predictor: BagPredictor) -> None:
    both, second = judge(predictor, "ensemble"), judge(predictor, "ensemble", may_ask=(1,))
    assert [each.prob.tolist() for each in second] == [[each.prob[1].tolist()] for each in both]


@pytest.mark.parametrize("bags", [[], [range(3, 9)], [range(2, 2)], [range(-1, 2)], [range(0, 4, 2)]])
def test_slices_that_make_no_bag_are_refused(predictor: BagPredictor, bags: list[range]) -> None:
    with pytest.raises(ModelProblem, match="make no bag"):
        judge(predictor, "point", bags=bags)


def test_channels_that_do_not_fit_are_refused(predictor: BagPredictor) -> None:
    with pytest.raises(ModelProblem, match="channels"):
        predictor.judge(volume(), (0, 1), EstimatorConfig(kind="point"), "case", quiet)


def test_bag_models_are_listed_apart_from_the_others(record: BagRecord) -> None:
    folder, nowhere = record.folder.parent, Path("/nowhere")
    assert [each.id for each in list_bag_models(folder, nowhere)] == ["tiny-bags"]
    assert list_models(folder, nowhere) == ()
    assert get_bag_model("tiny-bags", folder, nowhere) == record
    with pytest.raises(ModelProblem, match="tiny-bags"):
        get_bag_model("other", folder, nowhere)


def test_an_opened_predictor_is_shared(record: BagRecord) -> None:
    assert open_bag_predictor(record, device="cpu") is open_bag_predictor(record, device="cpu")


def test_honest_members_of_a_training_patient_are_those_that_left_it_out(record: BagRecord) -> None:
    assert (record.members_unseen("q"), record.members_unseen("stranger")) == ((1,), (0, 1))
