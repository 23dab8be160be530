"""Colours hold the promised contrast, and stay apart for people who see colours differently."""

from __future__ import annotations

from itertools import combinations
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from core.types import Cause
from core.view import theme

# Machado, Oliveira and Fernandes 2009, table 1, severity 1.0, applied to linear RGB.
DEFICIENCIES = {
    "normal vision": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
OVERLAYS = (theme.PREDICTION, theme.REFERENCE, theme.FALSE_POSITIVE, theme.FALSE_NEGATIVE)


def seen_with(deficiency: str, colour: str) -> NDArray[np.float64]:
    """Lab coordinates of a colour as seen with a deficiency."""
    encoded = np.array(theme.rgb(colour)) / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    changed = np.clip(np.array(DEFICIENCIES[deficiency]) @ linear, 0.0, 1.0)
    back = np.where(changed <= 0.0031308, changed * 12.92, 1.055 * changed ** (1 / 2.4) - 0.055)
    return rgb2lab(back[None, None])[0, 0]


def smallest_difference(colours: list[str], deficiency: str) -> float:
    labs = [seen_with(deficiency, colour) for colour in colours]
    return min(float(deltaE_ciede2000(first, second)) for first, second in combinations(labs, 2))


def test_every_cause_has_exactly_one_mark() -> None:
    assert sorted(mark.cause for mark in theme.MARKS) == sorted(get_args(Cause))


def test_letters_are_unique() -> None:
    letters = [mark.letter for mark in theme.MARKS]
    assert sorted(letters) == sorted("ASFQEBLJTO")
    assert len(set(letters)) == len(letters)


@pytest.mark.parametrize(
    ("first", "second", "ratio"), [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.478)]
)
def test_contrast_follows_wcag(first: str, second: str, ratio: float) -> None:
    assert theme.contrast(first, second) == pytest.approx(ratio, abs=1e-3)


@pytest.mark.parametrize("colour", [*(mark.dark for mark in theme.MARKS), *OVERLAYS])
def test_marks_stand_out_on_the_viewer(colour: str) -> None:
    assert theme.contrast(colour, theme.VIEWER_GROUND) >= theme.MIN_CONTRAST_MARK


@pytest.mark.parametrize("mark", theme.MARKS, ids=lambda mark: mark.cause)
def test_chips_stand_out_on_pages_of_both_themes(mark: theme.Mark) -> None:
    dark = [theme.contrast(mark.dark, ground) for ground in theme.PAGE_GROUNDS_DARK]
    light = [theme.contrast(mark.light, ground) for ground in theme.PAGE_GROUNDS_LIGHT]
    assert min(dark + light) >= theme.MIN_CONTRAST_MARK


@pytest.mark.parametrize("mark", theme.MARKS, ids=lambda mark: mark.cause)
@pytest.mark.parametrize("ground", ["dark", "light"])
def test_letters_can_be_read_on_their_chips(mark: theme.Mark, ground: str) -> None:
    assert theme.contrast(*mark.chip(ground)) >= theme.MIN_CONTRAST_TEXT


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colours_on_the_viewer_stay_apart(deficiency: str) -> None:
    colours = [*(mark.dark for mark in theme.MARKS), *OVERLAYS]
    assert smallest_difference(colours, deficiency) >= theme.MIN_DIFFERENCE_DARK


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colours_on_light_pages_stay_apart(deficiency: str) -> None:
    colours = [mark.light for mark in theme.MARKS]
    assert smallest_difference(colours, deficiency) >= theme.MIN_DIFFERENCE_LIGHT


def test_page_grounds_are_those_of_the_streamlit_theme() -> None:
    import tomllib
    from pathlib import Path

    config = tomllib.loads((Path(__file__).parents[3] / ".streamlit" / "config.toml").read_text())
    for name, grounds in (("dark", theme.PAGE_GROUNDS_DARK), ("light", theme.PAGE_GROUNDS_LIGHT)):
        section = config["theme"][name]
        assert (section["backgroundColor"], section["secondaryBackgroundColor"]) == grounds


def test_uncertainty_map_gets_steadily_lighter() -> None:
    lightness = rgb2lab(theme.uncertainty_colours()[None] / 255.0)[0, :, 0]
    assert (np.diff(lightness) > -0.35).all()  # 8-bit colours jitter by a third of a lightness unit
    assert lightness[-1] - lightness[0] > 70
