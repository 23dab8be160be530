"""Ten cases decided by keyboard, two readers on one cohort, and a log that was tampered with."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from core.review.agreement import kappa_of
from core.store import Store
from core.store.review_log import LOG_NAME, read_log
from tests.e2e.conftest import Server, free_port
from tests.e2e.test_app import serious_issues
from tests.review_runs import put_run
from tests.serving import ROOT

pytestmark = pytest.mark.e2e
SETTLED = 60_000
CASES = 10


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Server]:
    """A server over a store with ten analysed cases, none of them decided."""
    home = tmp_path / "ward"
    with Store.open(home) as store:
        put_run(store, CASES)
    running = Server(home, free_port())
    yield running
    running.stop()


def desk_of(page: Page) -> Locator:
    return page.locator(".desk")


def sign_in(page: Page, name: str, *, alone: bool = False) -> None:
    """Say who reads, by keyboard."""
    field = page.get_by_label("Name or initials")
    field.focus(timeout=SETTLED)
    page.keyboard.type(name)
    if alone:
        page.get_by_role("switch", name="Judge without the model's opinion").focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="Start reading").focus()
    page.keyboard.press("Enter")


def start(page: Page, server: Server, name: str, *, alone: bool = False) -> None:
    page.goto(f"{server.address}/worklist")
    sign_in(page, name, alone=alone)
    button = page.get_by_role("button", name="Start reviewing")
    expect(button).to_be_enabled(timeout=SETTLED)
    expect(page.locator(".rows .row")).to_have_count(CASES, timeout=SETTLED)
    button.focus()
    page.keyboard.press("Enter")
    expect(desk_of(page)).to_be_visible(timeout=SETTLED)


def subject_of(page: Page) -> str:
    """The subject on the desk, once the desk has been filled."""
    desk = desk_of(page)
    expect(desk).to_have_attribute("data-subject", re.compile(".+"), timeout=SETTLED)
    return desk.get_attribute("data-subject") or ""


def press(page: Page, key: str) -> str:
    """Press a key of the desk and wait for the next case; the subject that was decided."""
    subject = subject_of(page)
    page.keyboard.press(key)
    other = re.compile(rf"^(?!{re.escape(subject)}$).+")
    expect(desk_of(page)).to_have_attribute("data-subject", other, timeout=SETTLED)
    return subject


def entries(server: Server) -> list[dict]:
    return [json.loads(each) for each in (server.home / LOG_NAME).read_text().splitlines()]


def verify(server: Server) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SECOND_LOOK_HOME": str(server.home)}
    command = [sys.executable, "-m", "core", "reviews", "verify"]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_ten_cases_by_keyboard_with_undo_comment_and_reload(page: Page, ward: Server) -> None:
    start(page, ward, "Ada")
    desk = desk_of(page)
    # Riskiest first: of .95 to .30 in ten steps, the last has the lowest confidence.
    expect(desk.locator(".place")).to_contain_text("scan-0009.png", timeout=SETTLED)

    press(page, "a")
    wrong = press(page, "x")
    page.keyboard.press("z")
    expect(desk).to_have_attribute("data-subject", wrong, timeout=SETTLED)
    expect(desk).to_have_attribute("data-decision", "")

    page.keyboard.press("t")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    page.keyboard.type("edge is off, n a x")  # letters in a comment decide nothing
    page.keyboard.press("Escape")
    page.reload()
    expect(desk).to_have_attribute("data-subject", wrong, timeout=SETTLED)
    expect(desk.locator("textarea")).to_have_value("edge is off, n a x")
    expect(desk.locator(".kind[aria-pressed=true]")).to_have_text(["Resolution or coverage too low"])
    press(page, "n")

    for key in "uaxaan":
        press(page, key)
    skipped = press(page, "k")
    assert skipped not in {each["judged"]["subject"] for each in entries(ward)}
    expect(desk.locator(".place")).to_contain_text("8 decided by Ada")
    press(page, "a")
    last = subject_of(page)
    page.keyboard.press("a")
    expect(page.get_by_text("All 10 listed cases are decided by you.")).to_be_visible(timeout=SETTLED)
    expect(desk).to_have_attribute("data-decision", "accept", timeout=SETTLED)

    written = entries(ward)
    assert [each["action"] for each in written] == ["decide", "decide", "undo"] + ["decide"] * 9
    assert written[3]["opinion"]["comment"] == "edge is off, n a x"
    assert written[3]["opinion"]["kinds"] == ["resolution"]
    assert written[-1]["judged"]["subject"] == last
    assert {each["reader"] for each in written} == {"Ada"}
    assert all(each["judged"]["model_id"] for each in written)
    assert verify(ward).returncode == 0

    page.get_by_role("link", name="Back to the worklist").click()
    expect(page.get_by_text("10 of 10 cases").first).to_be_visible(timeout=SETTLED)
    page.get_by_text("Take decisions, masks and pictures along").click()
    with page.expect_download(timeout=SETTLED) as got:
        page.get_by_role("button", name="Table (CSV)").click()
    rows = list(csv.DictReader(Path(got.value.path()).read_text().splitlines()))
    assert sum(each["in_force"] == "True" for each in rows) == CASES
    assert len(rows) == 12


def test_a_tampered_entry_is_named_by_command_and_page(page: Page, ward: Server) -> None:
    start(page, ward, "Ada")
    for key in "aaa":
        press(page, key)
    path = ward.home / LOG_NAME
    lines = path.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace('"accept"', '"reject"')
    path.write_text("".join(lines))

    done = verify(ward)
    assert done.returncode == 2
    assert "entry 2 was changed after it was written" in done.stdout

    page.reload()
    expect(page.get_by_text("The review log is damaged: entry 2 was changed")).to_be_visible(timeout=SETTLED)
    expect(desk_of(page).get_by_role("button", name="Accept")).to_be_disabled(timeout=SETTLED)
    page.keyboard.press("a")
    page.wait_for_timeout(500)
    assert path.read_text() == "".join(lines)


def test_two_readers_on_one_cohort(chromium: object, ward: Server) -> None:
    pages = []
    for name, alone in (("Ada", False), ("Ben", True)):
        context = chromium.new_context(viewport={"width": 1280, "height": 900})  # type: ignore[attr-defined]
        opened = context.new_page()
        opened.set_default_timeout(SETTLED)
        start(opened, ward, name, alone=alone)
        pages.append(opened)
    ada, ben = pages

    # Ben judges without the model's opinion: cohort order, no verdict, no confidence, nothing of Ada.
    expect(desk_of(ben).locator(".place")).to_contain_text("scan-0000.png")
    expect(ben.locator(".second-look h2").first).to_have_text("The outline alone")
    shown = ben.locator(".stMain").inner_text() + ben.locator(".second-look").inner_text()
    for word in ("Review this case", "Looks consistent", "0.95", "Ada", "Uncertainty", "Reference", "Dice 1"):
        assert word not in shown

    # Ada goes from case 9 down, Ben from case 0 up, in turns.
    for one, two in zip("aaxxnaaaa", "axxaaaxxa", strict=True):
        press(ada, one)
        press(ben, two)
    for each, key in ((ada, "u"), (ben, "u")):
        each.keyboard.press(key)
        expect(each.get_by_text("All 10 listed cases are decided by you.")).to_be_visible()

    found, report, _ = read_log(ward.home)
    assert report.ok
    assert len(found) == 2 * CASES
    said = {
        reader: {each.judged.position: each.opinion.decision for each in found if each.reader == reader}
        for reader in ("Ada", "Ben")
    }
    assert all(len(each) == CASES for each in said.values())
    assert {each.opinion.confidence_hidden for each in found if each.reader == "Ben"} == {True}

    # By hand: Ada from 9 to 0 "aaxxnaaaau", Ben from 0 to 9 "axxaaaxxau".
    by_ada, by_ben = "aaxxnaaaau"[::-1], "axxaaaxxau"
    letters = "axnu"
    table = [[sum((p, q) == (one, two) for p, q in zip(by_ada, by_ben, strict=True)) for two in letters]
             for one in letters]  # fmt: skip
    import numpy as np

    total = 10
    same = sum(table[k][k] for k in range(4)) / total
    chance = sum(sum(table[k]) * sum(row[k] for row in table) for k in range(4)) / total**2
    kappa = (same - chance) / (1 - chance)
    assert kappa_of(np.array(table, float)) == pytest.approx(kappa)
    ada.get_by_role("link", name="Back to the worklist").click()
    ada.get_by_text("Agreement between readers").click()
    told = ada.locator("p", has_text="You and Ben")
    expect(told).to_contain_text(f"κ {kappa:.3f}".replace("-", "−"))
    expect(told).to_contain_text("10 common cases")
    for each in pages:
        each.context.close()


@pytest.mark.parametrize("path", ["worklist", "review"])
def test_no_serious_accessibility_issue(page: Page, ward: Server, path: str) -> None:
    start(page, ward, "Ada")
    if path == "worklist":
        page.get_by_role("link", name="Worklist").first.click()
        expect(page.locator(".rows .row")).to_have_count(CASES, timeout=SETTLED)
    assert serious_issues(page) == []
