"""Zips: read in memory, member by member; each trick refused by name."""

from __future__ import annotations

import io
import stat
import struct
import zipfile

import numpy as np
import pytest
from io_files import dicom, nifti, opened, pillow, series, zipped

from core.errors import InputProblem
from core.io.archive import read_members
from core.io.limits import Limits

RAMP = np.arange(80, dtype=np.uint8).reshape(8, 10)
SLICES = {f"a/IM{index}.dcm": data for index, data in enumerate(series(3))}


def refusal(data: bytes) -> str:
    with pytest.raises(InputProblem) as refused:
        opened(data, name="upload.zip")
    return refused.value.sentence


def test_zip_of_a_series_is_one_volume() -> None:
    assert opened(zipped(SLICES)).image.values[0, :, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [("x.nii", nifti(np.ones((8, 8, 4), np.uint8)), "nifti"), ("x.png", pillow(RAMP), "png")],
)
def test_zip_may_hold_one_other_image(name: str, data: bytes, kind: str) -> None:
    assert opened(zipped({name: data})).format == kind


def test_files_that_are_no_images_are_skipped_and_listed_by_kind() -> None:
    extra = {"DICOMDIR": b"x", "__MACOSX/._IM0.dcm": b"x", "JANE_DOE.txt": b"x"}
    case = opened(zipped({**SLICES, **extra}))
    assert case.image.slices == 3
    assert any("3 file(s)" in note and "skipped: .txt, DICOMDIR, other." in note for note in case.notes)


def test_no_name_inside_an_archive_is_kept() -> None:
    case = opened(zipped({**SLICES, "DOE/JANE.txt": b"x", "JANE DOE": b"x", "jane.doe": b"x"}))
    assert "jane" not in " ".join((case.name, *case.notes)).lower()


def test_damaged_dcm_member_is_not_skipped() -> None:
    assert "IM9.dcm" in refusal(zipped({**SLICES, "IM9.dcm": b"not dicom"}))


def test_several_pictures_are_refused() -> None:
    assert "Several images at once" in refusal(zipped({"a.png": pillow(RAMP), "b.png": pillow(RAMP + 1)}))


@pytest.mark.parametrize(
    "name", ["../evil.dcm", "/tmp/evil.dcm", "a/../../evil.dcm", "..\\evil.dcm", "C:/evil.dcm"]
)
def test_member_paths_that_leave_the_archive_are_refused(name: str) -> None:
    assert "leaves the archive" in refusal(zipped({name: dicom(RAMP)}))


def test_symbolic_link_is_refused() -> None:
    out, link = io.BytesIO(), zipfile.ZipInfo("link.dcm")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "symbolic link" in refusal(out.getvalue())


def test_zip_in_zip_is_refused() -> None:
    assert "itself a zip" in refusal(zipped({"inner.zip": zipped(SLICES)}))


def test_encrypted_member_is_refused() -> None:
    data = bytearray(zipped({"IM0.dcm": dicom(RAMP)}, zipfile.ZIP_STORED))
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    assert "password" in refusal(bytes(data))


def test_bomb_is_refused_from_its_directory() -> None:
    assert "unpacks to" in refusal(zipped({"IM0.dcm": bytes(20 << 20)}))


def test_directory_that_understates_a_member_is_refused() -> None:
    data = bytearray(zipped({"IM0.dcm": dicom(RAMP)}))
    at = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, at + 24, 10)
    assert "damaged" in refusal(bytes(data)) or "not as long" in refusal(bytes(data))


def test_members_over_one_body_are_refused() -> None:
    data = bytearray(zipped({"IM0.dcm": dicom(RAMP), "IM1.dcm": dicom(RAMP)}))
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 42, 0)
    assert "overlap" in refusal(bytes(data))


def test_too_many_members_are_counted_before_the_directory_is_parsed() -> None:
    data = zipped({f"f{index}": b"" for index in range(5001)}, zipfile.ZIP_STORED)
    lying = bytearray(data)
    struct.pack_into("<2H", lying, lying.rindex(b"PK\x05\x06") + 8, 1, 1)
    assert "5001 members" in refusal(data)
    assert "5001 members" in refusal(bytes(lying))


@pytest.mark.parametrize(
    ("data", "what"),
    [(zipped({}), "no files"), (zipped(SLICES)[:-60], "cut off"), (zipped({"a.txt": b"a"}), "no image")],
)
def test_empty_cut_or_imageless_zip_is_refused(data: bytes, what: str) -> None:
    assert what in refusal(data)


def test_wrong_member_checksum_is_refused() -> None:
    data = bytearray(zipped({"IM0.dcm": dicom(RAMP)}, zipfile.ZIP_STORED))
    data[300] ^= 0xFF
    assert "checksum" in refusal(bytes(data))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_names_are_two_members() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for data in series(2):
            archive.writestr(zipfile.ZipInfo("IM.dcm"), data)
    assert opened(out.getvalue()).image.slices == 2


def test_directory_that_points_before_the_file_is_refused() -> None:
    data = bytearray(zipped({"a.png": b"x" * 40}))
    entry, end = data.rindex(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    # zipfile shifts every offset by as much as the directory lies off the place that its end states.
    data[end + 16 : end + 20] = (entry + 50).to_bytes(4, "little")
    with pytest.raises(InputProblem, match="The zip is refused"):
        read_members(bytes(data), Limits())
