"""`export-mask`: one mask as NIfTI, in the input's own kind, or as a DICOM segmentation."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from nibabel.nifti1 import Nifti1Image
from PIL import Image

from core.models.registry import write_record
from tests.core.inference.conftest import make_record
from tests.core.io.io_files import dicom
from tests.core.test_cli import call
from tests.core.test_pipeline import png

STUDY = {"StudyInstanceUID": "1.2.4", "FrameOfReferenceUID": "1.2.6"}


@pytest.fixture
def series(home: Path, tmp_path: Path) -> Path:
    """A folder with a DICOM series of three slices, stored from the top down, and a model for it."""
    model = home / "models" / "tiny"
    model.mkdir(parents=True)
    write_record(make_record(model), model)
    folder = tmp_path / "series"
    folder.mkdir()
    for index in range(3):
        pixels = np.random.default_rng(index).integers(0, 999, (40, 48), dtype=np.uint16)
        data = dicom(pixels, (0.0, 0.0, -5.0 * index), InstanceNumber=index + 1, **STUDY)
        (folder / f"{index}.dcm").write_bytes(data)
    return folder


def analysed(path: Path) -> str:
    key: str = json.loads(call("analyse", path, "--model", "tiny", "--json").stdout)["key"]
    return key


def mask_of(path: Path) -> np.ndarray:
    """Voxels of a NIfTI file as (slice, row, column)."""
    return np.asarray(Nifti1Image.from_bytes(gzip.decompress(path.read_bytes())).dataobj).T


def test_nifti_and_segmentation_of_one_result_hold_the_same_mask(series: Path, tmp_path: Path) -> None:
    key = analysed(series)
    nifti, seg = tmp_path / "mask.nii.gz", tmp_path / "seg.dcm"
    assert call("export-mask", key[:16], "--format", "nifti", "--out", nifti).exit_code == 0
    done = call("export-mask", key, "--format", "dicom-seg", "--source", series, "--out", seg, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == {"file": str(seg), "format": "dicom-seg", "key": key, "overlays": 0}
    read = pydicom.dcmread(seg)
    # Both sort slices upwards; the series was stored downwards.
    wanted = mask_of(nifti)
    assert wanted.any()
    places = [
        float(each.PlanePositionSequence[0].ImagePositionPatient[2])
        for each in read.PerFrameFunctionalGroupsSequence
    ]
    assert np.array_equal(read.pixel_array[np.argsort(places)], wanted)


def test_input_stands_for_its_newest_result_and_is_its_own_source(series: Path, tmp_path: Path) -> None:
    key = analysed(series)
    done = call("export-mask", series, "--format", "dicom-seg", "--out", tmp_path / "seg.dcm", "--json")
    assert (done.exit_code, json.loads(done.stdout)["key"]) == (0, key)


def test_segmentation_needs_the_files_of_the_case(series: Path, tmp_path: Path) -> None:
    key, out = analysed(series), tmp_path / "seg.dcm"
    asked = call("export-mask", key, "--format", "dicom-seg", "--out", out)
    wrong = call("export-mask", key, "--format", "dicom-seg", "--source", series / "0.dcm", "--out", out)
    assert (asked.exit_code, "--source" in asked.stderr) == (2, True)
    assert (wrong.exit_code, "not the files of the case" in wrong.stderr) == (2, True)
    assert not out.exists()


def test_unknown_result_and_input_without_one_say_what_to_do(series: Path, tmp_path: Path) -> None:
    for what in ("f" * 64, "ab", series):
        done = call("export-mask", what, "--out", tmp_path / "mask")
        assert (done.exit_code, "analyse INPUT" in done.stderr) == (2, True)


def test_picture_comes_out_as_a_picture_or_as_nifti_with_overlays(series: Path, tmp_path: Path) -> None:
    source = tmp_path / "slice.png"
    source.write_bytes(png(1).data)
    analysed(source)
    as_input, nifti, pictures = tmp_path / "mask.png", tmp_path / "mask.nii.gz", tmp_path / "pictures"
    assert call("export-mask", source, "--out", as_input, "--overlays", pictures).exit_code == 0
    assert call("export-mask", source, "--format", "nifti", "--out", nifti).exit_code == 0
    shown = np.asarray(Image.open(io.BytesIO(as_input.read_bytes())))
    assert np.array_equal(np.squeeze(mask_of(nifti)) * 255, shown)
    assert [path.suffix for path in pictures.iterdir()] == [".png"]


def test_place_that_cannot_be_written_is_one_message(series: Path, tmp_path: Path) -> None:
    key = analysed(series)
    done = call("export-mask", key, "--out", series / "0.dcm" / "below-a-file")
    assert (done.exit_code, "cannot be written" in done.stderr) == (2, True)
