"""Groups below each other, each with its mean and interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core.view.theme import QUIET, SERIES

ROW_PX = 26


@dataclass(frozen=True)
class Forest:
    """One row: a mean with its interval, None where undefined; `note` is told on hover. hollow: too small."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    note: str
    hollow: bool = False


def forest_chart(rows: Sequence[Forest], *, overall: float | None, x_title: str) -> go.Figure:
    """Means with their intervals; `overall` is a dashed line."""
    figure = go.Figure()
    known = [row for row in rows if row.value is not None]
    figure.add_scatter(
        x=[row.value for row in known], y=[row.name for row in known], mode="markers",
        marker={
            "size": 10, "color": [QUIET if row.hollow else SERIES[0][0] for row in known],
            "symbol": ["circle-open" if row.hollow else "circle" for row in known],
        },
        error_x={
            "type": "data", "symmetric": False, "thickness": 1.6, "width": 4, "color": QUIET,
            "array": [0.0 if row.high is None else row.high - (row.value or 0.0) for row in known],
            "arrayminus": [0.0 if row.low is None else (row.value or 0.0) - row.low for row in known],
        },
        customdata=[[row.note] for row in known],
        hovertemplate="%{y}: %{x:.3f}<br>%{customdata[0]}<extra></extra>",
    )  # fmt: skip
    if overall is not None:
        figure.add_vline(x=overall, line={"color": QUIET, "dash": "dash", "width": 1.5})
    figure.update_layout(
        height=90 + ROW_PX * len(rows), margin={"l": 10, "r": 10, "t": 10, "b": 10}, showlegend=False,
        dragmode=False, uirevision="keep",
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(title=x_title)
    return figure
