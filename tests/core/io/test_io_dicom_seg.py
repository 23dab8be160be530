"""DICOM segmentations: every mask pixel lies on the pixel of the image that it was drawn on."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gdcm
import highdicom
import numpy as np
import pydicom
import pytest
from io_files import dicom, named, nifti, zipped
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from core.config import ReadOptions
from core.errors import InputProblem, SettingsProblem
from core.io import SegMaker, dicom_seg, read_case, read_path
from core.types import Case, LabelArray, NamedBytes

MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MAKER = SegMaker(("FLAIR abnormality",), "lgg-unet", "0.0", MADE)
STUDY = {"StudyInstanceUID": "1.2.9", "FrameOfReferenceUID": "1.2.8"}

AXIAL = [1, 0, 0, 0, 1, 0]
DIRECTIONS = {
    "as shown": (AXIAL, (0, 0, 2)),
    "downwards": (AXIAL, (0, 0, -2)),
    "rows towards anterior": ([1, 0, 0, 0, -1, 0], (0, 0, 2)),
    "columns towards right": ([-1, 0, 0, 0, 1, 0], (0, 0, 2)),
    "coronal": ([1, 0, 0, 0, 0, -1], (0, 2, 0)),
    "sagittal": ([0, 1, 0, 0, 0, -1], (2, 0, 0)),
}


def files_of(orientation: list[int], step: tuple[int, int, int], count: int = 5) -> list[NamedBytes]:
    """A series in a mixed-up order; every pixel of it holds another value."""
    made = []
    for index in (3, 0, 4, 1, 2)[:count]:
        pixels = (np.arange(72, dtype=np.uint16) + 100 * index).reshape(8, 9)
        position = tuple(float(each * index) for each in step)
        tags = {"ImageOrientationPatient": orientation, "InstanceNumber": index + 1, "PixelSpacing": [2, 2]}
        made.append(dicom(pixels, position, **STUDY, **tags))
    return named(made)


def some_voxels(case: Case, seed: int = 0, labels: int = 1) -> LabelArray:
    chosen = np.random.default_rng(seed).integers(-4, labels + 1, case.image.values.shape[1:])
    return np.clip(chosen, 0, labels).astype(np.uint8)


def seg_of(data: bytes) -> Any:
    return highdicom.seg.segread(io.BytesIO(data))


def values_under(data: bytes, files: list[NamedBytes], segment: int = 1) -> list[int]:
    """What the source images hold under the mask, found by SOPInstanceUID, row and column alone."""
    sources = {}
    for file in files:
        source = pydicom.dcmread(io.BytesIO(file.data))
        sources[source.SOPInstanceUID] = source.pixel_array.reshape(-1, source.Rows, source.Columns)
    seg = pydicom.dcmread(io.BytesIO(data))
    shared = seg.SharedFunctionalGroupsSequence[0]
    found: list[int] = []
    frames = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    for item, frame in zip(seg.PerFrameFunctionalGroupsSequence, frames, strict=True):
        own = item if "SegmentIdentificationSequence" in item else shared
        if own.SegmentIdentificationSequence[0].ReferencedSegmentNumber != segment:
            continue
        (image,) = item.DerivationImageSequence[0].SourceImageSequence
        number = int(image.get("ReferencedFrameNumber", 1))
        found += sources[image.ReferencedSOPInstanceUID][number - 1][frame > 0].tolist()
    return sorted(found)


def read_by_gdcm(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(frame, row, column) bits and the (4, 4) LPS affine of (frame, row, column), by another library."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    image = reader.GetImage()
    columns, rows, frames = (image.GetDimension(axis) for axis in range(3))
    packed = np.frombuffer(image.GetBuffer().encode("utf-8", "surrogateescape"), np.uint8)
    bits = np.unpackbits(packed, bitorder="little")[: frames * rows * columns]
    along, down = np.array(image.GetDirectionCosines()).reshape(2, 3)
    x, y, z = image.GetSpacing()
    affine = np.eye(4)
    affine[:3] = np.column_stack([np.cross(along, down) * z, down * y, along * x, image.GetOrigin()])
    return bits.reshape(frames, rows, columns), affine


def places_mm(mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Sorted patient coordinates (left, posterior, superior) of the mask's voxels, to 0.01 mm."""
    indices = np.argwhere(mask > 0)
    found = (affine @ np.c_[indices, np.ones(len(indices))].T).T[:, :3].round(2) + 0.0
    return found[np.lexsort(found.T)]


def lps(case: Case) -> np.ndarray:
    assert case.image.geometry.affine_ras is not None
    return np.asarray(np.diag([-1.0, -1.0, 1.0, 1.0]) @ case.image.geometry.affine_ras)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("plane", ["auto", "axial", "coronal", "sagittal"])
