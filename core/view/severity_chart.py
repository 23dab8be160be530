"""Numbers of a case along the severities of a corruption, the current one marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core.view.theme import MARK, QUIET, SERIES


@dataclass(frozen=True)
class Curve:
    """A number in [0, 1] at each severity, None where it is not known (yet). quiet: drawn grey."""

    name: str
    values: tuple[float | None, ...]
    quiet: bool = False


def severity_chart(
    severities: Sequence[float],
    curves: Sequence[Curve],
    *,
    current: float,
    review: Sequence[bool],
    lost_at: float | None,
    height: int = 340,
) -> go.Figure:
    """Curves against severity. review: severities whose verdict is "review", drawn as crosses on every curve.

    lost_at: a dotted line where the quality was lost, None without one.
    """
    figure = go.Figure()
    loud = 0
    symbols = ["x" if each else "circle" for each in review]
    for curve in curves:
        colour, dash = (QUIET, "dash") if curve.quiet else SERIES[loud % len(SERIES)]
        loud += not curve.quiet
        figure.add_scatter(
            x=list(severities), y=list(curve.values), name=curve.name, mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 1.5 if curve.quiet else 2.2},
            marker={"size": 5 if curve.quiet else 8, "symbol": "circle" if curve.quiet else symbols},
            hovertemplate="severity %{x:g}<br>%{y:.3f}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.add_vline(
        x=current, line={"color": MARK, "width": 2}, annotation={"text": f"{current:g}", "font": {"size": 12}}
    )
    if lost_at is not None:
        figure.add_vline(
            x=lost_at, line={"color": QUIET, "width": 1.5, "dash": "dot"},
            annotation={"text": "quality lost", "font": {"size": 11}, "yanchor": "bottom", "y": 0.0},
        )  # fmt: skip
    figure.update_layout(
        height=height, margin={"l": 10, "r": 24, "t": 10, "b": 10}, uirevision="keep", dragmode=False,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.06, "x": 0}, hovermode="x unified",
    )  # fmt: skip
    figure.update_xaxes(title="severity", range=[-0.15, 5.15], dtick=1)
    figure.update_yaxes(range=[-0.03, 1.05], tickvals=[0, 0.25, 0.5, 0.75, 1])
    return figure
