"""The rows of people who may sign in to a server."""

from __future__ import annotations

from datetime import datetime

from duckdb import DuckDBPyConnection as Cursor

from core.types.people import Identity, Person

PEOPLE_SCHEMA = """
CREATE TABLE people (
    issuer VARCHAR NOT NULL, subject VARCHAR NOT NULL, name VARCHAR NOT NULL, role VARCHAR,
    changed TIMESTAMP NOT NULL, PRIMARY KEY (issuer, subject));
"""


def create_people_schema(cursor: Cursor) -> None:
    """Who may sign in to a server, as what."""
    cursor.execute(PEOPLE_SCHEMA)


def read_people(cursor: Cursor) -> tuple[Person, ...]:
    """Everybody, by name."""
    rows = cursor.execute(
        "SELECT issuer, subject, name, role, changed FROM people ORDER BY lower(name), issuer, subject"
    ).fetchall()
    return tuple(
        Person(
            identity=Identity(issuer=issuer, subject=subject), name=name, role=role,
            changed_utc=changed.isoformat(timespec="seconds"),
        )
        for issuer, subject, name, role, changed in rows
    )  # fmt: skip


def upsert_person(cursor: Cursor, person: Person, now: datetime) -> None:
    """Add a person, or change one that is there."""
    cursor.execute(
        "INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?, ?)",
        [person.identity.issuer, person.identity.subject, person.name, person.role, now],
    )
