"""Pictures of the attention while a network trains: one bar per slice, drawn as plain SVG."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

from core.train.mil.data import BagData
from core.train.mil.judge import JudgedBag

SHOWN = 8
"""Bags in one picture: the first ones of the left-out patients, the same every time."""
ROW, BAR, HEIGHT, LEFT = 56, 14, 32, 260
MARKED, PLAIN = "#b4530a", "#4a6fa5"
"""Slices that the reference marks, and the others; marked ones carry a dot as well."""


def attention_plotter(folder: Path, data: BagData) -> Callable[[int, tuple[JudgedBag, ...]], None]:
    """Takes an epoch's judged bags and writes `plots/epoch_005.svg` (counted from 1) into the folder."""

    def plot(epoch: int, judged: tuple[JudgedBag, ...]) -> None:
        path = folder / "plots" / f"epoch_{epoch + 1:03d}.svg"
        path.parent.mkdir(exist_ok=True)
        path.write_text(attention_svg(f"Attention after epoch {epoch + 1}", data, judged), encoding="utf-8")

    return plot


def attention_svg(title: str, data: BagData, judged: tuple[JudgedBag, ...]) -> str:
    """One row of bars per bag; the height of a bar is the slice's weight over the highest of its bag."""
    shown = judged[:SHOWN]
    longest = max((len(each.attention) for each in shown), default=1)
    width, height = LEFT + BAR * longest + 20, 40 + ROW * len(shown)
    rows = "".join(_row(data, each, 40 + ROW * place) for place, each in enumerate(shown))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12"><text x="8" y="20">{escape(title)}. '
        f"Dot: the reference marks the slice.</text>{rows}</svg>\n"
    )


def _row(data: BagData, each: JudgedBag, top: int) -> str:
    marked = data.marked(each.bag)
    name = escape(data.name(each.bag))
    told = f"label {each.label}, probability {each.prob:.2f}, top {each.attention.max():.2f}"
    text = f'<text x="8" y="{top + 14}">{name}</text><text x="8" y="{top + 30}">{told}</text>'
    bars = []
    for place, weight in enumerate(each.attention / each.attention.max()):
        x, tall = LEFT + BAR * place, float(weight) * HEIGHT
        on = marked is not None and bool(marked[place])
        colour = MARKED if on else PLAIN
        bars.append(
            f'<rect x="{x}" y="{top + HEIGHT - tall:.1f}" width="{BAR - 3}" height="{tall:.1f}" '
            f'fill="{colour}"/>'
        )
        if on:
            bars.append(f'<circle cx="{x + (BAR - 3) / 2}" cy="{top + HEIGHT + 6}" r="2.5" fill="{colour}"/>')
    return text + "".join(bars)