def test_mask_lies_on_the_stored_pixels_however_the_series_was_turned(direction: str, plane: Any) -> None:
    files = files_of(*DIRECTIONS[direction])
    case = read_case(files, ReadOptions(plane=plane))
    mask = some_voxels(case)
    data = dicom_seg(case, mask, files, MAKER)
    assert values_under(data, files) == sorted(case.image.values[0][mask > 0].tolist())
    volume = seg_of(data).get_volume(combine_segments=True)
    assert np.array_equal(places_mm(volume.array, volume.affine), places_mm(mask, lps(case)))


def test_two_classes_are_two_segments_and_overlap_nowhere() -> None:
    files = files_of(AXIAL, (0, 0, 2))
    case = read_case(files)
    mask = some_voxels(case, labels=2)
    maker = SegMaker(("tumour\\core\n", "liver"), "own", "0.0", MADE)
    data = dicom_seg(case, mask, files, maker)
    for label in (1, 2):
        wanted = sorted(case.image.values[0][mask == label].tolist())
        assert values_under(data, files, label) == wanted
    first, second = pydicom.dcmread(io.BytesIO(data)).SegmentSequence
    assert (first.SegmentLabel, second.SegmentLabel) == ("tumourcore", "liver")
    kinds = [each.SegmentedPropertyTypeCodeSequence[0].CodeMeaning for each in (first, second)]
    assert kinds == ["Lesion", "Selected region"]


def test_empty_mask_keeps_every_slice() -> None:
    files = files_of(AXIAL, (0, 0, 2))
    case = read_case(files)
    seg = seg_of(dicom_seg(case, np.zeros((5, 8, 9), np.uint8), files, MAKER))
    assert (seg.NumberOfFrames, int(seg.pixel_array.sum())) == (5, 0)


def test_object_takes_the_study_over_and_says_what_it_is() -> None:
    files = files_of(AXIAL, (0, 0, 2))
    case = read_case(files)
    seg = seg_of(dicom_seg(case, some_voxels(case), files, MAKER))
    assert (seg.PatientID, seg.StudyInstanceUID, seg.FrameOfReferenceUID) == ("MRN12345678", "1.2.9", "1.2.8")
    assert seg.SeriesInstanceUID != "1.9"
    assert "Not a medical device" in seg.ContentDescription
    assert (seg.Modality, seg.ContentDate, seg.ContentTime) == ("SEG", "20260102", "030405")
    assert seg.SegmentSequence[0].SegmentAlgorithmName == "lgg-unet"


def test_same_input_gives_the_same_bytes_and_another_mask_another_identity() -> None:
    files = files_of(AXIAL, (0, 0, 2))
    case = read_case(files)
    mask = some_voxels(case)
    first = dicom_seg(case, mask, files, MAKER)
    assert first == dicom_seg(case, mask, files, MAKER)
    other = dicom_seg(case, some_voxels(case, seed=1), files, MAKER)
    assert seg_of(first).SOPInstanceUID != seg_of(other).SOPInstanceUID


def test_zip_of_the_series_is_a_source_too() -> None:
    files = files_of(AXIAL, (0, 0, 2))
    packed = [NamedBytes("all.zip", zipped({each.name: each.data for each in files} | {"a.txt": b"text"}))]
    case = read_case(packed)
    mask = some_voxels(case)
    data = dicom_seg(case, mask, packed, MAKER)
    assert values_under(data, files) == sorted(case.image.values[0][mask > 0].tolist())


def test_other_files_are_refused() -> None:
    files, fewer = files_of(AXIAL, (0, 0, 2)), files_of(AXIAL, (0, 0, 2), count=4)
    case = read_case(files)
    turned = files_of(AXIAL, (0, 0, -2))
    for wrong in (fewer, turned):
        with pytest.raises(InputProblem, match="not the files of the case"):
            dicom_seg(case, some_voxels(case), wrong, MAKER)


def test_reference_is_given_again_or_the_voxels_are_compared() -> None:
    files = files_of(AXIAL, (0, 0, 2))
    drawn = [NamedBytes("mask.nii", nifti(np.ones((9, 8, 5), np.uint8)))]
    case = read_case(files, reference=drawn)
    mask = some_voxels(case)
    assert dicom_seg(case, mask, files, MAKER) == dicom_seg(case, mask, files, MAKER, reference=drawn)
    other = [NamedBytes("mask.nii", nifti(np.zeros((9, 8, 5), np.uint8)))]
    with pytest.raises(InputProblem, match="not the files of the case"):
        dicom_seg(case, mask, files, MAKER, reference=other)
    with pytest.raises(InputProblem, match="not the files of the case"):
        dicom_seg(case, mask, files_of(AXIAL, (0, 0, -2)), MAKER)


