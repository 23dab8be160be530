"""BraTS 2018 training folders as bags: HGG/PATIENT and LGG/PATIENT with four sequences and a segmentation.

Layout: `HGG/Brats18_X/Brats18_X_flair.nii.gz`, likewise t1, t1ce, t2 and seg (Menze et al. 2015,
doi:10.1109/TMI.2014.2377694; Bakas et al. 2018, arXiv:1811.02629). The grade is the folder's name.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import InputProblem
from core.io.stack import read_channels
from core.models.preprocess import fit_slice, scale_intensity
from core.train.mil.config import MilConfig
from core.train.mil.data import BagData, Volume
from core.types import BoolArray, Case, NamedBytes

GRADES = ("LGG", "HGG")
"""In order of the classes: 0 and 1."""
SEGMENTATION = "seg"
MOST_SLICES = 48
"""Slices of a volume that are kept, evenly spaced among those with brain: neighbours 1 mm apart are alike."""


def load_brats_grades(data: Path, config: MilConfig) -> BagData:
    """Every patient of a BraTS 2018 folder; channels of the settings name the sequences, such as t1ce.

    Raises InputProblem without both grades, and for a patient that lacks a sequence.
    """
    pictures: list[NDArray[np.float16]] = []
    volumes, holds = [], []
    for label, grade in enumerate(GRADES):
        for folder in _patients(data, grade):
            slices, marked = _volume(folder, config)
            volumes.append(Volume(folder.name, len(pictures), len(slices), label))
            pictures += slices
            holds.append(marked)
    return BagData(np.stack(pictures), tuple(volumes), np.concatenate(holds), "volume", config.class_names)


def kept_slices(tissue: BoolArray, most: int) -> NDArray[np.int64]:
    """At most `most` slices, evenly spaced among those with tissue (all slices where none has any).

    >>> kept_slices(np.array([False, True, True, True, True, False]), 2).tolist()
    [1, 4]
    """
    places = np.flatnonzero(tissue) if tissue.any() else np.arange(len(tissue))
    chosen = np.unique(np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(np.int64))
    return np.asarray(places[chosen], dtype=np.int64)


def _patients(data: Path, grade: str) -> list[Path]:
    folder = data / grade
    found = sorted(each for each in folder.glob("*") if each.is_dir()) if folder.is_dir() else []
    if not found:
        raise InputProblem(
            "This is no BraTS 2018 training folder",
            file=data.name,
            found=f"no patient folder in {grade}",
            expected="folders HGG and LGG with one folder per patient",
            fix="give the folder that holds HGG and LGG with --data",
        )
    return found


def _volume(folder: Path, config: MilConfig) -> tuple[list[NDArray[np.float16]], BoolArray]:
    case = _read(folder, config.channels)
    values = case.image.values
    assert case.reference is not None
    chosen = kept_slices((values != values.min()).any(axis=(0, 2, 3)), MOST_SLICES)
    scaled = scale_intensity(values)[:, chosen].transpose(1, 0, 2, 3)
    slices = [fit_slice(each, config.size).astype(np.float16) for each in scaled]
    return slices, np.asarray(case.reference.mask_ref[chosen].any(axis=(1, 2)))


def _read(folder: Path, sequences: tuple[str, ...]) -> Case:
    files = [_file(folder, each) for each in (*sequences, SEGMENTATION)]
    return read_channels(folder.name, files[:-1], sequences, files[-1:], group=folder.name)


def _file(folder: Path, sequence: str) -> NamedBytes:
    for ending in (".nii.gz", ".nii"):
        path = folder / f"{folder.name}_{sequence}{ending}"
        if path.is_file():
            return NamedBytes(path.name, path.read_bytes())
    raise InputProblem(
        "A sequence of this patient is missing",
        file=folder.name,
        found=f"no {folder.name}_{sequence}.nii.gz",
        expected="every sequence that the settings name, and seg",
        fix="complete the folder, or name other channels in the settings",
    )
