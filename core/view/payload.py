"""The one bytes container that the case view takes: 4-byte header length, JSON header, deflated parts.

The header length is an unsigned little-endian integer. Every part named in the header follows in that order.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Mapping, Sequence

from core.types import Analysis, Case, Flag, Score, SliceSummary, Verdict
from core.view import theme
from core.view.layers import Layer, layers_of
from core.view.volume import Volume, build_volume
from core.view.windows import first_channel

Json = dict[str, object]

HIDDEN = "The model's verdict, reasons and confidence are hidden, and so is a reference."

HIDDEN_SLICE: Json = {"value": None, "note": "hidden", "causes": [], "empty": False}

OUTLINE_WORDS = {
    "alone": "The outline alone",
    "fine": "No check fired. That is not a proof that the outline is right.",
    "whole": "whole study",
    "map": "Uncertainty map",
}
"""Words of the view that depend on what the model answers."""

STRIP: Json = {
    "scale": 1.0,
    "label": "Slice, with the confidence of each",
    "value": "confidence",
    "slice": "Confidence of this slice",
    "blank": "nothing predicted",
    "marked": "least confident slice",
    "jump": "Worst slice",
    "help": "Go to the least confident slice (W)",
    "note": "Height: confidence of each slice, 0 to 1 (pale: nothing predicted). ▼ least confident. Ticks: "
    "checks that fired.",
}
"""What the slice strip shows. scale: the value of a full cell; marked: the slice of ▼, of the key W and of
the button `jump`."""


def build_payload(
    case: Case,
    analysis: Analysis,
    verdict: Verdict,
    *,
    volume: Volume | None = None,
    score_labels: Mapping[str, str] | None = None,
    facts: Sequence[tuple[str, str]] = (),
    alone: bool = False,
) -> bytes:
    """The container for one case.

    volume: made beforehand by `build_volume` (it depends on neither limits nor wording), None: made here.
    score_labels: plain names of score keys. facts: further lines (name, text) under the confidence.
    alone: name nothing but image and outline, for a reader who is to judge without the model's opinion.
    """
    held = build_volume(case, analysis) if volume is None else volume
    labels = score_labels or {}
    if alone:
        return packed(_outline_alone(case, analysis, held), held)
    layers = layers_of(case, analysis, verdict)
    return packed(
        {
            **shared_header(case, held, verdict, layers, analysis.scores, labels, facts),
            "start": start_slice(analysis, verdict),
            "slices": [_slice(each, verdict.flags) for each in analysis.slices],
            "worst": analysis.worst_slice,
            "words": OUTLINE_WORDS,
            "strip": STRIP,
        },
        held,
    )


def outline_slice(analysis: Analysis) -> int:
    """The slice with the largest outline (from 0), the middle one where there is none."""
    areas = analysis.mask_pred.astype(bool).sum(axis=(1, 2))
    return int(areas.argmax()) if areas.any() else len(areas) // 2


def picture_alone(case: Case, held: Volume, words: Mapping[str, str], layers: Sequence[Layer] = ()) -> Json:
    """The header that names nothing of what a model thinks, from the middle slice."""
    fine = Verdict(answer="consistent", flags=())
    total = case.image.slices
    return {
        **shared_header(case, held, fine, layers, (), {}, ()),
        "answer": None,
        "maps": [],
        "start": total // 2,
        "slices": [HIDDEN_SLICE] * total,
        "worst": None,
        "words": {**words, "fine": HIDDEN},
        "strip": STRIP,
    }


def _outline_alone(case: Case, analysis: Analysis, held: Volume) -> Json:
    layers = layers_of(case, analysis, Verdict(answer="consistent", flags=()))
    shown = [each for each in layers if each.kind == "prediction"]
    header = picture_alone(case, held, OUTLINE_WORDS, shown)
    slices = [{**HIDDEN_SLICE, "empty": each.empty} for each in analysis.slices]
    return {**header, "start": outline_slice(analysis), "slices": slices}


def packed(header: Json, volume: Volume) -> bytes:
    """Header and parts of a volume in one container."""
    text = json.dumps(header, allow_nan=False, ensure_ascii=True).encode()
    return b"".join([struct.pack("<I", len(text)), text, *(part.blob for part in volume.parts)])


def start_slice(analysis: Analysis, verdict: Verdict) -> int:
    """The slice to show first (from 0): of the worst reason, else the least confident, else the middle."""
    flagged = [flag.slice for flag in verdict.flags if flag.slice is not None]
    chosen = flagged[0] if flagged else analysis.worst_slice
    return len(analysis.slices) // 2 if chosen is None else chosen


def shared_header(
    case: Case,
    volume: Volume,
    verdict: Verdict,
    layers: Sequence[Layer],
    scores: Sequence[Score],
    labels: Mapping[str, str],
    facts: Sequence[tuple[str, str]],
) -> Json:
    """What the header holds whatever the model answered."""
    image = case.image
    return {
        "digest": volume.digest,
        "name": case.name,
        "shape": list(image.values.shape),
        "first": volume.first_slice,
        "loaded": volume.slices,
        "spacing": image.geometry.spacing_mm,
        "edges": image.geometry.edges,
        "unit": "HU" if image.modality == "CT" else "",
        "channels": [dataclasses.asdict(each) for each in volume.channels],
        "show": first_channel(tuple(channel.name for channel in volume.channels)),
        "composite": len(volume.channels) == 3,
        "maps": [dataclasses.asdict(each) for each in volume.maps],
        "layers": [dataclasses.asdict(each) for each in layers],
        "answer": verdict.answer,
        "flags": [_flag(each) for each in verdict.flags],
        "scores": [_score(each, labels) for each in scores],
        "facts": [list(each) for each in facts],
        "notes": list(volume.notes),
        "theme": _theme(),
        "parts": [
            {"name": p.name, "dtype": p.dtype, "bytes": len(p.blob), "raw": p.raw_bytes} for p in volume.parts
        ],
    }


def _flag(flag: Flag) -> Json:
    mark = theme.mark_of(flag.cause)
    return {
        "rule": flag.rule,
        "cause": flag.cause,
        "label": mark.label,
        "letter": mark.letter,
        "slice": flag.slice,
        "box": flag.box,
        "sentence": flag.sentence,
    }


def _score(score: Score, labels: Mapping[str, str]) -> Json:
    plain = score.key.replace("_", " ").replace("-", " ").capitalize()
    return {
        "key": score.key,
        "label": labels.get(score.key, plain),
        "value": score.value,
        "note": score.note,
        "slice": score.slice,
        "box": score.box,
    }


def _slice(summary: SliceSummary, flags: tuple[Flag, ...]) -> Json:
    first = summary.scores[0] if summary.scores else Score(key="", value=None, note="no score")
    return {
        "value": first.value,
        "note": first.note,
        "empty": summary.empty,
        "causes": sorted({flag.cause for flag in flags if flag.slice == summary.index}),
    }


def _theme() -> Json:
    return {
        "ground": theme.VIEWER_GROUND,
        "positive": theme.FALSE_POSITIVE,
        "negative": theme.FALSE_NEGATIVE,
        "hidden": theme.MAP_HIDDEN_SHARE,
        "map": ["#" + bytes(row).hex() for row in theme.uncertainty_colours()],
        "marks": {
            mark.cause: {
                "letter": mark.letter,
                "line": mark.line,
                "colour": mark.dark,
                "dark": mark.chip("dark"),
                "light": mark.chip("light"),
            }
            for mark in theme.MARKS
        },
    }
