"""One server and one browser per session, one context per test; nothing may leave the machine."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.serving import Server, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Locator

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """A real browser: the system's Chromium, or the one named by SECOND_LOOK_CHROMIUM."""
    path = os.environ.get("SECOND_LOOK_CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.skip("no Chromium found: install Debian's chromium, or name one in SECOND_LOOK_CHROMIUM")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)  # a busy machine is no fault of the page
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that most tests share."""
    running = Server(tmp_path_factory.mktemp("home"), free_port())
    yield running
    running.stop()


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Server]:
    """A server that nobody has visited yet."""
    running = Server(tmp_path, free_port())
    yield running
    running.stop()


@pytest.fixture
def page(chromium: object) -> Iterator[object]:
    """A page at 1280 x 900 that fails its test when a request leaves the machine or a script breaks."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    opened = context.new_page()
    outside: list[str] = []
    broken: list[str] = []
    opened.on("request", lambda request: outside.append(request.url) if is_outside(request.url) else None)
    opened.on("pageerror", lambda error: broken.append(str(error)))
    opened.set_default_timeout(30_000)
    yield opened
    context.close()
    assert (outside, broken) == ([], [])


def is_outside(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", "localhost")


def press_until(button: Locator, wanted: Locator, seconds: float = 60) -> None:
    """Press a button that opens something until it has: a page that is just being drawn drops a press."""
    from playwright.sync_api import Error, expect

    deadline = time.monotonic() + seconds
    while not wanted.is_visible():
        button.click()
        try:
            expect(wanted).to_be_visible(timeout=5_000)
        except (AssertionError, Error):
            if time.monotonic() > deadline:
                raise
