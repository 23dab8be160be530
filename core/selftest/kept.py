"""The last self-test of an installation, kept beside its store."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from core.selftest.records import SelfTest
from core.store.whole_file import put_record

KEPT_NAME = "selftest.json"


def keep(home: Path, found: SelfTest) -> None:
    """Put the outcome into a store's directory in place of the one before. Raises OSError where it cannot."""
    put_record(home / KEPT_NAME, found)


def kept(home: Path) -> SelfTest | None:
    """The last outcome, None when there is none that can be read."""
    try:
        return SelfTest.model_validate_json((home / KEPT_NAME).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        return None
