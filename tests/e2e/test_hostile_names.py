"""Names that are Markdown, HTML, scripts, formulas or nothing at all, on every page in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.models.importer import import_onnx
from core.pipeline import Outcome, stored_result
from core.pipeline.reviews import LONGEST_NAME, decide_case, judged_result
from core.pipeline.runs import keep_result
from core.store import Store
from core.types import CohortItem
from core.types.reviews import Opinion
from pages.ui import menu
from tests.core.models.onnx_graphs import graph, write
from tests.core.store.run_examples import make_cohort, make_run
from tests.e2e.test_app import head_slice, upload
from tests.pages.conftest import make_analysis, make_case
from tests.serving import ROOT, Server, free_port

pytestmark = pytest.mark.e2e

OUT = "http://outside.example"
NAMES = {
    "image link": f"![a]({OUT}/1.png)",
    "html": f"<img src='{OUT}/2.png' onerror='window.hacked=1'><script>window.hacked=1</script>",
    "link": "[open](javascript:window.hacked=1)",
    "right to left": "scan\u202egnp.exe",
    "very long": "W" * 300,
    "icon": ":material/skull: :skull:",
    "formula": r"$$\frac{1}{\href{javascript:window.hacked=1}{2}}$$",
    "newlines": "one\n\n# two\n\n---\n\nthree\r\n",
    "path": "../../../../etc/passwd",
    "spreadsheet": '=HYPERLINK("http://outside.example/3","a")',
    "quotes": '"\'`\\";--',
    "nothing": "null",
    "invisible": "\u200b\u200d\ufeff",
    "colour": ":red-background[:red[loud]]",
    "table": "| a | b |\n|---|---|\n| c | d |",
    "attribute": f"' onmouseover='window.hacked=1' style='background:url({OUT}/4.png)",
}
PAGES = sorted({each for each in vars(menu).values() if isinstance(each, str) and each.startswith("pages/")})
ON_A_PHONE = 4
"""How many of the cases open in the Case page at the small width; all do at the large one."""

NO_TRACE = f"""() => ({{
    hacked: window.hacked === undefined,
    images: document.querySelectorAll('[src*="outside.example"], [style*="outside.example"]').length,
    links: document.querySelectorAll('a[href^="javascript:"], a[href^="{OUT}"]').length,
    icons: document.querySelectorAll('[aria-label="skull icon"]').length,
    formulas: document.querySelectorAll('.katex').length,
    colours: [...document.querySelectorAll('.stMarkdownColoredText, .stMarkdownColoredBackground')]
        .filter(each => each.textContent.includes('loud')).length,
    wider: Math.max(0, document.documentElement.scrollWidth - window.innerWidth,
        ...[...document.querySelectorAll('[data-testid=stMain]')]
            .map(each => each.scrollWidth - each.clientWidth)),
}})"""
CLEAN = {"hacked": True, "images": 0, "links": 0, "icons": 0, "formulas": 0, "colours": 0, "wider": 0}


class Ward(Server):
    """A server over a store in which everything that can have a name has a hostile one."""

    run = ""
    cohort = ""
    cases: tuple[str, ...] = ()


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    home = tmp_path_factory.mktemp("hostile")
    names = list(NAMES.values())
    cases = [make_case(name, slices=2, reference=True, seed=k) for k, name in enumerate(names)]
    with Store.open(home) as store:
        for case, name in zip(cases, names, strict=True):
            store.put_case(case)
            store.put_cohort(*make_cohort(name, [case]))
        cohort, items = make_cohort("".join(names), cases)
        store.put_cohort(cohort, [_grouped(item, name) for item, name in zip(items, names, strict=True)])
        run = make_run(cohort, names[0] + names[5])
        store.put_run(run)
        for item, case, name in zip(items, cases, names, strict=True):
            found = make_analysis(case)
            found = replace(found, made_by=found.made_by.model_copy(update={"app_version": name}))
            store.put_analysis(found)
            keep_result(store, run, item, case, found)
            result = stored_result(store, found.made_by.key)
            assert isinstance(result, Outcome)
            reader = name.replace("\u202e", "").strip()[:LONGEST_NAME].split("\n")[0]
            said = Opinion(decision="reject", comment=name)
            decide_case(store, reader if reader.isprintable() and reader else "Ada",
                        judged_result(result, run, item.position), said)  # fmt: skip
        store.finish_run(run.id)
    for k, name in enumerate(names[:6]):
        folder = tmp_path_factory.mktemp("model")
        import_onnx(*write(folder, graph(), id=f"model-{k}", title=name), own=home / "models")
    running = Ward(home, free_port())
    running.run, running.cohort, running.cases = run.id, cohort.id, tuple(case.id for case in cases)
    yield running
    running.stop()


@pytest.fixture(params=[1280, 390])
def sized(request: pytest.FixtureRequest, page: Page) -> Page:
    page.set_viewport_size({"width": request.param, "height": 900})
    return page


def look(page: Page, address: str) -> dict[str, object]:
    """What is wrong on a page with all that is folded opened, and what names have left in it."""
    page.goto(address)
    expect(page.locator("h1").first).to_be_visible(timeout=60_000)
    return unfolded(page)


def unfolded(page: Page) -> dict[str, object]:
    rest(page)
    page.evaluate("document.querySelectorAll('details:not([open]) > summary').forEach(each => each.click())")
    rest(page)
    found: dict[str, object] = page.evaluate(NO_TRACE)
    return found


def rest(page: Page) -> None:
    expect(page.locator('[data-testid=stApp][data-test-script-state="notRunning"]')).to_be_visible(
        timeout=60_000
    )


def test_every_page_is_visited() -> None:
    assert {Path(each).name for each in PAGES} == {
        each.name for each in (ROOT / "pages").glob("*.py") if each.stem != "__init__"
    }


def test_hostile_names_stay_words_on_every_page(ward: Ward, sized: Page) -> None:
    sized.goto(f"{ward.address}/worklist?run={ward.run}")
    sized.get_by_label("Name or initials").fill(f"![r]({OUT}/r.png) <b>")
    sized.get_by_role("button", name="Start reading").click()
    rest(sized)
    query = f"run={ward.run}&cohort={ward.cohort}"
    visits = [f"{Path(each).stem}?{query}&case={ward.cases[0]}" for each in PAGES]
    shown = ward.cases if sized.viewport_size["width"] > 1000 else ward.cases[:ON_A_PHONE]
    visits += [f"case?case={each}" for each in shown[1:]]
    found = {each.partition("&")[0]: look(sized, f"{ward.address}/{each}") for each in visits}
    assert {each: what for each, what in found.items() if what != CLEAN} == {}


def test_an_uploaded_file_with_a_hostile_name_is_only_named(ward: Ward, page: Page) -> None:
    page.goto(ward.address)
    upload(page, "![a](javascript:x) <img src=x onerror=window.hacked=1> :skull: $$x$$.png", head_slice(5))
    expect(page.locator(".st-key-case_card")).to_be_visible(timeout=60_000)
    assert page.evaluate(NO_TRACE) == CLEAN


def test_hostile_names_in_an_audited_training_stay_words(ward: Ward, sized: Page) -> None:
    names = list(NAMES.values())
    folds = [
        {"fold": name, "confusion": [[15, 0], [39, 3]], "scores": {"accuracy": 0.9 if k < 4 else 0.3158},
         "validation_loss": {"best": 0.4, "final": 0.4}}
        for k, name in enumerate(dict.fromkeys(each.strip() for each in names))
    ]  # fmt: skip
    document = {"title": names[0], "classes": names[:2], "summary": {"auc": {"mean": 0.9}}, "folds": folds}
    sized.goto(f"{ward.address}/audit")
    sized.locator("[class*='st-key-audit_upload'] input[type=file]").set_input_files(
        {"name": f"{names[1]}.json", "mimeType": "text/plain", "buffer": json.dumps(document).encode()}
    )
    expect(sized.locator(".st-key-audit_line")).to_be_visible()
    for view in ("Folds", "Confusion matrices", "Loss and scores"):
        sized.locator(".st-key-audit_view").get_by_text(view).click()
        assert unfolded(sized) == CLEAN
    expect(sized.locator(".js-plotly-plot").first).to_be_visible()


def _grouped(item: CohortItem, name: str) -> CohortItem:
    return item.model_copy(update={"group": name or "none"})
