"""DICOM: slices stacked by position, values in their unit, nothing of the patient let through."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from io_files import as_jpeg_lossless, dicom, logged, named, opened, recompressed, series
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from core.config import ReadOptions
from core.errors import InputProblem
from core.io import inspect_files, read_case
from core.types import NamedBytes

PIXELS = np.arange(72, dtype=np.uint16).reshape(8, 9)


def stacked(datas: list[bytes], **options: int) -> list[float]:
    """First pixel of each shown slice."""
    values = read_case(named(datas), ReadOptions(**options)).image.values
    return values[0, :, 0, 0].tolist()


def test_single_slice_keeps_values_and_lies_as_stored() -> None:
    case = opened(dicom(PIXELS))
    assert np.array_equal(case.image.values[0, 0], PIXELS)
    assert case.image.geometry.edges == ("A", "P", "R", "L")
    assert case.image.geometry.spacing_mm == (2, 1, 1)
    assert case.image.modality == "MR"


def test_slices_are_sorted_by_position_not_by_name_or_number() -> None:
    slices = series(4)
    backwards = series(4, step=-2.0)
    assert stacked([slices[index] for index in (2, 0, 3, 1)]) == [1, 2, 3, 4]
    assert stacked(backwards) == [4, 3, 2, 1]


def test_spacing_comes_from_positions_not_from_thickness() -> None:
    case = read_case(named(series(4, step=5.0, SliceThickness=3)))
    assert case.image.geometry.spacing_mm == (5, 1, 1)
    assert any("5 mm apart" in note and "3 mm" in note for note in case.notes)


def test_time_points_of_one_series_are_chosen_apart() -> None:
    first, second = series(3), series(3)
    later = [
        dicom(PIXELS + 100, (0, 0, 2.0 * index), InstanceNumber=index + 4) for index in range(len(second))
    ]
    assert stacked(first + later) == [1, 2, 3]
    assert stacked(first + later, volume=1) == [100, 100, 100]
    with pytest.raises(InputProblem, match="no such time point"):
        stacked(first + later, volume=2)


def test_uneven_time_points_are_refused() -> None:
    extra = dicom(PIXELS, (0, 0, 0), InstanceNumber=9)
    with pytest.raises(InputProblem, match="do not fill whole volumes"):
        stacked([*series(3), extra])


def test_missing_slice_is_named_and_no_millimetre_is_claimed() -> None:
    slices = series(5)
    case = read_case(named([*slices[:2], *slices[3:]]))
    assert case.image.slices == 4
    assert (case.image.geometry.spacing_mm, case.image.geometry.affine_ras) == (None, None)
    assert case.image.geometry.edges == ("A", "P", "R", "L")
    assert any("After position 2 mm the distance is 4, not 2 mm" in note for note in case.notes)


def test_uneven_distances_are_refused() -> None:
    with pytest.raises(InputProblem, match="not evenly spaced"):
        stacked([dicom(PIXELS, (0, 0, z), InstanceNumber=n) for n, z in enumerate((0, 2, 4.7, 7), 1)])


def test_slices_of_two_sizes_or_orientations_are_refused() -> None:
    small = dicom(PIXELS[:4], (0, 0, 90), InstanceNumber=9)
    turned = dicom(PIXELS, (0, 0, 90), InstanceNumber=9, ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    with pytest.raises(InputProblem, match="differ in size"):
        stacked([*series(2), small])
    with pytest.raises(InputProblem, match="different orientation"):
        stacked([*series(2), turned])


def test_two_series_are_never_mixed() -> None:
    both = series(3) + series(2, SeriesInstanceUID="1.10")
    assert stacked(both) == [1, 2, 3]
    assert stacked(both, series=1) == [1, 2]
    choices = inspect_files(named(both)).choices
    assert [(each.images, each.rows) for each in choices.series] == [(3, 8), (2, 8)]


def test_repeated_instance_is_left_out_and_noted() -> None:
    case = read_case(named([*series(3), series(3)[0]]))
    assert case.image.slices == 3
    assert any("1 repeated image" in note for note in case.notes)


def test_no_positions_means_instance_order_and_no_millimetre() -> None:
    slices = [dicom(PIXELS * 0 + number, None, InstanceNumber=number) for number in (3, 1, 2)]
    case = read_case(named(slices))
    assert case.image.values[0, :, 0, 0].tolist() == [1, 2, 3]
    assert case.image.geometry.spacing_mm is None
    assert any("no slice positions" in note for note in case.notes)


def test_sagittal_series_is_shown_with_anterior_left() -> None:
    slices = [
        dicom(PIXELS, (2.0 * x, 0, 0), InstanceNumber=x + 1, ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
        for x in range(3)
    ]
    geometry = read_case(named(slices)).image.geometry
    assert (geometry.plane, geometry.edges) == ("sagittal", ("S", "I", "A", "P"))


def test_rescale_gives_the_modality_unit() -> None:
    case = opened(dicom(PIXELS.astype(np.int16), RescaleSlope=2, RescaleIntercept=-1024))
    assert case.image.original_range == (-1024, 2 * 71 - 1024)


def test_rescale_slope_zero_is_ignored_and_noted() -> None:
    case = opened(dicom(PIXELS, RescaleSlope=0, RescaleIntercept=5))
    assert case.image.original_range == (0, 71)
    assert any("Rescale" in note for note in case.notes)


def test_monochrome1_is_reversed_within_the_stored_bits() -> None:
    case = opened(dicom(PIXELS, PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11))
    assert np.array_equal(case.image.values[0, 0], 4095.0 - PIXELS)


def test_colour_frames_are_three_channels() -> None:
    colour = np.dstack([PIXELS, PIXELS + 1, PIXELS + 2]).astype(np.uint8)
    case = opened(dicom(colour))
    assert case.image.channel_names == ("red", "green", "blue")
    assert np.array_equal(case.image.values[:, 0], np.moveaxis(colour, 2, 0))


def test_palette_frames_go_through_their_table() -> None:
    table = {}
    for factor, name in enumerate(("Red", "Green", "Blue"), 1):
        table[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        table[f"{name}PaletteColorLookupTableData"] = (np.arange(256) * factor).astype("<u2").tobytes()
    case = opened(dicom(PIXELS.astype(np.uint8), PhotometricInterpretation="PALETTE COLOR", **table))
    assert case.image.values[:, 0, 1, 0].tolist() == [9, 18, 27]


def test_plain_multi_frame_is_a_stack_in_frame_order() -> None:
    frames = np.stack([PIXELS + 100 * index for index in range(4)])
    case = opened(dicom(frames))
    assert np.array_equal(case.image.values[0], frames)
    assert any("frames" in note for note in case.notes)


def test_enhanced_multi_frame_is_stacked_by_the_position_of_each_frame() -> None:
    frames = np.stack([PIXELS + 100 * index for index in range(3)])
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing = [0.5, 0.5]
    shared.PlaneOrientationSequence = Sequence([orientation])
    shared.PixelMeasuresSequence = Sequence([measures])
    groups = []
    for height in (6, 0, 3):
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, height]
        group.PlanePositionSequence = Sequence([position])
        groups.append(group)
    case = opened(
        dicom(
            frames,
            None,
            SharedFunctionalGroupsSequence=Sequence([shared]),
            PerFrameFunctionalGroupsSequence=Sequence(groups),
        )
    )
    assert case.image.values[0, :, 0, 0].tolist() == [100, 200, 0]
    assert case.image.geometry.spacing_mm == (3, 0.5, 0.5)


@pytest.mark.parametrize(
    ("tags", "what"),
    [
        ({"PixelData": None, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11"}, "a structured report"),
        ({"PixelData": None, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"}, "a PDF document"),
        ({"PixelData": None}, "CT Image Storage"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4"}, "a segmentation"),
        ({"Rows": 0}, "0 x 9"),
        ({"Rows": 65535, "Columns": 65535}, "65535 x 65535"),
        ({"Rows": 9}, "144 bytes of image data"),
    ],
)
def test_what_is_no_complete_image_is_refused_by_name(tags: dict[str, object], what: str) -> None:
    with pytest.raises(InputProblem) as refused:
        opened(dicom(PIXELS, **tags))
    assert what in refused.value.found


def test_a_report_beside_the_images_is_left_out_and_noted() -> None:
    report = dicom(PIXELS, PixelData=None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", SOPInstanceUID="9.9")
    case = read_case(named([*series(3), report]))
    assert case.image.slices == 3
    assert any("structured report" in note for note in case.notes)


def test_one_bad_slice_is_named_and_the_series_refused() -> None:
    slices = series(3)
    with pytest.raises(InputProblem) as refused:
        stacked([slices[0], slices[1][:-50], slices[2]])
    assert refused.value.file == "IM1.dcm"


def test_file_without_preamble_is_read() -> None:
    data = dicom(PIXELS)
    (length,) = np.frombuffer(data[140:144], "<u4")
    case = opened(data[144 + int(length) :])
    assert np.array_equal(case.image.values[0, 0], PIXELS)


def test_burned_in_text_is_warned_about() -> None:
    assert any(
        "BurnedInAnnotation YES" in note for note in opened(dicom(PIXELS, BurnedInAnnotation="YES")).notes
    )
    assert any("cannot be detected" in note for note in opened(dicom(PIXELS)).notes)


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
def test_nothing_of_the_patient_leaves_the_reader() -> None:
    data = dicom(
        PIXELS,
        InstitutionName="General Hospital",
        SeriesDescription="DOE JANE follow up",
        Manufacturer="DOE JANE devices",
        BodyPartExamined="doe jane",
        ImageComments="DOE JANE",
    )
    case_file = NamedBytes("DOE_JANE_19700131.dcm", data)
    with logged() as lines:
        summary = inspect_files([case_file]).model_dump_json() + repr(read_case([case_file]).name)
    for secret in ("DOE", "JANE", "MRN", "jane", "Hospital", "19700131"):
        assert secret not in summary + " ".join(lines)
    assert '"Modality"' in summary


@pytest.mark.parametrize(
    "syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless, DeflatedExplicitVRLittleEndian]
)
def test_compressed_syntax_gives_the_same_values(syntax: str) -> None:
    data = dicom(np.tile(PIXELS, (8, 8)) * np.uint16(50))
    assert np.array_equal(opened(recompressed(data, syntax)).image.values, opened(data).image.values)


def test_jpeg_lossless_gives_the_same_values(tmp_path: Path) -> None:
    data = dicom(np.tile(PIXELS, (8, 8)) * np.uint16(50))
    packed = as_jpeg_lossless(data, tmp_path)
    assert b"1.2.840.10008.1.2.4.70" in packed
    assert np.array_equal(opened(packed).image.values, opened(data).image.values)


def test_compressed_frame_of_another_size_than_declared_is_refused() -> None:
    packed = recompressed(dicom(np.tile(PIXELS, (8, 8))), JPEG2000Lossless)
    made = pydicom.dcmread(io.BytesIO(packed))
    made.Rows = 32
    out = io.BytesIO()
    made.save_as(out)
    with pytest.raises(InputProblem, match="64 x 72"):
        opened(out.getvalue())


def test_deflated_bomb_is_not_unpacked() -> None:
    with pytest.raises(InputProblem, match="unpacks to too much"):
        opened(recompressed(dicom(np.zeros((4000, 4000), np.uint16)), DeflatedExplicitVRLittleEndian))


def test_video_is_refused_by_name() -> None:
    made = pydicom.dcmread(io.BytesIO(recompressed(dicom(np.tile(PIXELS, (8, 8))), JPEG2000Lossless)))
    made.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.102")
    out = io.BytesIO()
    made.save_as(out)
    with pytest.raises(InputProblem) as refused:
        opened(out.getvalue())
    assert "video: MPEG-4" in refused.value.found
