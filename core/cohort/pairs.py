"""Layout `pairs`: an image and its mask, matched by name in one folder or in two beside each other."""

from __future__ import annotations

from collections import defaultdict

from core.cohort.names import (
    IMAGE_FOLDERS,
    MASK_FOLDERS,
    folder_of,
    group_of,
    last_of,
    natural,
    split_mask_ending,
    stem_of,
    suffix_of,
    without_image_ending,
)
from core.cohort.plan import NoFit, Plan, PlannedItem, counted, grouping, refuse, unique_items
from core.types import Listing, Refusal

Key = str
"""Relative path of a case: folder of images and masks taken out, endings taken off."""


def find_pairs(listing: Listing) -> Plan:
    """One case per picture that has exactly one mask; the rest is refused by name."""
    images: dict[Key, list[str]] = defaultdict(list)
    masks: dict[Key, list[str]] = defaultdict(list)
    for name in listing.names:
        if suffix_of(name):
            key, is_mask = _key(name)
            (masks if is_mask else images)[key].append(name)
    both = [key for key in images if key in masks]
    if not both:
        raise NoFit(
            "No picture has a mask: expected x.png with x_mask.png (or _seg, _label, -label), "
            "or images/x.png with masks/x.png or labels/x.png."
        )
    items, refused = [], []
    for key in both:
        if len(images[key]) == len(masks[key]) == 1:
            items.append(
                PlannedItem(
                    name=key, group=group_of(key), image=(images[key][0],), reference=(masks[key][0],)
                )
            )
        else:
            refused.append(_several(key, images[key], masks[key]))
    refused += refuse([n for key in images if key not in masks for n in images[key]], "It has no mask.")
    refused += refuse([n for key in masks if key not in images for n in masks[key]], "It has no picture.")
    unique, doubles = unique_items(sorted(items, key=lambda item: natural(item.name)))
    return Plan(
        layout="pairs",
        task="segmentation",
        understood=f"{counted(len(unique), 'image')} with a mask of the same name, {grouping(unique)}.",
        items=unique,
        refused=(*refused, *doubles),
    )


def _key(name: str) -> tuple[Key, bool]:
    """What picture and mask have in common, and whether this is the mask."""
    parts = folder_of(name).split("/") if "/" in name else []
    in_images = [place for place, part in enumerate(parts) if part.lower() in IMAGE_FOLDERS]
    in_masks = [place for place, part in enumerate(parts) if part.lower() in MASK_FOLDERS]
    kept = [part for place, part in enumerate(parts) if place not in (*in_images, *in_masks)]
    last = last_of(stem_of(name))
    base = split_mask_ending(last)
    is_mask = bool(in_masks) or (base is not None and not in_images)
    last = without_image_ending(base if base is not None and is_mask else last)
    return "/".join((*kept, last)), is_mask


def _several(key: Key, images: list[str], masks: list[str]) -> Refusal:
    sentence = f"{counted(len(images), 'image')} and {counted(len(masks), 'mask')} share this name."
    return Refusal(name=key, sentence=sentence)
