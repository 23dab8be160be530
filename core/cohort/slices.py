"""Layouts `lgg` (numbered slices of a patient are one volume) and `acdc` (several pictures per patient)."""

from __future__ import annotations

import re
from collections import defaultdict

from core.cohort.names import (
    MASK_ENDINGS,
    folder_of,
    group_of,
    last_of,
    natural,
    split_mask_ending,
    stem_of,
    suffix_of,
)
from core.cohort.plan import NoFit, Plan, PlannedItem, counted, refuse, unique_items
from core.types import Listing, Refusal

_NUMBERED = re.compile(r"(?P<patient>.+)_(?P<slice>\d+)")
_TIFF = (".tif", ".tiff")


def find_lgg(listing: Listing) -> Plan:
    """Pictures PATIENT_N.tif with PATIENT_N_mask.tif: slice N of a volume, one case per patient."""
    images: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    masks: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    twice: list[str] = []
    for name in listing.names:
        stem = stem_of(name)
        base = split_mask_ending(stem)
        found = _NUMBERED.fullmatch(last_of(base or stem)) if suffix_of(name) in _TIFF else None
        if found is None:
            continue
        table = images if base is None else masks
        slices = table[folder_of(name), found["patient"]]
        if int(found["slice"]) in slices:
            twice.append(name)
        slices.setdefault(int(found["slice"]), name)
    patients = [key for key in images if key in masks]
    if not patients:
        raise NoFit("No numbered slices with masks: expected PATIENT_1.tif and PATIENT_1_mask.tif.")
    refused = [*refuse(twice, "Another file has the same patient and slice number.")]
    items = []
    for key in patients:
        item, problems = _volume(key, images[key], masks[key])
        refused += problems
        items += [item] if item else []
    lost = [name for key in images if key not in masks for name in images[key].values()]
    refused += refuse(lost, "It has no mask.")
    refused += refuse([n for k in masks if k not in images for n in masks[k].values()], "It has no picture.")
    unique, doubles = unique_items(sorted(items, key=lambda item: natural(item.name)))
    slices_in_all = sum(len(item.image) for item in unique)
    understood = (
        f"{counted(len(unique), 'volume')} of {counted(slices_in_all, 'numbered slice')}, "
        f"{counted(len({item.group for item in unique}), 'patient')}; a patient's slices form one case."
    )
    return Plan(
        layout="lgg", task="segmentation", understood=understood, items=unique, refused=(*refused, *doubles)
    )


def _volume(
    key: tuple[str, str], images: dict[int, str], masks: dict[int, str]
) -> tuple[PlannedItem | None, list[Refusal]]:
    """The case of one patient, or why there is none: a stack with a hole would shift every later slice."""
    folder, patient = key
    name = patient if last_of(folder) in ("", patient) else f"{folder}/{patient}"
    without, alone = sorted(set(images) - set(masks)), sorted(set(masks) - set(images))
    if without or alone:
        parts = [f"slice {without[0]} has no mask"] if without else []
        parts += [f"mask {alone[0]} has no slice"] if alone else []
        return None, [Refusal(name=name, sentence=f"Not every slice has a mask: {' and '.join(parts)}.")]
    numbers = sorted(images)
    gaps = numbers[-1] - numbers[0] + 1 - len(numbers)
    if gaps:
        sentence = f"{counted(gaps, 'slice')} missing between {numbers[0]} and {numbers[-1]}."
        return None, [Refusal(name=name, sentence=sentence)]
    return PlannedItem(
        name=name,
        group=group_of(patient),
        kind="stack",
        image=tuple(images[number] for number in numbers),
        reference=tuple(masks[number] for number in numbers),
    ), []


def find_acdc(listing: Listing) -> Plan:
    """Patient folders (a name with a number) of picture and mask pairs named after their folder."""
    names = set(listing.names)
    items, left = [], []
    for name in listing.names:
        stem, folder = stem_of(name), last_of(folder_of(name))
        if not suffix_of(name) or split_mask_ending(stem) is not None:
            continue
        mine = re.search(r"\d", folder) and last_of(stem).startswith(folder) and last_of(stem) != folder
        mask = next(
            (each for each in _mask_names(name) if each in names),
            None,
        )
        if not mine or mask is None:
            left.append(name)
            continue
        items.append(PlannedItem(name=last_of(stem), group=folder, image=(name,), reference=(mask,)))
    if not items:
        raise NoFit("No patient folders with pairs: expected patient001/patient001_x.png and ..._x_mask.png.")
    used = {part for item in items for part in (*item.image, *item.reference)}
    masks = [n for n in names - used - set(left) if suffix_of(n)]
    unique, doubles = unique_items(items)
    groups = len({item.group for item in unique})
    return Plan(
        layout="acdc",
        task="segmentation",
        understood=f"{counted(len(unique), 'pair')} of picture and mask in "
        f"{counted(groups, 'patient folder')}.",
        items=unique,
        refused=(
            *doubles,
            *refuse(left, "It has no mask, or is not named after its patient's folder."),
            *refuse(sorted(masks, key=natural), "It is a mask without a picture."),
        ),
    )


def _mask_names(name: str) -> tuple[str, ...]:
    ending = name[len(stem_of(name)) :]
    return tuple(f"{stem_of(name)}{each}{ending}" for each in MASK_ENDINGS)
