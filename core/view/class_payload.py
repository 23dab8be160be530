"""The container of `core.view.payload` for a classified picture: image, saliency, and the classes.

There is no mask; the saliency map takes the place of the uncertainty maps, and the header lists the classes
with every single sample. A single picture has no slice strip; that of a volume shows attention.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from numpy.typing import NDArray

from core.config import digest
from core.types import Case, Classification, Verdict
from core.view.bag_payload import BAG_WORDS, BagFacts, bag_rows, bag_slices, bag_strip, most_attended
from core.view.layers import SALIENCY, class_layers_of, reference_layers
from core.view.payload import Json, packed, picture_alone, shared_header
from core.view.volume import (
    LIMIT_BYTES,
    SCHEMA,
    MapCode,
    Volume,
    channels_of,
    code_channel,
    eight_bits,
    itself,
    loaded_note,
    pack_all,
    windowed,
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
PICTURE_ALONE = {**CLASS_WORDS, "alone": "The picture alone"}
COARSE = "Large picture: its values are shown in 256 steps."


def class_volume_digest(case: Case, found: Classification, around: int | None = None) -> str:
    """Name of the volume that `build_class_volume` would make."""
    return digest([SCHEMA, "class", case.id, found.key, around])


def build_class_volume(
    case: Case, found: Classification, *, limit_bytes: int = LIMIT_BYTES, around: int | None = None
) -> Volume:
    """Image and saliency in deflated parts; the image in 8 bits where it would be larger than the limit.

    Of a volume that is too large even so only the slices around `around` are taken, None: the slice with most
    attention.
    """
    total = case.image.slices
    volume = _build(case, found, around, deep=True)
    if volume.size > limit_bytes:
        volume = _build(case, found, around, deep=False)
    centre = next((z for z in (around, most_attended(found)) if z is not None), 0)

    def window(first: int, stop: int) -> Volume:
        return _build(case, found, around, deep=False, span=(first, stop))

    return windowed(volume, limit_bytes, centre, total, window)


def build_class_payload(
    case: Case,
    found: Classification,
    verdict: Verdict,
    *,
    volume: Volume | None = None,
    score_labels: Mapping[str, str] | None = None,
    facts: Sequence[tuple[str, str]] = (),
    reference: Collection[str] | None = None,
    bags: BagFacts | None = None,
    alone: bool = False,
) -> bytes:
    """The container for one classified picture.

    volume: made beforehand by `build_class_volume`, None: made here. score_labels, facts: as for
    `build_payload`. reference: the classes that a cohort names for it, None where none does. bags: of a
    volume that a bag model judged, what the checks measured on it. alone: name nothing but the picture, for a
    reader who is to judge without the model's opinion.
    """
    held = build_class_volume(case, found) if volume is None else volume
    if alone:
        return packed(picture_alone(case, held, PICTURE_ALONE), held)
    layers = (*(reference_layers(case) if bags else ()), *class_layers_of(found, verdict))
    top = most_attended(found)
    return packed(
        {
            **shared_header(case, held, verdict, layers, found.scores, score_labels or {}, facts),
            "start": top or 0,
            "slices": bag_slices(found, bags, verdict.flags) if bags else [],
            "worst": top,
            "words": BAG_WORDS if bags else CLASS_WORDS,
            "strip": bag_strip(found),
            "slabs": bag_rows(found, bags) if bags else [],
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
    if found.deciding is not None and len(found.bags) > 1:
        spread += f" Of slab {found.deciding + 1}, which decides."
    return (
        f"{spread} Each finding stands for itself; the line is at one half." if found.multilabel else spread
    )


def _build(
    case: Case,
    found: Classification,
    around: int | None,
    *,
    deep: bool,
    span: tuple[int, int] | None = None,
) -> Volume:
    first, stop = span or (0, case.image.slices)
    coded = [code_channel(name, values[first:stop], deep) for name, values in channels_of(case)]
    codes: dict[str, Callable[[], NDArray[Any]]] = {
        f"image{index}": partial(itself, image) for index, (_, image) in enumerate(coded)
    }
    if found.bags and case.reference is not None:
        codes["reference"] = partial(itself, case.reference.mask_ref[first:stop])
    saliency = found.saliency
    if saliency is not None:
        codes["map0"] = partial(eight_bits, saliency.codes)
    return Volume(
        case_id=case.id,
        digest=digest([class_volume_digest(case, found, around), deep, first, stop]),
        parts=pack_all(codes),
        channels=tuple(channel for channel, _ in coded),
        maps=(MapCode(SALIENCY.key, SALIENCY.label, SALIENCY.unit, SALIENCY.help, saliency.upper),)
        if saliency is not None
        else (),
        first_slice=first,
        slices=stop - first,
        notes=(
            *(() if deep else (COARSE,)),
            *(() if found.bags else _saliency_notes(found)),
            *loaded_note(first, stop, case.image.slices),
        ),
    )


def _saliency_notes(found: Classification) -> tuple[str, ...]:
    if found.saliency is None:
        return (NO_SALIENCY,)
    likeliest = found.class_names[int(found.prob.argmax())]
    about = (f"The map is about the likeliest finding: {likeliest}.",) if found.multilabel else ()
    return (*(() if found.saliency.codes.any() else (NOTHING_SPEAKS,)), *about)
