"""The distribution of one check's measure among good and failed cases, as a small picture over its slider."""

from __future__ import annotations

import base64

import numpy as np

from core.types import BoolArray, Float64Array
from core.view.theme import QUIET, SERIES

BINS = 48
WIDTH, HEIGHT = 480, 56
MIDDLE = HEIGHT / 2
GOOD, FAILED = SERIES[0][0], SERIES[1][0]

HATCH = (
    '<defs><pattern id="hatch" width="5" height="5" patternTransform="rotate(45)" '
    'patternUnits="userSpaceOnUse">'
    f'<rect width="5" height="5" fill="{FAILED}" opacity="0.35"/>'
    f'<line x1="0" y1="0" x2="0" y2="5" stroke="{FAILED}" stroke-width="4"/></pattern></defs>'
)
"""Failed cases are hatched: colour is not the only sign."""


def rule_bars(values: Float64Array, failure: BoolArray, low: float, high: float, limit: float | None) -> str:
    """Address of an SVG: good cases upwards, failed ones downwards over [low, high], the limit as a line.

    values: (case,), NaN left out; values beyond the range count at its end. Heights are square roots of the
    shares of each kind, on one scale. The drawing names no case.
    """
    edges = np.linspace(low, high, BINS + 1)
    good, failed = (_shares(values[kind], edges) for kind in (~failure, failure))
    top = max(float(good.max()), float(failed.max()), 1e-9)
    bars = [_bar(k, share / top, True) for k, share in enumerate(good)]
    bars += [_bar(k, share / top, False) for k, share in enumerate(failed)]
    if limit is not None and high > low:
        x = float(np.clip((limit - low) / (high - low), 0.0, 1.0)) * WIDTH
        bars.append(_line(x, 0.0, x, HEIGHT, 'stroke-width="2.5"'))
    axis = _line(0.0, MIDDLE, WIDTH, MIDDLE, 'opacity="0.35"')
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
        f"{HATCH}{axis}{''.join(bars)}</svg>"
    )
    return f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"


def _shares(values: Float64Array, edges: Float64Array) -> Float64Array:
    """Share of all cases of a kind in each bin; those without a value are in none."""
    known = np.clip(values[~np.isnan(values)], edges[0], edges[-1])
    return np.asarray(np.histogram(known, edges)[0] / max(len(values), 1), np.float64)


def _bar(place: int, share: float, upwards: bool) -> str:
    tall = (MIDDLE - 2) * float(np.sqrt(share))
    if not tall:
        return ""
    step = WIDTH / BINS
    y, fill = (MIDDLE - tall, GOOD) if upwards else (MIDDLE, "url(#hatch)")
    return (
        f'<rect x="{place * step:.1f}" y="{y:.1f}" width="{step - 1:.1f}" height="{tall:.1f}" fill="{fill}"/>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, more: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{QUIET}" {more}/>'
