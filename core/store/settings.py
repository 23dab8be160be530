"""Where a store lives and how large it may grow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import platformdirs
from pydantic import Field

from core.config import Frozen

DATABASE_NAME = "second_look.duckdb"
LOCK_NAME = "second_look.lock"
ARRAYS_NAME = "arrays"


class StoreSettings(Frozen):
    """Limits of one store.

    max_array_bytes: above it the arrays of the analyses not touched for longest are dropped.
    min_free_bytes: new work is refused when the disk has less room than this.
    memory_limit, threads: what DuckDB may use.
    """

    max_array_bytes: int = Field(default=20 * 2**30, ge=0)
    min_free_bytes: int = Field(default=2 * 10**9, ge=0)
    memory_limit: str = "1GB"
    threads: int = Field(default=2, ge=1)


def default_home(environ: Mapping[str, str] | None = None) -> Path:
    """SECOND_LOOK_HOME when it is set, else `second-look` in the user's data directory."""
    chosen = (os.environ if environ is None else environ).get("SECOND_LOOK_HOME", "")
    return Path(chosen) if chosen else platformdirs.user_data_path("second-look", appauthor=False)


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)
