"""From a table of predictions to the case that should be looked at, in a real browser."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Literal

import cv2
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from core.io.tables import read_table
from core.metrics.reliability.report import reliability_report
from core.types import NamedBytes
from core.view.words import number
from tests.e2e.conftest import Server, press_until
from tests.e2e.test_app import SLOW, serious_issues, visit

pytestmark = pytest.mark.e2e

SETTLED = 60_000
ROW_PX = 35
"""Height of the header and of each row of a data frame, which is a canvas."""


def table(seed: int) -> NamedBytes:
    """Class probabilities of 120 cases of 60 patients; the surer, the more often right."""
    generator = np.random.default_rng(seed)
    prob = generator.uniform(0.5, 1.0, 120)
    right = generator.uniform(0, 1, 120) < prob - 0.1
    rows = [
        f"scan-{k:03d},patient-{k // 2:02d},{'ill' if right[k] else 'well'},{prob[k]:.4f},{1 - prob[k]:.4f}"
        for k in range(120)
    ]
    return NamedBytes("elsewhere.csv", "\n".join(("case,group,label,prob_ill,prob_well", *rows)).encode())


def upload(page: Page, *files: NamedBytes) -> None:
    field = page.locator("[class*='st-key-cohort_upload'] input[type=file]").first
    field.set_input_files(
        [{"name": each.name, "mimeType": "application/octet-stream", "buffer": each.data} for each in files]
    )


def add_table(page: Page, server: Server, file: NamedBytes, name: str) -> None:
    """Through the Cohorts page, until the run is there."""
    visit(page, server, "cohorts")
    upload(page, file)
    field = page.locator(".st-key-cohort_name input")
    field.fill(name, timeout=SETTLED)
    field.press("Enter")
    page.locator(".st-key-add_cohort button").click()
    expect(page.locator("h2", has_text=name)).to_be_visible(timeout=SETTLED)
    expect(page.locator(".st-key-add_cohort")).to_have_count(0, timeout=SETTLED)


def follow(page: Page, button: str, title: str) -> None:
    page.locator("[class*='st-key-run_']").get_by_role("button", name=button).first.click()
    expect(page.locator("h1")).to_have_text(title, timeout=SETTLED)


def drag_over(page: Page, chart: Locator) -> None:
    """A box over the right half of a plot: the cases that are accepted last."""
    box = chart.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.6 * box["height"], steps=5)
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2, steps=5)
    page.mouse.up()


def test_from_a_table_of_predictions_to_a_flagged_case(server: Server, page: Page) -> None:
    file = table(seed=1)
    add_table(page, server, file, "Table from elsewhere")

    follow(page, "Reliability", "Does 0.9 mean 0.9?")
    expected = reliability_report(read_table(file)).parts[0].ece.value
    assert expected is not None
    answer = page.locator(".st-key-answer")
    expect(answer).to_contain_text(f"off by {number(100 * expected)} points on average", timeout=SETTLED)

    page.get_by_test_id("stSidebarNav").get_by_text("Risk and coverage").click()
    expect(page.locator("h1")).to_have_text("Which cases may go unreviewed?", timeout=SETTLED)
    page.locator(".st-key-target").get_by_text("Highest risk allowed").click()
    slider = page.locator(".st-key-target_risk input[type=range]")
    slider.focus(timeout=SETTLED)
    before = float(slider.input_value())
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(f"target_risk={before + 1:g}"), timeout=SETTLED)
    expect(answer).to_contain_text("wrong answers per 100 cases undetected")
    listed = page.locator("[class*='st-key-flagged']")
    expect(page.get_by_role("heading", name=re.compile("to review: confidence below"))).to_be_visible()

    drag_over(page, page.locator("[class*='st-key-coverage_chart']"))
    expect(page.get_by_role("heading", name=re.compile("Selected in the curve"))).to_be_visible(
        timeout=SETTLED
    )
    at_rest(page)
    opens = page.locator(".st-key-open_flagged button").first
    expect(opens).to_be_disabled()
    canvas = listed.locator("canvas").first
    canvas.scroll_into_view_if_needed()
    # A layer that scrolls lies over the canvas and passes the click on.
    canvas.click(position={"x": 18, "y": 1.5 * ROW_PX}, force=True)
    expect(opens).to_be_enabled(timeout=SETTLED)
    opens.click()

    expect(page).to_have_url(re.compile(r"/case\?.*unit=[0-9]+"), timeout=SETTLED)
    row = int(re.findall(r"unit=([0-9]+)", page.url)[0])
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text(f"scan-{row:03d}", timeout=SETTLED)
    expect(main).to_contain_text(f"patient-{row // 2:02d}")
    assert row in least_confident(file)

    page.get_by_text("Show the curve").click()
    expect(page.locator("h1")).to_have_text("Which cases may go unreviewed?", timeout=SETTLED)
    # What was chosen there is still chosen.
    expect(page.locator(".st-key-target_risk input[type=range]")).to_have_value(f"{before + 1:g}")


def least_confident(file: NamedBytes) -> list[int]:
    """Rows of the less confident half: their threshold lies at a coverage above one half."""
    prob = read_table(file).prob
    assert prob is not None
    return [int(each) for each in np.argsort(prob.max(axis=1))[: len(prob) // 2 + 2]]


def two_pairs() -> NamedBytes:
    """A zip of two pictures with their masks."""
    rows, columns = np.mgrid[:64, :64]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for k, column in enumerate((24, 40)):
            spot = (rows - 32) ** 2 + (columns - column) ** 2 <= 64
            head = (rows - 32) ** 2 + (columns - 32) ** 2 <= 900
            grey = (head * 90 + spot * 120).astype(np.uint8)
            archive.writestr(f"head{k}.png", cv2.imencode(".png", grey)[1].tobytes())
            archive.writestr(f"head{k}_mask.png", cv2.imencode(".png", spot * np.uint8(255))[1].tobytes())
    return NamedBytes("heads.zip", stream.getvalue())


def test_pictures_become_a_cohort_and_are_run_with_progress_and_cancel(server: Server, page: Page) -> None:
    visit(page, server, "cohorts")
    upload(page, two_pairs())
    preview = page.locator(".st-key-cohort_preview")
    expect(preview).to_contain_text("2 cases of 2 patients, 2 with a reference", timeout=SETTLED)
    page.locator(".st-key-add_cohort button").click()
    expect(page.locator("h2", has_text="heads")).to_be_visible(timeout=SETTLED)

    def run_point() -> None:
        chooser = page.locator(
            "[class*='st-key-run_estimator'] [role=combobox], [class*='st-key-run_estimator'] input"
        ).first
        press_until(page.locator(".st-key-run_form button").first, chooser)
        chooser.click()
        page.get_by_role("option", name=re.compile("single|point|one answer", re.IGNORECASE)).first.click()
        page.locator(".st-key-start_run button").click()

    run_point()
    page.locator(".st-key-cancel_job button").click(timeout=SETTLED)
    expect(page.get_by_text(re.compile("^Cancelled: Running the model"))).to_be_visible(timeout=SLOW)
    page.locator(".st-key-dismiss_job button").click()
    run_point()
    done = page.locator("[class*='st-key-run_']", has_text="2 of 2 cases done")
    expect(done.first).to_be_visible(timeout=SLOW)
    page.reload()
    expect(done.first).to_be_visible(timeout=SETTLED)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_issue(server: Server, page: Page, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme)
    add_table(page, server, table(seed=2), f"For axe in {scheme}")
    # The passing notice is Streamlit's own, a dialog without a name.
    expect(page.get_by_test_id("stToast")).to_have_count(1, timeout=SETTLED)
    expect(page.get_by_test_id("stToast")).to_have_count(0, timeout=SETTLED)
    found = issues(page)
    follow(page, "Reliability", "Does 0.9 mean 0.9?")
    expect(page.locator(".st-key-answer")).to_contain_text("points on average", timeout=SETTLED)
    found += issues(page)
    page.get_by_test_id("stSidebarNav").get_by_text("Risk and coverage").click()
    expect(page.locator("h1")).to_have_text("Which cases may go unreviewed?", timeout=SETTLED)
    expect(page.get_by_text("Made from run")).to_have_count(1, timeout=SETTLED)
    press_until(
        page.locator(".st-key-numbers summary"), page.locator(".st-key-numbers").get_by_text("AUGRC").first
    )
    found += issues(page)
    assert found == []


def issues(page: Page) -> list[str]:
    """Serious issues of a page at rest: what is about to be replaced fades, and text with it."""
    at_rest(page)
    page.mouse.move(0, 0)
    page.wait_for_timeout(1000)  # colours change gradually
    return serious_issues(page)


def at_rest(page: Page) -> None:
    """Wait until nothing that is shown is about to be replaced."""
    expect(page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=SETTLED)
    expect(page.locator("[data-stale='true']")).to_have_count(0)
