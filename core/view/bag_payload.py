"""What the case view shows of the bags of a volume: attention along the strip, and a row for each bag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.types import BagSamples, Classification, Flag, Float64Array
from core.view.payload import STRIP, Json
from core.view.words import number

BAG_WORDS = {
    "fine": "No check fired. That is not a proof that the answer is right.",
    "whole": "whole volume",
    "map": "",
}
BAG_STRIP: Json = {
    "label": "Slice, with the attention on each",
    "value": "attention",
    "slice": "Attention on this slice",
    "blank": "hardly any tissue",
    "marked": "most attention in the slab that decides",
    "jump": "Most attention",
    "help": "Go to the slice with most attention (W)",
}
NOTE = (
    "Height: attention on each slice, the fullest cell {top} (pale: hardly any tissue). ▼ most of it in the "
    "slab that decides. Lines at the foot: slabs, that one thicker. T: checks of the attention."
)
IN_NO_SLAB = "in no slab"


@dataclass(frozen=True)
class BagFacts:
    """What the checks measured on a volume. bare: (slice,) whether a slice shows hardly any tissue.

    effective: (bag,) effective slices of each bag, None where undefined.
    """

    bare: tuple[bool, ...]
    effective: tuple[float | None, ...]


def most_attended(found: Classification) -> int | None:
    """The slice with most attention in the bag that decides, None without bags."""
    return None if found.deciding is None else found.bags[found.deciding].top_slice


def bag_strip(found: Classification) -> Json:
    """What the slice strip of a classification shows; its cells are scaled to the largest attention."""
    if not found.bags:
        return STRIP
    top = max(float(each.mean_attention.max()) for each in found.bags)
    return {**BAG_STRIP, "scale": top or 1.0, "note": NOTE.format(top=number(top))}


def bag_slices(found: Classification, facts: BagFacts, flags: Sequence[Flag]) -> list[Json]:
    """For each slice its attention, the larger one where bags overlap, and the checks that fired there."""
    return [_slice(found.bags, index, bare, flags) for index, bare in enumerate(facts.bare)]


def bag_rows(found: Classification, facts: BagFacts) -> list[Json]:
    """Each bag: its slices, probability of the second class with its range, and where its attention lies."""
    return [
        {
            "first": each.slices[0],
            "last": each.slices[-1],
            "class": found.class_names[1],
            "prob": each.mean_prob,
            "low": float(each.prob[:, 1].min()),
            "high": float(each.prob[:, 1].max()),
            "samples": len(each.prob),
            "top": each.top_slice,
            "effective": effective,
            "decides": index == found.deciding,
        }
        for index, (each, effective) in enumerate(zip(found.bags, facts.effective, strict=True))
    ]


def _slice(bags: Sequence[BagSamples], index: int, bare: bool, flags: Sequence[Flag]) -> Json:
    own = [(number, each) for number, each in enumerate(bags, 1) if index in each.slices]
    attention = [_at(each, each.mean_attention, index) for _, each in own]
    which = ", ".join(f"slab {place}" for place, _ in own) if len(bags) > 1 else ""
    alone = f"alone {max(_at(each, each.mean_instance, index) for _, each in own):.2f}" if own else ""
    return {
        "value": max(attention, default=None),
        "note": "" if own else IN_NO_SLAB,
        "empty": bare,
        "more": [each for each in (which, alone) if each],
        "causes": sorted({flag.cause for flag in flags if flag.slice == index}),
    }


def _at(bag: BagSamples, values: Float64Array, index: int) -> float:
    return float(values[bag.slices.index(index)])
