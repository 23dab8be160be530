"""A training audit as figures: matrices, curves with best and final epoch, attention, thresholds.

Nothing here computes a score; every number comes from the audit's own records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from core.view.theme import MARK, QUIET, SERIES
from core.view.words import NOT_AVAILABLE, number

if TYPE_CHECKING:
    from core.audit import Audit, Curve, FoldRow, ScoreSummary

MATRIX_COLOURS = ((0.0, "#f3f6f8"), (1.0, "#7fb2d9"))
"""From no case to all cases of a class, for numbers printed over it in black."""
ATTENTION_NAMES = (
    ("normalised_entropy", "normalised entropy", 1.0),
    ("top1", "top-1 weight", 1.0),
    ("selection_confidence", "selection confidence", 1.0),
    ("effective_exp", "effective instances exp(H)", None),
    ("effective_inverse", "effective instances 1/sum a²", None),
    ("entropy", "entropy", None),
)
"""(field, words, upper bound) of what is logged of attention."""
LONGEST_NAME = 24
"""Characters of a class or fold beside a chart."""
LEGEND_LINE_PX = 16
CELL_PX = 26
"""Smallest height of a row of a matrix that can be read."""


def fold_table(audit: Audit) -> list[dict[str, Any]]:
    """Rows for a table: one per fold with each score and its interval, then mean, SD, minimum and maximum."""
    labels = {each.key: each.label for row in audit.folds for each in row.scores}
    rows: list[dict[str, Any]] = []
    for row in audit.folds:
        named = {each.key: each for each in row.scores}
        cells: dict[str, Any] = {"fold": row.fold, "cases": "–" if row.cases is None else str(row.cases)}
        for key, label in labels.items():
            score = named.get(key)
            cells[label] = "–" if score is None else _places(score.value, score.low, score.high)
        if any(each.best_epoch is not None for each in audit.folds):
            cells["best epoch"] = "–" if row.best_epoch is None else str(row.best_epoch)
        if any(each.loss_best is not None for each in audit.folds):
            cells["loss best → final"] = f"{number(row.loss_best)} → {number(row.loss_final)}"
        rows.append(cells)
    by_key = {each.key: each for each in audit.summary}
    lines: tuple[tuple[str, Callable[[ScoreSummary], str]], ...] = (
        ("mean [95 %]", lambda s: _places(s.mean, s.low, s.high)),
        ("SD (n-1)", lambda s: _places(s.sd)),
        ("SD (n)", lambda s: _places(s.sd_n)),
        ("minimum", lambda s: _places(s.minimum)),
        ("maximum", lambda s: _places(s.maximum)),
        ("reported mean", lambda s: _places(s.reported_mean)),
        ("reported SD", lambda s: _places(s.reported_sd)),
    )
    for words, value in lines:
        told = {label: value(by_key[key]) for key, label in labels.items() if key in by_key}
        if any(each != "–" for each in told.values()):
            rows.append(dict.fromkeys(rows[0], "") | {"fold": words} | told)
    return rows


def _words(name: str) -> str:
    """A name from a file as words beside a chart: plotly takes tags in a text for markup.

    >>> _words("<b>grade\\nII</b>")
    '&lt;b&gt;grade II&lt;/b&gt;'
    """
    words = " ".join(name.split())
    return escape(words if len(words) <= LONGEST_NAME else f"{words[: LONGEST_NAME - 1]}…", quote=False)


def _places(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Four places, as scores are reported: with three, 0.8088 and 0.8105 hardly differ."""
    if value is None:
        return NOT_AVAILABLE
    within = "" if low is None or high is None else f" [{low:.3f}–{high:.3f}]"
    return f"{value:.4f}{within}"


