"""A small file that is replaced in one step: whoever reads it finds the old one or the new one, whole."""

from __future__ import annotations

import os
from pathlib import Path

from core.config import Frozen


def put_record(path: Path, record: Frozen) -> None:
    """Write a record as JSON in place of the file. Raises OSError, with the old file untouched."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.writing")
    draft.write_text(record.model_dump_json(), encoding="utf-8")
    draft.replace(path)
