"""A mask as a DICOM Segmentation object on the very images that it was drawn on.

A kept case holds no DICOM header, so the original files are asked from the caller and checked against it.
The object: PS3.3 A.51 and C.8.20, written by highdicom (Bridge et al. 2022, doi:10.1007/s10278-022-00683-y).
Every slice is written, empty ones too: a reader that stacks frames then gets a regular volume.
"""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from core.config import digest
from core.errors import InputProblem, SettingsProblem
from core.io.boundary import at_boundary
from core.io.decoded import Array
from core.io.dicom import chosen_stack
from core.io.dicom_frames import Frame
from core.io.dicom_stack import Stack
from core.io.limits import Limits, limits_in_force
from core.io.orient import to_source
from core.io.reader import read_case
from core.io.upload import dicom_members
from core.types import Case, LabelArray, NamedBytes

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

NOTICE = "Research use only. Not a medical device."
SERIES_NUMBER = 900

_IDENTITY = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_MAY_BE_EMPTY = (
    "AccessionNumber", "PatientBirthDate", "PatientID", "PatientName", "PatientSex", "StudyDate", "StudyID",
    "StudyTime",
)  # fmt: skip
_ABNORMAL = re.compile(r"lesion|tumou?r|abnormal", re.IGNORECASE)
_CODES = {
    True: (("49755003", "Morphologically Abnormal Structure"), ("52988006", "Lesion", "SCT")),
    False: (("309825002", "Spatial and Relational Concept"), ("111099", "Selected region", "DCM")),
}
"""Category (SNOMED CT) and type (code, meaning, scheme) of a segment, by whether its name tells a lesion."""


@dataclass(frozen=True)
class SegMaker:
    """What a segmentation object says about its origin.

    class_names: one per label from 1 on. algorithm: id of the model. made: when, with a time zone.
    """

    class_names: tuple[str, ...]
    algorithm: str
    app_version: str
    made: datetime


def dicom_seg(
    case: Case,
    mask: LabelArray,
    source_files: Sequence[NamedBytes],
    maker: SegMaker,
    *,
    reference: Sequence[NamedBytes] = (),
    limits: Limits | None = None,
) -> bytes:
    """`mask` (slice, row, column), uint8 labels, as a binary DICOM Segmentation object.

    source_files: the upload that the case was read from, with the names and study of the patient, which the
    object takes over. reference: the mask files that came with it, if any. Frames carry the pixels as the
    source stores them, each with the instance (and frame) that it lies on; tiles of a Siemens mosaic become
    frames at their own positions. Same mask, files and `maker`: same bytes.

    Raises SettingsProblem where case or mask do not fit, InputProblem where the files are not those of the
    case or lack what the object needs.
    """
    limits = limits or limits_in_force()
    _check_mask(case, mask, maker)
    check_source(case, source_files, reference, limits)
    natural = np.ascontiguousarray(to_source(mask, case.image.geometry))

    def write() -> bytes:
        stack = chosen_stack(dicom_members(source_files, limits), case.options, limits)
        _check_headers(stack.frames)
        name = digest([case.id, natural.tobytes().hex(), repr(maker)])
        return _bytes(_segmentation(stack, natural, maker, name))

    return at_boundary("DICOM source", write)


def check_source(
    case: Case,
    source_files: Sequence[NamedBytes],
    reference: Sequence[NamedBytes] = (),
    limits: Limits | None = None,
) -> None:
    """Raise InputProblem unless `case` was read from these files.

    The digest of files and options must give the case's id. The id also covers the bytes of a reference;
    where these are not at hand, voxels and geometry must be equal to the last bit instead.
    """
    limits = limits or limits_in_force()
    found = read_case(source_files, case.options, reference, limits)
    voxels = case.reference is not None and not reference and _same_image(case, found)
    if found.id != case.id and not voxels:
        raise InputProblem(
            "These are not the files of the case",
            found=f"files that give case {found.id[:16]}",
            expected=f"the files that gave case {case.id[:16]}",
            fix="give all original files of the upload, and no others",
        )


