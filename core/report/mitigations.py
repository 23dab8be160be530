"""What leaves the program about mitigations: a document with a sentence for every row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.mitigation import mitigation_spec
from core.types import Estimate

if TYPE_CHECKING:
    from core.pipeline.mitigations import GainRow

SIGNS = {"helped": "+", "did not help": "0", "harmed": "–", "undefined": "?"}
"""A sign beside each word, for a quick look."""


def place_words(row: GainRow) -> str:
    """Where a row was measured, in words.

    >>> from core.types import Estimate
    >>> none = Estimate(value=None)
    >>> from core.pipeline.mitigations import GainRow
    >>> place_words(GainRow(corruption="spike", severity=3.0, mitigation="tta", better="Dice", before=none,
    ...     after=none, gain=none, time_ratio=None, coverage=None, verdict="undefined", units=0, patients=0))
    'under k-space spike 3'
    """
    from core.corruptions import corruption_spec

    if not row.corruption:
        return "on clean pictures"
    return f"under {corruption_spec(row.corruption).label.lower()} {row.severity:g}"


def gain_sentence(row: GainRow, place: str) -> str:
    """What a row says, in one sentence. place: the corruption in words."""
    label = mitigation_spec(row.mitigation).label
    spent = f", at {row.time_ratio:.1f} times the time" if row.time_ratio is not None else ""
    kept = f", with {row.coverage:.0%} of the slices still decided by the model" if row.coverage else ""
    what = {
        "helped": f"{label} helped {place}: {row.better} is better by {_signed(row.gain)}",
        "did not help": f"{label} did not help {place}: the gain in {row.better} is {_signed(row.gain)}",
        "harmed": f"{label} did harm {place}: {row.better} is worse, by {_signed(row.gain)}",
        "undefined": f"{label} cannot be judged {place}",
    }[row.verdict]
    return f"{what}{spent}{kept}."


def mitigation_markdown(
    rows: Sequence[GainRow], *, title: str, places: Sequence[str], introduction: str
) -> str:
    """A document: one table per corruption with a sentence in every row. places: one per row, in words."""
    lines = [f"# {title}", "", introduction]
    for place in dict.fromkeys(places):
        lines += [
            "", f"## {place[:1].upper()}{place[1:]}", "",
            "| | mitigation | better is | before | after | gain | time x | coverage | what it says |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        ]  # fmt: skip
        lines += [_line(row, place) for row, own in zip(rows, places, strict=True) if own == place]
    return "\n".join(lines) + "\n"


def _line(row: GainRow, place: str) -> str:
    cells = (
        SIGNS[row.verdict],
        mitigation_spec(row.mitigation).label,
        f"{'higher' if row.better == 'Dice' else 'lower'} {row.better}",
        _plain(row.before),
        _plain(row.after),
        _signed(row.gain),
        "–" if row.time_ratio is None else f"{row.time_ratio:.1f}",
        "1" if row.coverage is None else f"{row.coverage:.2f}",
        gain_sentence(row, place) + (f" ({row.note})" if row.note else ""),
    )
    return f"| {' | '.join(cells)} |"


def _plain(estimate: Estimate) -> str:
    return _shown(estimate, "{:.3f}")


def _signed(estimate: Estimate) -> str:
    return _shown(estimate, "{:+.3f}")


def _shown(estimate: Estimate, form: str) -> str:
    if estimate.value is None:
        return "undefined"
    value = form.format(estimate.value)
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{form.format(estimate.low)}, {form.format(estimate.high)}]"
