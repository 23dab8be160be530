"""A name that stands in every text of an input is found in nothing that is kept, exported or logged."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
from click.testing import CliRunner
from pydicom.datadict import dictionary_VR, tag_for_keyword

from core.cli import main
from core.config import AnalysisConfig
from core.errors import InputProblem
from core.pipeline import analyse, open_case
from core.report import json_file, mask_file, overlay_file
from core.store import Store
from core.types import NamedBytes
from tests.core.io.io_files import dicom, logged, pillow, zipped

CANARY = "CANARYPATIENT"
KEYWORDS = (
    "PatientName", "PatientID", "PatientBirthName", "PatientAddress", "PatientComments", "OtherPatientNames",
    "InstitutionName", "InstitutionAddress", "ReferringPhysicianName", "OperatorsName", "StationName",
    "StudyDescription", "SeriesDescription", "ProtocolName", "ImageComments", "AccessionNumber", "StudyID",
    "DeviceSerialNumber", "PerformingPhysicianName", "RequestedProcedureDescription", "Manufacturer",
    "ManufacturerModelName", "SoftwareVersions", "BodyPartExamined", "ScanningSequence",
)  # fmt: skip
ROWS, COLUMNS = np.mgrid[0:40, 0:48]
PIXELS = (ROWS * 7 + COLUMNS * 3).astype(np.uint16)


def dicom_everywhere(pixels: np.ndarray = PIXELS) -> bytes:
    """A picture with the name in every text tag, in a sequence, a private tag and the preamble."""
    made = pydicom.dcmread(io.BytesIO(dicom(pixels, **dict.fromkeys(KEYWORDS, CANARY))))
    for keyword in KEYWORDS:
        assert dictionary_VR(tag_for_keyword(keyword) or 0) in {"PN", "LO", "ST", "LT", "SH", "CS", "UC"}
    item = pydicom.Dataset()
    item.PatientName = CANARY
    made.OtherPatientIDsSequence = [item]
    made.add_new((0x0011, 0x0010), "LO", CANARY)
    made.add_new((0x0011, 0x1001), "LT", CANARY)
    made.preamble = CANARY.encode().ljust(128, b"\0")
    out = io.BytesIO()
    made.save_as(out)
    return out.getvalue()


def nifti_everywhere() -> bytes:
    """A volume with the name in each text field and in an extension."""
    image = nib.Nifti1Image(np.repeat(PIXELS[..., None], 3, axis=2).astype(np.int16), np.eye(4))
    for field in ("descrip", "aux_file", "intent_name", "db_name"):
        image.header[field] = CANARY
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", CANARY.encode()))
    return bytes(image.to_bytes())


def zip_everywhere() -> bytes:
    """A series whose members and comment carry the name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(f"{CANARY}/{CANARY}.dcm", dicom_everywhere())
        archive.comment = CANARY.encode()
    return out.getvalue()


INPUTS = {
    "dicom": lambda: NamedBytes(f"{CANARY}.dcm", dicom_everywhere()),
    "nifti": lambda: NamedBytes("volume.nii", nifti_everywhere()),
    "zip": lambda: NamedBytes(f"{CANARY}.zip", zip_everywhere()),
}


def holders(folder: Path) -> list[str]:
    """Files whose name or bytes hold the name."""
    found = [each for each in folder.rglob("*") if each.is_file()]
    return [str(each) for each in found if CANARY in str(each) or CANARY.encode() in each.read_bytes()]


def columns_with(store: Store, text: str) -> list[str]:
    """Columns of any table that hold `text`, whatever their type; packed pages hide it from `holders`."""

    def look(cursor: Any) -> list[str]:
        columns = cursor.execute("SELECT table_name, column_name FROM information_schema.columns").fetchall()
        assert len(columns) > 40
        found = []
        for table, column in columns:
            asked = f'SELECT count(*) FROM "{table}" WHERE contains(CAST("{column}" AS VARCHAR), ?)'
            if cursor.execute(asked, [text]).fetchone()[0]:
                found.append(f"{table}.{column}")
        return found

    return store._database.read(look)


@pytest.mark.parametrize("kind", INPUTS)
def test_name_of_a_patient_stays_in_the_file(home: Path, store: Store, kind: str) -> None:
    file = INPUTS[kind]()
    assert CANARY.encode() in file.data
    with logged() as lines:
        outcome = analyse(store, open_case(store, [file]), AnalysisConfig(model_id="tiny"))
        exports = [mask_file(outcome), overlay_file(outcome, 0), json_file(outcome)]
        store.reviews.append("Ada", "taxonomy", note="looked at")
    for each in exports:
        assert CANARY not in each.name
        assert CANARY.encode() not in each.data
    assert CANARY not in "\n".join(lines)
    assert holders(home) == []
    assert columns_with(store, CANARY) == []
    assert columns_with(store, "tiny") != []  # what is kept would be found


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
def test_refusal_of_a_damaged_file_does_not_quote_it(store: Store, cut: float) -> None:
    data = dicom_everywhere()
    with logged() as lines, pytest.raises(InputProblem) as caught:
        open_case(store, [NamedBytes("upload.dcm", data[: int(len(data) * cut)])])
    assert CANARY not in caught.value.sentence
    assert CANARY not in repr(caught.value.__cause__) + repr(caught.value.__context__)
    assert CANARY not in "\n".join(lines)


