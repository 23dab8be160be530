"""What each mode shows and refuses on every page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.errors import ModelProblem, SettingsProblem
from core.io import limits_in_force
from core.io.limits import PUBLIC, Limits
from core.mode import MODES, SETTING, check_forgery, current_mode
from core.models.importer import import_model, preview_model
from tests.pages.conftest import APP, Bench, make_case

ALL = sorted(f"pages/{each.name}" for each in (Path(APP).parent / "pages").glob("[a-z]*.py"))


@pytest.mark.parametrize("page", ALL)
def test_local_mode_on_a_network_shows_no_stored_name_on_any_page(
    bench: Bench, text: Callable[[AppTest], str], monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    case = make_case("CANARY.png")
    bench.keep(case)
    monkeypatch.setattr(st, "get_option", lambda name: "0.0.0.0" if name == "server.address" else True)
    app = bench.open(page, case=case.id)
    assert not app.exception
    assert "local mode" in app.error[0].value
    assert "CANARY" not in text(app)
    assert not app.button


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(SETTING, "demo")
    current_mode.cache_clear()
    yield
    monkeypatch.delenv(SETTING)
    current_mode.cache_clear()


@pytest.mark.parametrize("page", ALL)
def test_demo_is_marked_and_asks_before_every_upload(bench: Bench, demo: None, page: str) -> None:
    app = bench.open(page)
    assert not app.exception
    assert any("Public demo" in each.value for each in app.info)
    assert not app.get("file_uploader")


def test_demo_asks_once_and_then_takes_files(bench: Bench, demo: None) -> None:
    app = bench.open("pages/open_case.py")
    assert len([each for each in app.checkbox if "no patient data" in each.label]) == 2
    next(each for each in app.checkbox if "no patient data" in each.label).check().run()
    assert len(app.get("file_uploader")) == 2
    assert not [each for each in app.checkbox if "no patient data" in each.label]


def test_demo_audits_after_its_question_and_for_one_visitor_alone(
    bench: Bench, demo: None, text: Callable[[AppTest], str]
) -> None:
    app = bench.open("pages/audit.py")
    app.button(key="open_golden").click().run()
    assert "Do not rely on these figures" in text(app)
    app = bench.open("pages/audit.py")
    next(each for each in app.checkbox if "no patient data" in each.label).check().run()
    file = ("CANARY.csv", b"epoch,val_loss\n0,0.7\n1,0.6\n", "text/csv")
    app.file_uploader(key="audit_upload_0").set_value([file]).run()
    assert "CANARY" in text(app) and not app.exception
    assert "CANARY" not in text(bench.open("pages/audit.py"))


def test_demo_reads_less_and_an_operator_may_change_that(demo: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits_in_force() == PUBLIC
    assert all(getattr(PUBLIC, name) <= getattr(Limits(), name) for name in Limits.model_fields)
    monkeypatch.setenv("SECOND_LOOK_LIMITS", '{"upload": 1000000}')
    assert limits_in_force() == PUBLIC.model_copy(update={"upload": 1_000_000})


@pytest.mark.parametrize("suffix", (".pt", ".pth", ".onnx"))
def test_demo_takes_weights_as_safetensors_only(demo: None, tmp_path: Path, suffix: str) -> None:
    weights, config = tmp_path / f"w{suffix}", tmp_path / "c.json"
    weights.write_bytes(b"")
    config.write_text("{}")
    for take in (preview_model, import_model):
        with pytest.raises(ModelProblem, match="safetensors only"):
            take(weights, config)


def test_demo_adds_no_network_for_everybody(bench: Bench, demo: None) -> None:
    app = bench.open("pages/models.py")
    assert any("takes no networks" in each.value for each in app.warning)


def test_caches_of_what_is_stored_are_one_visitors_in_the_demo() -> None:
    """Everything that pages hold in memory has the scope of the store, but for what a server has once."""
    pages = Path(APP).parent / "pages"
    found = {
        each.relative_to(pages).as_posix(): line
        for each in pages.rglob("*.py")
        for line in re.findall(r"@st\.cache_\w+(?:\([^)]*\))?", each.read_text())
        if each.name != "resources.py" and "scope=resources.SCOPE" not in line
    }
    assert found == {}


@pytest.mark.parametrize("name", ("local", "server"))
def test_only_a_demo_may_do_without_protection_against_forged_requests(name: str) -> None:
    check_forgery(MODES["demo"], protected=False)
    check_forgery(MODES[name], protected=True)
    with pytest.raises(SettingsProblem, match="enableXsrfProtection"):
        check_forgery(MODES[name], protected=False)


def test_files_are_asked_for_in_one_place_only() -> None:
    pages = Path(APP).parent / "pages"
    users = [each.name for each in pages.rglob("*.py") if "st.file_uploader(" in each.read_text()]
    assert users == ["take_files.py"]
