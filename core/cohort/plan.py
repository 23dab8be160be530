"""What a layout makes of a listing: cases to read, files left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from core.config import Frozen
from core.types import Refusal, Task

ItemKind = Literal["files", "stack", "channels", "fitted", "packed"]
"""How its files make one case. files: one image (and mask) file; stack: pictures become slices; channels:
sequences become channels; fitted: the picture takes the size of its mask; packed: slices inside a npz."""


class PlannedItem(Frozen):
    """One case that is still to be read.

    image, reference, predictions: listed file names; `reference` and `predictions` may be empty. predictions
    lie beside the case and wait for `import-predictions`. labels: classes by name, if the layout tells them.
    channels: names of the channels of kind "channels". patient: key inside a packed npz.
    """

    name: str
    group: str
    kind: ItemKind = "files"
    image: tuple[str, ...]
    reference: tuple[str, ...] = ()
    predictions: tuple[str, ...] = ()
    labels: tuple[str, ...] | None = None
    channels: tuple[str, ...] = ()
    patient: str = ""


class Plan(Frozen):
    """What a layout understood.

    understood: one sentence. class_names: classes of a classification, or names of labels 1, 2, ... of a
    segmentation where a file tells them, else (). refused: what was left out.
    """

    layout: str
    task: Task
    understood: str
    items: tuple[PlannedItem, ...]
    refused: tuple[Refusal, ...] = ()
    class_names: tuple[str, ...] = ()


class NoFit(Exception):
    """A layout does not describe a listing; the sentence says why."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(sentence)


def unique_items(items: Iterable[PlannedItem]) -> tuple[tuple[PlannedItem, ...], tuple[Refusal, ...]]:
    """The items whose names occur once; the others are refused, since a name has to mean one case."""
    listed = list(items)
    counts = Counter(item.name for item in listed)
    refused = [
        Refusal(name=name, sentence=f"The name occurs {count} times; a case needs a name of its own.")
        for name, count in counts.items()
        if count > 1
    ]
    return tuple(item for item in listed if counts[item.name] == 1), tuple(refused)


def refuse(names: Iterable[str], sentence: str) -> tuple[Refusal, ...]:
    """The same sentence for each name."""
    return tuple(Refusal(name=name, sentence=sentence) for name in names)


def counted(count: int, one: str, many: str = "") -> str:
    """A number and its noun.

    >>> counted(1, "case"), counted(3, "case")
    ('1 case', '3 cases')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def grouping(items: Iterable[PlannedItem]) -> str:
    """Whether the names tell patients, in words."""
    listed = list(items)
    groups = {item.group for item in listed}
    if groups == {item.name for item in listed}:
        return "each its own group: the names tell no patient"
    return f"{counted(len(groups), 'patient')} by their names"
