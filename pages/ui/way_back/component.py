"""Keeps the address in the browser's tab, where it names no more than the address line does."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

SCRIPT = Path(__file__).with_name("way_back.js")


def remember() -> None:
    """While signing in is asked for: keep the address of this page."""
    _component()(key="way_back_asking", data={"asking": True})


def go_back() -> None:
    """Once somebody is signed in: open the page that was asked for, if it is another one; only once."""
    _component()(key="way_back", data={"asking": False})


@functools.cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component(
        "second_look_way_back", html="<span></span>\n", js=SCRIPT.read_text(encoding="utf-8")
    )
