"""A case under corruption: clean without steps, seeded by the clean picture, judged where it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.config import AnalysisConfig, CorruptionConfig, CorruptionStep, EstimatorConfig
from core.corruptions import support
from core.errors import SettingsProblem
from core.metrics.reliability.histogram import unit_histogram
from core.models.registry import write_record
from core.pipeline import Outcome, analyse
from core.pipeline.classify import ClassOutcome, classify
from core.pipeline.stress import CLIPPED, DAMAGE, LOST, MEASURE, Stressed, stress, stressed_item
from core.pipeline.units import segmentation_item
from core.store import Store
from core.types import Analysis, Case, CohortItem, FixedPoint, Reference
from tests.core.inference.conftest import make_record
from tests.core.inference.test_classifier import tiny_record
from tests.core.test_classify import film
from tests.core.toy_runs import CONFIG, SETTINGS, make_case, write_model

DROPOUT = CONFIG.model_copy(update={"estimator": EstimatorConfig(kind="mc-dropout", samples=4)})
ITEM = CohortItem(position=0, case_id=None, name="case", group="patient")


@pytest.fixture
def store(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    write_model(home, make_record(tmp_path_factory.mktemp("tiny")))
    with Store.open(settings=SETTINGS) as opened:
        yield opened


def worse(*steps: tuple[str, float], seed: int = 0, config: AnalysisConfig = DROPOUT) -> AnalysisConfig:
    named = tuple(CorruptionStep(key=key, severity=severity) for key, severity in steps)
    return config.model_copy(update={"corruption": CorruptionConfig(steps=named, seed=seed)})


def analysis_of(stressed: Stressed) -> Analysis:
    assert isinstance(stressed.result, Outcome)
    return stressed.result.analysis


def edge_case() -> Case:
    """A lesion at the left edge, so that some pushes take a part of it out of the frame."""
    case = make_case(2, slices=2)
    mask_ref = np.zeros((2, 24, 32), np.bool_)
    mask_ref[:, 4:20, :6] = True
    return replace(case, reference=Reference(mask_ref, "mask", (0.0, 1.0)))


def test_without_steps_it_is_the_ordinary_analysis(store: Store) -> None:
    case = make_case(1, slices=3)
    store.put_case(case)
    clean, plain = analysis_of(stress(store, case, worse())), analyse(store, case, DROPOUT).analysis
    assert clean.key == plain.key
    assert clean.prob.codes.tobytes() == plain.prob.codes.tobytes()
    assert clean.scores == plain.scores


def test_severity_0_changes_nothing_but_the_key(store: Store) -> None:
    case = make_case(1, slices=3)
    plain = analysis_of(stress(store, case, worse()))
    for key in ("gaussian_noise", "rotation"):
        found = analysis_of(stress(store, case, worse((key, 0.0))))
        assert found.key != plain.key
        assert found.prob.codes.tobytes() == plain.prob.codes.tobytes()


def test_another_severity_or_seed_is_another_key_and_nothing_is_stored(store: Store) -> None:
    case = make_case(1)
    configs = [
        worse(("gaussian_noise", 2.0)),
        worse(("gaussian_noise", 2.5)),
        worse(("gaussian_noise", 2.0), seed=1),
        worse(("speckle", 2.0)),
        worse(("speckle", 2.0), ("gaussian_noise", 2.0)),
        worse(("gaussian_noise", 2.0), ("speckle", 2.0)),
    ]
    keys = {analysis_of(stress(store, case, each)).key for each in configs}
    assert len(keys) == len(configs)
    assert store.analyses_of(case.id) == ()


def test_same_settings_give_the_same_bytes(store: Store) -> None:
    case, config = make_case(1, slices=2), worse(("gaussian_noise", 3.0), ("ghosting", 2.0))
    first, second = (analysis_of(stress(store, case, config)) for _ in range(2))
    assert first.prob.codes.tobytes() == second.prob.codes.tobytes()
    assert first.slices == second.slices


def test_moved_picture_is_judged_inside_the_frame_that_it_never_left(store: Store) -> None:
    case = edge_case()
    pushes = (stress(store, case, worse(("translation", 5.0), seed=seed)) for seed in range(8))
    found = next(each for each in pushes if each.lost_share)
    assert found.shown.reference is not None and case.reference is not None
    kept, drawn = found.shown.reference.mask_ref, case.reference.mask_ref
    assert not (kept & ~drawn).any()
    assert found.lost_share == pytest.approx(1.0 - kept.sum() / drawn.sum())
    assert 0.0 < found.lost_share < 1.0
    prob = analysis_of(found).prob.codes[0]
    assert found.corrupted.move is not None
    outside = ~support(found.corrupted.move, case.image.slice_shape)
    assert outside.any()
    assert not prob[:, outside].any(), "what came in from beyond the frame holds no probability"


def test_item_keeps_numbers_measures_and_one_histogram_but_no_map(store: Store) -> None:
    case = make_case(2, slices=3)
    found = stress(store, case, worse(("gaussian_noise", 2.0)))
    analysis = analysis_of(found)
    item, whole = stressed_item(ITEM, found), segmentation_item(found.shown, analysis)
    assert item.analysis_key is None
    assert item.histograms is not None and whole.histograms is not None
    assert item.histograms.shape == (1, *whole.histograms.shape[1:])
    assert np.allclose(item.histograms[0], whole.histograms.sum(axis=0), rtol=1e-6)
    labels = found.shown.reference.mask_ref.astype(np.uint8)  # type: ignore[union-attr]
    together = unit_histogram(FixedPoint(analysis.prob.codes, 1.0), analysis.mask_pred, labels)
    assert np.allclose(item.histograms[0, 0], together[0])
    metrics = dict(item.units[0].metrics)
    assert metrics[DAMAGE] == found.corrupted.damage > 0.0
    assert (metrics[CLIPPED], metrics[LOST]) == (found.corrupted.steps[0].clipped_share, 0.0)
    measured = {each.key: each.value for each in analysis.slices[1].measures if each.value is not None}
    kept = {key: value for key, value in item.units[2].metrics if key.startswith(MEASURE)}
    assert kept == {MEASURE + key: value for key, value in measured.items()}
    for unit, plain in zip(item.units, whole.units, strict=True):
        assert unit.confidence == plain.confidence
        assert repr(unit.metrics[: len(plain.metrics)]) == repr(plain.metrics)


def test_unknown_corruption_is_refused_with_the_known_ones(store: Store) -> None:
    with pytest.raises(SettingsProblem, match="gaussian_noise"):
        stress(store, make_case(1), worse(("fog", 2.0)))


def test_classifier_is_asked_about_the_corrupted_picture(store: Store, home: Path) -> None:
    folder = home / "models" / "films"
    folder.mkdir()
    write_record(tiny_record(folder).model_copy(update={"id": "films"}), folder)
    config = AnalysisConfig(model_id="films", backend="torch")
    case = film(store)
    clean, plain = stress(store, case, worse(config=config)), classify(store, case, config)
    noisy = stress(store, case, worse(("gaussian_noise", 5.0), config=config))
    assert isinstance(clean.result, ClassOutcome) and isinstance(noisy.result, ClassOutcome)
    assert clean.result.classification.key == plain.classification.key
    assert clean.result.classification.prob.tobytes() == plain.classification.prob.tobytes()
    assert noisy.result.classification.prob.tobytes() != plain.classification.prob.tobytes()
    item = stressed_item(ITEM, noisy)
    assert item.units[0].prob == tuple(noisy.result.classification.prob.tolist())
    assert dict(item.units[0].metrics)[DAMAGE] > 0.0
