"""A cohort is run once per case, whatever happens in between, and honestly for training patients."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.config import AnalysisConfig, EstimatorConfig
from core.errors import Cancelled, InferenceProblem, ModelProblem, SettingsProblem
from core.metrics.evaluation import unit_metrics
from core.metrics.reliability.histogram import unit_histogram
from core.models import ModelRecord
from core.pipeline import case as one_case
from core.pipeline import runs, stored_outcome
from core.pipeline.points import save_operating_point
from core.store import Store
from core.types import FixedPoint, RunRecord
from tests.core.inference.conftest import make_record
from tests.core.inference.test_classifier import tiny_record
from tests.core.store.run_examples import make_point
from tests.core.toy_runs import CONFIG, SETTINGS, make_case, put_cohort, write_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ModelRecord:
    """Three tiny networks."""
    return make_record(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def store(home: Path, made: ModelRecord) -> Iterator[Store]:
    write_model(home, made)
    with Store.open(settings=SETTINGS) as opened:
        yield opened


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the cases for which networks were asked, in order."""
    found: list[str] = []
    compute = one_case.compute_analysis

    def counted(case: object, *rest: object) -> object:
        found.append(case.id)  # type: ignore[attr-defined]
        return compute(case, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(one_case, "compute_analysis", counted)
    return found


def run(
    store: Store, cases: list, groups: tuple[str, ...] = (), config: AnalysisConfig = CONFIG
) -> RunRecord:  # type: ignore[type-arg]
    return runs.run_cohort(store, put_cohort(store, cases, groups).id, config)


def test_units_of_a_run_equal_brute_force(store: Store) -> None:
    cases = [make_case(1, slices=3), make_case(2), make_case(3, slices=2)]
    record = run(store, cases)
    assert (record.done, record.failed, record.complete) == (3, 0, True)
    whole, slices = runs.unit_table(store, record.id), runs.unit_table(store, record.id, "slice")
    assert slices.slice.tolist() == [0, 1, 2, 0, 0, 1]
    unit = 0
    for row, case in enumerate(cases):
        key = whole.analysis_key[row]
        assert key is not None
        analysis = store.analysis(key)
        assert analysis is not None
        assert case.reference is not None
        pred, ref = analysis.mask_pred, case.reference.mask_ref.astype(np.uint8)
        for name, value in unit_metrics(pred, ref, ("lesion",), None).items():
            np.testing.assert_equal(whole.metrics[name][row], value)
        for score in analysis.scores:
            np.testing.assert_equal(
                whole.confidence[score.key][row], np.nan if score.value is None else score.value
            )
        assert whole.default_confidence == analysis.scores[0].key
        summed = np.zeros(whole.histograms.shape[1:])  # type: ignore[union-attr]
        for k in range(len(pred)):
            prob = FixedPoint(analysis.prob.codes[:, k : k + 1], analysis.prob.upper)
            own = unit_histogram(prob, pred[k : k + 1], ref[k : k + 1])
            np.testing.assert_array_equal(slices.histograms[unit], own)  # type: ignore[index]
            for name, value in unit_metrics(pred[k : k + 1], ref[k : k + 1], ("lesion",), None).items():
                np.testing.assert_equal(slices.metrics[name][unit], value)
            assert bool(slices.pred_empty[unit]) == (not pred[k].any())
            assert bool(slices.ref_empty[unit]) == (not ref[k].any())
            summed, unit = summed + own, unit + 1
        np.testing.assert_allclose(whole.histograms[row], summed, rtol=1e-6)  # type: ignore[index]


def test_cancelled_run_goes_on_and_asks_nothing_twice(store: Store, asked: list[str]) -> None:
    cases = [make_case(k) for k in range(4)]
    cohort = put_cohort(store, cases)
    told: list[str] = []

    def stop_in_the_third(share: float, sentence: str) -> None:
        told.append(sentence)
        if sentence.startswith("Case 3 of 4") and share > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        runs.run_cohort(store, cohort.id, CONFIG, stop_in_the_third)
    half = runs.latest_run(store, "toys")
    assert (half.done, half.failed, half.complete) == (2, 0, False)
    whole = runs.run_cohort(store, cohort.id, CONFIG)
    assert (whole.id, whole.done, whole.complete) == (half.id, 4, True)
    # The third was stopped before it could be kept, so it is the only one that was begun twice.
    assert [asked.count(case.id) for case in cases] == [1, 1, 2, 1]
    assert not any(case.name in sentence for case in cases for sentence in told)
    before = list(asked)
    assert runs.run_cohort(store, cohort.id, CONFIG) == whole
    assert asked == before


def test_analysis_in_the_store_is_read_and_not_computed(store: Store, asked: list[str]) -> None:
    cases = [make_case(0), make_case(1)]
    cohort = put_cohort(store, cases)
    one_case.analyse(store, cases[1], CONFIG)
    record = runs.run_cohort(store, cohort.id, CONFIG)
    assert record.done == 2
    assert [asked.count(case.id) for case in cases] == [1, 1]


def test_progress_never_goes_back_and_tells_the_rate(store: Store) -> None:
    cohort = put_cohort(store, [make_case(k) for k in range(3)])
    told: list[tuple[float, str]] = []
    ticks = iter(range(1000))
    runs.run_cohort(
        store, cohort.id, CONFIG, lambda share, words: told.append((share, words)), clock=lambda: next(ticks)
    )
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] <= shares[-1] <= 1.0
    # The clock ticks once a case: at the second case one is done after two ticks.
    assert "Case 2 of 3, 0.5 cases/s" in {words for _, words in told}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_killed_run_loses_nothing_and_computes_nothing_twice(
    home: Path, made: ModelRecord, asked: list[str]
) -> None:
    write_model(home, made)
    cases = [make_case(k) for k in range(4)]
    with Store.open(settings=SETTINGS) as store:
        put_cohort(store, cases)
    command = [sys.executable, "-m", "tests.core.toy_runs", str(home), "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (-signal.SIGKILL, ["1", "2", "3"]), done.stderr
    with Store.open(settings=SETTINGS) as store:
        assert store.verify().ok
        half = runs.latest_run(store, "toys")
        assert (half.done, half.failed) == (2, 0)
        kept = runs.unit_table(store, half.id)
        whole = runs.run_cohort(store, half.cohort_id, CONFIG)
        assert (whole.id, whole.done, whole.complete) == (half.id, 4, True)
        table = runs.unit_table(store, whole.id)
    assert asked == [cases[2].id, cases[3].id]
    assert table.name[:2] == kept.name
    np.testing.assert_array_equal(table.histograms[:2], kept.histograms)  # type: ignore[index, arg-type]


def test_failing_cases_are_listed_and_the_others_go_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [make_case(k) for k in range(4)]
    analyse = runs.analyse
    broken = {
        cases[0].id: InferenceProblem("The device is gone", found="none", expected="one", fix="plug it in"),
        cases[2].id: RuntimeError("secret-name.png"),
    }

    def fails(store: Store, case: object, *args: object, **options: object) -> object:
        if case.id in broken:  # type: ignore[attr-defined]
            raise broken[case.id]  # type: ignore[attr-defined]
        return analyse(store, case, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(runs, "analyse", fails)
    record = run(store, cases)
    assert (record.done, record.failed, record.complete) == (2, 2, True)
    first, second = runs.run_failures(store, record.id)
    assert (first.name, first.sentence.startswith("The device is gone.")) == ("case-0", True)
    assert (second.name, "incident" in second.sentence) == ("case-2", True)
    assert "secret" not in second.sentence
    broken.clear()
    again = runs.run_cohort(store, record.cohort_id, CONFIG)
    assert again.failed == 2
    tried = runs.run_cohort(store, record.cohort_id, CONFIG, retry_failed=True)
    assert (tried.id, tried.done, tried.failed) == (record.id, 4, 0)


def test_case_without_a_reference_has_confidence_but_no_metric(store: Store) -> None:
    table = runs.unit_table(store, run(store, [make_case(1, reference=False), make_case(2)]).id)
    assert table.has_ref.tolist() == [False, True]
    assert np.isnan(table.metrics["dice"]).tolist() == [True, False]
    assert table.histograms is not None
    assert table.histograms[0].sum() == 0


def test_training_patients_are_judged_only_by_networks_that_never_saw_them(
    home: Path, made: ModelRecord
) -> None:
    write_model(home, made, folds=True)
    cases = [make_case(k) for k in range(4)]
    with Store.open(settings=SETTINGS) as store:
        record = run(store, cases, ("p0", "p1", "p2", "new"))
        table = runs.unit_table(store, record.id)
        made = []
        for key in table.analysis_key:
            analysis = store.analysis(key or "")
            assert analysis is not None
            made.append(analysis.made_by)
    names = [f"member-{k}.safetensors" for k in range(3)]
    # p0 was left out by networks 0 and 1, p1 by network 1 alone, p2 by none; "new" is in no fold.
    assert [each.members for each in made] == [(names[0], names[1]), (names[1],), tuple(names), tuple(names)]
    assert [each.samples for each in made] == [2, 1, 3, 3]
    assert "only one of 3 networks may be asked" in made[1].notes[0]
    assert (record.out_of_fold, record.in_training) == (2, 1)
    assert record.notes == (
        "2 of 4 cases belong to patients that the model was trained on; they were judged only by networks "
        "that never saw them",
        "1 of 4 cases belong to patients that every network of the model has seen in training; their numbers "
        "flatter the model",
    )


def test_wish_for_networks_that_saw_a_patient_does_not_override_the_rule(
    home: Path, made: ModelRecord
) -> None:
    record = write_model(home, made, folds=True)
    assert runs.members_for(record, "p0", (1, 2)) == ((1,), "out of fold")
    assert runs.members_for(record, "p0", (2,)) == ((2,), "in training")
    assert runs.members_for(record, "new", (2,)) == ((2,), "unseen")


def test_settings_make_runs_of_their_own(store: Store) -> None:
    cohort = put_cohort(store, [make_case(1)])
    point = CONFIG.model_copy(update={"estimator": EstimatorConfig(kind="point")})
    first, second = runs.run_cohort(store, cohort.id, CONFIG), runs.run_cohort(store, cohort.id, point)
    assert first.id != second.id
    assert {each.id for each in store.runs(cohort.id)} == {first.id, second.id}
    assert runs.latest_run(store, first.id[:8]).id == first.id
    assert runs.find_cohort(store, cohort.id[:6]).name == "toys"


def test_what_is_not_there_is_named_with_what_is(store: Store) -> None:
    cohort = put_cohort(store, [make_case(1)])
    with pytest.raises(SettingsProblem, match=r"one of toys \("):
        runs.find_cohort(store, "boys")
    with pytest.raises(SettingsProblem, match="Nothing has been run"):
        runs.latest_run(store, "toys")
    with pytest.raises(ModelProblem):
        runs.run_cohort(store, cohort.id, CONFIG.model_copy(update={"members": (7,)}))
    with pytest.raises(SettingsProblem, match="no such run"):
        runs.unit_table(store, "nothing")


def test_active_operating_point_judges_stored_results_and_is_named(store: Store) -> None:
    outcome = one_case.analyse(store, make_case_kept(store), CONFIG)
    agreement = next(each.value for each in outcome.analysis.scores if each.key == "agreement")
    assert agreement is not None
    assert outcome.verdict.operating_point is None
    strict = make_point(model_id="tiny", threshold=agreement + 0.1)
    save_operating_point(store, strict, activate=True)
    low = stored_outcome(store, outcome.analysis.key)
    assert low is not None
    assert (low.verdict.answer, low.verdict.operating_point) == ("review", "ward v1")
    assert any("ward v1" in flag.sentence for flag in low.verdict.flags)
    save_operating_point(store, make_point(model_id="tiny", threshold=agreement - 0.1), activate=True)
    high = stored_outcome(store, outcome.analysis.key)
    assert high is not None
    assert high.verdict.operating_point == "ward v2"
    assert not any(flag.rule == "low-confidence" for flag in high.verdict.flags)


def make_case_kept(store: Store):  # type: ignore[no-untyped-def]
    case = make_case(1)
    store.put_case(case)
    return case


def test_classifier_runs_over_a_cohort_with_labels(home: Path, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    write_model(home, tiny_record(tmp_path / "made"))
    cases = [make_case(k, channels=1) for k in range(3)]
    with Store.open(settings=SETTINGS) as store:
        cohort = put_cohort(store, cases, labels=("normal", "viral", ""), task="classification")
        record = runs.run_cohort(store, cohort.id, CONFIG)
        assert (record.task, record.done, record.failed) == ("classification", 3, 0)
        table = runs.unit_table(store, record.id)
        assert table.prob is not None
        assert table.label is not None
        for row, key in enumerate(table.analysis_key):
            kept = store.classification(key or "")
            assert kept is not None
            np.testing.assert_array_equal(table.prob[row], kept.prob)
            assert table.default_confidence == kept.scores[0].key
        with pytest.raises(SettingsProblem, match="another question"):
            runs.run_cohort(store, put_cohort(store, [make_case(1)]).id, CONFIG)
    assert table.class_names == ("normal", "bacterial", "viral")
    assert table.label.tolist() == [[True, False, False], [False, False, True], [False, False, False]]
    assert table.has_ref.tolist() == [True, True, False]


def test_a_run_is_asked_for_beside_its_own_cohort_only(store: Store) -> None:
    first = run(store, [make_case(1)])
    others = put_cohort(store, [make_case(2)])
    assert runs.run_of(store, first.cohort_id, first.id[:8]).id == first.id
    assert runs.run_of(store, None, first.id[:8]).id == first.id
    with pytest.raises(SettingsProblem, match="belongs to another cohort"):
        runs.run_of(store, others.id, first.id[:8])
