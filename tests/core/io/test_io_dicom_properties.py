"""DICOM of any size, depth, sign and rescale gives the values it stands for, and no text gets out of it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from io_files import dicom, logged, opened
from pydicom.datadict import DicomDictionary, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from core.errors import InputProblem
from core.io import inspect_files, read_case, to_source
from core.types import Case, NamedBytes

SIDES = st.integers(1, 9)
UNPACKED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
DECIMALS = st.decimals(-2000, 2000, places=3, allow_nan=False)


@st.composite
def grids(draw: st.DrawFn, depths: tuple[int, ...] = (8, 16, 32), spare: int = 0) -> tuple[np.ndarray, int]:
    """Pixels (frame, row, column) that fit the stored bits, and their number."""
    allocated, sign = draw(st.sampled_from(depths)), draw(st.sampled_from("ui"))
    stored = draw(st.integers(2, allocated - spare))
    low, high = (0, 2**stored - 1) if sign == "u" else (-(2 ** (stored - 1)), 2 ** (stored - 1) - 1)
    # Three columns would be colours to the helper that writes the file.
    shape = (draw(st.integers(1, 3)), draw(SIDES), draw(SIDES.filter(lambda each: each != 3)))
    dtype = np.dtype(f"{sign}{allocated // 8}")
    return draw(arrays.arrays(dtype, shape, elements=st.integers(low, high))), stored


def stored_values(case: Case, shape: tuple[int, ...]) -> np.ndarray:
    """(frame, row, column) as stored: a stack one pixel wide is shown in another plane."""
    return to_source(case.image.values[0], case.image.geometry).reshape(shape)


def in_syntax(data: bytes, syntax: str) -> bytes:
    """`data` (explicit little endian) in another syntax without loss."""
    made = pydicom.dcmread(io.BytesIO(data))
    out = io.BytesIO()
    if syntax == RLELossless:
        # gdcm's encoder ends the process on some of these, pydicom's packs 16 bits by what is stored.
        stored, made.BitsStored, made.HighBit = made.BitsStored, made.BitsAllocated, made.BitsAllocated - 1
        made.compress(syntax, encoding_plugin="pydicom", generate_instance_uid=False)
        made.BitsStored, made.HighBit = stored, stored - 1
        made.save_as(out)
        return out.getvalue()
    if syntax == ExplicitVRBigEndian and made.BitsAllocated > 8:
        width = made.BitsAllocated // 8
        made.PixelData = np.frombuffer(made.PixelData, f"<u{width}").astype(f">u{width}").tobytes()
    made.file_meta.TransferSyntaxUID = syntax
    pydicom.dcmwrite(
        out,
        made,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
        force_encoding=True,
    )
    return out.getvalue()


@given(
    grid=grids(),
    syntax=st.sampled_from((*UNPACKED, RLELossless)),
    rescale=st.none() | st.tuples(DECIMALS.filter(bool), DECIMALS),
    white=st.booleans(),
)
def test_any_depth_sign_rescale_and_syntax_gives_its_values(
    grid: tuple[np.ndarray, int], syntax: str, rescale: tuple[Any, Any] | None, white: bool
) -> None:
    pixels, stored = grid
    assume(syntax in UNPACKED or pixels.dtype.itemsize <= 2)
    tags: dict[str, Any] = {"BitsStored": stored, "HighBit": stored - 1}
    if white:
        tags["PhotometricInterpretation"] = "MONOCHROME1"
    if rescale:
        tags["RescaleSlope"], tags["RescaleIntercept"] = (str(each) for each in rescale)
    case = opened(in_syntax(dicom(pixels if len(pixels) > 1 else pixels[0], **tags), syntax))
    # White is zero: the smallest stored value and the largest change places.
    turned = pixels.astype(np.float64)
    if white:
        turned = (2.0**stored - 1 if pixels.dtype.kind == "u" else -1.0) - turned
    slope, intercept = (float(each) for each in rescale or (1, 0))
    event(f"{pixels.dtype.name} {stored}")
    assert np.array_equal(stored_values(case, pixels.shape), (turned * slope + intercept).astype(np.float32))
    assert case.image.original_dtype == pixels.dtype.name


@given(
    grid=grids(depths=(16,), spare=1),
    above=st.integers(0, 2**16 - 1),
)
def test_bits_above_the_stored_ones_do_not_count(grid: tuple[np.ndarray, int], above: int) -> None:
    pixels, stored = grid
    low = np.uint16(2**stored - 1)
    dirty = ((pixels.view(np.uint16) & low) | (np.uint16(above) & ~low)).view(pixels.dtype)
    data = dicom(dirty if len(dirty) > 1 else dirty[0], BitsStored=stored, HighBit=stored - 1)
    assert np.array_equal(stored_values(opened(data), pixels.shape), pixels.astype(np.float32))


@given(
    steps=st.lists(st.integers(-20, 20), min_size=2, max_size=6, unique=True),
    spacing=st.floats(0.5, 9).map(lambda each: round(each, 3)),
)
def test_slices_come_in_the_order_of_their_positions_whatever_the_order_of_files(
    steps: list[int], spacing: float
) -> None:
    files = [
        dicom(np.full((8, 8), index, np.uint16), (0, 0, place * spacing), InstanceNumber=index + 1)
        for index, place in enumerate(steps)
    ]
    gaps = np.diff(sorted(steps))
    skipped = gaps / gaps.min()
    named = [NamedBytes(f"{index}.dcm", data) for index, data in enumerate(files)]
    if np.abs(skipped - np.rint(skipped)).max() > 0.05:
        with pytest.raises(InputProblem, match="not evenly spaced"):
            read_case(named)
        return
    image = read_case(named).image
    assert image.values[0, :, 0, 0].tolist() == np.argsort(steps).tolist()
    # Where a slice is missing no distance is claimed.
    assert (image.geometry.spacing_mm is None) == (gaps.max() > gaps.min() and len(steps) > 2)


CANARY = "QZXCANARY"
TEXTS = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UI")
"""Value representations with a length of two bytes that hold text (PS3.5, table 6.2-1)."""
KEYWORDS = sorted(
    row[4] for tag, row in DicomDictionary.items() if row[0] in TEXTS and row[4] and tag >> 16 > 7
)
READ = [
    "SOPClassUID", "SOPInstanceUID", "Modality", "Manufacturer", "SeriesInstanceUID", "SeriesNumber",
    "InstanceNumber", "ImageType", "PhotometricInterpretation", "PixelSpacing", "SliceThickness",
    "SpacingBetweenSlices", "ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope",
    "RescaleIntercept", "NumberOfFrames", "BurnedInAnnotation", "BodyPartExamined", "ScanningSequence",
    "SequenceVariant", "PatientPosition", "MRAcquisitionType", "KVP", "EchoTime", "AcquisitionNumber",
    "EchoNumbers", "TemporalPositionIdentifier", "SpecificCharacterSet", "FrameOfReferenceUID",
]  # fmt: skip
"""Keywords that the reader looks at; a name in one of them is likelier to come out than in any other."""
PIXELS = np.arange(72, dtype=np.uint16).reshape(8, 9)


def with_text(keyword: str, text: str) -> bytes:
    """A picture whose tag holds `text`, whatever its kind allows."""
    made = pydicom.dcmread(io.BytesIO(dicom(PIXELS, PatientName=None, PatientID=None)))
    tag = Tag(keyword)
    made[keyword] = DataElement(tag, "LO", text)
    out = io.BytesIO()
    made.save_as(out)
    # pydicom would not write a name as a number; written as long text, its kind is changed afterwards.
    start = tag.group.to_bytes(2, "little") + tag.element.to_bytes(2, "little")
    assert out.getvalue().count(start + b"LO") == 1
    return out.getvalue().replace(start + b"LO", start + dictionary_VR(keyword).encode())


def said(data: bytes) -> str:
    """Everything that is kept, shown or logged about a file."""
    with logged() as lines:
        try:
            summary = inspect_files([NamedBytes("upload.dcm", data)])
        except InputProblem as problem:
            return " ".join([problem.sentence, repr(problem.__cause__), repr(problem.__context__), *lines])
    return " ".join([summary.model_dump_json(), *lines])


AROUND = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\\"), max_size=12)


@pytest.mark.filterwarnings("ignore")
@given(
    keyword=st.sampled_from(KEYWORDS) | st.sampled_from(READ), before=AROUND, after=AROUND, part=st.booleans()
)
def test_text_in_any_tag_reaches_neither_record_nor_refusal_nor_log(
    keyword: str, before: str, after: str, part: bool
) -> None:
    text = f"{before}{CANARY}{after}" if part else CANARY
    data = with_text(keyword, text)
    assert CANARY.encode() in data
    assert CANARY not in said(data)


@pytest.mark.filterwarnings("ignore")
@given(keyword=st.sampled_from(READ), at=st.integers(0, 10**6), value=st.integers(0, 255), cut=st.booleans())
def test_text_in_a_damaged_file_reaches_neither_record_nor_refusal_nor_log(
    keyword: str, at: int, value: int, cut: bool
) -> None:
    data = bytearray(with_text(keyword, CANARY))
    place = 128 + at % (len(data) - 128)
    data[place] = value
    # A cut file still has to hold the text for the test to say anything.
    assert CANARY not in said(bytes(data[: max(place, data.find(CANARY.encode()) + 9)] if cut else data))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "value", [b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.3.1.9.1\0"]
)
def test_text_in_the_file_meta_reaches_neither_record_nor_refusal_nor_log(value: bytes) -> None:
    data = dicom(PIXELS)
    assert value in data
    assert CANARY not in said(data.replace(value, (CANARY * 3).encode()[: len(value)]))
