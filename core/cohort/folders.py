"""Layouts with one folder per case: `folders` (image, reference and predictions) and `brats` (sequences)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from core.cohort.names import VOLUMES, folder_of, group_of, last_of, natural, stem_of, suffix_of
from core.cohort.plan import NoFit, Plan, PlannedItem, counted, refuse, unique_items
from core.types import Listing, Refusal

IMAGE_NAMES = ("image", "img", "picture")
REFERENCE_NAMES = ("reference", "mask", "label", "labels", "seg", "segmentation", "gt", "ground_truth")

_REFERENCE_WORDS = re.compile(
    r"(^|[^a-z])(otmulticlass|seg|segmentation|label|labels|mask|lesion|lesions|tumor|tumour|gt|truth|gold)([^a-z]|$)"
)
_BRAIN_MASK = re.compile(r"brain[_-]?mask")


def find_folders(listing: Listing) -> Plan:
    """Folders that hold `image` and `reference` (or mask, label); every other image in them is a prediction.

    The mask may be on a grid of its own: the picture is then resampled to it, and the case says so.
    """
    folders = _by_folder(listing)
    items: list[PlannedItem] = []
    refused: list[Refusal] = []
    for folder, files in folders.items():
        by_stem = {last_of(stem_of(name)).lower(): name for name in files}
        image = next((by_stem[each] for each in IMAGE_NAMES if each in by_stem), None)
        reference = next((by_stem[each] for each in REFERENCE_NAMES if each in by_stem), None)
        if image is None:
            continue
        if reference is None:
            refused += refuse([folder or "."], "It holds an image and no reference.")
            continue
        others = [name for name in files if name not in (image, reference)]
        variants = [name for name in others if last_of(name).lower().startswith(REFERENCE_NAMES)]
        refused += refuse(variants, f"{last_of(reference)} is taken as the reference of this case.")
        name = folder or last_of(stem_of(image))
        items.append(
            PlannedItem(
                name=name,
                group=group_of(name),
                kind="fitted",
                image=(image,),
                reference=(reference,),
                predictions=tuple(sorted(set(others) - set(variants), key=natural)),
            )
        )
    if not items:
        raise NoFit("No folder holds a file called image and one called reference, mask or label.")
    unique, doubles = unique_items(items)
    beside = sum(len(item.predictions) for item in unique)
    return Plan(
        layout="folders",
        task="segmentation",
        understood=f"{counted(len(unique), 'folder')} with image and reference, and "
        f"{counted(beside, 'other mask')} beside them that can be imported as predictions.",
        items=unique,
        refused=(*refused, *doubles),
    )


def find_brats(listing: Listing) -> Plan:
    """Folders of NIfTI sequences with one label volume: the sequences become channels of one case."""
    folders = {
        folder: [name for name in files if suffix_of(name) in VOLUMES]
        for folder, files in _by_folder(listing).items()
        if folder
    }
    found: dict[str, tuple[dict[str, str], str]] = {}
    refused: list[Refusal] = []
    for folder, files in folders.items():
        brains = [name for name in files if _BRAIN_MASK.search(last_of(name).lower())]
        labels = [name for name in files if name not in brains and _is_reference(name)]
        sequences = [name for name in files if name not in (*brains, *labels)]
        if not sequences or not labels:
            continue
        refused += refuse(brains, "A brain mask is no reference and no sequence.")
        if len(labels) > 1:
            refused += refuse([folder], f"{len(labels)} label volumes; a case needs one.")
            continue
        found[folder] = (_sequence_names(folder, sequences), labels[0])
    if not found:
        raise NoFit(
            "No folder holds NIfTI sequences and one label volume (a name with seg, label, mask, truth)."
        )
    found = _shortened(found)
    wanted = _common_sequences(found)
    items = []
    for folder, (sequences_by_name, label) in found.items():
        missing = [each for each in wanted if each not in sequences_by_name]
        if missing:
            refused += refuse([folder], f"It lacks the sequence {missing[0]} that the other patients have.")
            continue
        extra = [file for each, file in sequences_by_name.items() if each not in wanted]
        refused += refuse(extra, "Most patients do not have this sequence; it is not used.")
        items.append(
            PlannedItem(
                name=folder,
                group=group_of(folder),
                kind="channels",
                image=tuple(sequences_by_name[each] for each in wanted),
                reference=(label,),
                channels=wanted,
            )
        )
    unique, doubles = unique_items(items)
    return Plan(
        layout="brats",
        task="segmentation",
        understood=f"{counted(len(unique), 'patient folder')} with the sequences {', '.join(wanted)} "
        "as channels and one label volume each.",
        items=unique,
        refused=(*refused, *doubles),
    )


def _by_folder(listing: Listing) -> dict[str, list[str]]:
    folders: dict[str, list[str]] = defaultdict(list)
    for name in listing.names:
        if suffix_of(name):
            folders[folder_of(name)].append(name)
    return dict(folders)


def _is_reference(name: str) -> bool:
    return bool(_REFERENCE_WORDS.search(last_of(stem_of(name)).lower()))


def _sequence_names(folder: str, files: list[str]) -> dict[str, str]:
    """Sequences by their name without the patient's."""
    stems = [last_of(stem_of(name)).removeprefix(last_of(folder)).strip("_-. ") for name in files]
    return dict(zip(stems, files, strict=True))


def _shortened(found: dict[str, tuple[dict[str, str], str]]) -> dict[str, tuple[dict[str, str], str]]:
    """The same without the words that all sequence names end in (how they were normalised)."""
    stems = {stem for sequences, _ in found.values() for stem in sequences}
    endings = {stem.partition("_")[2] for stem in stems}
    if len(stems) < 2 or len(endings) > 1:
        return found
    return {
        folder: ({stem.partition("_")[0]: name for stem, name in sequences.items()}, label)
        for folder, (sequences, label) in found.items()
    }


def _common_sequences(found: dict[str, tuple[dict[str, str], str]]) -> tuple[str, ...]:
    """Sequences that more than half of the patients have, in natural order."""
    counts = Counter(each for sequences, _ in found.values() for each in sequences)
    return tuple(sorted((each for each, n in counts.items() if 2 * n > len(found)), key=natural))
