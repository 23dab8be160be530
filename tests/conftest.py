"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# No example is timed: a busy machine is no defect. "full" looks for new examples for minutes:
# `pytest tests/core/io -k properties --hypothesis-profile full`.
settings.register_profile("second-look", deadline=None, derandomize=True)
settings.register_profile("full", deadline=None, max_examples=3000, print_blob=True)
settings.load_profile("second-look")


def find_data() -> Path | None:
    """Folder of the real data: SECOND_LOOK_DATA, else shared/data beside the checkout, else None."""
    named = os.environ.get("SECOND_LOOK_DATA")
    path = Path(named) if named else ROOT.parent / "shared" / "data"
    return path if path.is_dir() else None


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The real data; a test that asks for it is skipped, with the reason, where it is absent."""
    path = find_data()
    if path is None:
        pytest.skip("real data not found: set SECOND_LOOK_DATA or put shared/data beside the checkout")
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store directory, in force through SECOND_LOOK_HOME."""
    path = tmp_path / "home"
    path.mkdir()
    monkeypatch.setenv("SECOND_LOOK_HOME", str(path))
    return path


ALLOWED_TO_SKIP = "gpu"
"""Only tests of a device that this machine lacks may be skipped when the gate runs."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With SECOND_LOOK_NO_SKIP set, turn a skip into a failure unless what it needs is truly absent."""
    report = yield
    excused = item.get_closest_marker(ALLOWED_TO_SKIP) or (
        item.get_closest_marker("data") and find_data() is None
    )
    if (
        report.skipped
        and not hasattr(report, "wasxfail")
        and os.environ.get("SECOND_LOOK_NO_SKIP")
        and not excused
    ):
        report.outcome = "failed"
        report.longrepr = f"skipped although it could have run here: {report.longrepr}"
    return report