def test_inspection_of_a_file_does_not_quote_it(tmp_path: Path) -> None:
    path = tmp_path / "upload.dcm"
    path.write_bytes(dicom_everywhere())
    done = CliRunner().invoke(main, ["inspect", str(path), "--json"])
    assert done.exit_code == 0
    assert CANARY not in done.output


@pytest.mark.parametrize("kind", ["dicom", "nifti", "zip"])
def test_analyse_prints_keeps_and_writes_no_name_of_a_patient(
    home: Path, store: Store, tmp_path: Path, kind: str
) -> None:
    store.close()  # the command opens it itself
    path = tmp_path / f"upload.{kind}"
    path.write_bytes(INPUTS[kind]().data)
    with logged() as lines:
        done = CliRunner().invoke(
            main, ["analyse", str(path), "--model", "tiny", "--json", "--out", str(tmp_path / "out")]
        )
    assert done.exit_code == 0, done.output
    assert CANARY not in done.output + "\n".join(lines)
    assert len([*(tmp_path / "out").iterdir()]) >= 3
    assert holders(tmp_path / "out") == holders(home) == []
    with Store.open() as opened:
        assert columns_with(opened, CANARY) == []


def test_cohort_of_dicom_files_keeps_no_name_of_a_patient(home: Path, store: Store, tmp_path: Path) -> None:
    store.close()
    top = tmp_path / "set"
    for name, shift in (("one", 0), ("two", 1)):
        for folder in ("images", "masks"):
            (top / folder).mkdir(parents=True, exist_ok=True)
        (top / "images" / f"{name}.dcm").write_bytes(dicom_everywhere(PIXELS + np.uint16(shift)))
        (top / "masks" / f"{name}.png").write_bytes(pillow((PIXELS > 100).astype(np.uint8) * 255))
    (top / "images" / "three.dcm").write_bytes(dicom_everywhere()[:900])
    (top / "masks" / "three.png").write_bytes(pillow((PIXELS > 90).astype(np.uint8) * 255))
    with logged() as lines:
        done = [
            CliRunner().invoke(main, ["cohort", *words, "--json"])
            for words in (["preview", str(top)], ["add", str(top)], ["show", "set"])
        ]
    assert [each.exit_code for each in done] == [0, 0, 0]
    assert [each["name"] for each in json.loads(done[2].stdout)["refused"]] == ["three"]
    assert json.loads(done[2].stdout)["items"] == 2
    assert CANARY not in "".join(each.output for each in done) + "\n".join(lines)
    assert holders(home) == []
    with Store.open() as opened:
        assert columns_with(opened, CANARY) == []
        assert columns_with(opened, "three") != []  # what the user named a file is told


def damaged_nifti(at: int, value: bytes) -> bytes:
    data = bytearray(nifti_everywhere())
    data[at : at + len(value)] = value
    return bytes(data)


REFUSED = {
    "cut volume": lambda: nifti_everywhere()[:-40],
    "complex voxels": lambda: damaged_nifti(70, (32).to_bytes(2, "little")),
    "no voxels": lambda: damaged_nifti(42, b"\0\0"),
    "half a pair": lambda: damaged_nifti(344, b"ni1\0"),
    "gzip of a cut volume": lambda: gzip.compress(nifti_everywhere()[:-40], mtime=0),
    "zip of two volumes": lambda: zipped(
        {f"{CANARY}/a.nii": nifti_everywhere(), f"{CANARY}/b.nii": damaged_nifti(400, b"x")}
    ),
    "zip that leads out": lambda: zipped({f"../{CANARY}/a.nii": nifti_everywhere()}),
    "zip of a cut slice": lambda: zipped({f"{CANARY}/a.dcm": dicom_everywhere()[:900]}),
    "zip of texts": lambda: zipped({f"{CANARY}.txt": CANARY.encode(), f"{CANARY}/{CANARY}.xyz": b"x"}),
    "zip in a zip": lambda: zipped({f"{CANARY}/a.zip": zip_everywhere()}),
    "cut zip": lambda: zip_everywhere()[:-30],
}


@pytest.mark.parametrize("what", REFUSED)
def test_refusal_quotes_no_header_field_comment_or_folder_of_an_archive(
    home: Path, store: Store, what: str
) -> None:
    data = REFUSED[what]()
    with logged() as lines, pytest.raises(InputProblem) as caught:
        open_case(store, [NamedBytes("upload", data)])
    assert CANARY not in caught.value.sentence + repr(caught.value.__cause__) + repr(caught.value.__context__)
    assert CANARY not in "\n".join(lines)
    assert holders(home) == []
    assert columns_with(store, CANARY) == []


def test_name_that_the_user_gave_a_file_is_shown_as_its_safe_display_name_except_for_dicom(
    store: Store,
) -> None:
    given = f"../{CANARY}/a\u202eb\n<b>.nii"
    assert open_case(store, [NamedBytes(given, nifti_everywhere())]).name == "ab<b>.nii"
    named = open_case(store, [NamedBytes(f"{CANARY}.dcm", dicom_everywhere())])
    assert named.name == f"DICOM MR {named.id[:8]}"
    assert named.id == open_case(store, [NamedBytes("other.dcm", dicom_everywhere())]).id
