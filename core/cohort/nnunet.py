"""Layout `nnunet`: a raw dataset folder of nnU-Net (imagesTr, labelsTr, dataset.json).

Format: https://github.com/MIC-DKFZ/nnUNet/blob/master/documentation/dataset_format.md (versions 1 and 2).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from core.cohort.names import folder_of, group_of, last_of, natural, stem_of, suffix_of
from core.cohort.plan import NoFit, Plan, PlannedItem, counted, refuse, unique_items
from core.types import Listing, Refusal

_CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")
_LARGEST_JSON = 1 << 20


def find_nnunet(listing: Listing) -> Plan:
    """One case per name in labelsTr, its channels the files NAME_0000, NAME_0001, ... in imagesTr."""
    root = _root(listing)
    images: dict[str, dict[int, str]] = defaultdict(dict)
    refused: list[Refusal] = []
    for name in _below(listing, f"{root}imagesTr"):
        found = _CHANNEL.fullmatch(last_of(stem_of(name)))
        if found is None:
            refused += refuse([name], "Its name does not end in a channel number such as _0000.")
        else:
            images[found["case"]].setdefault(int(found["channel"]), name)
    labels = {last_of(stem_of(name)): name for name in _below(listing, f"{root}labelsTr")}
    facts = _dataset(listing, root)
    channels = _channel_names(facts, images)
    items = []
    for case, files in images.items():
        if case not in labels:
            refused += refuse([case], "It has no file in labelsTr.")
        elif sorted(files) != list(range(len(channels))):
            have = ", ".join(f"{each:04d}" for each in sorted(files))
            refused += refuse([case], f"It has the channels {have}; expected {len(channels)} from 0000 on.")
        else:
            items.append(
                PlannedItem(
                    name=case,
                    group=group_of(case),
                    kind="channels",
                    image=tuple(files[each] for each in sorted(files)),
                    reference=(labels[case],),
                    channels=channels,
                )
            )
    refused += refuse([labels[case] for case in labels if case not in images], "It has no image in imagesTr.")
    unique, doubles = unique_items(sorted(items, key=lambda item: natural(item.name)))
    classes = _class_names(facts)
    named = f"labels {', '.join(classes)}" if classes else "labels without names"
    return Plan(
        layout="nnunet",
        task="segmentation",
        understood=f"{counted(len(unique), 'case')} with {counted(len(channels), 'channel')} "
        f"({', '.join(channels)}) and {named}.",
        items=unique,
        refused=(*refused, *doubles),
        class_names=classes,
    )


def _root(listing: Listing) -> str:
    """Folder that holds imagesTr and labelsTr, with a slash at its end, or ""."""
    folders = {folder_of(name) for name in listing.names}
    for folder in sorted(folders, key=len):
        base = folder.removesuffix("imagesTr")
        if last_of(folder) == "imagesTr" and f"{base}labelsTr" in folders:
            return base
    raise NoFit("There are no folders imagesTr and labelsTr beside each other.")


def _below(listing: Listing, folder: str) -> list[str]:
    return [name for name in listing.names if folder_of(name) == folder and suffix_of(name)]


def _dataset(listing: Listing, root: str) -> Mapping[str, Any]:
    """dataset.json, or nothing where it is missing; refuses one that is no JSON object."""
    name = f"{root}dataset.json"
    if name not in listing.names:
        return {}
    data = listing.read(name)
    try:
        facts = json.loads(data) if len(data) <= _LARGEST_JSON else None
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise NoFit("dataset.json is not a JSON object of at most 1 MiB.")
    return facts


def _channel_names(facts: Mapping[str, Any], images: Mapping[str, Mapping[int, str]]) -> tuple[str, ...]:
    """Names of the channels in order; numbers where dataset.json does not say."""
    told = facts.get("channel_names", facts.get("modality"))
    if isinstance(told, dict) and told and all(str(k) in told for k in range(len(told))):
        return tuple(str(told[str(k)]) for k in range(len(told)))
    most = max((max(files) + 1 for files in images.values()), default=0)
    return tuple(f"channel {k}" for k in range(most))


def _class_names(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of labels 1, 2, ... or () where they are not consecutive single labels (regions)."""
    told = facts.get("labels")
    if not isinstance(told, dict):
        return ()
    version_1 = all(str(key).isdecimal() for key in told)
    pairs = [(key, name) if version_1 else (name, key) for key, name in told.items()]
    try:
        names = {int(value): str(name) for value, name in pairs}
    except (TypeError, ValueError):
        return ()
    foreground = sorted(value for value in names if value > 0)
    return (
        tuple(names[value] for value in foreground)
        if foreground == list(range(1, len(foreground) + 1))
        else ()
    )
