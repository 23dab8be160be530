"""The schema as ordered, named steps; each runs once, in a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from duckdb import DuckDBPyConnection as Cursor
from duckdb import __version__ as duckdb_version

from core.errors import StoreProblem
from core.store.people import create_people_schema
from core.store.schema_profiles import create_profile_schema
from core.store.schema_runs import create_run_schema


class Migration(NamedTuple):
    """One step: a name that never changes, and what it does inside an open transaction."""

    name: str
    apply: Callable[[Cursor], None]


FIRST_SCHEMA = """
CREATE TABLE arrays (
    sha256 VARCHAR PRIMARY KEY, bytes BIGINT NOT NULL, dtype VARCHAR NOT NULL, shape BIGINT[] NOT NULL);
CREATE TABLE array_uses (
    owner VARCHAR NOT NULL, owner_kind VARCHAR NOT NULL, role VARCHAR NOT NULL, sha256 VARCHAR NOT NULL,
    upper DOUBLE);
CREATE TABLE cases (
    id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, format VARCHAR NOT NULL, case_group VARCHAR,
    options JSON NOT NULL, geometry JSON NOT NULL, shape BIGINT[] NOT NULL, channel_names JSON NOT NULL,
    modality VARCHAR, original_dtype VARCHAR NOT NULL, original_range JSON NOT NULL,
    reference_name VARCHAR, reference_values JSON, notes JSON NOT NULL, created TIMESTAMP NOT NULL);
CREATE TABLE analyses (
    key VARCHAR PRIMARY KEY, case_id VARCHAR NOT NULL, config JSON NOT NULL, made_by JSON NOT NULL,
    class_names JSON NOT NULL, created TIMESTAMP NOT NULL, last_used TIMESTAMP NOT NULL);
CREATE TABLE slices (
    analysis_key VARCHAR NOT NULL, slice INTEGER NOT NULL, empty BOOLEAN NOT NULL);
CREATE TABLE scores (
    analysis_key VARCHAR NOT NULL, slice INTEGER, position INTEGER NOT NULL, key VARCHAR NOT NULL,
    value DOUBLE, note VARCHAR NOT NULL, place_slice INTEGER, place_box INTEGER[]);
CREATE TABLE measures (
    analysis_key VARCHAR NOT NULL, slice INTEGER, position INTEGER NOT NULL, key VARCHAR NOT NULL,
    value DOUBLE, note VARCHAR NOT NULL);
CREATE TABLE components (
    analysis_key VARCHAR NOT NULL, slice INTEGER NOT NULL, position INTEGER NOT NULL,
    area_px BIGINT NOT NULL, box_top INTEGER NOT NULL, box_left INTEGER NOT NULL,
    box_bottom INTEGER NOT NULL, box_right INTEGER NOT NULL);
CREATE TABLE timings (
    analysis_key VARCHAR NOT NULL, position INTEGER NOT NULL, stage VARCHAR NOT NULL,
    seconds DOUBLE NOT NULL);
"""


def create_first_schema(cursor: Cursor) -> None:
    """Cases, analyses with their scores and shape measures, arrays with who uses them."""
    cursor.execute(FIRST_SCHEMA)


MIGRATIONS: tuple[Migration, ...] = (
    Migration("0001 cases, analyses, arrays", create_first_schema),
    Migration("0002 cohorts, runs, operating points", create_run_schema),
    Migration("0003 profiles of the checks", create_profile_schema),
    Migration("0004 people", create_people_schema),
)


def schema_version(cursor: Cursor) -> int:
    """How many migrations the open database has seen; 0 for a new one."""
    found = cursor.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'meta' AND NOT temporary"
    ).fetchall()
    if found[0][0] == 0:
        return 0
    return int(read_meta(cursor, "schema") or 0)


def read_meta(cursor: Cursor, key: str) -> str | None:
    """One entry of the `meta` table, None when it is not there."""
    rows = cursor.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchall()
    return str(rows[0][0]) if rows else None


def write_meta(cursor: Cursor, key: str, value: str) -> None:
    """Set one entry of the `meta` table."""
    cursor.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, value])


def refuse_newer(cursor: Cursor, migrations: Sequence[Migration], file: str) -> None:
    """Raise StoreProblem when a newer version of the program made this schema."""
    found = schema_version(cursor)
    if found <= len(migrations):
        return
    last = read_meta(cursor, "schema_name")
    raise StoreProblem(
        "The store was made by a newer version of Second Look",
        file=file,
        found=f"schema {found} ({last}), written with DuckDB {read_meta(cursor, 'duckdb')}",
        expected=f"schema {len(migrations)} ({migrations[-1].name}) or older",
        fix="update Second Look, or set SECOND_LOOK_HOME to another directory",
    )


def migrate(cursor: Cursor, migrations: Sequence[Migration]) -> None:
    """Bring the database forward to the last of `migrations`, then write everything into its file."""
    if schema_version(cursor) == len(migrations):
        return
    for position in range(schema_version(cursor), len(migrations)):
        _apply(cursor, position + 1, migrations[position])
    cursor.execute("CHECKPOINT")


def _apply(cursor: Cursor, number: int, migration: Migration) -> None:
    cursor.begin()
    try:
        cursor.execute("CREATE TABLE IF NOT EXISTS meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)")
        migration.apply(cursor)
        write_meta(cursor, "schema", str(number))
        write_meta(cursor, "schema_name", migration.name)
        write_meta(cursor, "duckdb", duckdb_version)
    except BaseException:
        cursor.rollback()
        raise
    cursor.commit()
