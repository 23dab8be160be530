"""What file names say: which file is a mask of which picture, and which patient a picture belongs to.

Names are labels, never paths, and never numbers: 001 stays 001.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
VOLUMES = (".nii.gz", ".nii")
SUFFIXES = (*VOLUMES, *PICTURES, ".dcm")
"""Endings of files that may be an image or a mask; longest first."""

MASK_ENDINGS = (
    "_mask", "-mask", "_masks", "_seg", "-seg", "_segmentation", "_label", "-label", "_labels", "_lesion",
    "_gt",
)  # fmt: skip
"""Endings of a name (without its suffix) that make it the mask of the picture with the rest of the name."""

IMAGE_ENDINGS = ("_image", "-image", "_img")
IMAGE_FOLDERS = ("images", "image", "imgs", "img")
MASK_FOLDERS = ("masks", "mask", "labels", "label", "annotations", "segmentations", "gt")

GROUP_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"(person\d+)_(?:bacteria|virus)", "chest X-rays of children (Kermany): personNNN"),
    (r"(?:NORMAL\d?-)?(IM-\d+)-\d", "chest X-rays of children (Kermany), normal: IM-NNNN"),
    (r"(TCGA_[A-Z0-9]{2}_[A-Z0-9]{4}_\d{8})", "LGG: TCGA_site_participant_date, one date per patient"),
    (r"((?:MCU|CHN)CXR_\d+)_[01]$", "Montgomery and Shenzhen chest X-rays: MCUCXR_NNNN"),
    (r"(sub-[A-Za-z0-9]+)_", "BIDS: sub-LABEL"),
    (r"(patient_?\d+)(?![0-9])", "patientNNN"),
)
"""Patterns of file names that name the patient, and where they come from; the first that fits counts.

Models name their training patients in the same way, so that networks that saw a patient do not judge it.
"""


def suffix_of(name: str) -> str:
    """The known ending of an image file in lower case, "" for any other file.

    >>> suffix_of("a/scan.NII.gz"), suffix_of("notes.txt")
    ('.nii.gz', '')
    """
    lower = name.lower()
    return next((suffix for suffix in SUFFIXES if lower.endswith(suffix)), "")


def stem_of(name: str) -> str:
    """Relative path without the known ending.

    >>> stem_of("benign/benign_1.png"), stem_of("scan.v2.nii.gz")
    ('benign/benign_1', 'scan.v2')
    """
    ending = suffix_of(name)
    return name[: len(name) - len(ending)] if ending else name


def folder_of(name: str) -> str:
    """The folder part of a relative path, "" at the top."""
    return name.rpartition("/")[0]


def last_of(name: str) -> str:
    """The last part of a relative path."""
    return name.rpartition("/")[2]


def split_mask_ending(stem: str) -> str | None:
    """`stem` without its mask ending, None where it has none.

    >>> split_mask_ending("benign_1_mask"), split_mask_ending("benign_1")
    ('benign_1', None)
    """
    lower = stem.lower()
    for ending in MASK_ENDINGS:
        if lower.endswith(ending) and len(last_of(stem)) > len(ending):
            return stem[: -len(ending)]
    return None


def without_image_ending(stem: str) -> str:
    """`stem` without an ending that only says that it is an image."""
    for ending in IMAGE_ENDINGS:
        if stem.lower().endswith(ending) and len(last_of(stem)) > len(ending):
            return stem[: -len(ending)]
    return stem


def group_of(name: str) -> str:
    """The patient that a file or case name tells, else the name itself.

    >>> group_of("viral/person1301_virus_2241"), group_of("normal/NORMAL2-IM-1096-0001-0001")
    ('person1301', 'IM-1096')
    >>> group_of("shenzhen/CHNCXR_0372_1"), group_of("benign/benign_7")
    ('CHNCXR_0372', 'benign/benign_7')
    """
    last = last_of(name)
    for pattern, _ in GROUP_PATTERNS:
        found = re.match(pattern, last)
        if found:
            return found.group(1)
    return name


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts slice 2 before slice 10, and orders any two names.

    >>> sorted(["s10", "s2", "s1"], key=natural)
    ['s1', 's2', 's10']
    """
    parts = re.split(r"(\d+)", name)
    return tuple((1, int(part), part) if part.isdecimal() else (0, 0, part) for part in parts)


def relative_name(name: str, base: str) -> str | None:
    """A path of a table, relative to the folder of that table; None where it leaves the listed folder.

    >>> relative_name("../x.png", "sub"), relative_name("../../x.png", "sub"), relative_name("/etc/x", "")
    ('x.png', None, None)
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or name[1:2] == ":":
        return None
    parts = [part for part in base.split("/") if part]
    for part in path.parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            return None
    return "/".join(parts)
