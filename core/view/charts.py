"""Finished tables to figures: nothing here computes a number, it only draws what it is given.

Grounds, grids and fonts are left to the page's own theme, so one figure serves light and dark. The colours of
lines reach a contrast of 3 to 1 on both grounds, and each line has a dash of its own, so that colour is never
the only sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from core.types import Float64Array
from core.view.theme import MARK, QUIET, SERIES

CONFIG: dict[str, Any] = {"displaylogo": False, "displayModeBar": "hover", "scrollZoom": False}
"""Plotly's own switches, the same for every chart."""


@dataclass(frozen=True, eq=False)
class Line:
    """One line: x and y (point,), and for each point an id that a selection gives back.

    quiet: drawn thin and grey, for comparison, with a dash that is given.
    """

    name: str
    x: Float64Array
    y: Float64Array
    ids: tuple[str, ...] = ()
    quiet: bool = False
    dash: str = "dot"


@dataclass(frozen=True)
class Place:
    """One marked point with its words."""

    x: float
    y: float
    words: str


@dataclass(frozen=True)
class BinMark:
    """One bin of a reliability diagram: None where nothing was counted. The interval may be missing."""

    confidence: float | None
    frequency: float | None
    low: float | None
    high: float | None
    lower: float | None
    upper: float | None
    count: float


def line_chart(
    lines: Sequence[Line],
    *,
    x_title: str,
    y_title: str,
    place: Place | None = None,
    limit: float | None = None,
    height: int = 430,
) -> go.Figure:
    """Lines over one x axis in [0, 1]; `place` is marked, `limit` is a horizontal line."""
    figure = go.Figure()
    loud = 0
    for line in lines:
        colour, dash = (QUIET, line.dash) if line.quiet else SERIES[loud % len(SERIES)]
        loud += not line.quiet
        figure.add_scatter(
            x=line.x,
            y=line.y,
            name=line.name,
            mode="lines+markers" if line.ids else "lines",
            marker={"size": 6, "opacity": 0.0},
            selected={"marker": {"opacity": 1.0, "size": 9}},
            unselected={"marker": {"opacity": 0.0}},
            line={"color": colour, "dash": dash, "width": 1.5 if line.quiet else 2.4},
            customdata=[[each] for each in line.ids] or None,
            hovertemplate=f"{x_title} %{{x:.3f}}<br>{y_title} %{{y:.4f}}<extra>%{{fullData.name}}</extra>",
        )
    if limit is not None:
        figure.add_hline(y=limit, line={"color": QUIET, "dash": "dash", "width": 1.5})
    if place is not None:
        figure.add_scatter(
            x=[place.x],
            y=[place.y],
            name=place.words,
            mode="markers",
            marker={"size": 13, "color": MARK, "symbol": "diamond", "line": {"width": 2, "color": "white"}},
            hovertemplate=f"{place.words}<extra></extra>",
        )
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 24, "t": 10, "b": 10},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        hovermode="closest",
        uirevision="keep",
        dragmode="select",
    )
    figure.update_xaxes(title=x_title, range=[-0.01, 1.01], tickformat=".0%", dtick=0.25)
    figure.update_yaxes(title=y_title, rangemode="tozero")
    return figure


def reliability_chart(bins: Sequence[BinMark], *, height: int = 340) -> go.Figure:
    """Observed frequency against stated probability with intervals, and the counts of the bins below.

    Counts are drawn on a logarithmic axis: the emptiest bin matters as much as the fullest.
    """
    known = [each for each in bins if each.confidence is not None and each.frequency is not None]
    counts = [
        (each.lower, each.upper, each.count)
        for each in known
        if each.lower is not None and each.upper is not None
    ]
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="perfect", hoverinfo="skip",
        line={"color": QUIET, "dash": "dot", "width": 1.5},
    )  # fmt: skip
    figure.add_scatter(
        x=[each.confidence for each in known],
        y=[each.frequency for each in known],
        error_y=_whiskers(known),
        mode="lines+markers",
        name="observed",
        marker={"size": 7, "color": SERIES[0][0]},
        line={"color": SERIES[0][0], "width": 1.8},
        customdata=[[each.count] for each in known],
        hovertemplate="stated %{x:.3f}<br>observed %{y:.3f}<br>count %{customdata[0]:,.0f}<extra></extra>",
    )
    figure.add_bar(
        x=[(lower + upper) / 2 for lower, upper, _ in counts],
        y=[count for _, _, count in counts],
        width=[upper - lower for lower, upper, _ in counts],
        marker={"color": QUIET, "opacity": 0.75},
        name="count",
        yaxis="y2",
        hovertemplate="count %{y:,.0f}<extra></extra>",
    )
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        showlegend=False,
        uirevision="keep",
        dragmode=False,
        xaxis={"title": "stated", "range": [-0.02, 1.02], "tickvals": [0, 0.5, 1], "anchor": "y2"},
        yaxis={"title": "observed", "range": [-0.03, 1.05], "domain": [0.28, 1.0], "tickvals": [0, 0.5, 1]},
        yaxis2={
            "title": "count",
            "type": "log",
            "domain": [0.0, 0.2],
            "dtick": 2,
            "exponentformat": "power",
            "minor": {"showgrid": False},
        },
    )
    return figure


def histogram_chart(
    edges: Float64Array, counts: Float64Array, *, x_title: str, limit: float | None, height: int = 200
) -> go.Figure:
    """How many units lie in each interval of a number; the limit is a vertical line."""
    figure = go.Figure()
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts,
        width=edges[1:] - edges[:-1],
        marker={"color": SERIES[0][0], "opacity": 0.8},
        hovertemplate="%{y} units around %{x:.3f}<extra></extra>",
    )
    if limit is not None:
        figure.add_vline(x=limit, line={"color": MARK, "width": 2})
    figure.update_layout(
        height=height, margin={"l": 10, "r": 10, "t": 10, "b": 10}, showlegend=False, bargap=0, dragmode=False
    )
    figure.update_xaxes(title=x_title)
    figure.update_yaxes(title="units")
    return figure


def _whiskers(bins: Sequence[BinMark]) -> dict[str, Any]:
    up = [_gap(each.high, each.frequency) for each in bins]
    down = [_gap(each.frequency, each.low) for each in bins]
    return {
        "type": "data",
        "symmetric": False,
        "array": up,
        "arrayminus": down,
        "thickness": 1.5,
        "width": 3,
        "color": SERIES[0][0],
    }


def _gap(upper: float | None, lower: float | None) -> float:
    return 0.0 if upper is None or lower is None else max(0.0, upper - lower)
