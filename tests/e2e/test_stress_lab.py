"""The Stress lab in a real browser: severity by keyboard, everything follows, nobody disturbs anybody."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Literal

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from core.config import AnalysisConfig
from core.pipeline.cohorts import add_cohort
from core.pipeline.runs import run_cohort
from core.store import Store
from core.types import NamedBytes
from tests.e2e.conftest import Server, free_port
from tests.e2e.test_app import SLOW, serious_issues

pytestmark = pytest.mark.e2e

ANSWER = ".st-key-answer"


def head(seed: int) -> tuple[bytes, bytes]:
    """PNG of a grey ellipse with a bright spot in it, and of the spot as a mask."""
    rows, columns = np.mgrid[:128, :128]
    inside = ((rows - 64) / 56) ** 2 + ((columns - 64) / 46) ** 2 <= 1
    spot = (rows - 44 - 6 * seed) ** 2 + (columns - 78) ** 2 <= 12**2
    noise = np.random.default_rng(seed).integers(0, 12, inside.shape)
    grey = (inside * 80 + spot * (130 - 15 * seed) + noise * inside).astype(np.uint8)
    return tuple(cv2.imencode(".png", each)[1].tobytes() for each in (grey, spot.astype(np.uint8) * 255))  # type: ignore[return-value]


def packed() -> NamedBytes:
    """Four pictures with masks of four patients, as a zip."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for seed in range(4):
            picture, mask = head(seed)
            archive.writestr(f"images/patient-{seed}.png", picture)
            archive.writestr(f"masks/patient-{seed}.png", mask)
    return NamedBytes("heads.zip", stream.getvalue())


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[str]]]:
    """A server whose store holds a cohort that the default model was run over, and the ids of its cases."""
    home = tmp_path_factory.mktemp("lab")
    with Store.open(home) as store:
        path = home.parent / "heads.zip"
        path.write_bytes(packed().data)
        cohort = add_cohort(store, path, name="heads")
        run = run_cohort(store, cohort.id, AnalysisConfig())
        assert run.done == 4
        cases = [item.case_id or "" for item in store.cohort_items(cohort.id)]
    running = Server(home, free_port())
    yield running, cases
    running.stop()


def visit(page: Page, server: Server, case: str, **choices: object) -> None:
    address = "&".join(f"{name}={value}" for name, value in choices.items())
    page.goto(f"{server.address}/stress?case={case}&{address}")
    ready(page)


def ready(page: Page) -> None:
    """Until the answer is there and nothing earlier is shown in its place."""
    expect(page.locator(".second-look")).to_have_attribute("data-ready", re.compile(".+"), timeout=SLOW)
    expect(page.get_by_text("Still showing severity")).to_have_count(0, timeout=SLOW)


def picture_of(page: Page) -> str:
    """What the viewer shows; it lives in a shadow root."""
    return page.locator("canvas.image").first.evaluate("canvas => canvas.toDataURL()")


def drag(page: Page, steps: int, to: str) -> None:
    """Move the severity by keyboard and wait for what follows."""
    slider = page.locator(".st-key-severity input[type=range]").first
    slider.focus()
    for _ in range(steps):
        page.keyboard.press("ArrowRight")
    expect(page.locator(ANSWER)).to_contain_text(f"{to}:", timeout=SLOW)
    ready(page)


def numbers(page: Page) -> list[str]:
    return re.findall(r"\d\.\d{3}|\d\.\d\d", page.locator(ANSWER).inner_text())


def test_picture_mask_score_and_mark_follow_the_severity(lab: tuple[Server, list[str]], page: Page) -> None:
    server, cases = lab
    visit(page, server, cases[0], corruption="Gaussian noise", severity=1)
    expect(page.locator(ANSWER)).to_contain_text("gaussian noise 1:")
    mark = page.locator(".st-key-lab_coverage:not([data-stale='true'])")
    expect(mark).to_contain_text("this case, gaussian noise 1")
    seen, said = picture_of(page), numbers(page)
    drag(page, 7, "gaussian noise 4.5")
    expect(mark).to_contain_text("this case, gaussian noise 4.5", timeout=SLOW)
    assert picture_of(page) != seen
    assert numbers(page)[:2] != said[:2], "confidence and Dice are those of the new severity"
    expect(page.get_by_text("At 4.5: sigma 0.22 of the range")).to_be_visible()
    expect(page.locator(".st-key-severity_chart .js-plotly-plot")).to_be_visible()


def test_corruption_is_chosen_by_its_picture(lab: tuple[Server, list[str]], page: Page) -> None:
    server, cases = lab
    visit(page, server, cases[0], corruption="Gaussian noise", severity=1)
    page.locator(".st-key-gallery summary").click()
    pick = page.locator(".st-key-take_spike:not([data-stale='true']) button").first
    expect(pick).to_be_visible(timeout=SLOW)
    expect(page.locator(".st-key-gallery")).to_contain_text("Not offered, because its values are not known")
    pick.click()
    expect(page.locator(ANSWER)).to_contain_text("k-space spike 1:", timeout=SLOW)


def test_another_page_and_back_finds_the_same_state(lab: tuple[Server, list[str]], page: Page) -> None:
    server, cases = lab
    visit(page, server, cases[1], corruption="Ghosting", severity=2)
    drag(page, 3, "ghosting 3.5")
    said = page.locator(ANSWER).inner_text().split(":")[0]
    page.get_by_test_id("stSidebarNav").get_by_text("Cohorts").click()
    expect(page.locator("h1")).not_to_have_text("What would a worse scan have done?", timeout=60_000)
    page.get_by_test_id("stSidebarNav").get_by_text("Stress lab").click()
    expect(page.locator(ANSWER)).to_contain_text(said, timeout=SLOW)
    ready(page)
    assert "ghosting 3.5" in said
    expect(page.get_by_text("At 3.5: intensity 0.7")).to_be_visible()


def test_two_sessions_do_not_disturb_each_other(lab: tuple[Server, list[str]], chromium: Browser) -> None:
    server, cases = lab
    contexts = [chromium.new_context(viewport={"width": 1280, "height": 900}) for _ in range(2)]
    first, second = (context.new_page() for context in contexts)
    visit(first, server, cases[2], corruption="Contrast", severity=3)
    visit(second, server, cases[3], corruption="Speckle", severity=1)
    seen, said = picture_of(first), first.locator(ANSWER).inner_text().split("Confidence")[1][:6]
    drag(second, 4, "speckle 3")
    expect(first.locator(ANSWER)).to_contain_text("contrast 3:")
    drag(first, 1, "contrast 3.5")
    expect(second.locator(ANSWER)).to_contain_text("speckle 3:")
    slider = first.locator(".st-key-severity input[type=range]").first
    slider.focus()
    first.keyboard.press("ArrowLeft")
    expect(first.locator(ANSWER)).to_contain_text("contrast 3:", timeout=SLOW)
    ready(first)
    assert picture_of(first) == seen
    assert first.locator(ANSWER).inner_text().split("Confidence")[1][:6] == said
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_issue(
    lab: tuple[Server, list[str]], page: Page, scheme: Literal["light", "dark"]
) -> None:
    server, cases = lab
    page.emulate_media(color_scheme=scheme)
    visit(page, server, cases[0], corruption="K-space spike", severity=2)
    assert serious_issues(page) == []
