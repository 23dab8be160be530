"""Every failure is an InputProblem with four facts; identity, limits, names and the inspection record."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from io_files import dicom, logged, named, nifti, opened, pillow, series, zipped

from core.config import ReadOptions
from core.errors import InputProblem, SettingsProblem
from core.io import (
    Limits,
    inspect_path,
    inspection_json,
    limit_rows,
    limits_in_force,
    read_case,
    read_path,
    read_paths,
)
from core.io.boundary import at_boundary
from core.io.limits import VARIABLE
from core.io.names import display_name
from core.types import NamedBytes

ROOT = Path(__file__).resolve().parents[3]
RAMP = np.arange(80, dtype=np.uint8).reshape(8, 10)
SAMPLES = [
    pillow(RAMP),
    pillow(RAMP, "JPEG"),
    pillow(RAMP, "TIFF"),
    nifti(np.ones((8, 8, 4), np.int16)),
    nifti(np.ones((8, 8, 4), np.int16), gz=True),
    dicom(RAMP),
    zipped({"a.dcm": dicom(RAMP)}),
]


class RustPanic(BaseException):
    """Stands for the panic of a decoder written in Rust, which is no Exception."""


def raising(error: BaseException) -> Callable[[], None]:
    def decode() -> None:
        raise error

    return decode


@pytest.mark.parametrize(
    "error", [KeyError("DOE^JANE"), MemoryError(), RecursionError(), RustPanic("DOE^JANE")]
)
def test_whatever_a_library_throws_becomes_a_refusal(error: BaseException) -> None:
    with logged() as lines, pytest.raises(InputProblem) as refused:
        at_boundary("scan.dcm", raising(error))
    assert refused.value.file == "scan.dcm"
    assert type(error).__name__ in " ".join(lines)
    assert "DOE" not in " ".join(lines) + refused.value.sentence
    assert refused.value.__context__ is None


def test_c_code_that_fails_unexplained_is_said_to_lack_memory_perhaps() -> None:
    with pytest.raises(InputProblem, match="damaged or needs more memory than there is") as refused:
        at_boundary("scan.dcm", raising(SystemError("returned NULL without setting an exception")))
    assert refused.value.found == "decoding stops (SystemError)"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_the_users_own_stop_passes(error: BaseException) -> None:
    with pytest.raises(type(error)):
        at_boundary("x", raising(error))


@settings(max_examples=150)
@given(st.sampled_from(SAMPLES), st.data())
def test_mutants_load_or_are_refused(sample: bytes, data: st.DataObject) -> None:
    mutant = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 4))):
        mutant[data.draw(st.integers(0, len(mutant) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(mutant)))
    try:
        case = opened(bytes(mutant[:cut] if data.draw(st.booleans()) else mutant))
    except InputProblem as problem:
        assert all((problem.what, problem.found, problem.expected, problem.fix, problem.file))
    else:
        assert np.isfinite(case.image.values).all()


def test_same_bytes_and_options_give_the_same_case_whatever_the_name_or_order() -> None:
    files = named(series(3))
    first = read_case(files)
    assert first.id == read_case(files[::-1]).id
    assert first.id != read_case(files, ReadOptions(plane="coronal")).id
    assert read_case([NamedBytes("a.png", SAMPLES[0])]).id == read_case([NamedBytes("b.png", SAMPLES[0])]).id


def test_upload_limits_hold_before_decoding() -> None:
    tiny = Limits(upload=100)
    with pytest.raises(InputProblem, match="too large"):
        read_case([NamedBytes("x.png", bytes(101))], limits=tiny)
    with pytest.raises(InputProblem, match="Nothing to read"):
        read_case([])
    with pytest.raises(InputProblem, match="at most 0 million"):
        read_case([NamedBytes("x.png", SAMPLES[0])], limits=Limits(pixels=10))


def test_files_on_disk_are_measured_before_they_are_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.nii").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(InputProblem, match="too large"):
        read_path(tmp_path / "huge.nii")


def test_folder_is_one_series_and_links_are_not_followed(tmp_path: Path) -> None:
    for index, data in enumerate(series(3)):
        (tmp_path / f"IM{index}").write_bytes(data)
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert read_case(read_paths([tmp_path])).image.slices == 3


def test_missing_path_is_refused() -> None:
    with pytest.raises(InputProblem, match="no such file"):
        read_path("nowhere/at/all.nii")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../../etc/passwd.png", "passwd.png"),
        ("C:\\scans\\x.nii", "x.nii"),
        ("a\0b\n.png", "ab.png"),
        ("\u202egnp.exe.png", "gnp.exe.png"),
        (".png", "unnamed.png"),
        ("", "unnamed"),
        ("x" * 4000 + ".nii", "x" * 116 + ".nii"),
        ("患者-🧠.png", "患者-🧠.png"),
    ],
)
def test_display_name(name: str, shown: str) -> None:
    assert display_name(name) == shown


def test_inspection_of_a_case_is_one_json_line(tmp_path: Path) -> None:
    path = tmp_path / "case.nii"
    path.write_bytes(nifti(np.arange(720, dtype=np.int16).reshape(8, 9, 10), np.diag([-1.0, -1, 4, 1])))
    record = json.loads(inspection_json(inspect_path(path)))
    assert (record["file"], record["ok"], set(record)) == (str(path), True, {"file", "ok", "case"})
    case = record["case"]
    assert case["shape"] == {"channel": 1, "slice": 10, "row": 9, "column": 8}
    assert (case["dtype"], case["range"], case["spacing_mm"]) == ("int16", [0, 719], [4, 1, 1])
    assert case["orientation"]["edges"] == {"top": "A", "bottom": "P", "left": "R", "right": "L"}
    assert case["orientation"]["axes"] == ["S", "P", "L"]
    assert case["choices"]["volumes"] == 1


def test_inspection_of_a_bad_file_is_one_json_line(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(b"<html></html>")
    record = json.loads(inspection_json(inspect_path(path)))
    assert set(record) == {"file", "ok", "problem"}
    assert not record["ok"]
    assert set(record["problem"]) == {"what", "found", "expected", "fix"}
    assert record["problem"]["found"] == "a web page or XML text"


def test_limits_can_be_changed_by_an_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, '{"pixels": 50}')
    with pytest.raises(InputProblem, match="The picture is too large"):
        opened(pillow(np.zeros((8, 8), np.uint8)))
    monkeypatch.delenv(VARIABLE)
    assert opened(pillow(np.zeros((8, 8), np.uint8))).image.values.shape == (1, 1, 8, 8)


@pytest.mark.parametrize("text", ["{", '{"pixel": 5}', '{"pixels": -1}', '{"pixels": "many"}', "[]"])
def test_limits_that_cannot_be_used_are_refused_by_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(SettingsProblem, match=VARIABLE):
        limits_in_force()


def test_every_limit_is_told_in_words_and_the_server_takes_as_much() -> None:
    rows = limit_rows(Limits())
    assert {each.key for each in rows} | {"ratio_floor"} == set(Limits.model_fields)
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert config["server"]["maxUploadSize"] * 10**6 >= Limits().upload
