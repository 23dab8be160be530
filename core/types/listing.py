"""What a folder, a zip or a set of uploads holds, before anything but its names is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.types.cohort import Refusal

Rows = tuple[Mapping[str, str], ...]
"""Rows of a table by column name; every value is the text of the file, "" where it is empty."""


@dataclass(frozen=True)
class ListedFile:
    """name: relative path with forward slashes, untrusted text. size: bytes."""

    name: str
    size: int


@dataclass(frozen=True)
class PackedIndex:
    """What a packed npz says of its slices: patient and slice number of each, in file order."""

    patient: tuple[str, ...]
    slice: tuple[int, ...]
    has_mask: bool


@dataclass(frozen=True, eq=False)
class Listing:
    """Files that can be read by their listed name only, so that no name can lead out of the folder.

    label: what the user calls it. refused: links and the like, which are never followed. read, rows, packed:
    bytes, table rows or packed index of a listed file; they raise InputProblem.
    """

    label: str
    files: tuple[ListedFile, ...]
    read: Callable[[str], bytes]
    rows: Callable[[str], Rows]
    packed: Callable[[str], PackedIndex]
    refused: tuple[Refusal, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The listed names, in natural order."""
        return tuple(file.name for file in self.files)
