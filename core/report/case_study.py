"""A case on one page: pictures, findings, stress curve, and what a person concluded."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from core.io import write_png
from core.report.export import NOTICE, named
from core.types import Flag, NamedBytes
from core.view import theme
from core.view.overlay import overlay_picture, plain_picture
from core.view.theme import SERIES
from core.view.words import NOT_AVAILABLE, count, number

if TYPE_CHECKING:
    from core.pipeline import Outcome
    from core.pipeline.lab import Reading
    from core.view.strokes import Picture

WIDTH, HEIGHT = 460, 210
LEFT, RIGHT, TOP, BOTTOM = 40, 22, 12, 34

MOST_FINDINGS = 6
"""More would not fit on one page."""
STYLE = Path(__file__).with_name("case_study.css")


@dataclass(frozen=True)
class Conclusion:
    """What a person concluded, as typed; "" = not said. Shown as text, whatever it holds."""

    diagnosis: str = ""
    mitigation: str = ""
    residual_risk: str = ""


@dataclass(frozen=True)
class Curve:
    """A case along the severities of a corruption. label: of the corruption. readings: by severity."""

    label: str
    readings: tuple[Reading, ...]


def case_study(
    outcome: Outcome,
    index: int,
    conclusion: Conclusion,
    curve: Curve | None,
    *,
    made_utc: str,
    title: str = "",
    why: str = "",
    slice_note: str = "",
) -> NamedBytes:
    """One self-contained HTML page of slice `index` (from 0), without scripts, to be printed on one sheet.

    title: in the head, "" = "Case study". why: why this case, slice_note: why this slice, in words. curve:
    None where nobody has computed one; the page says so. It names the case by its id, not by the name of the
    upload.
    """
    style = STYLE.read_text(encoding="utf-8")
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Case study {outcome.case.id[:12]}</title><style>{style}</style></head><body>"
        f"{_head(outcome, title, why)}{_pictures(outcome, index, slice_note)}"
        f'<div class="two"><section><h2>What fired</h2>{_findings(outcome)}</section>'
        f"<section><h2>Under stress</h2>{_stress(curve)}{_numbers(outcome)}</section></div>"
        f"{_conclusion(conclusion)}{_footer(outcome, made_utc)}</body></html>"
    )
    return named("second-look-case-study", ".html", page.encode())


def _head(outcome: Outcome, title: str, why: str) -> str:
    verdict, score = outcome.verdict, outcome.analysis.scores[0]
    answer = {"review": "Review this case.", "consistent": "Looks consistent."}[verdict.answer]
    first = (
        verdict.flags[0].sentence if verdict.flags else "No check fired, which does not prove the mask right."
    )
    chosen = f"<p>{escape(why)}</p>" if why else ""
    return (
        f"<h1>{escape(title or 'Case study')}</h1>{chosen}"
        f'<p class="quiet">Case {outcome.case.id[:12]} · {NOTICE}</p>'
        f'<p class="answer"><strong>{answer}</strong> {escape(first)} Confidence '
        f"<strong>{escape(number(score.value))}</strong> of 1.</p>"
    )


def _pictures(outcome: Outcome, index: int, slice_note: str) -> str:
    case, analysis, verdict = outcome.case, outcome.analysis, outcome.verdict

    def layered(*layers: str) -> Picture:
        return overlay_picture(case, analysis, verdict, index, layers=layers)

    fired = {flag.cause for flag in verdict.flags if flag.slice in (None, index)}
    shown = [
        ("Image", _enlarged(plain_picture(case, index))),
        ("Prediction, and what fired here", layered("prediction", *fired)),
        ("Where the model is unsure", layered("uncertainty", "prediction")),
    ]
    if case.reference is not None:
        shown.insert(
            2, ("Reference; errors filled and hatched", layered("prediction", "reference", "errors"))
        )
    figures = [
        f'<figure><img alt="{words}" src="{_data_url(picture)}"><figcaption>{words}</figcaption></figure>'
        for words, picture in shown
    ]
    if case.reference is None:
        figures.append("<figure><figcaption>There is no reference for this case.</figcaption></figure>")
    total = case.image.slices
    words = f"Slice {index + 1} of {total}" + (f": {slice_note}" if slice_note else "")
    where = f'<p class="quiet">{escape(words)}</p>' if total > 1 else ""
    return f'{where}<div class="pictures">{"".join(figures)}</div>'


def _findings(outcome: Outcome) -> str:
    worst: dict[str, Flag] = {}
    for flag in outcome.verdict.flags:
        worst.setdefault(flag.rule, flag)
    if not worst:
        return '<p class="quiet">No check.</p>'
    items = []
    for flag in list(worst.values())[:MOST_FINDINGS]:
        mark = theme.mark_of(flag.cause)
        fill, ink = mark.chip("light")
        where = "" if flag.slice is None else f" (slice {flag.slice + 1})"
        items.append(
            f'<li><span class="chip" style="background:{fill};color:{ink}">{mark.letter}</span>'
            f"<span><strong>{escape(mark.label)}</strong>{where}: {escape(flag.sentence)}</span></li>"
        )
    more = len(worst) - len(items)
    rest = f'<p class="quiet">and {count(more, "further check")}.</p>' if more > 0 else ""
    return f"<ul>{''.join(items)}</ul>{rest}"


def _numbers(outcome: Outcome) -> str:
    rows = [(score.key.replace("_", " "), number(score.value)) for score in outcome.analysis.scores[:1]]
    rows += [
        (each.key.replace("_", " "), number(each.value))
        for each in outcome.analysis.scores
        if each.key in ("quality", "quality_dice", "familiarity") and each.value is not None
    ]
    if outcome.overlap is not None:
        whole = outcome.overlap.whole
        rows += [("Dice", number(whole.dice)), ("Jaccard", number(whole.jaccard)),
                 ("boundary F1 at 2 px", number(whole.boundary_f1_2px))]  # fmt: skip
    cells = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{cells}</table>"


def _stress(curve: Curve | None) -> str:
    if curve is None or not curve.readings:
        return '<p class="quiet">Not computed for this page.</p>'
    lines = [("Confidence", SERIES[0][0], "", [each.confidence for each in curve.readings])]
    if any(each.dice is not None for each in curve.readings):
        lines.append(("Dice", SERIES[1][0], "6 4", [each.dice for each in curve.readings]))
    marks = "".join(
        f'<text x="{_x(each.severity):.1f}" y="{HEIGHT - 20}" text-anchor="middle">{each.severity:g}'
        f"{' ●' if each.answer == 'review' else ''}</text>"
        for each in curve.readings
    )
    ticks = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(v):.1f}" y2="{_y(v):.1f}" class="grid"/>'
        f'<text x="{LEFT - 6}" y="{_y(v) + 4:.1f}" text-anchor="end">{v:g}</text>'
        for v in (0.0, 0.5, 1.0)
    )
    drawn = "".join(_line(curve.readings, values, colour, dash) for _, colour, dash, values in lines)
    legend = "".join(
        f'<line x1="{LEFT + 110 * k}" x2="{LEFT + 24 + 110 * k}" y1="{HEIGHT - 6}" y2="{HEIGHT - 6}" '
        f'stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dash}"/>'
        f'<text x="{LEFT + 30 + 110 * k}" y="{HEIGHT - 2}">{name}</text>'
        for k, (name, colour, dash, _) in enumerate(lines)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Confidence and Dice along the severity">'
        f"{ticks}{drawn}{marks}{legend}</svg>"
        f'<p class="quiet">{escape(curve.label)}, severity 0 to 5; ● = the verdict asks for a review.</p>'
    )


def _line(readings: Sequence[Reading], values: Sequence[float | None], colour: str, dash: str) -> str:
    """A line that stops at an undefined value, and a dot at each defined one."""
    pieces: list[list[str]] = [[]]
    dots = []
    for each, value in zip(readings, values, strict=True):
        if value is None:
            pieces.append([])
            continue
        x, y = f"{_x(each.severity):.1f}", f"{_y(value):.1f}"
        pieces[-1].append(f"{x},{y}")
        dots.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>')
    style = f'fill="none" stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dash}"'
    drawn = [f'<polyline points="{" ".join(each)}" {style}/>' for each in pieces if len(each) > 1]
    return "".join(drawn + dots)


def _x(severity: float) -> float:
    return LEFT + severity / 5.0 * (WIDTH - LEFT - RIGHT)


def _y(value: float) -> float:
    return TOP + (1.0 - float(np.clip(value, 0.0, 1.0))) * (HEIGHT - TOP - BOTTOM)


def _conclusion(conclusion: Conclusion) -> str:
    said = (
        ("The reviewer's diagnosis", conclusion.diagnosis),
        ("Mitigation", conclusion.mitigation),
        ("Residual risk", conclusion.residual_risk),
    )
    boxes = "".join(
        f'<section><h2>{name}</h2><div class="box">{escape(text.strip()) or NOT_AVAILABLE}</div></section>'
        for name, text in said
    )
    return f'<div class="three">{boxes}</div>'


def _footer(outcome: Outcome, made_utc: str) -> str:
    made_by, verdict = outcome.analysis.made_by, outcome.verdict
    judged = [f"operating point {verdict.operating_point}" if verdict.operating_point else "",
              f"profile {verdict.profile}" if verdict.profile else ""]  # fmt: skip
    parts = [
        f"{made_by.config.model_id}, {made_by.config.estimator.kind}, seed {made_by.config.estimator.seed}",
        *(each for each in judged if each),
        f"key {made_by.key}",
        f"weights {', '.join(each[:12] for each in made_by.weights)}",
        f"Second Look {made_by.app_version}",
        f"page made {made_utc[:16].replace('T', ' ')} UTC",
    ]
    return f"<footer>{escape(' · '.join(parts))}<br>{NOTICE}</footer>"


def _enlarged(picture: Picture) -> Picture:
    scale = max(1, round(640 / max(picture.shape[:2])))
    size = picture.shape[1] * scale, picture.shape[0] * scale
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _data_url(picture: Picture) -> str:
    return f"data:image/png;base64,{base64.b64encode(write_png(picture)).decode()}"
