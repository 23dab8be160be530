"""The Prompts page in a real browser: the outline follows the box, by keyboard and by mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Server
from tests.e2e.test_app import SLOW, open_sample, serious_issues, visit

pytestmark = pytest.mark.e2e

ANSWER = ".st-key-answer"


def opened(page: Page, server: Server) -> None:
    """The page for a sample with a reference, its network open."""
    visit(page, server)
    open_sample(page, "frontal-left")
    page.get_by_test_id("stSidebarNav").get_by_text("Prompts").click()
    expect(page.locator("h1")).to_have_text("What if the box were a little off?", timeout=60_000)
    expect(page.locator(ANSWER)).to_contain_text("agree by", timeout=SLOW)
    expect(page.locator(".boxer")).to_have_attribute("data-ready", "yes", timeout=SLOW)


def area(page: Page) -> int:
    found = re.search(r"covers (\d+) pixels", page.locator(ANSWER).inner_text())
    assert found is not None
    return int(found[1])


def test_outline_follows_the_box_by_keyboard_and_by_mouse(server: Server, page: Page) -> None:
    opened(page, server)
    before, words = area(page), page.locator(".boxer p")
    told = words.inner_text()
    canvas = page.locator(".boxer canvas")
    canvas.focus()
    for _ in range(25):
        page.keyboard.press("ArrowDown")
    expect(words).not_to_have_text(told)
    expect(page.locator(ANSWER)).not_to_contain_text(f"covers {before} pixels", timeout=SLOW)
    by_key = area(page)
    frame = canvas.bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + 20, frame["y"] + 20)
    page.mouse.down()
    page.mouse.move(frame["x"] + 0.9 * frame["width"], frame["y"] + 0.9 * frame["height"], steps=6)
    page.mouse.up()
    expect(page.locator(ANSWER)).not_to_contain_text(f"covers {by_key} pixels", timeout=SLOW)
    page.get_by_role("button", name="Box from the reference").click()
    expect(page.locator(ANSWER)).to_contain_text(f"covers {before} pixels", timeout=SLOW)


def test_axe_finds_no_serious_issue(server: Server, page: Page) -> None:
    opened(page, server)
    assert serious_issues(page) == []
