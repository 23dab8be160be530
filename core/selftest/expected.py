"""What an intact installation gives: stored beside the files that it reads, in assets/selftest."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.config import EstimatorKind, Frozen

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "selftest"
FILES_FOLDER = FOLDER / "files"
MANIFEST = FOLDER / "files.json"
ANSWERS = FOLDER / "answers.json"


class FileCheck(Frozen):
    """What reading one file has to give.

    shape: (channel, slice, row, column). sha256: of the values as little-endian float32. row_means,
    tolerance: for lossy formats, whose decoders may differ by a level: mean of each row and the largest
    difference. refused: it has to be turned away.
    """

    name: str
    shape: tuple[int, ...] = ()
    sha256: str = ""
    row_means: tuple[float, ...] = ()
    tolerance: float = 0.0
    refused: bool = False


class FileList(Frozen):
    """Every file that is read."""

    files: tuple[FileCheck, ...]


class Answer(Frozen):
    """What a model says about one sample case.

    sha256: of the exact answer, equal only on machines that compute alike. values: the answer made coarse
    (means over a grid, or class probabilities), compared with the stated tolerance everywhere else.
    confidence: of the whole case, None where it is undefined.
    """

    model: str
    estimator: EstimatorKind
    sample: str
    sha256: str
    values: tuple[float, ...]
    confidence: float | None


class AnswerList(Frozen):
    """Every answer, with the machine and the libraries that gave it."""

    machine: str
    versions: tuple[tuple[str, str], ...]
    answers: tuple[Answer, ...]


def digest_of(values: NDArray[np.floating]) -> str:
    """SHA-256 of an array's values as little-endian float32, whatever its memory layout."""
    return hashlib.sha256(np.ascontiguousarray(values, dtype="<f4").tobytes()).hexdigest()


def file_list() -> FileList:
    """The files that are read."""
    return FileList.model_validate_json(MANIFEST.read_text(encoding="utf-8"))


def answer_list() -> AnswerList:
    """The answers to compare with."""
    return AnswerList.model_validate_json(ANSWERS.read_text(encoding="utf-8"))
