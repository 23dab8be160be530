"""About: limits of use, offline statement, models, data, where cases are kept."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from core.models import every_model
from pages.ui.text import safe_text
from tests.pages.conftest import Bench

Text = Callable[[AppTest], str]


def test_page_begins_with_what_it_must_not_be_used_for(bench: Bench) -> None:
    app = bench.open("pages/about.py")
    assert app.title[0].value == "What must this not be used for?"
    assert "must not be used for decisions about a patient" in app.markdown[0].value


def test_every_model_is_named_with_its_licence(bench: Bench, text: Text) -> None:
    shown = text(bench.open("pages/about.py"))
    for record in every_model():
        assert safe_text(record.title) in shown
        assert safe_text(record.licence) in shown


def test_versions_and_licences_are_listed(bench: Bench) -> None:
    table = bench.open("pages/about.py").dataframe[0].value
    assert {"torch", "streamlit", "duckdb"} <= set(table["library"])
    assert (table["version"] != "not installed").all()
