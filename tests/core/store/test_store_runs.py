"""Cohorts and runs come back as they were given, and nothing outlives a deleted case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_examples import filled, make_cohort, make_result, make_run
from stored_examples import array_files, bits, make_analysis, make_case, open_store

from core.store import Store
from core.types import (
    Classification,
    ItemResult,
    Level,
    Refusal,
    Score,
    UnitResult,
    UnitTable,
)

CASES = [make_case(f"scan-{k}.nii.gz") for k in range(4)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as opened:
        yield opened


def table(store: Store, run_id: str, level: Level = "case") -> UnitTable:
    found = store.unit_table(run_id, level)
    assert found is not None
    return found


def test_cohort_comes_back_with_counted_items_and_groups(store: Store) -> None:
    record, items = make_cohort("ward", CASES)
    refused = (Refusal(name="notes.txt", sentence="Not a picture."),)
    store.put_cohort(record.model_copy(update={"refused": refused, "items": 99}), items)
    found = store.cohort(record.id)
    assert found is not None
    assert (found.items, found.groups, found.refused) == (4, 2, refused)
    assert store.cohort_items(record.id) == tuple(items)
    assert store.cohorts() == (found,)
    assert store.cohort("nothing") is None


def test_same_cohort_again_takes_the_new_name_and_keeps_its_runs(store: Store) -> None:
    run, _ = filled(store, CASES)
    record, items = make_cohort("ward", CASES)
    store.put_cohort(record.model_copy(update={"name": "ward B"}), items)
    assert [each.name for each in store.cohorts()] == ["ward B"]
    assert store.done_positions(run.id) == {0, 1, 2, 3}


def test_run_counts_what_is_done_and_what_failed(store: Store) -> None:
    record, items = make_cohort("ward", CASES)
    store.put_cohort(record, items)
    run = make_run(record)
    store.put_run(run)
    store.put_item(run.id, 0, make_result(0))
    store.put_item(run.id, 1, ItemResult(problem="It is torn."))
    store.put_item(run.id, 2, replace(make_result(2), origin="out of fold"))
    found = store.run(run.id)
    assert found is not None
    assert (found.items, found.done, found.failed, found.out_of_fold, found.complete) == (4, 2, 1, 1, False)
    assert found.config == run.config
    assert [(each.position, each.name, each.sentence) for each in store.run_failures(run.id)] == [
        (1, CASES[1].name, "It is torn.")
    ]
    assert (store.done_positions(run.id), store.failed_positions(run.id)) == ({0, 2}, {1})
    assert "1 of 2 cases belong to patients that the model was trained on" in found.notes[0]


def test_second_result_of_an_item_takes_the_place_of_the_first(store: Store) -> None:
    run, results = filled(store, CASES)
    store.put_item(run.id, 1, results[0])
    found = table(store, run.id)
    assert found.confidence["agreement"][1] == found.confidence["agreement"][0]
    assert np.array_equal(found.histograms[1], found.histograms[0])  # type: ignore[index]
    assert found.units == 4


@pytest.mark.parametrize("finished", [False, True])
def test_unit_tables_equal_what_was_put_in(store: Store, finished: bool) -> None:
    run, results = filled(store, CASES)
    if finished:
        store.finish_run(run.id)
    cases, slices = table(store, run.id), table(store, run.id, "slice")
    own = [(k, unit) for k, result in enumerate(results) for unit in result.units]
    for found, wanted in (
        (cases, [each for each in own if each[1].slice == -1]),
        (slices, [each for each in own if each[1].slice >= 0]),
    ):
        assert found.slice.tolist() == [unit.slice for _, unit in wanted]
        assert found.name == tuple(CASES[k].name for k, _ in wanted)
        assert found.group == tuple(f"patient-{k // 2}" for k, _ in wanted)
        assert found.case_id == tuple(CASES[k].id for k, _ in wanted)
        assert found.analysis_key == tuple(results[k].analysis_key for k, _ in wanted)
        assert found.pred_empty.tolist() == [unit.pred_empty for _, unit in wanted]
        assert found.ref_empty.tolist() == [unit.ref_empty for _, unit in wanted]
        assert found.confidence["agreement"].tolist() == [unit.confidence[0][1] for _, unit in wanted]
        assert np.isnan(found.confidence["entropy"]).all()
        assert found.metrics["dice"].tolist() == [unit.metrics[0][1] for _, unit in wanted]
        assert found.default_confidence == "agreement"
        assert (found.prob, found.label) == (None, None)
    assert slices.histograms is not None
    assert cases.histograms is not None
    assert np.array_equal(slices.histograms, np.concatenate([each.histograms for each in results]))  # type: ignore[misc]
    for k, result in enumerate(results):
        assert result.histograms is not None
        assert np.array_equal(cases.histograms[k], result.histograms.sum(axis=0))


def test_unit_without_reference_has_a_zero_histogram_and_no_metric(store: Store) -> None:
    run, _ = filled(store, CASES)
    bare = UnitResult(confidence=(("agreement", 0.5),))
    store.put_item(run.id, 3, ItemResult(units=(bare, bare.model_copy(update={"slice": 0}))))
    found = table(store, run.id)
    assert found.histograms is not None
    assert found.histograms[3].sum() == 0
    assert np.isnan(found.metrics["dice"][3])
    assert found.has_ref.tolist() == [True, True, True, False]


def test_classification_units_have_probabilities_and_labels(store: Store) -> None:
    for case in CASES:
        store.put_case(case)
    record, items = make_cohort("ward", CASES, "classification")
    store.put_cohort(record, items)
    run = make_run(record)
    store.put_run(run)
    for k in range(4):
        unit = UnitResult(has_ref=k != 3, prob=(k / 8, 1 - k / 8), label=(False, True) if k != 3 else None)
        store.put_item(run.id, k, ItemResult(units=(unit,)))
    found = table(store, run.id)
    assert found.prob is not None
    assert found.label is not None
    assert found.prob.tolist() == [[0.0, 1.0], [0.125, 0.875], [0.25, 0.75], [0.375, 0.625]]
    assert found.label.tolist() == [[False, True]] * 3 + [[False, False]]
    assert store.unit_table(run.id, "slice") is None


def test_result_of_a_removed_item_or_run_is_not_kept(store: Store, tmp_path: Path) -> None:
    run, _ = filled(store, CASES)
    store.delete_case(CASES[2].id)
    files = array_files(tmp_path)
    assert not store.put_item(run.id, 2, make_result(77))
    store.delete_run(run.id)
    assert not store.put_item(run.id, 0, make_result(78))
    assert store.unit_table(run.id) is None
    assert len(array_files(tmp_path)) < len(files)


def test_deleted_case_leaves_cohorts_and_runs(store: Store) -> None:
    run, results = filled(store, CASES)
    gone = CASES[1]
    store.put_analysis(make_analysis(gone))
    store.put_classification(make_classification(gone.id))
    store.finish_run(run.id)
    assert store.delete_case(gone.id)
    assert store.classification(make_classification(gone.id).key) is None
    assert [each.position for each in store.cohort_items(run.cohort_id)] == [0, 2, 3]
    left = store.run(run.id)
    assert left is not None
    assert (left.items, left.done, left.complete) == (3, 3, True)
    found = table(store, run.id)
    assert gone.name not in found.name
    assert found.histograms is not None
    for row, k in enumerate((0, 2, 3)):
        assert np.array_equal(found.histograms[row], results[k].histograms.sum(axis=0))  # type: ignore[union-attr]


def test_nothing_of_a_deleted_case_stays_in_any_file(tmp_path: Path) -> None:
    gone = CASES[1]
    with open_store(tmp_path) as store:
        run, results = filled(store, CASES)
        store.put_classification(make_classification(gone.id))
        store.finish_run(run.id)
        assert store.delete_cases([gone.id, "unknown"]) == 1
    secrets = [gone.id.encode(), gone.name.encode(), str(results[1].analysis_key).encode()]
    content = b"".join(path.read_bytes() for path in tmp_path.glob("second_look.duckdb*"))
    assert not [each for each in secrets if each in content]
    with open_store(tmp_path) as again:
        assert again.verify().ok
        used = again._database.read(lambda c: c.execute("SELECT count(*) FROM arrays").fetchall())
        assert len(array_files(tmp_path)) == used[0][0]


def test_cohort_takes_its_runs_along_and_leaves_its_cases(store: Store) -> None:
    run, _ = filled(store, CASES)
    assert store.delete_cohort(run.cohort_id)
    assert not store.delete_cohort(run.cohort_id)
    assert (store.cohorts(), store.runs()) == ((), ())
    assert len(store.case_summaries()) == 4
    assert store.verify().ok


def test_lost_histograms_are_a_miss_and_are_counted(store: Store, tmp_path: Path) -> None:
    run, _ = filled(store, CASES)
    store.finish_run(run.id)
    before = table(store, run.id).histograms
    assert before is not None
    joined = store._database.read(
        lambda c: c.execute(
            "SELECT sha256 FROM array_uses WHERE owner_kind = 'run' AND role = 'case'"
        ).fetchall()
    )
    (tmp_path / "arrays" / joined[0][0][:2] / f"{joined[0][0]}.npy").unlink()
    after = table(store, run.id).histograms
    assert after is not None
    assert np.array_equal(before, after)
    assert store.info().health.missing_files == 1


def test_joining_twice_or_after_a_change_gives_the_same_table(store: Store) -> None:
    run, _ = filled(store, CASES)
    store.finish_run(run.id)
    store.finish_run(run.id)
    store.put_item(run.id, 0, make_result(55, slices=1))
    changed = table(store, run.id)
    store.finish_run(run.id)
    joined = table(store, run.id)
    assert changed.histograms is not None
    assert joined.histograms is not None
    assert np.array_equal(changed.histograms, joined.histograms)
    assert store.verify().ok


def make_classification(case_id: str) -> Classification:
    made_by = make_analysis(CASES[0]).made_by.model_copy(update={"key": "c" * 64})
    return Classification(
        case_id=case_id,
        class_names=("healthy", "sick"),
        multilabel=False,
        samples=np.array([[0.1, 0.9], [1 / 3, 2 / 3]]),
        saliency=make_analysis(CASES[0]).maps.predictive_entropy,
        scores=(Score(key="agreement", value=1 / 3), Score(key="none", value=None, note="?")),
        made_by=made_by,
    )


def test_classification_comes_back_to_the_last_bit(store: Store) -> None:
    store.put_case(CASES[0])
    given = make_classification(CASES[0].id)
    store.put_classification(given)
    store.put_classification(given)
    found = store.classification(given.key)
    assert bits(found) == bits(given)
    assert [each.key for each in store.classifications_of(CASES[0].id)] == [given.key]
    assert store.classification("nothing") is None
    assert store.info().classifications == 1


def test_item_with_too_few_histograms_is_refused() -> None:
    with pytest.raises(ValueError, match="2 histograms for 3 slices"):
        replace(make_result(0, slices=3), histograms=np.zeros((2, 4, 1, 3, 5), np.float32))


def test_item_may_keep_one_histogram_for_the_whole_case(store: Store) -> None:
    run, results = filled(store, CASES)
    summed = [replace(each, histograms=each.histograms.sum(axis=0, keepdims=True)) for each in results]
    store.put_items(run.id, dict(enumerate(summed)))
    of_cases = table(store, run.id).histograms
    assert of_cases is not None
    assert np.array_equal(of_cases, np.concatenate([each.histograms for each in summed]))
    assert store.unit_table(run.id, "slice").histograms is None


def test_trace_tells_what_was_read(store: Store) -> None:
    run, _ = filled(store, CASES)
    store.finish_run(run.id)
    with store.trace() as trace:
        found = table(store, run.id)
    assert found.histograms is not None
    assert trace.arrays == 1
    assert trace.bytes == found.histograms.nbytes
    assert trace.tables["units"] == 5  # four cases, and one look whether there are slices
    assert trace.tables["unit_scores"] >= 8
    assert "analyses" not in trace.tables
    with store.trace() as moved:
        _ = found.histograms.sum()
    assert moved.nothing
    assert moved.sentence == "Nothing was read from the store."


def test_table_of_two_thousand_cases_is_read_at_once_and_nothing_is_read_after_that() -> None:
    cases = [make_case(f"scan-{k}") for k in range(2000)]
    with Store.open(mode="memory") as store:
        record, items = make_cohort("large", cases)
        store.put_cohort(record, items)
        run = make_run(record)
        store.put_run(run)
        results = {k: make_result(k, slices=1) for k in range(2000)}
        assert store.put_items(run.id, results) == 2000
        store.finish_run(run.id)
        with store.trace() as opening:
            found = table(store, run.id)
        with store.trace() as moving:
            accepted = found.confidence[found.default_confidence] >= 0.5
            risk = 1.0 - found.metrics["dice"][accepted].mean()
            bins = found.histograms[accepted].sum(axis=0)  # type: ignore[index]
    assert (found.units, accepted.sum() > 0, risk > 0.0, bins.sum() > 0) == (2000, True, True, True)
    # One array with the histograms of all cases; of the rows only those of runs, never of predictions.
    assert (opening.arrays, opening.bytes) == (1, 2000 * 4 * 1 * 3 * 5 * 4)
    assert opening.tables["units"] == 2001  # and one look whether there are slices
    assert opening.tables["unit_scores"] == 2 * 2000 + 2
    assert not {"analyses", "slices", "scores", "measures", "cases"} & set(opening.tables)
    assert moving.nothing
