"""Pictures in one folder per class, the person of each, and person-wise folds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import InputProblem
from core.models.preprocess import apply_range, fit_slice, intensity_range

FOLDER = "cxr224"
PERSON = re.compile(r"^(person\d+)_|^(?:NORMAL2-)?(IM-\d+)")
"""How Kermany et al. name files: IM-0718 and NORMAL2-IM-0718 are one person."""


@dataclass(frozen=True, eq=False)
class PictureSet:
    """Pictures in order of path: image (n, row, column) uint8, label (n,) index of the class, person (n,)."""

    image: NDArray[np.uint8]
    label: NDArray[np.int64]
    person: NDArray[np.str_]
    name: tuple[str, ...]
    class_names: tuple[str, ...]


def load_pictures(data: Path, class_names: Sequence[str]) -> PictureSet:
    """The JPEG pictures of `data`/cxr224/CLASS, or of `data`/CLASS. Raises InputProblem without them."""
    folder = find_pictures(data, class_names)
    paths = [
        (path, k) for k, each in enumerate(class_names) for path in sorted((folder / each).glob("*.jp*g"))
    ]
    if not paths:
        raise _missing(data, class_names)
    return PictureSet(
        image=np.stack(
            [np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8) for path, _ in paths]
        ),
        label=np.array([k for _, k in paths], dtype=np.int64),
        person=np.array([person_of(path.name) for path, _ in paths]),
        name=tuple(f"{path.parent.name}/{path.name}" for path, _ in paths),
        class_names=tuple(class_names),
    )


def find_pictures(data: Path, class_names: Sequence[str]) -> Path:
    """The folder that holds one folder per class. Raises InputProblem when there is none."""
    for folder in (data, data / FOLDER):
        if all((folder / each).is_dir() for each in class_names):
            return folder
    raise _missing(data, class_names)


def person_of(file_name: str) -> str:
    """The person in a file name; the name without its ending where it follows no known pattern.

    >>> person_of("person12_virus_45.jpeg"), person_of("NORMAL2-IM-0718-0001.jpeg")
    ('person12', 'IM-0718')
    """
    found = PERSON.match(file_name)
    return next(part for part in found.groups() if part) if found else Path(file_name).stem


def assign_person_folds(data: PictureSet, folds: int) -> dict[str, int]:
    """A fold for each person, balanced over which classes a person's pictures show and how many there are.

    Persons of one kind are dealt out in turn, in an order that only their names decide (their digest), so
    that no fold holds the pictures of one time or one machine.
    """
    kinds: Mapping[str, tuple[tuple[int, ...], int]] = {
        str(name): (tuple(np.unique(data.label[data.person == name])), int((data.person == name).sum()))
        for name in np.unique(data.person)
    }
    ranked = sorted(kinds, key=lambda name: (kinds[name][0], -kinds[name][1], _digest(name)))
    return {name: place % folds for place, name in enumerate(ranked)}


def scaled_pictures(data: PictureSet, size: int) -> NDArray[np.float32]:
    """All pictures (n, size, size) scaled by their own percentiles, as the product scales them: 0 … 1.5."""
    scaled = (apply_range(picture, intensity_range(picture)) for picture in data.image)
    return np.stack([fit_slice(each[None], size)[0] for each in scaled])


def pictures_digest(data: PictureSet) -> str:
    """SHA-256 of names and pixels."""
    found = hashlib.sha256("\n".join(data.name).encode())
    found.update(np.ascontiguousarray(data.image).data)
    return found.hexdigest()


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _missing(data: Path, class_names: Sequence[str]) -> InputProblem:
    return InputProblem(
        "The training pictures are not there",
        file=data.name,
        found="no folder with one folder per class",
        expected=f"folders {', '.join(class_names)} with JPEG pictures, here or in {FOLDER}",
        fix="give the data folder with --data",
    )
