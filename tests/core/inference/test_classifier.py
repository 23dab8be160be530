"""Classifiers in inference: every estimator, folded dropout, moves, evidence, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.config import EstimatorConfig, EstimatorKind
from core.errors import ModelProblem
from core.inference import ESTIMATORS, Predictor, RunSettings, possible_estimators
from core.inference.estimators import CLASS_WORDING
from core.inference.moves import apply_move
from core.inference.seeds import draw_mask, mask_seed
from core.models import ClassifierArchitecture, MemberRecord, ModelRecord, PictureMove
from core.models.build_classifier import build_classifier, initialise_classifier
from core.models.weights import load_classifier_member, save_weights
from core.types import Geometry, Image

TINY = ClassifierArchitecture(
    backbone="convnextv2_atto", classes=3, head_dropout=0.4, depths=(1, 1, 1, 1), dims=(8, 8, 16, 16)
)
MOVES = (PictureMove(), PictureMove(down=0.05), PictureMove(scale=1.1))


def tiny_record(folder: Path, members: int = 2, **changes: Any) -> ModelRecord:
    """A classifier of that many tiny members with random weights from fixed seeds."""
    architecture = changes.get("architecture", TINY)
    files = []
    for index in range(members):
        net = build_classifier(architecture)
        generator = torch.Generator().manual_seed(index)
        initialise_classifier(net, generator)
        torch.nn.init.normal_(net.head.weight, std=1.0, generator=generator)
        path = folder / f"member_{index}.safetensors"
        files.append(MemberRecord(file=path.name, sha256=save_weights(net, path)))
    fields: dict[str, Any] = {
        "id": "tiny",
        "title": "Tiny",
        "description": "For tests",
        "task": "classification",
        "architecture": architecture,
        "working_size": 64,
        "channels": ("X-ray",),
        "class_names": ("normal", "bacterial", "viral"),
        "activation": "softmax",
        "moves": MOVES,
        "members": tuple(files),
        "licence": "none",
        "source": "tests",
        "folder": folder,
    }
    return ModelRecord(**{**fields, **changes})


def picture(seed: int = 0, slices: int = 1, shape: tuple[int, int] = (50, 70)) -> Image:
    values = np.random.default_rng(seed).random((1, slices, *shape), dtype=np.float32)
    geometry = Geometry(None, None, "unknown", "assumed", None, (slices, *shape), (0, 1, 2), (False,) * 3)
    return Image(values, geometry, ("grey",), None, "uint8", (0.0, 1.0))


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> ModelRecord:
    return tiny_record(tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="module")
def predictor(record: ModelRecord) -> Predictor:
    return Predictor(record, RunSettings("cpu", "torch"))


def quiet(share: float, sentence: str) -> None:
    pass


def ask(predictor: Predictor, kind: EstimatorKind, image: Image | None = None, samples: int = 5) -> Any:
    estimator = EstimatorConfig(kind=kind, samples=samples)
    return predictor.classify(image or picture(), (0,), estimator, "case", quiet)


@pytest.mark.parametrize(
    ("kind", "rows"),
    [("point", 1), ("ensemble", 2), ("tta", 3), ("mc-dropout", 5), ("ensemble-mc-dropout", 10)],
)
def test_every_estimator_gives_its_samples_as_probabilities(
    predictor: Predictor, kind: EstimatorKind, rows: int
) -> None:
    found = ask(predictor, kind)
    assert found.prob.shape == (rows, 3) and found.prob.dtype == np.float64
    assert np.abs(found.prob.sum(axis=1) - 1.0).max() < 1e-12
    assert len(np.unique(found.prob, axis=0)) == rows


def test_same_picture_gives_the_same_bytes_after_others(record: ModelRecord, predictor: Predictor) -> None:
    first = ask(predictor, "ensemble-mc-dropout")
    ask(predictor, "mc-dropout", picture(1))
    fresh = Predictor(record, RunSettings("cpu", "torch"))
    again = ask(fresh, "ensemble-mc-dropout")
    assert first.prob.tobytes() == again.prob.tobytes()
    assert first.saliency.tobytes() == again.saliency.tobytes()


def test_folded_dropout_equals_dropping_pooled_features_one_sample_at_a_time(
    record: ModelRecord, predictor: Predictor
) -> None:
    from core.inference.pictures import Pictures

    found = ask(predictor, "mc-dropout").prob
    net = load_classifier_member(record, 0)
    inputs = torch.from_numpy(Pictures(picture(), (0,), record).picture(0)[None])
    with torch.inference_mode():
        pooled = net.features(inputs).mean((2, 3))[0]
        for sample, row in enumerate(found):
            seed = mask_seed("case", record.members[0].sha256, sample, "dropout", 0)
            mask = torch.from_numpy(draw_mask((1, 16, 1, 1), 0.4, seed)).flatten()
            logits = net.head.weight[:, :, 0, 0] @ (pooled * mask) + net.head.bias
            assert np.abs(torch.softmax(logits, 0).numpy() - row).max() < 1e-6


def test_evidence_maps_average_to_the_logits(record: ModelRecord, predictor: Predictor) -> None:
    from core.inference.pictures import Pictures

    inputs = Pictures(picture(), (0,), record).picture(0)[None]
    member = predictor._member(0)
    evidence = member.evidence(member.keep(inputs))
    with torch.inference_mode():
        logits = load_classifier_member(record, 0)(torch.from_numpy(inputs))[0].numpy()
    assert evidence.shape == (3, 2, 2)
    assert np.abs(evidence.mean(axis=(1, 2)) - logits).max() < 1e-5


def test_saliency_has_the_size_of_the_picture_and_lies_between_0_and_1(predictor: Predictor) -> None:
    saliency = ask(predictor, "ensemble").saliency
    assert saliency.shape == (50, 70)
    assert saliency.min() >= 0.0 and 0.5 < saliency.max() <= 1.0


def test_a_volume_is_refused(predictor: Predictor) -> None:
    with pytest.raises(ModelProblem, match=r"single pictures.*a volume of 3 slices"):
        ask(predictor, "point", picture(slices=3))


def test_each_task_refuses_the_other(predictor: Predictor) -> None:
    with pytest.raises(ModelProblem, match="another task"):
        predictor.stream(picture(), (0,), EstimatorConfig(kind="point"), "case", quiet)


def test_only_members_that_may_be_asked_are_asked(predictor: Predictor) -> None:
    estimator = EstimatorConfig(kind="ensemble")
    both = predictor.classify(picture(), (0,), estimator, "case", quiet).prob
    second = predictor.classify(picture(), (0,), estimator, "case", quiet, (1,)).prob
    assert second.tolist() == [both[1].tolist()]


def test_estimators_of_a_classifier_have_words_of_their_own(record: ModelRecord) -> None:
    assert set(CLASS_WORDING) == {spec.key for spec in ESTIMATORS}
    labels = {spec.key: spec.label for spec in possible_estimators(record)}
    assert labels["tta"] == "Shifted and scaled" and len(labels) == len(ESTIMATORS)


def test_without_moves_there_is_no_test_time_variant(tmp_path: Path) -> None:
    still = tiny_record(tmp_path, members=1, moves=())
    assert {spec.key for spec in possible_estimators(still)} == {"mc-dropout", "point"}
    with pytest.raises(ModelProblem, match="names no moves"):
        Predictor(still, RunSettings("cpu", "torch")).plan(EstimatorConfig(kind="tta"))


def test_findings_of_a_multilabel_model_need_not_add_up_to_one(tmp_path: Path) -> None:
    both = tiny_record(tmp_path, task="multilabel", activation="sigmoid", class_names=("a", "b", "c"))
    prob = ask(Predictor(both, RunSettings("cpu", "torch")), "mc-dropout").prob
    assert ((prob > 0) & (prob < 1)).all()
    assert np.abs(prob.sum(axis=1) - 1.0).min() > 1e-3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation": "sigmoid"}, "takes softmax"),
        ({"class_names": ("a", "b")}, "one class per class name"),
        ({"task": "segmentation", "moves": ()}, "architecture and its task"),
        ({"moves": (PictureMove(down=0.1),)}, "first of them moves nothing"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_record(tmp_path, members=1, **changes)


def test_a_move_of_nothing_changes_nothing_and_a_shift_moves_content() -> None:
    square = np.random.default_rng(0).random((1, 8, 8), dtype=np.float32)
    assert np.array_equal(apply_move(square, PictureMove()), square)
    moved = apply_move(square, PictureMove(down=0.25, right=-0.125))
    assert np.allclose(moved[0, 2:, :7], square[0, :6, 1:], atol=1e-6)


def test_onnx_runtime_gives_the_same_probabilities(record: ModelRecord, predictor: Predictor) -> None:
    fast = Predictor(record, RunSettings("cpu", "onnxruntime"))
    assert np.abs(ask(fast, "mc-dropout").prob - ask(predictor, "mc-dropout").prob).max() < 1e-5
    assert fast.ran(fast.plan(EstimatorConfig(kind="mc-dropout"))).backend == "onnxruntime"


def test_contrast_is_part_of_what_the_network_sees(record: ModelRecord, predictor: Predictor) -> None:
    from core.models import with_contrast

    assert with_contrast(record, None) is record
    local = Predictor(with_contrast(record, "clahe"), RunSettings("cpu", "torch"))
    assert ask(local, "point").prob.tolist() != ask(predictor, "point").prob.tolist()
    assert "contrast" not in record.preprocessing.model_dump()
    assert local.record.preprocessing.model_dump()["contrast"] == "clahe"


def test_colour_channels_are_not_mixed(predictor: Predictor) -> None:
    grey = picture()
    red = replace(grey, values=np.concatenate([grey.values, 1 - grey.values]), channel_names=("red", "green"))
    assert ask(predictor, "point", red).prob.tolist() == ask(predictor, "point", grey).prob.tolist()
