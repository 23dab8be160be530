"""The colours, letters and lines of the whole app, stated once for the dark and the light ground.

Colour never carries a meaning alone: each cause has a letter and a line style beside it. Under the simulated
colour deficiencies (Machado et al. 2009, doi:10.1109/TVCG.2009.113, severity 1) any two marks
differ by at least `MIN_DIFFERENCE_DARK` or `MIN_DIFFERENCE_LIGHT` (CIEDE2000); tests hold both and the WCAG
contrasts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from core.types import Cause

Line = Literal["solid", "dashed", "dotted", "dash-dot", "double", "frame", "hatch-frame", "tick", "chip"]
Rgb = tuple[int, int, int]

VIEWER_GROUND = "#0b0f13"
"""Behind the image in both themes: a radiologist's eye stays adapted to the dark."""
PAGE_GROUNDS_DARK = ("#0f1419", "#1a2129")
PAGE_GROUNDS_LIGHT = ("#ffffff", "#f2f5f7")
"""Page and panel background of each theme, as .streamlit/config.toml sets them."""

MIN_CONTRAST_MARK = 3.0
"""WCAG 2.2, 1.4.11: graphics against their ground."""
MIN_CONTRAST_TEXT = 4.5
"""WCAG 2.2, 1.4.3: a chip's letter against the chip."""
MIN_DIFFERENCE_DARK = 10.0
MIN_DIFFERENCE_LIGHT = 9.0
"""Smallest CIEDE2000 difference of two colours shown together, normal vision and deficiencies alike."""

MAP_HIDDEN_SHARE = 0.02
"""Uncertainty below this share of a map's range stays transparent, so that certain tissue is readable."""


@dataclass(frozen=True)
class Mark:
    """How one cause looks: `dark` on the viewer and on dark pages, `light` on light pages, as #rrggbb."""

    cause: Cause
    label: str
    letter: str
    dark: str
    light: str
    line: Line

    def chip(self, ground: Literal["dark", "light"]) -> tuple[str, str]:
        """(fill, ink) of the chip with the letter; the ink is black or white, whichever reads better."""
        fill = self.dark if ground == "dark" else self.light
        return fill, max(("#000000", "#ffffff"), key=lambda ink: contrast(ink, fill))


MARKS: tuple[Mark, ...] = (
    Mark("area", "Area anomaly", "A", "#f8001c", "#d74c54", "solid"),
    Mark("shape", "Irregular shape", "S", "#fef400", "#b28000", "dashed"),
    Mark("fragmentation", "Fragmentation", "F", "#0086ff", "#0058b9", "dotted"),
    Mark("quality", "Low estimated quality", "Q", "#c7a0ff", "#a659f4", "double"),
    Mark("empty", "Nothing predicted", "E", "#919597", "#7e7e7e", "hatch-frame"),
    Mark("spurious", "Spurious small blobs", "B", "#b1805e", "#5e2300", "dash-dot"),
    Mark("confidence", "Low confidence", "L", "#ff8fc4", "#d360a3", "chip"),
    Mark("jump", "Jump or cut-off", "J", "#207e83", "#005d58", "tick"),
    Mark("attention", "Attention collapsed or misplaced", "T", "#667e1f", "#627034", "tick"),
    Mark("ood", "Out of distribution", "O", "#ff8100", "#c92700", "frame"),
)
"""One row per cause of core.types.Cause, in the order in which legends list them."""

PREDICTION = "#35f0ff"
REFERENCE = "#ffffff"
FALSE_POSITIVE = "#ffc164"
FALSE_NEGATIVE = "#fa1cbb"


SERIES: tuple[tuple[str, str], ...] = (
    ("#1b7fc4", "solid"),
    ("#d1580a", "dash"),
    ("#128a6b", "dot"),
    ("#b8578f", "dashdot"),
    ("#857a1b", "longdash"),
    ("#7d6bd0", "longdashdot"),
)
"""(colour, dash) of each line of a chart in turn."""
QUIET = "#7d8894"
"""Lines for comparison: the best possible order, a random one, the diagonal."""
MARK = "#d1580a"
"""The place that the page speaks of."""


def mark_of(cause: Cause) -> Mark:
    """The row of `MARKS` for a cause."""
    return next(mark for mark in MARKS if mark.cause == cause)


def rgb(colour: str) -> Rgb:
    """Red, green, blue in 0..255 of a colour written #rrggbb.

    >>> rgb("#ffc164")
    (255, 193, 100)
    """
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: str) -> float:
    """Relative luminance in [0, 1] (WCAG 2.2) of a colour written #rrggbb."""
    linear = [_linear(value / 255.0) for value in rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio in [1, 21] (WCAG 2.2) of two colours written #rrggbb.

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def uncertainty_colours() -> NDArray[np.uint8]:
    """(256, 3) RGB of the one uncertainty colour map, viridis: perceptually uniform, dark = certain.

    Source: van der Walt and Smith 2015, the default map of matplotlib; the table is OpenCV's copy.
    """
    codes = np.arange(256, dtype=np.uint8)[:, None]
    return np.asarray(cv2.applyColorMap(codes, cv2.COLORMAP_VIRIDIS)[:, 0, ::-1], np.uint8)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)
