"""A volume and a bag model in a real browser: read the verdict, go where the attention lies."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from core.models.mil_records import get_bag_model
from tests.e2e.conftest import Server
from tests.e2e.test_app import analyse, open_sample, serious_issues, visit

pytestmark = pytest.mark.e2e

TITLE = get_bag_model("lgg-mil").title


def judge(page: Page, server: Server) -> None:
    """The synthetic volume on its Case page, judged by the shipped bag model."""
    visit(page, server)
    open_sample(page, "volume-frontal")
    page.get_by_role("combobox", name="Model", exact=True).click()
    page.get_by_role("option", name=f"Slabs: {TITLE}").click()
    expect(page.locator(".st-key-case_card")).to_contain_text("Names one of two classes for a slab")
    analyse(page)


def deciding_slice(page: Page) -> int:
    """The slice with most attention of the slab that decides, as its row names it."""
    row = page.locator(".second-look .slab").filter(has_text="decides")
    expect(row).to_have_count(1)
    found = re.search(r"most on slice (\d+)", row.inner_text())
    assert found is not None
    return int(found[1])


def shown_slice(page: Page) -> int:
    return int(page.locator(".second-look").get_attribute("data-slice") or -1) + 1


def test_verdict_names_the_slab_with_its_spread_and_survives_a_reload(server: Server, page: Page) -> None:
    judge(page, server)
    answer = page.locator(".st-key-answer")
    expect(answer).to_contain_text(re.compile("Looks consistent|Review this case"))
    expect(answer).to_contain_text(re.compile(r"At least one slab holds tumour|No slab reads as tumour"))
    expect(answer).to_contain_text(re.compile(r"slab \d+ of \d+ \(slices \d+–\d+\)"))
    expect(answer).to_contain_text(re.compile(r"\d\.\d{3}–\d\.\d{3} over 5 predictions"))
    expect(page.get_by_text("Attention is not evidence")).to_be_visible()
    said = answer.inner_text()
    page.reload()
    expect(page.locator(".st-key-answer")).to_have_text(said, timeout=60_000)


def test_slice_with_most_attention_is_a_click_and_a_key_away(server: Server, page: Page) -> None:
    judge(page, server)
    view, slider = page.locator(".second-look"), page.get_by_role("slider", name="Slice", exact=True)
    top = deciding_slice(page)
    expect(slider).to_have_value(str(top))  # it opens there
    away = 1 if top > 1 else 2

    def leave() -> None:
        slider.fill(str(away))
        expect(view).to_have_attribute("data-slice", str(away - 1))

    leave()
    away_picture = page.locator(".second-look canvas.image").screenshot()
    view.locator(".slab").filter(has_text="decides").click()
    expect(view).to_have_attribute("data-slice", str(top - 1))
    expect(view.locator(".corner.top.left")).to_contain_text(f"Slice {top} /")
    assert page.locator(".second-look canvas.image").screenshot() != away_picture
    leave()
    view.get_by_role("button", name="Go to the slice with most attention (W)").click()
    expect(view).to_have_attribute("data-slice", str(top - 1))
    leave()
    page.locator(".second-look canvas.image").click()
    page.keyboard.press("w")
    expect(view).to_have_attribute("data-slice", str(top - 1))


def test_strip_tells_the_attention_of_each_slice_and_a_click_goes_there(server: Server, page: Page) -> None:
    judge(page, server)
    strip = page.get_by_role("slider", name="Slice, with the attention on each")
    total = int(strip.get_attribute("aria-valuemax") or 0)
    expect(strip).to_have_attribute("aria-valuetext", re.compile(r"attention 0\.\d+ .*most attention"))
    box = strip.bounding_box()
    assert box is not None
    strip.click(position={"x": box["width"] * 2.5 / total, "y": 30})
    expect(strip).to_have_attribute("aria-valuenow", "3")
    strip.press("ArrowRight")
    expect(strip).to_have_attribute("aria-valuenow", "4")
    assert shown_slice(page) == 4


def test_limit_of_the_attention_is_moved_and_flags_every_slab(server: Server, page: Page) -> None:
    judge(page, server)
    slabs = page.locator(".second-look .slab").count()
    page.locator(".st-key-limits summary").click()
    field = page.get_by_role("spinbutton", name="Attention on hardly more than one slice, limit")
    field.fill("60")
    field.press("Enter")
    reasons = page.locator(".second-look .reason").filter(has_text="effective slices, below 60")
    expect(reasons).to_have_count(1)
    expect(reasons.locator(".chip")).to_have_text("T")
    rule = page.locator(".second-look .reasons > li").filter(has_text="effective slices, below 60")
    expect(rule.locator(".also").first if slabs > 1 else reasons).to_be_visible()
    expect(page.locator(".st-key-answer")).to_contain_text("1 limit changed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_issue_with_slabs(
    server: Server, page: Page, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    judge(page, server)
    assert serious_issues(page) == []


def test_phone_shows_verdict_picture_strip_and_slabs_in_this_order(server: Server, page: Page) -> None:
    judge(page, server)
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".second-look .side")).to_have_css("display", "contents")
    parts = (".verdict", ".stage", ".strip", ".slabs", ".numbers")
    tops = [page.locator(f".second-look {each}").bounding_box()["y"] for each in parts]  # type: ignore[index]
    assert tops == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
