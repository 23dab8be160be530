"""A short load on the main pages: everybody is served, and memory stays bounded."""

from __future__ import annotations

import pytest

from tests.load.waves import Line, measure

pytestmark = pytest.mark.slow

ROOM_MIB = 400
"""What ten visitors may add at the most, generously: buffers and threads of the first requests included."""


def test_ten_visitors_in_two_waves_see_whole_pages_within_bounded_memory() -> None:
    pages = measure(sessions=10, waves=2, settle=0).pages
    assert [each.page for each in pages] == [
        "open_case", "worklist", "case", "worklist beside an analysis"
    ]  # fmt: skip
    assert [each.broken for each in pages] == [0, 0, 0, 0]
    assert [len(each.reruns) for each in pages[:3]] == [20, 20, 20]
    assert max(pages[2].waves) - pages[0].base < ROOM_MIB


def line(base: float, waves: tuple[float, ...], seconds: float = 0.1, broken: int = 0) -> Line:
    return Line("case", 10, base, waves, (seconds,) * 20, broken)


def test_a_line_names_each_target_that_it_misses() -> None:
    assert line(100, (110, 110, 110)).missed() == []
    assert line(100, (110, 112, 110)).missed() == ["case: 1.20 MiB per session"]
    assert line(100, (50, 50, 56)).missed() == ["case: the third wave is 1.12 times the second"]
    assert line(100, (100,), seconds=0.6).missed() == ["case: 95 of 100 reruns within 0.60 s"]
    assert line(100, (100,), broken=2).missed() == ["case: 2 visitors saw something else"]