def _same_image(one: Case, other: Case) -> bool:
    first, second = one.image, other.image
    places = [each.geometry.affine_ras for each in (first, second)]
    if (places[0] is None) != (places[1] is None):
        return False
    same_place = places[0] is None or places[1] is None or np.array_equal(places[0], places[1])
    turned = [(each.geometry.source_axes, each.geometry.source_flips) for each in (first, second)]
    return same_place and turned[0] == turned[1] and np.array_equal(first.values, second.values)


def _check_mask(case: Case, mask: LabelArray, maker: SegMaker) -> None:
    if case.format != "dicom":
        raise SettingsProblem(
            "Only a DICOM case has a DICOM segmentation",
            found=case.format,
            expected="dicom",
            fix="write the mask in the format of the input",
            file=case.name,
        )
    expected = case.image.values.shape[1:]
    classes = len(maker.class_names)
    if mask.shape != expected or mask.dtype != np.uint8 or int(mask.max(initial=0)) > classes:
        raise SettingsProblem(
            "The mask does not fit the case",
            found=f"{mask.dtype} {mask.shape} with labels up to {mask.max(initial=0)}",
            expected=f"uint8 {expected} with labels up to {classes}",
            fix="pass the mask of this case with the names of its classes",
            file=case.name,
        )


def _check_headers(frames: Sequence[Frame]) -> None:
    """What a segmentation cannot do without; tags that may be empty are filled in."""
    for dataset in (frame.file.dataset for frame in frames):
        missing = [key for key in _IDENTITY if not dataset.get(key)]
        if missing:
            raise _lacking(
                f"no {' and no '.join(missing)} in a file", "identifiers of the study and its images"
            )
        for key in _MAY_BE_EMPTY:
            if key not in dataset:
                setattr(dataset, key, None)
    # Without a frame of reference no position means anything, and the library takes one picture only.
    if len(frames) > 1 and not _placed(frames):
        raise _lacking(
            "no frame of reference, or frames without a position", "frames that lie in one frame of reference"
        )


def _placed(frames: Sequence[Frame]) -> bool:
    return all(
        frame.position is not None
        and frame.directions is not None
        and frame.pixel_mm is not None
        and bool(frame.file.dataset.get("FrameOfReferenceUID"))
        for frame in frames
    )


def _lacking(found: str, expected: str) -> InputProblem:
    return InputProblem(
        "The DICOM files lack what a segmentation object needs",
        found=found,
        expected=expected,
        fix="take the mask as NIfTI",
    )


