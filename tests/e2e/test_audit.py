"""The training audit in a real browser: open a study, filter, see what a finding rests on, take it along."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.audit import audit_study, read_study, sample_files
from tests.e2e.conftest import Server, press_until
from tests.e2e.test_app import serious_issues, visit

pytestmark = pytest.mark.e2e

VERDICT = "Do not rely on these figures as they stand, 5 folds"
COLLAPSE = "high-grade is 42 of 57 cases and is predicted for 0"


@pytest.fixture
def golden(server: Server, page: Page) -> Iterator[Page]:
    visit(page, server, "audit")
    expect(page.locator(".st-key-answer")).to_contain_text("Nothing is audited yet")
    page.locator(".st-key-open_golden button").click()
    expect(page.locator(".st-key-answer")).to_contain_text(VERDICT)
    expect(page.get_by_text("intervals are 95 %")).to_be_visible()  # the last line: all is drawn
    yield page


def test_findings_are_filtered_opened_and_found_again_by_the_address(golden: Page) -> None:
    page = golden
    expect(page.locator(".st-key-audit_line")).to_contain_text("18 errors")
    expect(page.get_by_text("26 of 26 findings")).to_be_visible()
    page.get_by_role("button", name="Errors", exact=True).click()
    expect(page.get_by_text("18 of 26 findings")).to_be_visible()
    page.locator(".st-key-audit_fold input").click()
    page.get_by_role("option", name="Fold 4").click()
    expect(page.locator("[class*='st-key-kind_']").first).to_contain_text("0.9123")
    expect(page.locator("[class*='st-key-finding_']").filter(has_text="fold 0")).to_have_count(0)

    finding = page.locator("[class*='st-key-finding_']").filter(has_text=COLLAPSE)
    finding.locator("summary").click()
    matrix = finding.locator(".js-plotly-plot")
    expect(matrix).to_contain_text("42")
    expect(finding.locator("[data-testid=stTable]")).to_contain_text("0.9746")

    expect(page).to_have_url(re.compile(r"severity=Errors.*study=golden"))
    page.reload()
    expect(page.get_by_text("18 of 26 findings")).to_be_visible()
    expect(finding.locator(".js-plotly-plot")).to_contain_text("42")


def test_findings_are_reached_by_keyboard_and_by_the_advice(golden: Page) -> None:
    page = golden
    finding = page.locator(".st-key-finding_golden_0 summary")
    finding.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-finding_golden_0 .js-plotly-plot")).to_contain_text("39")
    page.get_by_role("link", name="A fold differs from the others").first.click()
    expect(page.locator("#kind-fold-stands-out")).to_be_in_viewport()


def test_exports_hold_the_audit_under_the_hash_of_their_content(golden: Page, tmp_path: Path) -> None:
    page = golden
    made = audit_study(read_study(sample_files("golden")))
    taken = {}
    for label, suffix in (("Page to print (HTML)", "html"), ("Everything (JSON)", "json")):
        button = page.get_by_role("button", name=label)
        press_until(page.locator(".st-key-audit_downloads button").first, button)
        with page.expect_download() as download:
            button.click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        taken[suffix] = path.read_bytes()
        digest = hashlib.sha256(taken[suffix]).hexdigest()[:16]
        assert path.name == f"second-look-audit_{digest}.{suffix}"
    document = json.loads(taken["json"])
    assert document == json.loads(made.model_dump_json())
    assert taken["html"].decode().count('class="finding ') == len(made.findings)
    assert made.verdict in taken["html"].decode()


def test_dropped_files_are_audited_and_another_visitor_sees_nothing_of_them(
    server: Server, page: Page, chromium: object
) -> None:
    visit(page, server, "audit")
    field = page.locator("[class*='st-key-audit_upload'] input[type=file]")
    field.set_input_files({"name": "colours.csv", "mimeType": "text/csv", "buffer": b"colour,size\nred,2\n"})
    expect(page.get_by_text("The audit cannot use this file")).to_be_visible()
    expect(page.locator("[data-testid=stMain]")).to_contain_text("columns colour, size")
    page.get_by_role("button", name=re.compile("Remove")).click()
    expect(page.get_by_text("The audit cannot use this file")).to_have_count(0)

    (file,) = sample_files("golden")
    document = json.loads(file.data) | {"title": "CANARY"}
    field.set_input_files(
        {"name": "own.json", "mimeType": "application/json", "buffer": json.dumps(document).encode()}
    )
    expect(page.locator(".st-key-answer")).to_contain_text(VERDICT)
    expect(page.locator(".st-key-audit_line")).to_contain_text("CANARY")
    page.get_by_role("link", name="Models", exact=True).click()
    expect(page.get_by_text("What can answer, and where did it come from?")).to_be_visible()
    page.get_by_role("link", name="Training audit").click()
    expect(page.locator(".st-key-audit_line")).to_contain_text("CANARY")

    context = chromium.new_context()  # type: ignore[attr-defined]
    other = context.new_page()
    other.goto(page.url)
    expect(other.locator(".st-key-answer")).to_contain_text("Nothing is audited yet")
    expect(other.get_by_text("CANARY")).to_have_count(0)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_issue_in_an_audit(server: Server, page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    visit(page, server, "audit?study=collapsed&finding_collapsed_0=true&finding_collapsed_1=true")
    expect(page.locator(".st-key-finding_collapsed_1 .js-plotly-plot")).to_be_visible()
    assert serious_issues(page) == []
