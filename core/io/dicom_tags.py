"""Technical tags that may be shown: an allow-list. Nothing else of a data set leaves the reader."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from core.io.dicom_file import DicomFile, numbers, standard_name

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_NUMBERS = (
    "MagneticFieldStrength",
    "RepetitionTime",
    "EchoTime",
    "InversionTime",
    "FlipAngle",
    "EchoTrainLength",
    "SliceThickness",
    "SpacingBetweenSlices",
    "PixelSpacing",
    "KVP",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "BitsStored",
    "RescaleSlope",
    "RescaleIntercept",
)
_CODES = {
    "Modality": "AR AU BI CR CT DG DX ECG EPS ES GM HD IO IVOCT IVUS KER LS MG MR NM OAM OCT OP OPM OPT OT "
    "PT PX REG RF RG RTDOSE RTIMAGE SC SEG SM SR US VL XA XC",
    "ScanningSequence": "SE IR GR EP RM",
    "SequenceVariant": "SK MTC SS TRSS SP MP OSP NONE",
    "MRAcquisitionType": "2D 3D",
    "PatientPosition": "HFP HFS HFDR HFDL FFDR FFDL FFP FFS LFP LFS RFP RFS AFDR AFDL PFDR PFDL",
    "BodyPartExamined": "ABDOMEN ABDOMENPELVIS ANKLE AORTA ARM BLADDER BRAIN BREAST CAROTID CHEST "
    "CHESTABDOMEN CHESTABDPELVIS CLAVICLE COLON CSPINE CTSPINE ELBOW EXTREMITY EYE FEMUR FINGER FOOT HAND "
    "HEAD HEADNECK HEART HIP HUMERUS JAW KIDNEY KNEE LEG LIVER LSPINE LUNG MEDIASTINUM NECK ORBIT PANCREAS "
    "PELVIS PROSTATE RETINA RIB SHOULDER SKULL SPINE SPLEEN SSPINE STERNUM STOMACH THIGH THORAX THYROID "
    "TSPINE TLSPINE UTERUS WHOLEBODY WRIST",
    "PhotometricInterpretation": "MONOCHROME1 MONOCHROME2 PALETTE_COLOR RGB YBR_FULL YBR_FULL_422 YBR_ICT "
    "YBR_RCT",
    "BurnedInAnnotation": "YES NO",
}
"""Codes by keyword, as the standard defines them (PS3.3; body parts PS3.16, annex L).

The form of a code is not enough: people write names into these fields too, and names are capital letters.
"""
_MAKERS = ("SIEMENS", "GE", "PHILIPS", "CANON", "TOSHIBA", "HITACHI", "FUJIFILM", "BRUKER", "UNITED IMAGING")


def kept_tags() -> tuple[str, ...]:
    """Every keyword that may be kept, in alphabetical order."""
    return tuple(sorted({*_NUMBERS, *_CODES, "Manufacturer", "TransferSyntax", "SOPClass"}))


def technical_tags(file: DicomFile) -> tuple[tuple[str, str], ...]:
    """(keyword, value) of the tags on the allow-list that hold what their type allows.

    Free-text tags are left out, even technical ones: people write names into them. The manufacturer is
    matched against known names.
    """
    dataset = file.dataset
    found = [
        (key, "\\".join(f"{n:g}" for n in numbers(dataset, key))) for key in _NUMBERS if numbers(dataset, key)
    ]
    found += [(key, code) for key in _CODES if (code := _code(dataset, key))]
    maker = str(dataset.get("Manufacturer", "")).upper()
    found += [("Manufacturer", name) for name in _MAKERS if re.match(rf"{name}\b", maker)][:1]
    found.append(("TransferSyntax", standard_name(file.syntax)))
    found.append(("SOPClass", standard_name(dataset.get("SOPClassUID", ""))))
    return tuple(found)


def modality(dataset: Dataset) -> str | None:
    """The modality code such as MR or CT, or None when absent or not a code."""
    return _code(dataset, "Modality") or None


def _code(dataset: Dataset, key: str) -> str:
    value = dataset.get(key)
    parts = [] if value is None else [value] if isinstance(value, str) else list(value)
    texts = [str(part).strip() for part in parts]
    known = {each.replace("PALETTE_COLOR", "PALETTE COLOR") for each in _CODES[key].split()}
    return "\\".join(texts) if texts and set(texts) <= known else ""
