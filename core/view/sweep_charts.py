"""A sweep as pictures: a heat map with its numbers written into it, and curves with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core.view.theme import QUIET, SERIES

LOSS_COLOURS = ((0.0, "#f3f6f8"), (0.5, "#e8a24a"), (1.0, "#a3341f"))
"""From nothing lost to the most that is lost, for numbers printed over it in black."""
CELL_PX = 26


@dataclass(frozen=True)
class Banded:
    """A curve with its interval at each severity; None where undefined."""

    name: str
    severities: tuple[float, ...]
    values: tuple[float | None, ...]
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]
    quiet: bool = False


def heat_map(
    rows: Sequence[str],
    columns: Sequence[float],
    losses: Sequence[Sequence[float | None]],
    *,
    words: Sequence[Sequence[str]],
    title: str,
) -> go.Figure:
    """Loss (row, column) as colour, and `words` (row, column) written into each cell.

    A gain is drawn like no loss; its number says so.
    """
    largest = max((each for row in losses for each in row if each is not None), default=0.0)
    figure = go.Figure(
        go.Heatmap(
            z=[[None if each is None else max(each, 0.0) for each in row] for row in losses],
            x=[f"{each:g}" for each in columns], y=list(rows), text=[list(row) for row in words],
            texttemplate="%{text}", textfont={"color": "#10171d", "size": 12}, zmin=0.0,
            zmax=max(largest, 1e-6), colorscale=[list(each) for each in LOSS_COLOURS], xgap=2, ygap=2,
            colorbar={"title": {"text": title}, "thickness": 12, "len": 0.8},
            hovertemplate="%{y}, severity %{x}<br>%{text}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(
        height=80 + CELL_PX * len(rows), margin={"l": 10, "r": 10, "t": 30, "b": 10}, dragmode=False,
        uirevision="keep",
    )  # fmt: skip
    figure.update_xaxes(title="severity", side="top", type="category")
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


def band_chart(curves: Sequence[Banded], *, y_title: str, height: int = 320) -> go.Figure:
    """Curves against severity, each with its interval as whiskers."""
    figure = go.Figure()
    loud = 0
    for curve in curves:
        colour, dash = (QUIET, "dash") if curve.quiet else SERIES[loud % len(SERIES)]
        loud += not curve.quiet
        figure.add_scatter(
            x=curve.severities, y=curve.values, name=curve.name, mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2}, marker={"size": 7},
            error_y={
                "type": "data", "symmetric": False, "thickness": 1.5, "width": 4,
                "array": _gaps(curve.highs, curve.values), "arrayminus": _gaps(curve.values, curve.lows),
            },
            hovertemplate="severity %{x:g}<br>%{y:.3f}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_layout(
        height=height, margin={"l": 10, "r": 10, "t": 10, "b": 10}, uirevision="keep", dragmode=False,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
    )  # fmt: skip
    figure.update_xaxes(title="severity", dtick=1)
    figure.update_yaxes(title=y_title)
    return figure


def _gaps(upper: Sequence[float | None], lower: Sequence[float | None]) -> list[float]:
    return [
        0.0 if high is None or low is None else max(0.0, high - low)
        for high, low in zip(upper, lower, strict=True)
    ]
