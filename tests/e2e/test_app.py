"""The app in a real browser, from an upload to a verdict, with no outside request and no script error."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pydicom
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.core.io.io_files import dicom
from tests.e2e.conftest import Server, press_until

pytestmark = pytest.mark.e2e

SLOW = 120_000
"""Milliseconds for the first analysis on a busy machine: networks are exported before they run."""


def head_slice(seed: int = 0) -> bytes:
    """PNG of a grey ellipse with a bright spot in it, and noise so that no two are alike."""
    rows, columns = np.mgrid[:128, :128]
    head = ((rows - 64) / 56) ** 2 + ((columns - 64) / 46) ** 2 <= 1
    spot = (rows - 48) ** 2 + (columns - 80) ** 2 <= 100
    noise = np.random.default_rng(seed).integers(0, 12, head.shape)
    grey = (head * 90 + spot * 120 + noise * head).astype(np.uint8)
    return cv2.imencode(".png", grey)[1].tobytes()


def visit(page: Page, server: Server, path: str = "") -> None:
    page.goto(f"{server.address}/{path}")
    expect(page.locator("h1")).to_be_visible(timeout=60_000)


def upload(page: Page, name: str, data: bytes) -> None:
    field = page.locator(".st-key-upload input[type=file]")
    field.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": data})


def analyse(page: Page) -> None:
    page.locator(".st-key-analyse button").click()
    expect(page.locator(".st-key-answer")).to_be_visible(timeout=SLOW)
    expect(page.locator(".second-look")).to_have_attribute("data-ready", re.compile(".+"), timeout=60_000)


def open_sample(page: Page, key: str) -> None:
    page.locator(f".st-key-sample_{key}").get_by_role("button", name="Open").click()
    expect(page.locator(".st-key-case_card")).to_be_visible(timeout=60_000)


@pytest.mark.parametrize(
    "path", ["about", "case", "open_case", "reliability", "coverage", "cohorts", "audit", "selftest", "data"]
)
def test_cold_deep_link_shows_the_page_with_its_menu_and_notice(
    fresh_server: Server, page: Page, path: str
) -> None:
    visit(page, fresh_server, path)
    menu = page.get_by_test_id("stSidebarNav")
    expect(menu).to_contain_text("Review")
    expect(menu).to_contain_text("Open a case")
    expect(page.get_by_test_id("stSidebar")).to_contain_text("Not a medical device")
    expect(page.get_by_text("Page not found")).to_have_count(0)


def test_uploaded_slice_gets_a_verdict_and_survives_a_reload(server: Server, page: Page) -> None:
    visit(page, server)
    upload(page, "slice.png", head_slice())
    expect(page.locator(".st-key-case_card")).to_contain_text("1 slice of 128 × 128 pixels", timeout=60_000)
    analyse(page)
    answer = page.locator(".st-key-answer")
    expect(answer).to_contain_text(re.compile("Looks consistent|Review this case"))
    said = answer.inner_text()
    page.reload()
    expect(page.locator(".st-key-answer")).to_have_text(said, timeout=60_000)


def test_layers_are_toggled_by_key_without_a_server_trip(server: Server, page: Page) -> None:
    visit(page, server)
    open_sample(page, "frontal-left")
    analyse(page)
    prediction = page.locator(".second-look").get_by_role("button", name=re.compile("Prediction"))
    before = prediction.first.get_attribute("aria-pressed")
    page.locator(".second-look canvas.image").click()
    page.keyboard.press("1")
    expect(prediction.first).not_to_have_attribute("aria-pressed", before or "")


def test_volume_is_scrolled_by_key_and_the_overlay_follows(server: Server, page: Page) -> None:
    visit(page, server)
    open_sample(page, "volume-frontal")
    analyse(page)
    slider = page.get_by_role("slider", name="Slice", exact=True)
    before = int(slider.input_value())
    page.locator(".second-look canvas.image").click()
    page.keyboard.press("ArrowDown")
    expect(slider).not_to_have_value(str(before))
    shown = int(slider.input_value())
    page.wait_for_timeout(800)  # the view is reported with a delay
    page.locator(".st-key-downloads button").first.click()
    expect(page.get_by_text(f"Overlay of slice {shown} (PNG)")).to_be_visible(timeout=30_000)


def test_changed_limit_changes_the_verdict_at_once(server: Server, page: Page) -> None:
    visit(page, server)
    open_sample(page, "frontal-left")
    analyse(page)
    page.locator(".st-key-limits summary").click()
    field = page.locator("[class*='st-key-limit_area-large'] input")
    field.fill("0.01")
    field.press("Enter")
    expect(page.locator(".st-key-answer")).to_contain_text("1 limit changed")
    expect(page.locator(".st-key-answer")).to_contain_text("Review this case")


def test_running_analysis_is_cancelled(server: Server, page: Page) -> None:
    visit(page, server)
    open_sample(page, "volume-satellite")
    page.locator(".st-key-analyse button").click()
    page.locator(".st-key-cancel_job button").click(timeout=60_000)
    expect(page.get_by_text(re.compile("^Cancelled: Analysing"))).to_be_visible(timeout=SLOW)
    expect(page.locator(".st-key-analyse button")).to_be_enabled()


def test_running_analysis_survives_a_reload(server: Server, page: Page) -> None:
    visit(page, server)
    open_sample(page, "volume-spots")
    page.locator(".st-key-analyse button").click()
    expect(page.locator(".st-key-progress")).to_be_visible(timeout=60_000)
    page.reload()
    expect(page.locator(".st-key-progress, .st-key-answer").first).to_be_visible(timeout=60_000)
    expect(page.locator(".st-key-answer")).to_be_visible(timeout=SLOW)


def test_mask_download_is_a_png_whose_name_carries_its_hash(
    server: Server, page: Page, tmp_path: Path
) -> None:
    visit(page, server)
    upload(page, "slice.png", head_slice(1))
    expect(page.locator(".st-key-case_card")).to_be_visible(timeout=60_000)
    analyse(page)
    page.locator(".st-key-downloads button").first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Mask, in the geometry").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert re.fullmatch(r"second-look-mask_[0-9a-f]{16}\.png", path.name)
    mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert (mask.shape, set(np.unique(mask)) <= {0, 255}) == ((128, 128), True)


def test_dicom_segmentation_of_an_upload_is_saved_and_names_its_images(
    server: Server, page: Page, tmp_path: Path
) -> None:
    head = cv2.imdecode(np.frombuffer(head_slice(3), np.uint8), cv2.IMREAD_GRAYSCALE).astype(np.uint16)
    tags = {"StudyInstanceUID": "1.2.4", "FrameOfReferenceUID": "1.2.6"}
    slices = [dicom(head, (0.0, 0.0, -5.0 * k), InstanceNumber=k + 1, **tags) for k in range(2)]
    files = [
        {"name": f"IM{k}.dcm", "mimeType": "application/dicom", "buffer": each}
        for k, each in enumerate(slices)
    ]
    visit(page, server)
    page.locator(".st-key-upload input[type=file]").set_input_files(files)
    expect(page.locator(".st-key-case_card")).to_contain_text("2 slices", timeout=60_000)
    analyse(page)
    page.locator(".st-key-downloads button").first.click()
    save = page.get_by_role("button", name="Save the DICOM segmentation")
    press_until(page.get_by_role("button", name="Mask as DICOM segmentation"), save)
    with page.expect_download() as download:
        save.click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    seg = pydicom.dcmread(path)
    named = {each.ReferencedSOPInstanceUID for each in seg.SourceImageSequence}
    assert named == {pydicom.dcmread(io.BytesIO(each)).SOPInstanceUID for each in slices}
    assert (seg.NumberOfFrames, seg.Rows, seg.Columns) == (2, 128, 128)


def test_deleted_case_is_gone_from_page_and_store(server: Server, page: Page) -> None:
    visit(page, server)
    upload(page, "to-delete.png", head_slice(2))
    expect(page.locator(".st-key-case_card")).to_be_visible(timeout=60_000)
    analyse(page)
    address = page.url
    page.get_by_role("button", name="Delete case").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("No case is selected")).to_be_visible()
    page.goto(address)
    expect(page.get_by_text("not kept here (any more)")).to_be_visible(timeout=60_000)


def test_hostile_file_name_loads_nothing_and_shows_as_text(server: Server, page: Page) -> None:
    name = "![x](http:evil.example-a.png)<img src=x onerror=alert(1)>:material-face: www.evil.example $x$.png"
    visit(page, server)
    upload(page, name, head_slice(3))
    card = page.locator(".st-key-case_card h2")
    expect(card).to_be_visible(timeout=60_000)
    assert card.inner_text().replace("\u2060", "") == f"Ready: {name}"
    assert card.locator("a, img, .katex").count() == 0


def test_refused_upload_says_what_to_do(server: Server, page: Page) -> None:
    visit(page, server)
    upload(page, "broken.png", head_slice()[:200])
    facts = page.get_by_text("What to do:").locator("xpath=ancestor::p")
    expect(facts).to_contain_text("File: broken.png", timeout=60_000)
    expect(page.locator(".st-key-upload")).to_be_visible()


STREAMLIT_MENU = {"list", "listitem"}
"""Rules that Streamlit's own menu breaks: it puts a div between its list and the entries."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_issue(server: Server, page: Page, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme)
    visit(page, server)
    upload(page, "slice.png", head_slice(9))
    expect(page.locator(".st-key-case_card")).to_be_visible(timeout=60_000)
    found = serious_issues(page)
    analyse(page)
    found += serious_issues(page)
    visit(page, server, "about")
    expect(page.get_by_text("What must this not be used for?")).to_be_visible()
    found += serious_issues(page)
    visit(page, server, "data")
    expect(page.get_by_text("What is kept here, where, and for how long?")).to_be_visible()
    assert found + serious_issues(page) == []


def serious_issues(page: Page) -> list[str]:
    """Serious and critical violations of the shown page, the framework's menu apart."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:200]}"
        for each in violations
        if each["impact"] in {"serious", "critical"} and each["id"] not in STREAMLIT_MENU
    ]
