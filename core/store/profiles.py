"""Named sets of limits."""

from __future__ import annotations

import json
from datetime import datetime

from duckdb import DuckDBPyConnection as Cursor
from pydantic import JsonValue

from core.config import canonical_json
from core.store.cases import iso
from core.store.records import LimitProfile


def write_profile(cursor: Cursor, name: str, model_id: str, limits: JsonValue, now: datetime) -> None:
    """Keep `limits` under a name; the same name and model replace the earlier ones."""
    cursor.execute(
        "INSERT OR REPLACE INTO limit_profiles VALUES (?, ?, ?, ?)",
        [name, model_id, canonical_json(limits), now],
    )


def read_profile(cursor: Cursor, name: str, model_id: str) -> JsonValue | None:
    """The limits of this name and model, None when there are none."""
    found = cursor.execute(
        "SELECT limits FROM limit_profiles WHERE name = ? AND model_id = ?", [name, model_id]
    ).fetchall()
    return json.loads(found[0][0]) if found else None


def read_profiles(cursor: Cursor, model_id: str) -> tuple[LimitProfile, ...]:
    """Every profile of a model, by name."""
    found = cursor.execute(
        "SELECT name, limits, created FROM limit_profiles WHERE model_id = ? ORDER BY name", [model_id]
    ).fetchall()
    return tuple(
        LimitProfile(name=name, model_id=model_id, limits=json.loads(limits), created_utc=iso(created))
        for name, limits, created in found
    )
