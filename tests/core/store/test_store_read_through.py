"""Damage in what nobody looked at is found by reading everything once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from stored_examples import array_files, make_analysis, make_case, open_store

from core.store import reading_through
from core.store.settings import DATABASE_NAME

CASES = 12


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """The directory of a closed store with cases and analyses."""
    with open_store(tmp_path) as store:
        for number in range(CASES):
            case = make_case(str(number))
            store.put_case(case)
            store.put_analysis(make_analysis(case))
    return tmp_path


def test_whole_store_is_read_through_and_well(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_through, "ROWS_AT_ONCE", 7)
    with open_store(filled) as store:
        assert not store.health.read_through
        store.read_through()
        assert store.health.read_through and store.health.damage == () and store.health.ok


def test_every_row_is_read_whatever_the_size_of_a_piece(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_through, "ROWS_AT_ONCE", 7)
    with open_store(filled) as store, store.trace() as trace:
        store.read_through()
        rows = dict(store.verify().rows)
    # the lengths of the tables are one row each, and `verify` read everything a second time
    assert {table: trace.tables[table] - 1 for table in ("cases", "scores", "slices")} == {
        table: 2 * rows[table] for table in ("cases", "scores", "slices")
    }


def test_damaged_and_missing_arrays_are_named_without_anybody_asking_for_them(filled: Path) -> None:
    first, second = array_files(filled)[:2]
    first.write_bytes(first.read_bytes()[:-1] + b"?")
    second.unlink()
    with open_store(filled) as store:
        store.read_through()
        health = store.info().health
    assert set(health.damage) == {f"array {first.stem[:12]}: damaged", f"array {second.stem[:12]}: missing"}
    assert not health.ok


def test_damaged_block_of_a_table_is_found_and_the_rest_is_read(filled: Path) -> None:
    path = filled / DATABASE_NAME
    body = bytearray(path.read_bytes())
    at = body.index(b"Volume 1 of 3")  # a note of a case: a block that opening does not read
    body[at] ^= 1
    path.write_bytes(body)
    with open_store(filled) as store:
        store.read_through()
        health, report = store.health, store.verify()
    assert [each.split(":")[0] for each in report.problems] == ["table cases"]
    assert dict(report.rows)["analyses"] == CASES
    assert [each.split(":")[0] for each in health.damage] == ["table cases"]
    assert health.read_through and not health.ok


def test_closing_ends_the_reading(filled: Path) -> None:
    store = open_store(filled)
    reading = threading.Thread(target=store.read_through, args=(3600.0,))
    reading.start()
    store.close()
    reading.join(30)
    assert not reading.is_alive()
    assert not store.health.read_through and store.health.damage == ()
