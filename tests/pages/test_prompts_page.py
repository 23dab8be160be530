"""The Prompts page: where the box comes from, what is said of it, and what the browser may send."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.types.prompts import Box
from pages.ui import prompts
from pages.ui.boxer import parse_box
from tests.pages.conftest import Bench, make_case

PAGE = "pages/prompts.py"


class Filled:
    """Answers every box with the box itself."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape

    def __call__(self, index: int, asked: list[Box]) -> np.ndarray:
        masks = np.zeros((len(asked), *self.shape), np.bool_)
        for mask, box in zip(masks, asked, strict=True):
            mask[box.top : box.bottom, box.left : box.right] = True
        return masks


@pytest.fixture
def filled(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(prompts, "open_prompted", lambda store, case, model: Filled(case.image.slice_shape))
    return bench


def test_without_a_case_it_says_what_to_do_first(bench: Bench, text: Callable[[AppTest], str]) -> None:
    assert "No case is selected" in text(bench.open(PAGE))


def test_box_starts_at_the_reference_and_follows_the_numbers(filled: Bench) -> None:
    case = make_case(reference=True)
    filled.store.put_case(case)
    app = filled.open(PAGE, case=case.id)
    assert not app.exception
    # The disc of radius 6 round (16, 16) lies in a box of 13 x 13.
    assert "covers 169 pixels" in app.markdown[0].value
    top = next(each for each in app.number_input if each.label == "Top")
    assert top.value == 11
    top.set_value(12).run()
    assert "covers 156 pixels" in app.markdown[0].value
    assert "±" in app.markdown[0].value


def test_case_without_a_reference_starts_in_the_middle_and_has_no_dice(filled: Bench) -> None:
    case = make_case()
    filled.store.put_case(case)
    app = filled.open(PAGE, case=case.id)
    assert "covers 64 pixels" in app.markdown[0].value and "Dice **" not in app.markdown[0].value
    assert "agree by" in app.markdown[0].value


@pytest.mark.parametrize(
    ("reported", "box"),
    [
        ({"box": [1, 2, 5, 9]}, Box(1, 2, 5, 9)),
        ({"box": [-3, 2, 99, 99]}, Box(0, 2, 10, 12)),
        ({"box": [8, 8, 3, 3]}, Box(8, 8, 9, 9)),
        ({"box": [1, 2, 5]}, None),
        ({"box": ["a", 2, 5, 9]}, None),
        ({"box": [float("inf"), 2, 5, 9]}, None),
        ({"other": 1}, None),
        (None, None),
        ("box", None),
    ],
)
def test_what_the_browser_sends_is_checked(reported: object, box: Box | None) -> None:
    assert parse_box(reported, (10, 12)) == box
