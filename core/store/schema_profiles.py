"""Third step of the schema: profiles of the checks and which one is in force."""

from __future__ import annotations

from duckdb import DuckDBPyConnection as Cursor

PROFILE_SCHEMA = """
CREATE TABLE detector_profiles (
    id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, version INTEGER NOT NULL, record VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL);
CREATE TABLE profile_activations (
    number INTEGER PRIMARY KEY, model_id VARCHAR NOT NULL, estimator VARCHAR NOT NULL, profile_id VARCHAR,
    created TIMESTAMP NOT NULL);
"""

PROFILE_TABLES = ("detector_profiles", "profile_activations")


def create_profile_schema(cursor: Cursor) -> None:
    """Profiles and which one is in force."""
    cursor.execute(PROFILE_SCHEMA)
