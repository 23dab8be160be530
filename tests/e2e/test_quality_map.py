"""The map of where an outline looks wrong, switched on in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Server
from tests.e2e.test_app import analyse, open_sample, visit

pytestmark = pytest.mark.e2e


def test_map_of_doubt_is_the_first_map_once_it_is_asked_for(server: Server, page: Page) -> None:
    visit(page, server)
    open_sample(page, "volume-satellite")
    analyse(page)
    viewer = page.locator(".second-look")
    maps = viewer.get_by_role("combobox", name="Uncertainty map")
    expect(maps.locator("option").first).to_have_text("Predictive entropy")
    page.locator(".st-key-doubt_on label").first.click()
    expect(maps.locator("option").first).to_have_text("Where the outline looks wrong", timeout=60_000)
    expect(maps).to_have_value("0")
    layer = viewer.get_by_role("button", name=re.compile("Uncertainty")).first
    expect(layer).to_have_attribute("aria-pressed", "true")
    page.locator(".st-key-doubt_on label").first.click()
    expect(maps.locator("option").first).to_have_text("Predictive entropy", timeout=60_000)
