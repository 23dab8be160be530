"""Takes the screenshots in this folder: `python assets/screenshots/take.py [PAGE...]`.

Starts the app on an empty store, opens and analyses sample cases, and saves each page in light and dark at
1280 and 390 pixels. Needs requirements-dev.txt and Debian's chromium (or SECOND_LOOK_CHROMIUM).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.config import AnalysisConfig  # noqa: E402
from core.pipeline.cohorts import add_samples  # noqa: E402
from core.pipeline.runs import run_cohort  # noqa: E402
from core.store import Store  # noqa: E402
from tests.e2e.conftest import FLAGS, Server, free_port  # noqa: E402 - after the path is set

FOLDER = Path(__file__).resolve().parent
SAMPLE = "volume-satellite"
SIZES = {1280: 1000, 390: 1400}
WAIT_MS = 180_000
AT_REST = """() => !document.querySelector(
    '[data-testid="stSkeleton"], [data-testid="stStatusWidget"], [data-stale="true"], .st-key-progress')"""
"""Nothing is loading, running, or about to be replaced."""


def take_case(page: Page, address: str) -> None:
    """The verdict on a volume."""
    page.goto(address)
    page.locator(f".st-key-sample_{SAMPLE}").get_by_role("button", name="Open").click()
    page.locator(".st-key-analyse button").click(timeout=WAIT_MS)
    page.locator(".st-key-answer").wait_for(timeout=WAIT_MS)
    page.locator(".second-look[data-ready]").wait_for(timeout=WAIT_MS)


def take_open_case(page: Page, address: str) -> None:
    """A sample that is ready to be analysed."""
    page.goto(address)
    page.locator(f".st-key-sample_{SAMPLE}").get_by_role("button", name="Open").click()
    page.locator(".st-key-case_card").wait_for(timeout=WAIT_MS)


def take_about(page: Page, address: str) -> None:
    """The About page from its top."""
    page.goto(f"{address}/about")
    page.locator("h1").wait_for(timeout=WAIT_MS)


def take_models(page: Page, address: str) -> None:
    """The Models page with the default model in full."""
    page.goto(f"{address}/models")
    for late in (".stTable", ".st-key-model_weights button", ".st-key-template_kind button", ".stCode code"):
        page.locator(late).first.wait_for(timeout=WAIT_MS)


def take_cohorts(page: Page, address: str) -> None:
    """A cohort that came as a table, with its predictions."""
    _add_table(page, address)


def take_reliability(page: Page, address: str) -> None:
    """Diagrams of three classes."""
    _add_table(page, address)
    page.locator("[class*='st-key-run_']").get_by_role("button", name="Reliability").first.click()
    page.get_by_text("points on average").wait_for(timeout=WAIT_MS)


def take_coverage(page: Page, address: str) -> None:
    """A threshold, its curves and the cases below it."""
    _add_table(page, address)
    page.locator("[class*='st-key-run_']").get_by_role("button", name="Risk and coverage").first.click()
    page.locator(".st-key-facts").wait_for(timeout=WAIT_MS)


def take_stress(page: Page, address: str) -> None:
    """A sample under a severity, its neighbours computed."""
    take_open_case(page, address)
    page.get_by_test_id("stSidebarNav").get_by_text("Stress lab").click()
    page.locator(".second-look[data-ready]").wait_for(timeout=WAIT_MS)
    page.get_by_text("are known").wait_for(state="detached", timeout=WAIT_MS)


def take_prompts(page: Page, address: str) -> None:
    """A box on a sample, and the outline that follows it."""
    take_open_case(page, address)
    page.get_by_test_id("stSidebarNav").get_by_text("Prompts").click()
    page.locator(".boxer[data-ready]").wait_for(timeout=WAIT_MS)
    page.get_by_text("agree by").wait_for(timeout=WAIT_MS)


def take_worklist(page: Page, address: str) -> None:
    """The built-in samples as a worklist."""
    page.goto(f"{address}/worklist")
    page.get_by_label("Name or initials").fill("Ada", timeout=WAIT_MS)
    page.get_by_role("button", name="Start reading").click()
    page.locator(".rows .row img").first.wait_for(timeout=WAIT_MS)


def take_review(page: Page, address: str) -> None:
    """The riskiest sample on the review desk."""
    take_worklist(page, address)
    page.get_by_role("button", name="Start reviewing").click()
    page.locator(".desk .decision").first.wait_for(timeout=WAIT_MS)
    page.locator(".second-look[data-ready]").wait_for(timeout=WAIT_MS)


def take_detector(page: Page, address: str) -> None:
    """The limits over the samples."""
    page.goto(f"{address}/detector")
    page.locator(".rule-bars").first.wait_for(timeout=WAIT_MS)


def run_samples(home: Path) -> None:
    """The built-in samples as a cohort with a run of the default model, before the server starts."""
    with Store.open(home) as store:
        run_cohort(store, add_samples(store).id, AnalysisConfig())


def _add_table(page: Page, address: str) -> None:
    """Adds the made-up table through the page, as a visitor would; the same table makes the same cohort."""
    page.goto(f"{address}/cohorts")
    field = page.locator("[class*='st-key-cohort_upload'] input[type=file]").first
    field.wait_for(state="attached", timeout=WAIT_MS)
    field.set_input_files({"name": "made-up.csv", "mimeType": "text/csv", "buffer": made_up_table()})
    page.locator(".st-key-add_cohort button").click(timeout=WAIT_MS)
    page.locator("h2", has_text="made-up").wait_for(timeout=WAIT_MS)


def made_up_table() -> bytes:
    """Class probabilities of 400 invented cases of 200 patients, a little too sure of themselves."""
    generator = np.random.default_rng(0)
    names = ("normal", "bacterial", "viral")
    truth = generator.integers(0, 3, 400)
    logits = generator.normal(0.0, 1.0, (400, 3))
    logits[np.arange(400), truth] += 1.6
    prob = np.exp(1.7 * logits)
    prob /= prob.sum(axis=1, keepdims=True)
    lines = ["case,group,label," + ",".join(f"prob_{name}" for name in names)]
    for k in range(400):
        shares = ",".join(f"{each:.6f}" for each in prob[k])
        lines.append(f"film-{k:03d},patient-{k // 2:03d},{names[truth[k]]},{shares}")
    return "\n".join(lines).encode()


PAGES: dict[str, Callable[[Page, str], None]] = {
    "case": take_case,
    "open-case": take_open_case,
    "cohorts": take_cohorts,
    "reliability": take_reliability,
    "coverage": take_coverage,
    "worklist": take_worklist,
    "review": take_review,
    "detector": take_detector,
    "stress": take_stress,
    "prompts": take_prompts,
    "about": take_about,
    "models": take_models,
}


JUDGED = {"worklist", "review", "detector"}
"""Pages that need a run to speak of."""


def main(wanted: list[str]) -> None:
    """Take the wanted pages, all when none is named."""
    path = os.environ.get("SECOND_LOOK_CHROMIUM") or shutil.which("chromium")
    if path is None:
        sys.exit("no Chromium found: install Debian's chromium, or name one in SECOND_LOOK_CHROMIUM")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        if JUDGED & set(wanted or PAGES):
            run_samples(Path(home))
        server = Server(Path(home), free_port())
        try:
            browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
            for name in wanted or list(PAGES):
                _take(browser, server.address, name)
        finally:
            server.stop()


def _take(browser: Browser, address: str, name: str) -> None:
    for theme in ("light", "dark"):
        for width, height in SIZES.items():
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
            page = context.new_page()
            PAGES[name](page, address)
            page.mouse.move(0, 0)
            page.wait_for_function(AT_REST, timeout=WAIT_MS)
            page.wait_for_timeout(2000)
            path = FOLDER / f"{name}-{theme}-{width}.png"
            path.write_bytes(_deflated(page.screenshot()))
            context.close()
            sys.stdout.write(f"{path.relative_to(ROOT)} {path.stat().st_size // 1000} kB\n")


def _deflated(picture: bytes) -> bytes:
    """The same pixels, packed as small as PNG goes."""
    pixels = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


if __name__ == "__main__":
    main(sys.argv[1:])
