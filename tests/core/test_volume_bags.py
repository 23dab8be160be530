"""The whole way from a volume to bags, flags, units and a worklist, with a tiny bag model on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.config import EstimatorKind
from core.detector import with_limit
from core.detector.attention import attention_scores
from core.detector.classes import BagScores, class_limits, decide_bags
from core.errors import InferenceProblem, ModelProblem
from core.inference.bag_predictor import BagPredictor
from core.metrics.selective.coverage_report import coverage_report
from core.pipeline import decide_again, limits_for, run_model, stored_result
from core.pipeline.bags import judge_volume
from core.pipeline.classify import ClassOutcome, bag_scores
from core.pipeline.runs import run_cohort, unit_table
from core.pipeline.worklist import thumbnail_of, worklist
from core.store import Store
from core.types import BagSamples, Estimate, OperatingPoint, RiskConventions, Score
from tests.core.toy_bags import MODEL, make_volume, put_bag_model, settings
from tests.core.toy_runs import put_cohort

FULL = np.ones(12)
"""Every slice shows tissue all over."""


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    put_bag_model(home)
    with Store.open() as opened:
        yield opened


def judged(store: Store, **volume: object) -> ClassOutcome:
    case = make_volume(**volume)  # type: ignore[arg-type]
    store.put_case(case)
    found = run_model(store, case, settings())
    assert isinstance(found, ClassOutcome)
    return found


def bag(*attention: tuple[float, ...], first: int = 0, prob: float = 0.9) -> BagSamples:
    """One row of attention for each prediction."""
    weights = np.array(attention)
    slices = tuple(range(first, first + weights.shape[1]))
    return BagSamples(slices, np.tile([1 - prob, prob], (len(weights), 1)), weights, np.zeros_like(weights))


def values(scores: tuple[Score, ...]) -> dict[str, float | None]:
    return {each.key: each.value for each in scores}


def fired(judged_bag: BagSamples, tissue: np.ndarray = FULL) -> list[str]:
    scores = (Score(key="max_softmax", value=0.9), *attention_scores(judged_bag, tissue))
    verdict = decide_bags([BagScores(0, scores)], scores, class_limits(None, bags=True))
    return [flag.rule for flag in verdict.flags]


def point(level: str, threshold: float) -> OperatingPoint:
    none = Estimate(value=None)
    return OperatingPoint(
        id="p", name="P", version=1, run_id=None, cohort_id=None, cohort_name="c", model_id=MODEL,
        estimator="ensemble", score="max_softmax", threshold=threshold, target="coverage", target_value=0.8,
        conventions=RiskConventions(level=level), coverage=none, selective_risk=none, undetected=none,
        bound=None, bound_level=None, n_fit=1, n_report=1, groups_fit=1, groups_report=1,
    )  # fmt: skip


def test_a_second_question_is_answered_from_the_store_without_a_network(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = judged(store)
    monkeypatch.setattr(BagPredictor, "_member", lambda *_: pytest.fail("a network was opened"))
    second = run_model(store, first.case, settings())
    read = stored_result(store, first.classification.key)
    assert isinstance(second, ClassOutcome) and isinstance(read, ClassOutcome)
    assert (first.cached, second.cached, read.cached) == (False, True, True)
    for found in (second.classification, read.classification):
        assert [each.slices for each in found.bags] == [(0, 1, 2, 3), (3, 4, 5, 6)]
        for one, two in zip(first.classification.bags, found.bags, strict=True):
            for name in ("prob", "attention", "instance"):
                assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
        assert found.tissue is not None and first.classification.tissue is not None
        assert found.tissue.tobytes() == first.classification.tissue.tobytes()
        assert found.scores == first.classification.scores
    assert first.verdict == second.verdict == read.verdict


@pytest.mark.parametrize(
    ("kind", "draws"),
    [("point", 1), ("ensemble", 2), ("tta", 3), ("mc-dropout", 5), ("ensemble-mc-dropout", 10)],
)
def test_every_estimator_has_a_key_of_its_own_and_its_draws(
    store: Store, kind: EstimatorKind, draws: int
) -> None:
    other = judged(store)
    found = judge_volume(store, other.case, settings(kind)).classification
    assert len(found.samples) == draws and all(len(each.prob) == draws for each in found.bags)
    assert (found.key == other.classification.key) == (kind == "ensemble")


def test_the_bag_with_the_highest_probability_decides_and_lends_its_samples(store: Store) -> None:
    found = judged(store).classification
    means = [each.mean_prob for each in found.bags]
    assert found.deciding == int(np.argmax(means))
    assert found.samples.tobytes() == found.bags[found.deciding].prob.tobytes()
    assert found.prob[1] == pytest.approx(max(means))


def test_weights_channels_and_size_of_a_bag_are_part_of_the_key(store: Store, home: Path) -> None:
    case = judged(store).case
    put_bag_model(home, "other-size", bag_size=5)
    configs = [settings(), settings(model_id="other-size")]
    configs += [settings().model_copy(update={"channels": (1, 0, 2)})]
    configs += [settings().model_copy(update={"members": (1,)})]
    assert len({judge_volume(store, case, each).classification.key for each in configs}) == 4


def test_a_single_picture_and_settings_of_other_engines_are_refused(store: Store) -> None:
    with pytest.raises(ModelProblem, match="judges volumes"):
        run_model(store, make_volume(slices=1), settings())
    with pytest.raises(InferenceProblem, match="do not go together"):
        run_model(store, make_volume(), settings().model_copy(update={"backend": "onnxruntime"}))


def test_few_slices_are_one_bag_and_are_named_in_the_notes(store: Store) -> None:
    found = judged(store, slices=3).classification
    assert [each.slices for each in found.bags] == [(0, 1, 2)]
    assert any("fewer than the 4 of a slab" in each for each in found.made_by.notes)


def test_effective_slices_are_those_of_each_prediction_not_of_their_mean() -> None:
    one_hot_elsewhere = bag((1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    assert values(attention_scores(one_hot_elsewhere, FULL))["attention_slices"] == pytest.approx(1.0)
    assert "attention-collapsed" in fired(one_hot_elsewhere)
    uniform = bag((0.25,) * 4)
    assert values(attention_scores(uniform, FULL))["attention_slices"] == pytest.approx(4.0)
    assert fired(uniform) == []


def test_one_slice_has_nothing_to_collapse_and_no_attention_is_undefined() -> None:
    alone, nothing = bag((1.0,)), bag((0.0, 0.0))
    assert values(attention_scores(alone, FULL))["attention_slices"] is None and fired(alone) == []
    assert values(attention_scores(nothing, FULL)) == {"attention_slices": None, "attention_on_tissue": None}
    assert fired(nothing) == [] and nothing.mean_attention.tolist() == [0.0, 0.0]


def test_attention_on_bare_slices_fires_where_more_than_half_of_it_lies_there() -> None:
    tissue = np.array([0.5, 0.0999, 0.1, 0.0])
    assert fired(bag((0.4, 0.3, 0.1, 0.2)), tissue) == []  # 0.4 + 0.1 on tissue is the limit itself
    scores = attention_scores(bag((0.3, 0.4, 0.1, 0.2)), tissue)
    on_tissue = next(each for each in scores if each.key == "attention_on_tissue")
    assert on_tissue.value == pytest.approx(0.4) and on_tissue.slice == 1
    assert fired(bag((0.3, 0.4, 0.1, 0.2)), tissue) == ["attention-off-tissue"]


def test_bare_slab_is_held_against_it_only_where_it_decides() -> None:
    nowhere = np.zeros(4)
    on_tissue = [
        values(attention_scores(bag((0.25,) * 4), nowhere, decides=each))["attention_on_tissue"]
        for each in (True, False)
    ]
    assert on_tissue == [0.0, None]


def test_flags_name_slab_slice_value_and_limit_and_follow_the_limit(store: Store) -> None:
    found = judged(store, bare=(4, 5, 6))
    (flag,) = (each for each in found.verdict.flags if each.rule == "attention-off-tissue")
    assert flag.cause == "attention" and flag.slice in (4, 5, 6)
    assert flag.sentence.startswith("Slab 2: ") and flag.measured < flag.limit == 0.5
    off = with_limit(limits_for(store, found), "attention-off-tissue", active=False)
    assert not any(each.rule == flag.rule for each in decide_again(found, off, None).verdict.flags)
    strict = with_limit(off, "attention-collapsed", limit=64.0)
    flags = decide_again(found, strict, None).verdict.flags
    assert [each.rule for each in flags].count("attention-collapsed") == 2


def test_the_confidence_of_every_bag_is_judged_and_a_point_for_volumes_judges_the_volume_alone(
    store: Store,
) -> None:
    found, limits = judged(store), class_limits(None, bags=True)
    unsure = with_limit(limits, "low-class-confidence", limit=1.0)
    low = [each for each in decide_again(found, unsure, None).verdict.flags if each.cause == "confidence"]
    assert len(low) == 2
    tops = {each.top_slice for each in found.classification.bags}
    assert {each.slice for each in low} == tops
    for level, count in (("slab", 2), ("case", 1)):
        verdict = decide_again(found, limits, point(level, 1.0)).verdict
        assert verdict.operating_point == "P v1"
        assert sum(each.cause == "confidence" for each in verdict.flags) == count


def test_a_run_counts_slabs_with_labels_from_the_masks_and_volumes_beside_them(store: Store) -> None:
    cases = [make_volume(1, marked=(0, 1)), make_volume(2, marked=(3,)), make_volume(3)]
    cohort = put_cohort(store, cases)
    run = run_cohort(store, cohort.id, settings())
    assert (run.done, run.failed, run.task, run.levels) == (3, 0, "classification", ("slab", "case"))
    slabs = unit_table(store, run.id, None)
    assert slabs.level == "slab" and slabs.slice.tolist() == [0, 3] * 3
    assert slabs.label is not None and slabs.label[:, 1].tolist() == [True, False, True, True, False, False]
    assert next(iter(slabs.confidence)) == "max_softmax" and "attention_slices" in slabs.confidence
    volumes = unit_table(store, run.id, "case")
    assert volumes.label is not None and volumes.label[:, 1].tolist() == [True, True, False]
    report = coverage_report(slabs, RiskConventions(level="slab"), None, seed=0, replicates=100)
    assert (report.n, report.groups) == (6, 3)
    again = run_cohort(store, cohort.id, settings())
    assert again.id == run.id


def test_slabs_of_a_cohort_without_masks_have_no_label_but_volumes_take_the_cohorts(store: Store) -> None:
    cases = [make_volume(1, reference=False), make_volume(2, reference=False)]
    cohort = put_cohort(store, cases, labels=("yes", "no"), task="classification")
    run = run_cohort(store, cohort.id, settings())
    assert not unit_table(store, run.id, "slab").has_ref.any()
    volumes = unit_table(store, run.id, "case")
    assert volumes.label is not None and volumes.label[:, 1].tolist() == [True, False]


def test_a_training_patient_is_judged_by_the_networks_that_never_saw_it(store: Store) -> None:
    cases = [make_volume(1), make_volume(2)]
    cohort = put_cohort(store, cases, groups=("p", "stranger"))
    run = run_cohort(store, cohort.id, settings())
    assert run.out_of_fold == 1
    table = unit_table(store, run.id)
    keys = dict(zip(table.group, table.analysis_key, strict=True))
    found = {name: store.classification(key or "") for name, key in keys.items()}
    own, stranger = found["p"], found["stranger"]
    assert own is not None and stranger is not None
    assert own.made_by.members == ("member_0.safetensors",)
    assert len(stranger.made_by.members) == 2


def test_the_worklist_has_the_verdict_that_the_case_page_shows(store: Store) -> None:
    cases = [make_volume(1), make_volume(2, bare=(4, 5, 6))]
    cohort = put_cohort(store, cases)
    run = run_cohort(store, cohort.id, settings())
    items = worklist(store, run, unit_table(store, run.id, "case"))
    assert items[0].name == "volume-2" and "attention" in items[0].causes and items[0].worst_slice == 3
    for item in items:
        shown = stored_result(store, item.analysis_key or "")
        assert shown is not None and item.verdict is not None
        for one, two in zip(shown.verdict.flags, item.verdict.flags, strict=True):
            assert (one.rule, one.sentence, one.severity) == (two.rule, two.sentence, two.severity)
    assert thumbnail_of(store, items[0])


def test_scores_of_a_bag_are_those_of_its_samples(store: Store) -> None:
    found = judged(store).classification
    for each in found.bags:
        own = values(bag_scores(found, each))
        assert own["max_softmax"] == pytest.approx(float(each.prob.mean(axis=0).max()))
    with pytest.raises(AssertionError):
        bag_scores(replace(found, tissue=None), found.bags[0])
