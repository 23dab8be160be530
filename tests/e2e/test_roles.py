"""Sign-in by a provider, in a real browser: from a cold deep link to a decision about who may do what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.pipeline.people import give_role
from core.pipeline.reviews import LONGEST_NAME
from core.store import Store
from core.types.people import LONGEST_CLAIM
from tests.e2e.test_hostile_names import CLEAN, NAMES, look
from tests.oidc import Provider
from tests.serving import Server, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = sorted(
    each.stem for each in (Path(__file__).parents[2] / "pages").glob("[a-z]*.py") if each.stem != "open_case"
)


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.close()


@pytest.fixture
def home(tmp_path: Path, provider: Provider) -> Path:
    """A store that knows one admin and holds a case."""
    folder = tmp_path / "home"
    with Store.open(folder) as store:
        give_role(store, provider.issuer, "ada", "Ada", "admin", by="test")
    return folder


def serve(home: Path, provider: Provider) -> Server:
    port = free_port()
    secrets = provider.write_secrets(home, port)
    return Server(home, port, mode="server", options=("--secrets.files", str(secrets)))


@pytest.fixture
def guarded(home: Path, provider: Provider) -> Iterator[Server]:
    running = serve(home, provider)
    yield running
    running.stop()


def sign_in(page: Page, server: Server, provider: Provider, subject: str) -> None:
    provider.subject = subject
    page.goto(server.address)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Sign out").wait_for()


@pytest.mark.parametrize("name", ("worklist", "data"))
def test_first_visit_to_a_fresh_server_by_a_deep_link_has_to_sign_in(
    home: Path, provider: Provider, page: Page, name: str
) -> None:
    running = serve(home, provider)
    try:
        page.goto(f"{running.address}/{name}?case={'0' * 64}")
        page.get_by_role("button", name="Sign in", exact=True).wait_for()
        for each in PAGES:
            page.goto(f"{running.address}/{each}")
            page.get_by_role("button", name="Sign in", exact=True).wait_for()
            assert page.locator(".stMain button").count() == 1
    finally:
        running.stop()


def test_sign_in_leads_back_to_the_page_that_was_asked_for_but_not_after_a_sign_out(
    guarded: Server, provider: Provider, page: Page
) -> None:
    provider.subject = "ada"
    page.goto(f"{guarded.address}/data?case={'0' * 64}")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="What is kept here").wait_for()
    assert page.url == f"{guarded.address}/data?case={'0' * 64}"
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Sign out").wait_for()
    page.wait_for_function("sessionStorage.getItem('second-look-wanted') === null")
    page.wait_for_timeout(500)
    assert page.url.rstrip("/") == guarded.address


def test_stranger_gets_a_role_from_an_admin_and_loses_it_again(
    guarded: Server, provider: Provider, page: Page, chromium: object
) -> None:
    sign_in(page, guarded, provider, "ben")
    page.get_by_text("You have no role here yet").wait_for()
    shown = page.locator("[data-testid=stCode]").inner_text()
    assert shown.split() == ["issuer:", provider.issuer, "subject:", "ben"]

    context = chromium.new_context(viewport={"width": 1280, "height": 900})  # type: ignore[attr-defined]
    admin = context.new_page()
    sign_in(admin, guarded, provider, "ada")
    admin.get_by_role("link", name="People").click()
    admin.get_by_label("Issuer").fill(provider.issuer)
    admin.get_by_label("Subject").fill("ben")
    admin.get_by_label("Name under which").fill("Ben")
    admin.get_by_role("button", name="Keep").click()
    admin.get_by_text("2 people").wait_for()

    page.goto(guarded.address)
    page.get_by_text("Signed in as Ben, reviewer").wait_for()
    page.goto(f"{guarded.address}/people")
    page.get_by_text("takes the role admin").wait_for()

    admin.get_by_role("button", name="Sign out").click()
    admin.get_by_role("button", name="Sign in", exact=True).wait_for()
    context.close()


def test_hostile_names_of_people_stay_words(home: Path, provider: Provider, page: Page) -> None:
    told = [name for name in NAMES.values() if name.isprintable() and name.strip()]
    assert len(told) >= 10
    with Store.open(home) as store:
        for number, name in enumerate(told):
            subject = f"{number} {name}"[:LONGEST_CLAIM]
            give_role(store, provider.issuer, subject, name[:LONGEST_NAME], "reviewer", by=name)
        give_role(store, provider.issuer, "ada", "<b>Ada</b>", "admin", by="test")
    running = serve(home, provider)
    try:
        sign_in(page, running, provider, "ada")
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert look(page, f"{running.address}/people") == CLEAN
            page.get_by_text(f"{len(told) + 1} people").wait_for()
    finally:
        running.stop()


def test_sign_out_ends_every_window_and_an_old_token_does_not_count(
    guarded: Server, provider: Provider, page: Page
) -> None:
    provider.subject, provider.age = "ada", 3600
    page.goto(guarded.address)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("Nothing was done here for 30 minutes").wait_for()
    provider.age = 0
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("Signed in as Ada, admin").wait_for()
    other = page.context.new_page()
    other.goto(f"{guarded.address}/data")
    other.get_by_text("Signed in as Ada, admin").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in", exact=True).wait_for()
    other.get_by_role("link", name="About").click()
    other.get_by_text("You signed out, here or in another window").wait_for()
    assert other.locator(".stMain button").count() == 1


def test_forged_cookie_is_nobody(guarded: Server, page: Page) -> None:
    page.context.add_cookies(
        [{"name": "_streamlit_user", "value": "eyJpcyI6MX0.forged.sig", "url": guarded.address}]
    )
    page.goto(guarded.address)
    page.get_by_role("button", name="Sign in", exact=True).wait_for()
    assert page.locator(".stMain button").count() == 1
