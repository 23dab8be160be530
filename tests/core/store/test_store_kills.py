"""Short versions of `python -m tests.faults`: kills, flipped bits and cut files lose nothing unnoticed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from stored_examples import make_case, open_store

from core.errors import StoreProblem
from core.store.mark import MARK_SUFFIX
from core.store.settings import DATABASE_NAME
from tests.faults.damage import LEAVE_A_LOG, damage_everything
from tests.faults.kills import kill_migrations, kill_writers
from tests.faults.threads import crowd

ROOT = Path(__file__).resolve().parents[3]
WAL = f"{DATABASE_NAME}.wal"


@pytest.fixture
def logged(tmp_path: Path) -> Path:
    """A store whose process ended without closing it."""
    home = tmp_path / "logged"
    subprocess.run([sys.executable, "-c", LEAVE_A_LOG, str(home)], cwd=ROOT, check=True, timeout=120)
    assert (home / WAL).stat().st_size > 0
    return home


@pytest.mark.slow
def test_kills_in_mixed_writes_lose_nothing_acknowledged(tmp_path: Path) -> None:
    tally = kill_writers(4, tmp_path)
    assert tally.wrong == []
    assert tally.trials == 4
    assert tally.writes > tally.reviews > 0


@pytest.mark.slow
def test_kills_in_migrations_lose_nothing(tmp_path: Path) -> None:
    tally = kill_migrations(3, tmp_path)
    assert (tally.wrong, tally.trials) == ([], 3)


@pytest.mark.slow
def test_no_damage_passes_unnoticed(tmp_path: Path) -> None:
    found = damage_everything(8, tmp_path)
    assert found.wrong == []
    assert found.seen["write-ahead log deleted"] == found.seen["write-ahead log garbage"] == 1
    assert found.seen["review log cut"] == found.seen["write-ahead log cut"] == 4


@pytest.mark.slow
def test_sixteen_threads_see_no_wrong_row_and_no_conflict(tmp_path: Path) -> None:
    found = crowd(16, 64, tmp_path)
    assert (found.operations, found.wrong_rows, found.conflicts) == (16 * 64, 0, [])
    assert (found.entries_missing, found.problems) == (0, ())


def test_log_left_behind_is_read_and_nothing_is_missing(logged: Path) -> None:
    with open_store(logged) as store:
        assert store.info().health.ok
        assert len(store.case_summaries()) == 12


def test_deleted_write_ahead_log_is_told_until_somebody_takes_note(logged: Path) -> None:
    (logged / WAL).unlink()
    for _ in range(2):
        with open_store(logged) as store:
            assert store.info().health.lost_writes > 0
            assert not store.info().health.ok
            assert "acknowledged writes are missing" in store.verify().problems[0]
    with open_store(logged) as store:
        store.put_case(make_case("after"))
        store.take_note_of_losses()
        assert store.info().health.ok
    with open_store(logged) as store:
        assert store.info().health.ok
        assert store.case(make_case("after").id) is not None


def test_loss_is_told_by_a_store_that_is_only_read(logged: Path) -> None:
    (logged / WAL).unlink()
    open_store(logged).close()
    with open_store(logged, mode="read-only") as store:
        assert store.info().health.lost_writes > 0
        with pytest.raises(StoreProblem):
            store.take_note_of_losses()


def test_deleted_database_is_no_new_store(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.put_case(make_case())
    (tmp_path / DATABASE_NAME).unlink()
    with open_store(tmp_path) as store:
        assert store.info().health.lost_writes > 0


@pytest.mark.parametrize("body", [None, b"", b"garbage", b"00000000000000000009 00000000\n"])
def test_lost_or_damaged_count_is_begun_again_and_no_alarm(tmp_path: Path, body: bytes | None) -> None:
    with open_store(tmp_path) as store:
        store.put_case(make_case())
    mark = tmp_path / (DATABASE_NAME + MARK_SUFFIX)
    mark.unlink()
    if body is not None:
        mark.write_bytes(body)
    with open_store(tmp_path) as store:
        assert store.info().health.ok
        store.put_case(make_case("second"))
    (tmp_path / DATABASE_NAME).unlink()
    with open_store(tmp_path) as store:
        assert store.info().health.lost_writes > 0
