"""What goes into the store comes out equal to the last bit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from stored_examples import bits, make_analysis, make_case, open_store

from core.errors import StoreProblem
from core.store import Store, StoreSettings
from core.store.codec import narrowest, widened


@pytest.fixture(params=["directory", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return open_store(tmp_path) if request.param == "directory" else Store.open(mode="memory")


@pytest.mark.parametrize("reference", [True, False])
def test_case_comes_back_equal_to_the_last_bit(store: Store, reference: bool) -> None:
    case = make_case(reference=reference)
    store.put_case(case)
    assert bits(store.case(case.id)) == bits(case)


def test_classes_of_a_reference_come_back(store: Store) -> None:
    case = make_case()
    assert case.reference is not None
    labels = np.where(case.reference.mask_ref, np.uint8(3), np.uint8(0))
    several = replace(case, reference=replace(case.reference, labels=labels))
    store.put_case(several)
    again = store.case(case.id)
    assert bits(again) == bits(several)
    assert again is not None and again.reference is not None and again.reference.labels is not None
    assert not again.reference.labels.flags.writeable


@pytest.mark.parametrize("maps", [True, False])
def test_analysis_comes_back_equal_to_the_last_bit(store: Store, maps: bool) -> None:
    case = make_case()
    analysis = make_analysis(case, maps=maps)
    store.put_case(case)
    store.put_analysis(analysis)
    assert bits(store.analysis(analysis.key)) == bits(analysis)


def test_everything_is_still_there_after_reopening(tmp_path: Path) -> None:
    case = make_case()
    analysis = make_analysis(case)
    with open_store(tmp_path) as store:
        store.put_case(case)
        store.put_analysis(analysis)
    with open_store(tmp_path) as store:
        assert bits(store.case(case.id)) == bits(case)
        assert bits(store.analysis(analysis.key)) == bits(analysis)
        assert store.info().health.ok


def test_arrays_come_back_read_only(store: Store) -> None:
    case = make_case()
    store.put_case(case)
    again = store.case(case.id)
    assert again is not None and again.reference is not None
    assert not again.image.values.flags.writeable
    assert not again.reference.mask_ref.flags.writeable


def test_unknown_id_and_key_give_none(store: Store) -> None:
    assert (store.case("0" * 64), store.analysis("0" * 64)) == (None, None)
    assert store.delete_case("0" * 64) is False


def test_putting_twice_changes_nothing(store: Store) -> None:
    case = make_case()
    analysis = make_analysis(case)
    for _ in range(2):
        store.put_case(case)
        store.put_analysis(analysis)
    info = store.info()
    # image, reference, probabilities and four maps
    assert (info.cases, info.analyses, info.arrays) == (1, 1, 7)


def test_summaries_list_newest_first_with_counts(tmp_path: Path) -> None:
    moments = iter(datetime(2026, 1, day, 12, 0, 0, 999, tzinfo=UTC) for day in range(1, 9))
    with open_store(tmp_path, clock=lambda: next(moments)) as store:
        first, second = make_case("a"), make_case("b", reference=False)
        store.put_case(first)
        store.put_case(second)
        store.put_analysis(make_analysis(first))
        newest, oldest = store.case_summaries()
        (made,) = store.analyses_of(first.id)
    assert (newest.name, newest.has_reference, newest.analyses) == ("b", False, 0)
    assert (oldest.name, oldest.has_reference, oldest.analyses) == ("a", True, 1)
    assert (oldest.shape, oldest.created_utc) == ((1, 2, 5, 4), "2026-01-01T12:00:00+00:00")
    assert (made.key, made.arrays_kept) == (make_analysis(first).key, True)
    assert made.made_by == make_analysis(first).made_by


def test_analysis_without_its_case_is_refused_and_leaves_no_array(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        with pytest.raises(StoreProblem, match="its case is gone"):
            store.put_analysis(make_analysis(make_case()))
        assert (store.info().arrays, store.info().analyses) == (0, 0)
    assert not list((tmp_path / "arrays").rglob("*.npy"))


def test_scores_and_measures_can_be_filtered_in_tables(tmp_path: Path) -> None:
    case = make_case()
    with open_store(tmp_path) as store:
        store.put_case(case)
        store.put_analysis(make_analysis(case))
        found = store._database.read(
            lambda cursor: cursor.execute(
                "SELECT slice, value FROM measures WHERE key = 'area' AND value > 0.3 ORDER BY slice"
            ).fetchall()
        )
    assert found == [(0, 1 / 3), (1, 1 / 3)]


def test_nearly_full_disk_refuses_new_work(tmp_path: Path) -> None:
    with open_store(tmp_path, settings=StoreSettings(min_free_bytes=2**62)) as store:
        with pytest.raises(StoreProblem, match="nearly full"):
            store.put_case(make_case())
        assert store.case_summaries() == ()


def test_verify_reads_everything_and_finds_nothing_wrong(store: Store) -> None:
    case = make_case()
    store.put_case(case)
    store.put_analysis(make_analysis(case))
    report = store.verify()
    rows = dict(report.rows)
    assert report.ok and report.arrays == 7
    # 2 slices with 2 scores each and 3 of the whole study
    assert (rows["cases"], rows["slices"], rows["scores"], rows["timings"]) == (1, 2, 7, 1)


def test_closed_store_says_so(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.close()
    with pytest.raises(StoreProblem, match="store is closed"):
        store.case("0" * 64)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([0, 255], "uint8"),
        ([-1, 127], "int8"),
        ([0, 65535], "uint16"),
        ([-32768, 32767], "int16"),
        ([0, 65536], "float32"),
        ([0.5, 1], "float32"),
        ([-0.0, 1], "float32"),
    ],
)
def test_image_is_kept_in_the_narrowest_lossless_type(values: list[float], dtype: str) -> None:
    assert narrowest(np.array(values, np.float32)).dtype == dtype


@given(
    arrays(np.float32, st.integers(0, 6), elements=st.floats(width=32) | st.integers(-300, 70000).map(float))
)
def test_narrowing_loses_no_bit(values: np.ndarray) -> None:
    assert widened(narrowest(values)).tobytes() == values.tobytes()
