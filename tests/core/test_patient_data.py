"""A name that stands in every text of an input is found in nothing that is kept, exported or logged."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

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
from tests.core.io.io_files import dicom, logged

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


def dicom_everywhere() -> bytes:
    """A picture with the name in every text tag, in a sequence, a private tag and the preamble."""
    made = pydicom.dcmread(io.BytesIO(dicom(PIXELS, **dict.fromkeys(KEYWORDS, CANARY))))
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
