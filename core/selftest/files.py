"""Does this installation read what it should, and refuse what it should?"""

from __future__ import annotations

import numpy as np

from core.errors import InputProblem
from core.io import read_case
from core.io.codecs import dicom_codecs
from core.selftest.expected import FILES_FOLDER, FileCheck, digest_of, file_list
from core.selftest.records import Detail
from core.types import Float32Array, NamedBytes, Progress


def read_files(progress: Progress) -> tuple[Detail, ...]:
    """Every file of assets/selftest: read to the expected values, or refused with a whole message."""
    checks = file_list().files
    found = []
    for number, check in enumerate(checks):
        progress(number / len(checks), f"Reading {check.name}")
        found.append(_read(check))
    return tuple(found)


def codecs(progress: Progress) -> tuple[Detail, ...]:
    """A decoder for each compressed DICOM syntax that the README names."""
    progress(0.0, "Looking for DICOM decoders")
    return tuple(
        Detail(name=f"{each.name} ({each.uid})", found=each.decoder or "no decoder", ok=bool(each.decoder))
        for each in dicom_codecs()
    )


def _read(check: FileCheck) -> Detail:
    path = FILES_FOLDER / check.name
    if not path.is_file():
        return Detail(name=check.name, found="the file is missing from assets/selftest/files", ok=False)
    try:
        values = read_case([NamedBytes(check.name, path.read_bytes())]).image.values
    except InputProblem as problem:
        whole = all((problem.file, problem.what, problem.found, problem.expected, problem.fix))
        said = f"refused: {problem.what}" + ("" if whole else ", with an incomplete message")
        return Detail(name=check.name, found=said, ok=check.refused and whole)
    if check.refused:
        return Detail(name=check.name, found="was read, and should have been refused", ok=False)
    wrong = _difference(check, values)
    return Detail(name=check.name, found=wrong or "read as expected", ok=not wrong)


def _difference(check: FileCheck, values: Float32Array) -> str:
    if values.shape != check.shape:
        return f"size {values.shape} instead of {check.shape}"
    if check.sha256:
        return "" if digest_of(values) == check.sha256 else "other values than were written"
    off = float(np.abs(values.mean(axis=(0, 1, 3)) - np.array(check.row_means)).max())
    return "" if off <= check.tolerance else f"rows differ by {off:.1f}, at most {check.tolerance:g}"