def _segmentation(stack: Stack, natural: Array, maker: SegMaker, name: str) -> Any:
    import highdicom

    sources, places = _sources(stack.frames), _places(stack.frames)
    seg = highdicom.seg.Segmentation(
        source_images=sources,
        pixel_array=natural,
        segmentation_type="BINARY",
        segment_descriptions=[
            _description(number, label, maker) for number, label in enumerate(maker.class_names, 1)
        ],
        series_instance_uid=_uid(name, "series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=_uid(name, "instance"),
        instance_number=1,
        manufacturer="Second Look",
        manufacturer_model_name="Second Look",
        software_versions=maker.app_version,
        device_serial_number="0",
        content_label="SEGMENTATION",
        content_description=f"Second Look. {NOTICE}",
        series_description=f"Second Look. {NOTICE}",
        omit_empty_frames=False,
        **places,
    )
    if len({id(frame.file) for frame in stack.frames}) == 1 < len(stack.frames):
        _name_frames(seg, stack.frames)
    _stamp(seg, maker.made, _uid(name, "dimensions"))
    return seg


def _sources(frames: Sequence[Frame]) -> list[Dataset]:
    """One header per slice, or the one header of a multi-frame object or mosaic."""
    first = frames[0]
    if all(frame.file is first.file for frame in frames):
        return [first.file.dataset]
    for frame in frames:
        # Directions of one stack agree to 1e-3; the library wants them equal to the last digit.
        frame.file.dataset.ImageOrientationPatient = first.file.dataset.ImageOrientationPatient
    return [frame.file.dataset for frame in frames]


def _places(frames: Sequence[Frame]) -> dict[str, Any]:
    """Positions told frame by frame where slices and source objects do not stand one for one."""
    import highdicom

    first = frames[0]
    if len(frames) == 1 or any(frame.file is not first.file for frame in frames):
        return {}
    assert first.directions is not None and first.pixel_mm is not None
    orientation = [float(value) for value in first.directions.ravel()]
    shared = first.file.dataset.get("SharedFunctionalGroupsSequence")
    if shared and "PlaneOrientationSequence" not in shared[0]:
        shared[0].PlaneOrientationSequence = highdicom.PlaneOrientationSequence("PATIENT", orientation)
    along = np.array([frame.position for frame in frames], np.float64) @ np.cross(*first.directions)
    step = float(abs(along[-1] - along[0]) / (len(along) - 1))
    return {
        "plane_positions": [
            highdicom.PlanePositionSequence("PATIENT", frame.position)
            for frame in frames
            if frame.position is not None
        ],
        "plane_orientation": highdicom.PlaneOrientationSequence("PATIENT", orientation),
        "pixel_measures": highdicom.PixelMeasuresSequence(
            pixel_spacing=list(first.pixel_mm),
            slice_thickness=round(step, 6),
            spacing_between_slices=round(step, 6),
        ),
    }


def _name_frames(seg: Any, frames: Sequence[Frame]) -> None:
    """Name, at each frame, the one source frame that it lies on.

    The library finds frames by their position alone and would name every time point of a place.
    """
    numbers = {_key(frame.position): frame.index + 1 for frame in frames}
    for item in seg.PerFrameFunctionalGroupsSequence:
        number = numbers[_key(item.PlanePositionSequence[0].ImagePositionPatient)]
        for derivation in item.get("DerivationImageSequence", ()):
            kept = [
                image
                for image in derivation.SourceImageSequence
                if image.get("ReferencedFrameNumber") in (None, number)
            ]
            derivation.SourceImageSequence = kept


def _key(position: Any) -> tuple[float, ...]:
    return tuple(round(float(value), 3) for value in position)


def _description(number: int, label: str, maker: SegMaker) -> Any:
    import highdicom
    from highdicom.sr import CodedConcept
    from pydicom.sr.codedict import codes

    (category, category_words), (kind, kind_words, scheme) = _CODES[bool(_ABNORMAL.search(label))]
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=_text(label) or f"class {number}",
        segmented_property_category=CodedConcept(category, "SCT", category_words),
        segmented_property_type=CodedConcept(kind, scheme, kind_words),
        algorithm_type="AUTOMATIC",
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name=_text(maker.algorithm) or "unnamed",
            family=codes.cid7162.ArtificialIntelligence,
            version=_text(maker.app_version),
        ),
    )


def _text(untrusted: str) -> str:
    """A value of type LO: at most 64 characters, no control characters, no backslash (PS3.5 6.2)."""
    return "".join(each for each in untrusted if each.isprintable() and each != "\\").strip()[:64].strip()


def _uid(name: str, part: str) -> str:
    """A UID made from a UUID (PS3.5 B.2), the same for the same content."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'second-look {name} {part}').int}"


def _stamp(seg: Any, made: datetime, dimensions: str) -> None:
    """Put the given time and UID where the library put the clock's and a random one."""
    day, moment = made.strftime("%Y%m%d"), made.strftime("%H%M%S")
    seg.InstanceCreationDate = seg.ContentDate = day
    seg.InstanceCreationTime = seg.ContentTime = moment
    for equipment in seg.get("ContributingEquipmentSequence", ()):
        if "ContributionDateTime" in equipment:
            equipment.ContributionDateTime = day + moment
    for item in (*seg.DimensionOrganizationSequence, *seg.DimensionIndexSequence):
        item.DimensionOrganizationUID = dimensions


def _bytes(seg: Any) -> bytes:
    out = io.BytesIO()
    seg.save_as(out)
    return out.getvalue()
