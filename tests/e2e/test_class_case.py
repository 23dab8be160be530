"""A classified picture in a real browser: choose the classifier, read the class, see what it rests on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from core.models.registry import find_models, write_record
from tests.core.inference.test_classifier import tiny_record
from tests.e2e.conftest import Server, free_port
from tests.e2e.test_app import analyse, head_slice, serious_issues, upload, visit

pytestmark = pytest.mark.e2e

TOY = "toy-classes"
TITLE = next((each.title for each in find_models().records if each.task == "classification"), "Tiny")
"""Of the shipped classifier, or of the toy that the server gets beside it."""


@pytest.fixture(scope="module")
def class_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has a classifier: the shipped one, else one of three tiny networks."""
    home = tmp_path_factory.mktemp("class-home")
    folder = home / "models" / TOY
    folder.mkdir(parents=True)
    write_record(tiny_record(folder, members=3, id=TOY), folder)
    running = Server(home, free_port())
    yield running
    running.stop()


def classify(page: Page, server: Server, seed: int) -> None:
    visit(page, server)
    upload(page, "film.png", head_slice(seed))
    expect(page.locator(".st-key-case_card")).to_be_visible(timeout=60_000)
    page.get_by_role("combobox", name="Model", exact=True).click()
    page.get_by_role("option", name=f"Class: {TITLE}").click()
    expect(page.locator(".st-key-case_card")).to_contain_text("feeds the one input", timeout=30_000)
    analyse(page)


def test_classifier_names_a_class_with_its_spread_and_survives_a_reload(
    class_server: Server, page: Page
) -> None:
    classify(page, class_server, 11)
    answer = page.locator(".st-key-answer")
    expect(answer).to_contain_text(re.compile("Looks consistent|Review this case"))
    expect(answer).to_contain_text(
        re.compile(r"Most likely (normal|bacterial|viral) with a mean probability")
    )
    rows = page.locator(".second-look .class")
    expect(rows).to_have_count(3)
    shown = [float(each.split()[0]) for each in page.locator(".second-look .class-value").all_inner_texts()]
    assert sum(shown) == pytest.approx(1.0, abs=0.01)
    expect(page.locator(".second-look .class.given .tag").first).to_have_text("given")
    assert page.locator(".second-look .class").first.locator(".dot").count() >= 3
    said = answer.inner_text()
    page.reload()
    expect(page.locator(".st-key-answer")).to_have_text(said, timeout=60_000)


def test_what_the_decision_rests_on_is_a_layer_with_a_key(class_server: Server, page: Page) -> None:
    classify(page, class_server, 12)
    layer = page.locator(".second-look").get_by_role("button", name=re.compile("What the decision rests on"))
    expect(layer).to_have_attribute("aria-pressed", "false")
    canvas = page.locator(".second-look canvas.image")
    canvas.click(position={"x": 40, "y": 40})
    before = canvas.screenshot()
    page.keyboard.press("3")
    expect(layer).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".second-look .readout")).to_contain_text("what the decision rests on")
    assert canvas.screenshot() != before


def test_picture_with_what_it_rests_on_is_downloaded(
    class_server: Server, page: Page, tmp_path: Path
) -> None:
    classify(page, class_server, 13)
    page.locator(".st-key-downloads button").first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Picture with what the decision").click()
    assert re.fullmatch(r"second-look-class-overlay_[0-9a-f]{16}\.png", download.value.suggested_filename)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_issue_with_a_class(
    class_server: Server, page: Page, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    classify(page, class_server, 14)
    assert serious_issues(page) == []


def test_phone_shows_verdict_picture_and_classes_in_this_order(class_server: Server, page: Page) -> None:
    classify(page, class_server, 15)
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".second-look .side")).to_have_css("display", "contents")
    tops = [
        page.locator(f".second-look {each}").bounding_box()["y"]
        for each in (".verdict", ".stage", ".classes")
    ]
    assert tops == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
