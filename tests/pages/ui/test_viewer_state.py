"""What the session remembers of a viewer, and what it takes from the browser."""

from __future__ import annotations

import pytest

from pages.ui.viewer.component import FOLDER, SCRIPTS
from pages.ui.viewer.state import Held, ViewState, next_held, parse_view

FIRST, MOVED, ASKED = ViewState(slice=1), ViewState(slice=2), ViewState(slice=7)


def test_report_of_the_browser_is_taken_whole() -> None:
    report = {
        "slice": 3, "channel": -1, "windows": [[0, 1.5]], "zoom": 2, "centre": [10, 12.5],
        "layers": {"area": True}, "opacity": {"area": 0.5}, "map": 1, "focus": "area", "smooth": False,
        "pin": [4, 5],
    }  # fmt: skip
    view = parse_view(report)
    assert view is not None
    assert (view.slice, view.windows, view.pin) == (3, ((0.0, 1.5),), (4, 5))


@pytest.mark.parametrize(
    "report",
    [
        None,
        "text",
        [],
        {"slice": -1},
        {"zoom": float("nan")},
        {"unknown": 1},
        {"windows": [[1]]},
        {"zoom": 0},
    ],
)
def test_malformed_report_is_ignored(report: object) -> None:
    assert parse_view(report) is None


def test_new_case_starts_from_what_the_page_asks() -> None:
    held = next_held(None, "case", ASKED, fresh=True)
    assert (held.seed, held.view, held.seq) == (ASKED, ASKED, 1)


def test_same_page_keeps_its_seed_so_that_nothing_is_sent_again() -> None:
    held = Held("case", view=MOVED, seed=FIRST, seq=1)
    assert next_held(held, "case", None, fresh=False) is held


def test_returning_to_the_page_restores_what_was_seen() -> None:
    held = next_held(Held("case", view=MOVED, seed=FIRST, seq=1), "case", None, fresh=True)
    assert (held.seed, held.seq) == (MOVED, 2)


def test_new_request_moves_the_view_once() -> None:
    held = next_held(Held("case", view=MOVED, seed=FIRST, seq=1), "case", ASKED, fresh=False)
    assert (held.seed, held.seq) == (ASKED, 2)
    moved_on = Held("case", view=MOVED, requested=ASKED, seed=ASKED, seq=2)
    assert next_held(moved_on, "case", ASKED, fresh=False) is moved_on


def test_passing_back_what_was_returned_changes_nothing() -> None:
    held = Held("case", view=MOVED, seed=FIRST, seq=1)
    assert next_held(held, "case", MOVED, fresh=False) is held


def test_other_case_forgets_the_view() -> None:
    held = next_held(Held("case", view=MOVED, seed=FIRST, seq=5, around=3), "other", None, fresh=False)
    assert (held.view, held.seed, held.around) == (None, None, None)


def test_every_script_is_part_of_the_component() -> None:
    assert sorted(SCRIPTS) == sorted(path.stem for path in FOLDER.glob("*.js"))


def test_no_script_writes_markup_from_data() -> None:
    texts = {name: (FOLDER / f"{name}.js").read_text() for name in SCRIPTS}
    risky = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "http")
    assert [(name, word) for name, text in texts.items() for word in risky if word in text] == []


def test_slice_is_always_known() -> None:
    assert ViewState().starting_at(4).slice == 4
    assert FIRST.starting_at(4) is FIRST
