"""Second step of the schema: cohorts, runs over them, classifications and operating points."""

from __future__ import annotations

from duckdb import DuckDBPyConnection as Cursor

RUN_SCHEMA = """
CREATE TABLE cohorts (
    id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, task VARCHAR NOT NULL, layout VARCHAR NOT NULL,
    class_names JSON NOT NULL, refused JSON NOT NULL, created TIMESTAMP NOT NULL);
CREATE TABLE cohort_items (
    cohort_id VARCHAR NOT NULL, position INTEGER NOT NULL, case_id VARCHAR, name VARCHAR NOT NULL,
    item_group VARCHAR NOT NULL, labels JSON);
CREATE TABLE runs (
    id VARCHAR PRIMARY KEY, cohort_id VARCHAR NOT NULL, title VARCHAR NOT NULL, source VARCHAR NOT NULL,
    task VARCHAR NOT NULL, class_names JSON NOT NULL, config JSON, created TIMESTAMP NOT NULL);
CREATE TABLE run_items (
    run_id VARCHAR NOT NULL, position INTEGER NOT NULL, analysis_key VARCHAR, seconds DOUBLE NOT NULL,
    problem VARCHAR NOT NULL, origin VARCHAR NOT NULL);
CREATE TABLE units (
    run_id VARCHAR NOT NULL, position INTEGER NOT NULL, slice INTEGER NOT NULL,
    pred_empty BOOLEAN NOT NULL, ref_empty BOOLEAN NOT NULL, has_ref BOOLEAN NOT NULL);
CREATE TABLE unit_scores (
    run_id VARCHAR NOT NULL, position INTEGER NOT NULL, slice INTEGER NOT NULL, ordinal INTEGER NOT NULL,
    key VARCHAR NOT NULL, value DOUBLE NOT NULL);
CREATE TABLE unit_metrics (
    run_id VARCHAR NOT NULL, position INTEGER NOT NULL, slice INTEGER NOT NULL, ordinal INTEGER NOT NULL,
    key VARCHAR NOT NULL, value DOUBLE NOT NULL);
CREATE TABLE unit_classes (
    run_id VARCHAR NOT NULL, position INTEGER NOT NULL, slice INTEGER NOT NULL, class INTEGER NOT NULL,
    prob DOUBLE NOT NULL, label BOOLEAN NOT NULL);
CREATE TABLE classifications (
    key VARCHAR PRIMARY KEY, case_id VARCHAR NOT NULL, config JSON NOT NULL, made_by JSON NOT NULL,
    class_names JSON NOT NULL, multilabel BOOLEAN NOT NULL, scores VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL);
CREATE TABLE operating_points (
    id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, version INTEGER NOT NULL, record VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL);
CREATE TABLE activations (
    number INTEGER PRIMARY KEY, model_id VARCHAR NOT NULL, estimator VARCHAR NOT NULL, point_id VARCHAR,
    created TIMESTAMP NOT NULL);
"""

RUN_TABLES = (
    "cohorts", "cohort_items", "runs", "run_items", "units", "unit_scores", "unit_metrics", "unit_classes",
    "classifications", "operating_points", "activations",
)  # fmt: skip

ITEM_TABLES = ("run_items", "units", "unit_scores", "unit_metrics", "unit_classes")
"""What holds rows of one item of a run."""


def create_run_schema(cursor: Cursor) -> None:
    """Cohorts, runs with their units, classifications, operating points and which one is in force."""
    cursor.execute(RUN_SCHEMA)
