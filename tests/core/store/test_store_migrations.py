"""Schemas move forward step by step, never half, and never backwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection as Cursor
from run_examples import filled
from stored_examples import bits, make_analysis, make_case, open_store

from core.errors import StoreProblem
from core.store.migrations import MIGRATIONS, Migration


def add_reviews(cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE reviews (case_id VARCHAR)")
    cursor.execute("INSERT INTO reviews SELECT id FROM cases")


def break_half_way(cursor: Cursor) -> None:
    cursor.execute("DROP TABLE cases")
    raise RuntimeError("power went")


NEWER = (*MIGRATIONS, Migration("0002 reviews", add_reviews))
BROKEN = (*MIGRATIONS, Migration("0002 broken", break_half_way))
BACKUP = f"second_look.duckdb.schema-{len(MIGRATIONS)}.backup"


def tables(cursor: Cursor) -> set[str]:
    return {name for (name,) in cursor.execute("SELECT table_name FROM duckdb_tables()").fetchall()}


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A store of today's schema with one case, as the next version will find it."""
    with open_store(tmp_path) as store:
        store.put_case(make_case())
    return tmp_path


def test_older_schema_is_brought_forward_with_its_rows(older: Path) -> None:
    with open_store(older, migrations=NEWER) as store:
        assert store.info().schema_version == len(NEWER)
        assert bits(store.case(make_case().id)) == bits(make_case())
        rows = store._database.read(lambda c: c.execute("SELECT case_id FROM reviews").fetchall())
    assert rows == [(make_case().id,)]


def test_backup_made_before_a_migration_opens_with_the_older_version(older: Path, tmp_path: Path) -> None:
    with open_store(older, migrations=NEWER) as store:
        assert store.info().leftovers == (BACKUP,)
    restored = tmp_path / "restored"
    restored.mkdir()
    (older / BACKUP).rename(restored / "second_look.duckdb")
    with open_store(restored) as store:
        assert [each.id for each in store.case_summaries()] == [make_case().id]


def test_new_or_current_store_makes_no_backup(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    open_store(tmp_path).close()
    assert not list(tmp_path.glob("*.backup"))


def test_failed_migration_changes_nothing(older: Path) -> None:
    with pytest.raises(RuntimeError, match="power went"):
        open_store(older, migrations=BROKEN)
    with open_store(older) as store:
        assert store.info().schema_version == len(MIGRATIONS)
        assert bits(store.case(make_case().id)) == bits(make_case())


def test_newer_schema_than_the_program_is_refused_naming_both(older: Path) -> None:
    open_store(older, migrations=NEWER).close()
    before = (older / "second_look.duckdb").read_bytes()
    for mode in ("auto", "read-only"):
        with pytest.raises(StoreProblem) as caught:
            open_store(older, mode=mode)
        assert f"schema {len(NEWER)} (0002 reviews)" in caught.value.found
        assert f"schema {len(MIGRATIONS)} ({MIGRATIONS[-1].name})" in caught.value.expected
    assert (older / "second_look.duckdb").read_bytes() == before


def test_older_schema_is_not_migrated_when_read_only(older: Path) -> None:
    with pytest.raises(StoreProblem, match="older version"):
        open_store(older, mode="read-only", migrations=NEWER)


def test_meta_names_schema_and_duckdb_version(older: Path) -> None:
    with open_store(older) as store:
        meta = dict(store._database.read(lambda c: c.execute("SELECT key, value FROM meta").fetchall()))
        assert meta["schema"] == str(len(MIGRATIONS))
        assert meta["duckdb"] == store.info().duckdb_version


def test_every_table_is_read_by_verify(older: Path) -> None:
    with open_store(older) as store:
        assert {name for name, _ in store.verify().rows} == store._database.read(tables)


def test_store_of_the_first_schema_gains_cohorts_and_runs_and_keeps_its_cases(tmp_path: Path) -> None:
    case = make_case()
    analysis = make_analysis(case)
    with open_store(tmp_path, migrations=MIGRATIONS[:1]) as store:
        # As the first version wrote them: its `put_case` knew no cohort.
        store.put_case(case)
        store.put_analysis(analysis)
    with open_store(tmp_path) as store:
        assert store.info().schema_version == len(MIGRATIONS) >= 2
        assert bits(store.case(case.id)) == bits(case)
        assert bits(store.analysis(analysis.key)) == bits(analysis)
        run, _ = filled(store, [case])
        assert store.done_positions(run.id) == {0}
        assert store.verify().ok
        assert store.delete_case(case.id)
    assert not list(tmp_path.glob("*.backup"))


def test_settings_kept_by_the_first_version_can_still_be_read(tmp_path: Path) -> None:
    case = make_case()
    with open_store(tmp_path) as store:
        store.put_case(case)
        store.put_analysis(make_analysis(case))
        # Settings of the first version had no choice of networks.
        store._database.write(
            lambda c: c.execute(
                "UPDATE analyses SET config = json_merge_patch(config, '{\"members\": null}')"
            )
        )
        found = store.analysis(make_analysis(case).key)
    assert found is not None
    assert found.made_by.config.members is None
