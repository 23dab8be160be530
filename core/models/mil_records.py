"""What is known about a model that judges bags of slices; no torch.

Its file is `bag.json` beside its weights. A bag model is kept apart from the others: a page that asks for
segmenters or classifiers never meets one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field

from core.models.records import ClassifierArchitecture, ModelRecord
from core.models.registry import SHIPPED_FOLDER, find_records, with_id, write_record

BAG_FILE = "bag.json"
Encoder = Literal["light", "resnet18", "resnet34"]
Attention = Literal["distance", "gated"]
BagKind = Literal["slab", "volume"]
"""What a bag is: neighbouring slices, or a whole volume."""

ENCODERS: dict[Encoder, dict[str, Any]] = {
    "light": {
        "backbone": "resnet18",
        "depths": (1, 1, 1, 1),
        "dims": (32, 64, 128, 256),
        "output_stride": 16,
    },
    "resnet18": {"backbone": "resnet18"},
    "resnet34": {"backbone": "resnet34"},
}
"""timm's name of each encoder and what differs from timm's own shape; "light": 1.2 million weights,
for slices of 64 pixels."""


class BagArchitecture(ClassifierArchitecture):
    """What has to be known to rebuild a bag network before its weights are read.

    classes: two, told apart by one logit. attention: "distance" = to the critical slice (Li et al. 2021),
    "gated" (Ilse et al. 2018). attention_width: of the vectors that are compared. top_k: slices that may
    hold any attention, None: all. stochastic_depth: highest chance in training that a block is skipped.
    """

    classes: Literal[2] = 2
    in_channels: int = Field(default=3, ge=1, le=64)
    attention: Attention = "distance"
    attention_width: int = Field(default=64, ge=1, le=1024)
    top_k: int | None = Field(default=None, ge=1)
    stochastic_depth: float = Field(default=0.0, ge=0.0, lt=1.0)

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of timm: its residual networks name depths and dims otherwise."""
        names = {"depths": "layers", "dims": "channels"} if self.backbone.startswith("resnet") else {}
        return {names.get(name, name): value for name, value in super().options.items()}


def bag_architecture(encoder: Encoder, **parts: Any) -> BagArchitecture:
    """The architecture with an encoder of the table. Raises KeyError that lists the known ones."""
    if encoder not in ENCODERS:
        raise KeyError(f"unknown encoder {encoder!r}; known: {', '.join(get_args(Encoder))}")
    return BagArchitecture(**ENCODERS[encoder], **parts)


class BagRecord(ModelRecord):
    """A model that names one of two classes for a bag of slices.

    bag: what a bag is. bag_size: slices of a bag at evaluation, None: all of the volume.
    """

    architecture: BagArchitecture
    bag: BagKind
    bag_size: int | None = Field(default=None, ge=1, le=512)


def list_bag_models(shipped: Path = SHIPPED_FOLDER, own: Path | None = None) -> tuple[BagRecord, ...]:
    """Every bag model, the shipped ones first. Raises ModelProblem when a model file is damaged."""
    records, damaged = find_records(BAG_FILE, BagRecord, shipped, own)
    for problem in damaged:
        raise problem
    return records


def get_bag_model(model_id: str, shipped: Path = SHIPPED_FOLDER, own: Path | None = None) -> BagRecord:
    """The bag model with this id. Raises ModelProblem that lists the known ids."""
    known = list_bag_models(shipped, own)
    return with_id(known, model_id, "bag model", "train one: python -m core train mil")


def write_bag_record(record: BagRecord, folder: Path) -> Path:
    """Write `bag.json` into the folder and return its path."""
    return write_record(record, folder, BAG_FILE)


def bags_of(slices: int, size: int | None) -> tuple[range, ...]:
    """The bags of a volume at evaluation: always the same, every slice in at least one.

    size: slices of a bag; None, or more than there are: one bag of all. Bags are spaced evenly, so the last
    ones may overlap.

    >>> [list(each) for each in bags_of(5, 3)], bags_of(4, None)
    ([[0, 1, 2], [2, 3, 4]], (range(0, 4),))
    """
    if size is None or size >= slices:
        return (range(slices),)
    count = -(-slices // size)
    starts = [round(place * (slices - size) / (count - 1)) for place in range(count)]
    return tuple(range(start, start + size) for start in starts)