def confusion_chart(row: FoldRow, classes: Sequence[str], *, height: int = 260) -> go.Figure | None:
    """The confusion matrix of a fold, counts written in; colour = share of the class. None without one."""
    if row.confusion is None:
        return None
    names = [_words(each) for each in classes]
    places = list(range(len(names)))
    shares = [[n / max(sum(line), 1) for n in line] for line in row.confusion]
    figure = go.Figure(
        go.Heatmap(
            z=shares, x=places, y=places, zmin=0.0, zmax=1.0, xgap=2, ygap=2, showscale=False,
            customdata=[[[ref, pred] for pred in names] for ref in names],
            text=[[str(n) for n in line] for line in row.confusion], texttemplate="%{text}",
            textfont={"color": "#10171d", "size": 14}, colorscale=[list(each) for each in MATRIX_COLOURS],
            hovertemplate="reference %{customdata[0]}<br>predicted %{customdata[1]}<br>%{text} cases, "
            "%{z:.1%}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(
        height=max(height, CELL_PX * len(names) + 110), margin={"l": 10, "r": 10, "t": 34, "b": 10},
        dragmode=False, uirevision="keep",
        title={"text": f"Fold {_words(row.fold)}", "font": {"size": 14}, "x": 0},
    )  # fmt: skip
    ticks = {"tickmode": "array", "tickvals": places, "ticktext": names, "showgrid": False, "zeroline": False}
    figure.update_xaxes(title="predicted", side="bottom", **ticks)
    figure.update_yaxes(title="reference", autorange="reversed", **ticks)
    return figure


def loss_chart(row: FoldRow, *, height: int = 300) -> go.Figure | None:
    """Training and validation loss over the epochs, best and final epoch marked; None when not logged.

    Where only the losses at the best and the final epoch are known, these two points are drawn.
    """
    curves = [each for each in row.curves if each.key == "loss"]
    if not curves and row.loss_best is not None and row.loss_final is not None:
        figure = go.Figure()
        figure.add_scatter(
            x=["best epoch", "final epoch"], y=[row.loss_best, row.loss_final], mode="lines+markers",
            name="validation loss", line={"color": SERIES[0][0], "width": 2}, marker={"size": 9},
            hovertemplate="%{x}: %{y:.3f}<extra></extra>",
        )  # fmt: skip
        return _framed(figure, "loss", height, x_title="")
    return _curves(curves, row, "loss", height)


def score_chart(row: FoldRow, *, height: int = 300) -> go.Figure | None:
    """Scores over the epochs, best and final epoch marked; None when none is logged."""
    return _curves([each for each in row.curves if each.key != "loss"], row, "score", height)


def attention_chart(row: FoldRow, *, height: int = 300) -> go.Figure | None:
    """Diagnostics of attention over the epochs, effective instances on the right axis; None without."""
    if not row.attention:
        return None
    figure = go.Figure()
    epochs = [each.epoch for each in row.attention]
    drawn = 0
    for field, words, upper in ATTENTION_NAMES:
        values = [getattr(each, field) for each in row.attention]
        if all(value is None for value in values):
            continue
        colour, dash = SERIES[drawn % len(SERIES)]
        drawn += 1
        figure.add_scatter(
            x=epochs, y=values, name=words, mode="lines+markers", yaxis="y" if upper else "y2",
            line={"color": colour, "dash": dash, "width": 2}, marker={"size": 5},
            hovertemplate="epoch %{x}<br>%{y:.3f}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    _framed(figure, "share", height + LEGEND_LINE_PX * drawn)
    figure.update_layout(
        yaxis={"range": [-0.02, 1.02]},
        yaxis2={"title": {"text": "instances, nats"}, "overlaying": "y", "side": "right",
                "rangemode": "tozero", "showgrid": False, "tickmode": "auto"},
    )  # fmt: skip
    return figure


def threshold_chart(audit: Audit, *, height: int = 260) -> go.Figure | None:
    """Balanced accuracy of each fold at 0.5 and at the calibrated threshold; None without predictions."""
    if not audit.thresholds:
        return None
    folds = [f"fold {_words(each.fold)}" for each in audit.thresholds]
    places = list(range(len(folds)))
    figure = go.Figure()
    figure.add_bar(
        x=places, y=[each.before for each in audit.thresholds], name="at 0.5", marker={"color": QUIET},
        customdata=folds, hovertemplate="%{customdata}, at 0.5: %{y:.3f}<extra></extra>",
    )  # fmt: skip
    figure.add_bar(
        x=places, y=[each.after for each in audit.thresholds], name="at the calibrated threshold",
        marker={"color": SERIES[0][0], "pattern": {"shape": "/"}},
        customdata=[
            [name, t.threshold, t.fitted_on, t.gain, t.low, t.high]
            for name, t in zip(folds, audit.thresholds, strict=True)
        ],
        hovertemplate="%{customdata[0]}, at %{customdata[1]:.3f} (fitted on %{customdata[2]}): %{y:.3f}<br>"
        "gain %{customdata[3]:+.3f} [%{customdata[4]:+.3f}, %{customdata[5]:+.3f}]<extra></extra>",
    )  # fmt: skip
    _framed(figure, "balanced accuracy", height, x_title="")
    figure.update_xaxes(tickmode="array", tickvals=places, ticktext=folds)
    figure.update_yaxes(range=[0.0, 1.02])
    return figure


def _curves(curves: Sequence[Curve], row: FoldRow, y_title: str, height: int) -> go.Figure | None:
    if not curves:
        return None
    figure = go.Figure()
    for place, curve in enumerate(sorted(curves, key=lambda each: each.split != "validation")):
        colour, dash = SERIES[place % len(SERIES)]
        figure.add_scatter(
            x=curve.epochs, y=curve.values, name=f"{curve.split} {curve.key.replace('_', ' ')}", mode="lines",
            line={"color": colour, "dash": dash, "width": 2},
            hovertemplate="epoch %{x}<br>%{y:.4f}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    for epoch, words, dash, side in (
        (row.best_epoch, "best", "solid", "top left"), (row.final_epoch, "final", "dash", "top right"),
    ):  # fmt: skip
        if epoch is not None:
            figure.add_vline(
                x=epoch, line={"color": MARK, "width": 1.5, "dash": dash}, annotation_text=words,
                annotation_position=side, annotation_font_color=MARK,
            )  # fmt: skip
    # Half a page wide, a legend of many lines stands one below the other.
    return _framed(figure, y_title, height + LEGEND_LINE_PX * max(len(curves) - 3, 0))


def _framed(figure: go.Figure, y_title: str, height: int, x_title: str = "epoch") -> go.Figure:
    figure.update_layout(
        height=height, margin={"l": 10, "r": 10, "t": 24, "b": 10}, uirevision="keep", dragmode=False,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.06, "x": 0},
    )  # fmt: skip
    figure.update_xaxes(title=x_title)
    figure.update_yaxes(title=y_title)
    return figure
