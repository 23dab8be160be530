"""Pages where people sign in: nobody sees anything before, and each role does what it may."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import mode
from core.access import IDLE_SECONDS, LONGEST_SECONDS
from core.pipeline.people import give_role
from core.types.people import Identity
from pages.ui import access
from pages.ui.reader import Reader
from tests.pages.conftest import APP, Bench, make_case
from tests.review_runs import put_run

ISSUER = "https://id.example"
ALL = sorted(f"pages/{each.name}" for each in (Path(APP).parent / "pages").glob("[a-z]*.py"))
Text = Callable[[AppTest], str]


@pytest.fixture(autouse=True)
def server_mode(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(mode.SETTING, "server")
    mode.current_mode.cache_clear()
    yield
    monkeypatch.delenv(mode.SETTING)
    mode.current_mode.cache_clear()


def claims(subject: str = "ada", age: float = 0.0, **other: object) -> dict[str, object]:
    return {"is_logged_in": True, "iss": ISSUER, "sub": subject, "iat": time.time() - age, **other}


def visit(page: str, user: dict[str, object] | None, *, secret: str = "s" * 32, **address: str) -> AppTest:
    """A page as this user meets it. A cold deep link takes a server of its own: tests/e2e/test_roles.py."""
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.secrets["auth"] = {"cookie_secret": secret, "client_id": "c"}
    app.user = user if user is not None else {"is_logged_in": False}
    app.switch_page(page)
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def give(bench: Bench, role: str, subject: str = "ada", name: str = "Ada") -> None:
    give_role(bench.store, ISSUER, subject, name, role, by="test")


def refused(app: AppTest, text: Text) -> bool:
    assert not app.exception
    return "CANARY" not in text(app) and [each.key for each in app.button] == ["sign_in_default"]


@pytest.mark.parametrize("page", ALL)
def test_no_page_shows_anything_before_sign_in(bench: Bench, text: Text, page: str) -> None:
    case = make_case("CANARY.png")
    bench.keep(case)
    app = visit(page, None, case=case.id)
    assert refused(app, text)
    assert not app.sidebar.markdown


@pytest.mark.parametrize("page", ALL)
def test_stranger_is_told_who_they_are_and_nothing_else(bench: Bench, text: Text, page: str) -> None:
    case = make_case("CANARY.png")
    bench.keep(case)
    app = visit(page, claims("eve"), case=case.id)
    assert not app.exception
    shown = text(app)
    assert "CANARY" not in shown
    assert f"issuer: {ISSUER}\nsubject: eve" in shown
    assert [each.key for each in app.button] == ["sign_out"]


@pytest.mark.parametrize("page", ALL)
def test_person_with_a_role_sees_every_page(bench: Bench, text: Text, page: str) -> None:
    give(bench, "reviewer")
    app = visit(page, claims())
    assert not app.exception
    assert "Signed in as **Ada**, reviewer" in text(app)


@pytest.mark.parametrize(
    "user",
    ({"is_logged_in": True}, claims(iss=""), claims(age=LONGEST_SECONDS + 9), claims(age=IDLE_SECONDS + 9),
     {**claims(), "iat": None}),
)  # fmt: skip
def test_sign_in_that_does_not_count_is_asked_for_again(
    bench: Bench, text: Text, user: dict[str, object]
) -> None:
    give(bench, "admin")
    bench.keep(make_case("CANARY.png"))
    assert refused(visit("pages/data.py", user), text)


@pytest.mark.parametrize("secret", ("", "short"))
def test_server_whose_cookies_anybody_could_forge_lets_nobody_in(
    bench: Bench, text: Text, secret: str
) -> None:
    give(bench, "admin")
    bench.keep(make_case("CANARY.png"))
    app = visit("pages/data.py", claims(), secret=secret)
    assert "is not set up" in app.error[0].value
    assert "CANARY" not in text(app)


def test_server_without_a_provider_says_what_is_missing(bench: Bench, text: Text) -> None:
    app = AppTest.from_file(str(APP), default_timeout=30).run()
    assert not app.exception
    assert "is not set up" in app.error[0].value
    assert "no section" in text(app)


def test_role_that_was_taken_away_counts_at_the_next_click(bench: Bench, text: Text) -> None:
    give(bench, "admin", "ben", "Ben")
    give(bench, "reviewer")
    app = visit("pages/data.py", claims())
    give(bench, "none")
    assert "You have no role here yet" in text(app.run())


def test_case_is_deleted_by_an_admin_only(bench: Bench, text: Text) -> None:
    give(bench, "admin", "ben", "Ben")
    give(bench, "admin")
    case = make_case()
    bench.keep(case)
    app = visit("pages/data.py", claims())
    give(bench, "researcher")
    app.button(key=f"delete_{case.id[:16]}").click().run()
    assert bench.store.case(case.id) is not None
    assert "the role researcher" in text(app)
    visit("pages/data.py", claims("ben")).button(key=f"delete_{case.id[:16]}").click().run()
    assert bench.store.case(case.id) is None


def test_role_is_asked_for_at_the_click_and_not_only_when_the_page_is_drawn(bench: Bench, text: Text) -> None:
    give(bench, "researcher")
    app = visit("pages/cohorts.py", claims())
    give(bench, "reviewer")
    app.button(key="add_samples").click().run()
    assert "takes the role researcher" in text(app)
    assert "You may not do this here" in text(app)
    assert bench.cohort_jobs.recent() == ()
    assert app.button(key="add_samples").disabled
    give(bench, "researcher")
    app.run().button(key="add_samples").click().run()
    assert len(bench.cohort_jobs.recent()) == 1


def test_reviewer_audits_files_and_whoever_lost_the_role_does_not(bench: Bench, text: Text) -> None:
    give(bench, "admin", "ben", "Ben")
    give(bench, "reviewer")
    app = visit("pages/audit.py", claims())
    file = ("log.csv", b"epoch,val_loss\n0,0.7\n1,0.6\n", "text/csv")
    app.file_uploader(key="audit_upload_0").set_value([file]).run()
    assert "Nothing was found" in text(app)
    app.session_state["audit_others"] = True
    app.run()
    give(bench, "none")
    app.file_uploader(key="audit_upload_0").set_value([file]).run()
    assert "Nothing was found" not in text(app) and "You may not do this here" in text(app)
    assert len(bench.readers.recent()) == 1


def test_reader_is_whoever_is_signed_in_whatever_the_browser_says(bench: Bench, text: Text) -> None:
    give(bench, "reviewer")
    run = put_run(bench.store, 3)
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.secrets["auth"] = {"cookie_secret": "s" * 32}
    app.user = claims()
    app.switch_page("pages/worklist.py")
    app.query_params["run"] = run.id
    app.session_state["review_reader"] = Reader(name="Eve", identity=Identity(issuer=ISSUER, subject="eve"))
    app.run()
    assert not app.exception
    assert app.button(key="change_reader").label == "Reading as Ada"


def test_sign_out_ends_the_other_window_too(
    bench: Bench, text: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(st, "logout", lambda: None)
    give(bench, "reviewer")
    user = claims()
    first, second = visit("pages/data.py", user), visit("pages/data.py", user)
    first.button(key="sign_out").click().run()
    assert access.AGAIN["signed out"] in text(second.run())


def test_admin_gives_a_role_and_nobody_else_can(bench: Bench, text: Text) -> None:
    give(bench, "admin")
    app = visit("pages/people.py", claims())
    app.text_input(key="person_issuer").set_value(ISSUER)
    app.text_input(key="person_subject").set_value("ben")
    app.text_input(key="person_name").set_value("Ben *B*")
    app.selectbox(key="person_role").set_value("researcher")
    app.button(key="keep_person").click().run()
    assert not app.exception
    assert [(each.name, each.role) for each in bench.store.people()] == [
        ("Ada", "admin"), ("Ben *B*", "researcher"),
    ]  # fmt: skip
    assert bench.store.reviews.entries()[-1].reader == "Ada"
    ben = visit("pages/people.py", claims("ben"))
    assert "takes the role admin" in text(ben)
    assert "keep_person" not in [each.key for each in ben.button]
