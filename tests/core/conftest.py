"""A store on disk whose one model of the user's own is tiny."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.models.registry import write_record
from core.store import Store
from tests.core.inference.conftest import make_record


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    """The store in SECOND_LOOK_HOME, with the model "tiny"."""
    folder = home / "models" / "tiny"
    folder.mkdir(parents=True)
    write_record(make_record(folder), folder)
    with Store.open() as opened:
        yield opened
