"""Every hostile image, mask and archive of the generator meets what its row expects."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from core.errors import InputProblem
from core.io import read_case
from core.types import NamedBytes

pytestmark = [pytest.mark.data, pytest.mark.slow]

KINDS = ("image", "nifti", "dicom", "zip")
# Rows whose text allows a refusal by the list of supported types.
REFUSAL_ALLOWED = ("gif_animated", "webp_lossy", "bmp_ok")
SECONDS = 2.0
CANARIES = ("zip_slip_canary.dcm", "zip_abs_canary.dcm")


@pytest.fixture(scope="module")
def generator(data_dir: Path) -> ModuleType:
    path = data_dir.parent / "tools" / "make_bad_inputs.py"
    if not path.is_file():
        pytest.skip("the generator of hostile files is not beside the real data")
    spec = importlib.util.spec_from_file_location("make_bad_inputs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written(row: dict[str, Any], folder: Path) -> NamedBytes:
    path = folder / Path(row["file"]).name
    if not path.exists():
        row["fn"](path)
    return NamedBytes(row["name"], path.read_bytes())


def outcome(files: list[NamedBytes], reference: list[NamedBytes]) -> tuple[str, float]:
    """What happened, in the words of the rows, and the seconds it took."""
    start = time.perf_counter()
    try:
        case = read_case(files, reference=reference)
        got = "warn" if case.notes else "accept"
    except InputProblem as problem:
        assert all((problem.file, problem.what, problem.found, problem.expected, problem.fix))
        got = "reject"
    return got, time.perf_counter() - start


def test_every_row_is_met_in_time_and_nothing_is_written(generator: ModuleType, tmp_path: Path) -> None:
    missed = []
    rows = {key: row for key, row in generator.CASES.items() if row["kind"] in KINDS}
    assert len(rows) > 150
    for key, row in rows.items():
        file = written(row, tmp_path)
        image = written(rows[row["pair"]], tmp_path) if row["role"] == "mask" else file
        got, seconds = outcome([image], [file] if row["role"] == "mask" else [])
        # A visible note is what "warn" asks for; notes beside an accepted file do no harm.
        met = got == row["expect"] or (row["expect"] == "accept" and got == "warn")
        if not (met or (got == "reject" and key in REFUSAL_ALLOWED)) or seconds > SECONDS:
            missed.append((key, row["expect"], got, round(seconds, 1)))
    assert missed == []
    assert not any((Path(generator.TEMP) / name).exists() for name in CANARIES)
