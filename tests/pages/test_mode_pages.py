"""What each mode shows and refuses on every page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.mode import MODES
from pages.ui import frame, resources, take_files
from tests.pages.conftest import APP, Bench, make_case

ALL = sorted(f"pages/{each.name}" for each in (Path(APP).parent / "pages").glob("[a-z]*.py"))


@pytest.mark.parametrize("page", ALL)
def test_local_mode_on_a_network_shows_no_stored_name_on_any_page(
    bench: Bench, text: Callable[[AppTest], str], monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    case = make_case("CANARY.png")
    bench.keep(case)
    monkeypatch.setattr(st, "get_option", lambda name: "0.0.0.0")
    app = bench.open(page, case=case.id)
    assert not app.exception
    assert "local mode" in app.error[0].value
    assert "CANARY" not in text(app)
    assert not app.button


@pytest.mark.parametrize("page", ALL)
def test_demo_is_marked_on_every_page(bench: Bench, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    monkeypatch.setattr(frame, "current_mode", lambda: MODES["demo"])
    assert any("Public demo" in each.value for each in bench.open(page).info)


@pytest.mark.parametrize("page", ALL)
def test_demo_takes_no_file_on_any_page(bench: Bench, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    monkeypatch.setattr(take_files, "current_mode", lambda: MODES["demo"])
    app = bench.open(page)
    assert not app.exception
    assert not app.get("file_uploader")


def test_demo_writes_no_store_to_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "current_mode", lambda: MODES["demo"])
    st.cache_resource.clear()
    resources.store().put_case(make_case())
    assert [each for each in home.rglob("*") if each.is_file()] == []
    st.cache_resource.clear()


def test_files_are_asked_for_in_one_place_only() -> None:
    pages = Path(APP).parent / "pages"
    users = [each.name for each in pages.rglob("*.py") if "st.file_uploader(" in each.read_text()]
    assert users == ["take_files.py"]
