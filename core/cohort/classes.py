"""Layout `classes`: one folder per class, the pictures of that class in it."""

from __future__ import annotations

from core.cohort.names import (
    IMAGE_FOLDERS,
    MASK_FOLDERS,
    PICTURES,
    VOLUMES,
    group_of,
    natural,
    split_mask_ending,
    stem_of,
    suffix_of,
)
from core.cohort.plan import NoFit, Plan, PlannedItem, counted, refuse, unique_items
from core.types import Listing

MOST_CLASSES = 50
_NO_CLASS = (*IMAGE_FOLDERS, *MASK_FOLDERS, "imagestr", "labelstr", "imagests", "labelsts")


def find_classes(listing: Listing) -> Plan:
    """Top folders are the classes; every image below one is a case of it."""
    files = [name for name in listing.names if suffix_of(name) in (*PICTURES, *VOLUMES)]
    masks = [name for name in files if split_mask_ending(stem_of(name)) is not None]
    if masks:
        raise NoFit(f"There are masks beside the images, such as {masks[0]}: this is no classification.")
    inside = [name for name in files if "/" in name]
    classes = sorted({name.split("/")[0] for name in inside}, key=natural)
    if len(classes) < 2:
        raise NoFit("There are not two folders with images: expected one folder per class.")
    odd = [each for each in classes if each.lower() in _NO_CLASS]
    if odd:
        raise NoFit(f"The folder {odd[0]} is named after what it holds, not after a class.")
    if len(classes) > MOST_CLASSES or 2 * len(classes) > len(inside):
        raise NoFit(f"{len(classes)} folders with {len(inside)} images look like patients, not like classes.")
    items = [
        PlannedItem(
            name=stem_of(name), group=group_of(stem_of(name)), image=(name,), labels=(name.split("/")[0],)
        )
        for name in inside
    ]
    unique, doubles = unique_items(items)
    shares = ", ".join(f"{each} {sum(i.labels == (each,) for i in unique)}" for each in classes)
    groups = len({item.group for item in unique})
    return Plan(
        layout="classes",
        task="classification",
        understood=f"{counted(len(unique), 'image')} in {len(classes)} classes ({shares}), "
        f"{counted(groups, 'group')} by name.",
        items=unique,
        refused=(*doubles, *refuse([n for n in files if "/" not in n], "It lies in no class folder.")),
        class_names=tuple(classes),
    )