def test_mask_that_does_not_fit_is_refused() -> None:
    files = files_of(AXIAL, (0, 0, 2))
    case = read_case(files)
    for wrong in (
        np.zeros((5, 9, 8), np.uint8),
        np.zeros((5, 8, 9), np.int16),
        np.full((5, 8, 9), 2, np.uint8),
    ):
        with pytest.raises(SettingsProblem, match="does not fit"):
            dicom_seg(case, wrong, files, MAKER)
    picture = read_case([NamedBytes("a.nii", nifti(np.zeros((4, 4, 4), np.uint8)))])
    with pytest.raises(SettingsProblem, match="Only a DICOM case"):
        dicom_seg(picture, np.zeros((4, 4, 4), np.uint8), [], MAKER)


@pytest.mark.parametrize(
    ("left_out", "said"), [("StudyInstanceUID", "no StudyInstanceUID"), ("FrameOfReferenceUID", "frame of")]
)
def test_headers_that_lack_what_is_needed_are_refused_by_name(left_out: str, said: str) -> None:
    tags = {key: value for key, value in STUDY.items() if key != left_out}
    files = named(
        [dicom(np.eye(8, dtype=np.uint16), (0, 0, z), InstanceNumber=z + 1, **tags) for z in range(3)]
    )
    case = read_case(files)
    with pytest.raises(InputProblem, match=said) as problem:
        dicom_seg(case, some_voxels(case), files, MAKER)
    assert "DOE" not in problem.value.sentence


def test_single_film_without_a_place_in_the_patient() -> None:
    film = dicom(
        np.arange(72, dtype=np.uint16).reshape(8, 9), None, StudyInstanceUID="1.2.9",
        SOPClassUID="1.2.840.10008.5.1.4.1.1.1.1", Modality="DX",
    )  # fmt: skip
    files = named([film])
    case = read_case(files)
    mask = some_voxels(case)
    data = dicom_seg(case, mask, files, MAKER)
    assert values_under(data, files) == sorted(case.image.values[0][mask > 0].tolist())


def enhanced(shared_orientation: bool) -> bytes:
    """Two time points of three slices in one object, stored mixed up."""
    pixels = (np.arange(6 * 72, dtype=np.uint16)).reshape(6, 8, 9)
    frames = []
    for place, time in ((2, 1), (0, 2), (1, 1), (0, 1), (2, 2), (1, 2)):
        position, content, orientation, frame = Dataset(), Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, 3.0 * place]
        content.TemporalPositionIndex = time
        orientation.ImageOrientationPatient = AXIAL
        frame.PlanePositionSequence, frame.FrameContentSequence = Sequence([position]), Sequence([content])
        if not shared_orientation:
            frame.PlaneOrientationSequence = Sequence([orientation])
        frames.append(frame)
    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [1, 1], 3
    shared.PixelMeasuresSequence = Sequence([measures])
    if shared_orientation:
        shared.PlaneOrientationSequence = Sequence([orientation])
    return dicom(
        pixels, None, **STUDY, SOPClassUID="1.2.840.10008.5.1.4.1.1.4.1",
        PerFrameFunctionalGroupsSequence=Sequence(frames), SharedFunctionalGroupsSequence=Sequence([shared]),
    )  # fmt: skip


@pytest.mark.parametrize("shared_orientation", [True, False])
@pytest.mark.parametrize("volume", [0, 1])
def test_frames_of_the_chosen_time_point_are_named(shared_orientation: bool, volume: int) -> None:
    files = named([enhanced(shared_orientation)])
    case = read_case(files, ReadOptions(volume=volume))
    mask = some_voxels(case)
    data = dicom_seg(case, mask, files, MAKER)
    assert seg_of(data).NumberOfFrames == 3
    assert values_under(data, files) == sorted(case.image.values[0][mask > 0].tolist())


@pytest.mark.data
@pytest.mark.parametrize(("folder", "volume"), [("20180918GE", 0), ("20180918GE", 7), ("20180918Si", 1)])
def test_real_series_read_by_highdicom_and_by_gdcm_lie_on_their_voxels(
    data_dir: Path, tmp_path: Path, folder: str, volume: int
) -> None:
    files = list(read_path(data_dir / "dicom" / folder))
    case = read_case(files, ReadOptions(volume=volume))
    mask = some_voxels(case)
    path = tmp_path / "seg.dcm"
    path.write_bytes(dicom_seg(case, mask, files, MAKER))
    wanted = places_mm(mask, lps(case))
    read = seg_of(path.read_bytes()).get_volume(combine_segments=True)
    assert np.array_equal(places_mm(read.array, read.affine), wanted)
    assert np.array_equal(places_mm(*read_by_gdcm(path)), wanted)


@pytest.mark.data
def test_real_series_read_by_pydicom_alone_lies_on_the_stored_pixels(data_dir: Path) -> None:
    files = list(read_path(data_dir / "dicom" / "20180918GE"))
    case = read_case(files, ReadOptions(volume=7))
    mask = some_voxels(case)
    data = dicom_seg(case, mask, files, MAKER)
    assert values_under(data, files) == sorted(case.image.values[0][mask > 0].tolist())
