"""Asks for the reader's name. It stays out of the address: a copied link must not sign for somebody else."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from pydantic import Field, ValidationError

from core.config import Frozen
from core.errors import SettingsProblem
from core.pipeline.reviews import LONGEST_NAME, reader_name
from core.types.people import Identity
from pages.ui import access
from pages.ui.frame import show_problem
from pages.ui.text import safe_text

FOLDER = Path(__file__).parent
SLOT, KEEPER = "review_reader", "reader_keeper"


class Reader(Frozen):
    """name: as the log has it. alone: judges image and outline without the model's opinion.

    identity: who that is where people sign in; never what a browser says.
    """

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    alone: bool = False
    identity: Identity | None = None


def pick_reader() -> Reader | None:
    """The reader of this session; None, with a form, as long as nobody has said who reads."""
    reader = current_reader()
    told = reader.model_dump(include={"name", "alone"}) if reader else None
    _component()(key=KEEPER, data={"reader": told, "forget": SLOT in st.session_state and reader is None},
                 on_known_change=_remember)  # fmt: skip
    if reader is None:
        _form()
    return reader


def current_reader() -> Reader | None:
    """Who said that they read, with the name of whoever is signed in where people sign in."""
    reader: Reader | None = st.session_state.get(SLOT)
    person = access.person()
    if reader is None or person is None:
        return reader
    return reader.model_copy(update={"name": person.name, "identity": person.identity})


def forget() -> None:
    """Ask again who is reading."""
    st.session_state[SLOT] = None


def _form() -> None:
    person = access.person()
    with st.form("reader_form", border=True, width=620):
        if person is None:
            st.markdown("**Who is reading?** Every decision is kept under this name.")
            typed = st.text_input("Name or initials", max_chars=LONGEST_NAME, key="reader_typed")
        else:
            st.markdown(
                f"**Reading as {safe_text(person.name, 60)}.** Every decision is kept under this name."
            )
            typed = person.name
        alone = st.toggle(
            "Judge without the model's opinion", key="reader_alone",
            help="Hides the model's verdict, reasons, confidence and uncertainty, the reference if there is "
            "one, and lists cases in the order of the cohort. For a second, independent reading.",
        )  # fmt: skip
        if not st.form_submit_button("Start reading", type="primary"):
            if person is None:
                st.caption("A local name and no sign-in: anybody at this screen can choose any name.")
            return
    try:
        st.session_state[SLOT] = Reader(name=reader_name(typed), alone=alone)
    except SettingsProblem as problem:
        show_problem(problem)
        return
    st.rerun()


def _remember() -> None:
    """Take over what the tab remembers; untrusted, like everything that a browser says."""
    state = st.session_state.get(KEEPER)
    if st.session_state.get(SLOT) is not None or state is None:
        return
    try:
        known = Reader.model_validate({**state.get("known"), "identity": None})
        st.session_state[SLOT] = known.model_copy(update={"name": reader_name(known.name)})
    except (ValidationError, SettingsProblem, TypeError):
        st.session_state[SLOT] = None


@functools.cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component(
        "second_look_reader",
        html='<span class="reader"></span>\n',
        js=(FOLDER / "reader.js").read_text(encoding="utf-8"),
    )
