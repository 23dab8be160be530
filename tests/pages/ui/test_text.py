"""Untrusted names on screen: no link, no picture, no markup, no direction tricks, one line, short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.ui.text import LONGEST, plain_text, safe_text

HOSTILE = (
    "![x](http://evil.example/a.png)",
    "<img src=http://evil.example/a.png>",
    "[click](javascript:alert(1))",
    "a\n\n# Heading",
    ":material/face: :red[x] $x^2$",
    "www.evil.example and me@evil.example",
    "`code` **bold** | table | ~~gone~~",
)


def unescaped(text: str) -> str:
    """What Markdown shows of a text in which every punctuation mark is escaped."""
    return text.replace("\\\\", "\0").replace("\\", "").replace("\0", "\\")


@pytest.mark.parametrize("name", HOSTILE)
def test_every_markup_character_is_escaped(name: str) -> None:
    safe = safe_text(name)
    marks = [at for at, each in enumerate(safe) if each in "!#$<>[]()`*_~|:/@.&" and safe[at - 1] != "\\"]
    assert marks == []


@pytest.mark.parametrize("name", HOSTILE)
def test_reader_sees_the_name_itself(name: str) -> None:
    assert unescaped(safe_text(name)).replace("\u2060", "") == " ".join(name.split())


def test_direction_and_control_characters_are_removed() -> None:
    assert plain_text("scan\u202egnp.exe\x00\x1b[31m\u200b") == "scangnp.exe[31m"


def test_lines_become_one_line() -> None:
    assert plain_text("first\r\nsecond\u2028third") == "first second third"


def test_long_names_are_cut_with_an_ellipsis() -> None:
    cut = plain_text("x" * 500)
    assert (len(cut), cut[-1]) == (LONGEST, "…")


@given(st.text(max_size=300))
def test_no_text_keeps_a_line_break_or_an_unescaped_angle(value: str) -> None:
    safe = safe_text(value)
    assert "\n" not in safe
    assert all(safe[at - 1] == "\\" for at, each in enumerate(safe) if each in "<>![")
