"""Where bags come from, in one table: real slabs, real grades, synthetic grades, a folder of BraTS 2018."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import InputProblem
from core.models.preprocess import apply_range, fit_slice
from core.train.data import TrainingSet, load_training_set
from core.train.mil.brats import load_brats_grades
from core.train.mil.config import MilConfig, SourceKey
from core.train.mil.data import BagData, Volume
from core.train.mil.synthetic import load_synthetic_grades
from core.train.segmenter import find_packed

CLINICAL_FILE = "clinical.csv"
GRADE_COLUMN = "neoplasm_histologic_grade"
HIGHER_GRADE = "2"
"""The table codes grade II as 1 and grade III as 2."""


@dataclass(frozen=True)
class SourceSpec:
    """One row: what a bag is asked, in words, and how the data are read from the folder given."""

    key: SourceKey
    question: str
    load: Callable[[Path, MilConfig], BagData]


def load_lgg_slabs(data: Path, config: MilConfig) -> BagData:
    """The packed training slices of TCGA-LGG; a slab's label is whether any of its slices holds tumour."""
    packed = load_training_set(find_packed(data))
    return _bags(packed, config, {})


def load_lgg_grades(data: Path, config: MilConfig) -> BagData:
    """The same patients as whole volumes, labelled by histologic grade; those without one are left out."""
    path = find_packed(data)
    packed = load_training_set(path)
    return _bags(packed, config, read_grades(path.parent / CLINICAL_FILE))


def read_grades(path: Path) -> dict[str, int]:
    """0 for grade II, 1 for grade III, by patient; patients without a grade are absent.

    Raises InputProblem without the table.
    """
    if not path.is_file():
        raise InputProblem(
            "The clinical table is not there",
            file=path.name,
            found="no such file",
            expected=f"{CLINICAL_FILE} beside the packed slices",
            fix="give the folder of the real data with --data",
        )
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {row["Patient"]: int(row[GRADE_COLUMN] == HIGHER_GRADE) for row in rows if row[GRADE_COLUMN]}


def _bags(packed: TrainingSet, config: MilConfig, grades: dict[str, int]) -> BagData:
    pictures: list[NDArray[np.float16]] = []
    volumes, holds = [], []
    for name in packed.patients:
        grade = next((each for key, each in grades.items() if name.startswith(key)), None)
        if grades and grade is None:
            continue
        chosen = np.flatnonzero(packed.patient == name)
        volumes.append(Volume(name, len(pictures), len(chosen), grade))
        pictures += [_scaled(packed, int(each), config.size) for each in chosen]
        holds.append(packed.has_tumour[chosen])
    return BagData(np.stack(pictures), tuple(volumes), np.concatenate(holds), config.bag, config.class_names)


def _scaled(packed: TrainingSet, index: int, size: int) -> NDArray[np.float16]:
    channels = zip(packed.image[index], packed.volume_range[index], strict=True)
    scaled = np.stack([apply_range(each, limits) for each, limits in channels])
    return fit_slice(scaled, size).astype(np.float16)


SOURCES: tuple[SourceSpec, ...] = (
    SourceSpec("lgg-slab", "Does this slab of neighbouring slices hold tumour?", load_lgg_slabs),
    SourceSpec("lgg-grade", "Is this lower-grade glioma of grade III rather than II?", load_lgg_grades),
    SourceSpec("synthetic-grade", "Ring and necrosis, or one tissue?", load_synthetic_grades),
    SourceSpec("brats-grade", "High-grade or lower-grade glioma?", load_brats_grades),
)


def source_spec(key: str) -> SourceSpec:
    """The row with this key. Raises KeyError that lists the known keys."""
    known: dict[str, SourceSpec] = {spec.key: spec for spec in SOURCES}
    if key not in known:
        raise KeyError(f"unknown source {key!r}; known: {', '.join(known)}")
    return known[key]


def load_source(data: Path, config: MilConfig) -> BagData:
    """The bags that a configuration asks for, from the data folder. Raises InputProblem without them."""
    return source_spec(config.source).load(data, config)
