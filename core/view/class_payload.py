"""The container of `core.view.payload` for a classified picture: image, saliency, and the classes.

There is no mask and no slice strip; the saliency map takes the place of the uncertainty maps, and the header
lists the classes with every single sample.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from numpy.typing import NDArray

from core.config import digest
from core.types import Case, Classification, Verdict
from core.view.layers import SALIENCY, class_layers_of
from core.view.payload import Json, packed, shared_header
from core.view.volume import (
    LIMIT_BYTES,
    SCHEMA,
    MapCode,
    Volume,
    channels_of,
    code_channel,
    eight_bits,
    itself,
    pack_all,
)
from core.view.words import count

CLASS_WORDS = {
    "fine": "No check fired. That is not a proof that the class is right.",
    "whole": "whole picture",
    "map": SALIENCY.label,
}
NO_SALIENCY = "What the decision rests on is not available: these networks give no such map."
NOTHING_SPEAKS = (
    "No place of the picture speaks for the given class more than for the others: its map is empty."
)
COARSE = "Large picture: its values are shown in 256 steps."


def class_volume_digest(case: Case, found: Classification) -> str:
    """Name of the volume that `build_class_volume` would make."""
    return digest([SCHEMA, "class", case.id, found.key])


def build_class_volume(case: Case, found: Classification, *, limit_bytes: int = LIMIT_BYTES) -> Volume:
    """Image and saliency in deflated parts; the image in 8 bits where it would be larger than the limit."""
    volume = _build(case, found, deep=True)
    return volume if volume.size <= limit_bytes else _build(case, found, deep=False)


def build_class_payload(
    case: Case,
    found: Classification,
    verdict: Verdict,
    *,
    volume: Volume | None = None,
    score_labels: Mapping[str, str] | None = None,
    facts: Sequence[tuple[str, str]] = (),
    reference: Collection[str] | None = None,
) -> bytes:
    """The container for one classified picture.

    volume: made beforehand by `build_class_volume`, None: made here. score_labels, facts: as for
    `build_payload`. reference: the classes that a cohort names for it, None where none does.
    """
    held = build_class_volume(case, found) if volume is None else volume
    layers = class_layers_of(found, verdict)
    return packed(
        {
            **shared_header(case, held, verdict, layers, found.scores, score_labels or {}, facts),
            "start": 0,
            "slices": [],
            "worst": None,
            "words": CLASS_WORDS,
            "classes": class_rows(found, reference),
            "classes_note": _classes_note(found),
            "half": found.multilabel,
        },
        held,
    )


def class_rows(found: Classification, reference: Collection[str] | None) -> list[Json]:
    """Every class in the order of the model: mean, range and samples, and whether it was given or is true."""
    return [
        {
            "name": name,
            "prob": float(column.mean()),
            "low": float(column.min()),
            "high": float(column.max()),
            "samples": [round(float(each), 4) for each in column],
            "given": name in found.predicted,
            "reference": None if reference is None else name in reference,
        }
        for name, column in zip(found.class_names, found.samples.T, strict=True)
    ]


def _classes_note(found: Classification) -> str:
    samples = len(found.samples)
    spread = (
        f"Bar: mean of {count(samples, 'prediction')}. Dots: each of them."
        if samples > 1
        else "A single prediction, so there is no spread to show."
    )
    return (
        f"{spread} Each finding stands for itself; the line is at one half." if found.multilabel else spread
    )


def _build(case: Case, found: Classification, *, deep: bool) -> Volume:
    coded = [code_channel(name, values, deep) for name, values in channels_of(case)]
    codes: dict[str, Callable[[], NDArray[Any]]] = {
        f"image{index}": partial(itself, image) for index, (_, image) in enumerate(coded)
    }
    saliency = found.saliency
    notes: tuple[str, ...] = () if deep else (COARSE,)
    if saliency is None:
        notes += (NO_SALIENCY,)
    else:
        codes["map0"] = partial(eight_bits, saliency.codes)
        notes += () if saliency.codes.any() else (NOTHING_SPEAKS,)
        likeliest = found.class_names[int(found.prob.argmax())]
        notes += (f"The map is about the likeliest finding: {likeliest}.",) if found.multilabel else ()
    return Volume(
        case_id=case.id,
        digest=digest([class_volume_digest(case, found), deep]),
        parts=pack_all(codes),
        channels=tuple(channel for channel, _ in coded),
        maps=(MapCode(SALIENCY.key, SALIENCY.label, SALIENCY.unit, SALIENCY.help, saliency.upper),)
        if saliency is not None
        else (),
        first_slice=0,
        slices=case.image.slices,
        notes=notes,
    )
