"""The public demo as visitors meet it: each alone with their own work, which goes with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.serving import ROOT, Server
from tests.space import read_recipe, start, visit

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Server]:
    """What the Dockerfile starts, in this environment and from this directory."""
    import sys

    folder = tmp_path / "app"
    folder.symlink_to(ROOT)
    running = start(read_recipe(ROOT / "Dockerfile"), folder, Path(sys.executable).parent)
    yield running
    running.stop()


def test_dockerfile_starts_a_demo_that_writes_nothing(demo: Server) -> None:
    assert visit(demo) == []
    (demo.home / "kept.txt").write_text("x")
    assert visit(demo) == ["files were written: kept.txt"]


def test_visitors_are_apart_and_leave_nothing(
    demo: Server, page: Page, chromium: object, tmp_path: Path
) -> None:
    picture = tmp_path / "slice.png"
    cv2.imwrite(str(picture), np.random.default_rng(0).integers(0, 255, (96, 96), dtype=np.uint8))
    page.goto(demo.address)
    page.get_by_text("Public demo").wait_for()
    page.get_by_text("This is no patient data").first.click()
    page.locator(".st-key-upload input[type=file]").set_input_files(picture)
    page.get_by_role("button", name="Analyse").click()
    page.locator(".st-key-answer").wait_for(timeout=120_000)
    page.wait_for_url("**analysis=**")
    link = page.url

    context = chromium.new_context()  # type: ignore[attr-defined]
    other = context.new_page()
    other.goto(link)
    other.get_by_text("Public demo").wait_for()
    other.get_by_text("is not kept here (any more)").wait_for()
    other.goto(f"{demo.address}/data")
    other.get_by_text("0 cases").wait_for()
    assert "slice.png" not in other.locator("body").inner_text()
    context.close()

    page.goto(f"{demo.address}/data")
    page.get_by_text("0 cases and 0 results").wait_for()
    assert "slice.png" not in page.locator("body").inner_text()


def test_demo_on_a_server_hides_its_metrics_and_is_ready(demo: Server) -> None:
    import requests

    assert requests.get(f"{demo.address}/_stcore/metrics", timeout=30).status_code == 404
    answer = requests.get(f"{demo.address}/readyz", timeout=30).json()
    assert set(answer["checks"]) == {"store", "disk", "models", "decoder"}
