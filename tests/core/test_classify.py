"""The whole way from a picture to a class and a verdict, with a tiny classifier on disk."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as Pillow

from core.config import AnalysisConfig, EstimatorConfig
from core.detector import with_limit
from core.detector.classes import class_limits, decide_class
from core.errors import ModelProblem
from core.models.registry import write_record
from core.pipeline import analyse, open_case
from core.pipeline.classify import classify, score_classification, stored_classification
from core.store import Store
from core.types import Case, NamedBytes, Score
from tests.core.inference.test_classifier import tiny_record

TINY = AnalysisConfig(model_id="tiny", estimator=EstimatorConfig(kind="ensemble"), backend="torch")


@pytest.fixture
def store(home: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    from core.models import user_models_folder

    folder = user_models_folder() / "tiny"
    folder.mkdir(parents=True)
    write_record(tiny_record(folder), folder)
    with Store.open() as opened:
        yield opened


def png(seed: int = 0, colours: int = 1) -> NamedBytes:
    values = np.random.default_rng(seed).integers(0, 256, (40, 48, colours), dtype=np.uint8)
    buffer = io.BytesIO()
    Pillow.fromarray(values[..., 0] if colours == 1 else values).save(buffer, "PNG")
    return NamedBytes("film.png", buffer.getvalue())


def film(store: Store, seed: int = 0, colours: int = 1) -> Case:
    return open_case(store, [png(seed, colours)])


def test_a_second_question_is_answered_from_the_store(store: Store) -> None:
    case = film(store)
    first, second = classify(store, case, TINY), classify(store, case, TINY)
    assert (first.cached, second.cached) == (False, True)
    one, two = first.classification, second.classification
    assert one.samples.tobytes() == two.samples.tobytes()
    assert one.saliency is not None and two.saliency is not None
    assert one.saliency.codes.tobytes() == two.saliency.codes.tobytes()
    assert one.scores == two.scores and one.made_by == two.made_by
    assert one.prob.sum() == pytest.approx(1.0, abs=1e-12)
    assert one.predicted == (one.class_names[int(one.prob.argmax())],)


def test_a_stored_classification_needs_no_network(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found = classify(store, film(store), TINY)
    monkeypatch.setattr("core.inference.open_predictor", None)
    again = stored_classification(store, found.classification.key)
    assert again is not None and again.verdict == found.verdict
    assert stored_classification(store, "0" * 64) is None


def test_what_changes_the_numbers_changes_the_key(store: Store) -> None:
    case = film(store)
    changes: list[dict[str, object]] = [
        {},
        {"contrast": "clahe"},
        {"members": (1,)},
        {"estimator": EstimatorConfig(kind="mc-dropout")},
        {"estimator": EstimatorConfig(kind="tta")},
    ]
    keys = {classify(store, case, TINY.model_copy(update=each)).classification.key for each in changes}
    assert len(keys) == len(changes)


def test_another_contrast_is_noted(store: Store) -> None:
    case = film(store)
    plain = classify(store, case, TINY).classification.made_by
    local = classify(store, case, TINY.model_copy(update={"contrast": "clahe"})).classification.made_by
    assert not [note for note in plain.notes if "contrast" in note]
    assert "contrast clahe; the model was trained with percentile" in local.notes


def test_a_colour_picture_says_which_channel_was_judged(store: Store) -> None:
    notes = classify(store, film(store, colours=3), TINY).classification.made_by.notes
    assert any("channels; the model judged" in note for note in notes)


def test_a_volume_and_the_wrong_task_are_refused(store: Store) -> None:
    single = film(store)
    values = np.repeat(single.image.values, 2, axis=1)
    volume = replace(single, id="f" * 64, image=replace(single.image, values=values))
    with pytest.raises(ModelProblem, match="single pictures"):
        classify(store, volume, TINY)
    with pytest.raises(ModelProblem, match="another task"):
        analyse(store, film(store), TINY)


def test_scores_come_in_order_with_the_default_first() -> None:
    samples = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.3, 0.4, 0.3]])
    scores = {each.key: each.value for each in score_classification(samples, multilabel=False)}
    assert list(scores) == ["max_softmax", "entropy", "margin", "mutual_information", "agreement"]
    assert scores["max_softmax"] == pytest.approx(0.5)  # (0.7 + 0.5 + 0.3) / 3
    assert scores["margin"] == pytest.approx(0.2)  # 0.5 - 0.3
    assert scores["agreement"] == pytest.approx(2 / 3)  # two of three vote for the first class


def test_one_sample_has_no_disagreement() -> None:
    scores = score_classification(np.array([[0.7, 0.3]]), multilabel=False)
    assert [each.value for each in scores[-2:]] == [None, None]
    assert all(each.note for each in scores[-2:])


def test_of_several_findings_the_least_certain_decides() -> None:
    samples = np.array([[0.9, 0.6], [0.9, 0.4]])
    scores = {each.key: each.value for each in score_classification(samples, multilabel=True)}
    assert scores["max_softmax"] == pytest.approx(0.5)  # the second finding: mean 0.5
    assert scores["agreement"] == pytest.approx(0.5)
    assert scores["mutual_information"] is not None and scores["mutual_information"] < 0


def test_low_confidence_is_flagged_and_the_limit_can_be_switched_off() -> None:
    limits = class_limits(None)
    low, high = (Score(key="max_softmax", value=value) for value in (0.4, 0.6))
    assert decide_class([high], limits).answer == "consistent"
    verdict = decide_class([low], limits)
    assert verdict.answer == "review" and verdict.flags[0].sentence.startswith("The likeliest class")
    off = with_limit(limits, "low-class-confidence", active=False)
    assert decide_class([low], off).answer == "consistent"
