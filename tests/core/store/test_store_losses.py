"""Lost array files are misses, deleted cases leave nothing, old arrays make room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from stored_examples import array_files, bits, make_analysis, make_case, open_store

from core.store import Store, StoreSettings
from core.store.opening import BACKUP_PATTERN


def filled(home: Path) -> tuple[Store, str, str]:
    """A store with one case and one analysis, the id and the key."""
    store, case = open_store(home), make_case()
    store.put_case(case)
    store.put_analysis(make_analysis(case))
    return store, case.id, make_analysis(case).key


def flip_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_analysis_whose_file_is_gone_is_a_miss_and_counted(tmp_path: Path) -> None:
    store, case_id, key = filled(tmp_path)
    store.close()
    for path in array_files(tmp_path):
        path.unlink()
    with open_store(tmp_path) as store:
        assert store.analysis(key) is None
        assert store.case(case_id) is None
        health = store.info().health
        assert (health.missing_files, health.damaged_files, health.ok) == (2, 0, False)
        assert [each.arrays_kept for each in store.analyses_of(case_id)] == [False]


def test_each_lost_file_is_counted_once(tmp_path: Path) -> None:
    store, _, key = filled(tmp_path)
    with store:
        for path in array_files(tmp_path):
            path.unlink()
        assert [store.analysis(key) for _ in range(3)] == [None] * 3
        assert store.info().health.missing_files == 1


def test_one_flipped_bit_in_any_array_is_a_miss(tmp_path: Path) -> None:
    case = make_case()
    analysis = make_analysis(case)
    with open_store(tmp_path) as store:
        store.put_case(case)
        store.put_analysis(analysis)
        for number, path in enumerate(array_files(tmp_path), 1):
            flip_bit(path)
            assert None in (store.case(case.id), store.analysis(analysis.key))
            assert store.info().health.damaged_files == number
            store.put_case(case)
            store.put_analysis(analysis)
            assert bits(store.case(case.id)) == bits(case)
            assert bits(store.analysis(analysis.key)) == bits(analysis)


def test_truncated_array_is_a_miss(tmp_path: Path) -> None:
    store, _, key = filled(tmp_path)
    with store:
        for path in array_files(tmp_path):
            path.write_bytes(path.read_bytes()[:100])
        assert store.analysis(key) is None
        assert store.info().health.damaged_files == 1


def test_verify_names_a_damaged_array_and_changes_nothing(tmp_path: Path) -> None:
    store, _, _ = filled(tmp_path)
    with store:
        path = array_files(tmp_path)[0]
        flip_bit(path)
        report = store.verify()
        assert len(report.problems) == 1 and path.stem[:12] in report.problems[0]
        assert path.exists() and store.info().arrays == 7


def test_file_without_a_row_is_swept_at_the_next_start(tmp_path: Path) -> None:
    store, _, _ = filled(tmp_path)
    store.close()
    kept = array_files(tmp_path)
    (tmp_path / "arrays" / "ab").mkdir(exist_ok=True)
    (tmp_path / "arrays" / "ab" / f"{'ab' * 32}.npy").write_bytes(b"orphan")
    (tmp_path / "arrays" / "ab" / f"{'ab' * 32}.17.writing").write_bytes(b"half")
    open_store(tmp_path).close()
    assert array_files(tmp_path) == kept


def test_deleted_case_leaves_no_row_file_or_byte(tmp_path: Path) -> None:
    case = make_case("Unforgettable Name")
    with open_store(tmp_path) as store:
        store.put_case(make_case("the other"))
        store.put_analysis(make_analysis(make_case("the other")))
        before = store.verify().rows
        kept = array_files(tmp_path)
        store.put_case(case)
        store.put_analysis(make_analysis(case, 1))
        store.put_analysis(make_analysis(case, 2))
        (tmp_path / BACKUP_PATTERN.replace("*", "0")).write_bytes(b"Unforgettable Name")
        assert store.delete_case(case.id) is True
        assert store.verify().rows == before
        assert array_files(tmp_path) == kept
        assert store.info().leftovers == ()
        assert store.case(case.id) is None and store.analyses_of(case.id) == ()
        assert bits(store.case(make_case("the other").id)) == bits(make_case("the other"))
        everything = b"".join(path.read_bytes() for path in array_files(tmp_path))
    everything += b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"Unforgettable" not in everything and case.id.encode() not in everything


def test_array_shared_by_two_cases_survives_until_the_second_is_deleted(tmp_path: Path) -> None:
    values = [[[[1, 2], [3, 4]]]]
    first, second = (make_case(name, values=values, reference=False) for name in ("a", "b"))
    with open_store(tmp_path) as store:
        store.put_case(first)
        store.put_case(second)
        assert len(array_files(tmp_path)) == 1
        store.delete_case(first.id)
        assert bits(store.case(second.id)) == bits(second)
        store.delete_case(second.id)
    assert array_files(tmp_path) == []


def test_failed_rewrite_is_counted_and_made_up_for_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case("Unforgettable Name")

    def fail(path: Path) -> None:
        raise OSError("no room")

    with monkeypatch.context() as patch, open_store(tmp_path) as store:
        store.put_case(case)
        store.put_case(make_case("the other"))
        patch.setattr("core.store.database.rewrite", fail)
        assert store.delete_case(case.id) is True
        assert store.info().health.failed_rewrites == 1
        assert [each.name for each in store.case_summaries()] == ["the other"]
    with open_store(tmp_path) as store:
        assert store.info().health.failed_rewrites == 0
        assert [each.name for each in store.case_summaries()] == ["the other"]
    assert b"Unforgettable" not in (tmp_path / "second_look.duckdb").read_bytes()


def test_arrays_of_the_analysis_not_used_for_longest_make_room(tmp_path: Path) -> None:
    case = make_case()
    first, second, third = (make_analysis(case, seed) for seed in range(3))
    with open_store(tmp_path) as store:
        store.put_case(case)
        store.put_analysis(first)
        store.put_analysis(second)
        room = store.info().array_bytes
    hours = count()
    settings = StoreSettings(min_free_bytes=0, max_array_bytes=room)

    def clock() -> datetime:
        return datetime(2027, 1, 1, tzinfo=UTC) + timedelta(hours=next(hours))

    with open_store(tmp_path, settings=settings, clock=clock) as store:
        assert store.analysis(first.key) is not None  # now `second` is the one not used for longest
        store.put_analysis(third)
        assert store.analysis(second.key) is None
        assert bits(store.analysis(first.key)) == bits(first)
        assert bits(store.analysis(third.key)) == bits(third)
        assert bits(store.case(case.id)) == bits(case)
        info = store.info()
        assert (info.array_bytes, info.health.evicted_analyses, info.health.ok) == (room, 1, True)
        kept = {each.key: each.arrays_kept for each in store.analyses_of(case.id)}
        assert kept == {first.key: True, second.key: False, third.key: True}
        store.put_analysis(second)
        assert bits(store.analysis(second.key)) == bits(second)
    assert sum(path.stat().st_size for path in array_files(tmp_path)) == room
