"""The table of layouts, and how the one that describes a folder is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.cohort.classes import find_classes
from core.cohort.folders import find_brats, find_folders
from core.cohort.manifest import find_manifest
from core.cohort.nnunet import find_nnunet
from core.cohort.packed import find_packed
from core.cohort.pairs import find_pairs
from core.cohort.plan import NoFit, Plan
from core.cohort.slices import find_acdc, find_lgg
from core.errors import InputProblem
from core.types import Listing

Finder = Callable[[Listing], Plan]
"""What a layout makes of a listing; raises NoFit where it does not describe it."""


@dataclass(frozen=True)
class LayoutSpec:
    """One row of the table.

    recognised: by what. before: keys of layouts that may fit too and are then less specific.
    """

    key: str
    label: str
    help: str
    recognised: str
    finder: Finder
    before: tuple[str, ...] = ()


LAYOUTS: tuple[LayoutSpec, ...] = (
    LayoutSpec(
        "manifest",
        "Table of files",
        "A CSV or Parquet table names the files, groups and labels of every case.",
        "a table with the columns case and image, given itself or called manifest.csv",
        find_manifest,
        before=("lgg", "acdc", "pairs", "classes", "folders", "brats"),
    ),
    LayoutSpec(
        "packed-npz",
        "Packed slices",
        "One npz holds the slices of all patients; a patient's slices form one case.",
        "one .npz with the arrays image, patient and, if there are, mask and slice",
        find_packed,
    ),
    LayoutSpec(
        "nnunet",
        "nnU-Net raw dataset",
        "Channels in imagesTr, labels in labelsTr, names in dataset.json.",
        "folders imagesTr and labelsTr beside each other",
        find_nnunet,
        before=("pairs",),
    ),
    LayoutSpec(
        "lgg",
        "Numbered slices per patient",
        "PATIENT_1.tif with PATIENT_1_mask.tif and so on: the slices of a patient form one case.",
        "TIFF pictures and masks whose names end in a slice number",
        find_lgg,
        before=("pairs", "acdc"),
    ),
    LayoutSpec(
        "acdc",
        "Several pictures per patient",
        "Patient folders with picture and mask pairs; every pair is a case, the folder is its group.",
        "pairs whose names start with that of their folder, which holds a number",
        find_acdc,
        before=("pairs",),
    ),
    LayoutSpec(
        "folders",
        "One folder per case",
        "Each folder holds image and reference, and masks that others predicted.",
        "folders with a file called image and one called reference, mask or label",
        find_folders,
        before=("classes",),
    ),
    LayoutSpec(
        "brats",
        "Sequences per patient",
        "Each folder holds NIfTI sequences, which become channels, and one label volume.",
        "folders with NIfTI files of which one is named as a label (seg, label, mask, truth)",
        find_brats,
        before=("classes",),
    ),
    LayoutSpec(
        "pairs",
        "Images and masks by name",
        "x.png with x_mask.png in one folder, or images/x.png with masks/x.png.",
        "files whose names differ by _mask, _seg, _label or -label, or by the folders images and masks",
        find_pairs,
        before=("brats",),
    ),
    LayoutSpec(
        "classes",
        "One folder per class",
        "The images of each class lie in a folder named after it.",
        "at least two folders with images and no masks",
        find_classes,
    ),
)


@dataclass(frozen=True)
class Recognised:
    """plan: what was understood. reasons: (layout key, why it was not taken) of every other layout."""

    plan: Plan
    reasons: tuple[tuple[str, str], ...]


def layout_spec(key: str) -> LayoutSpec:
    """The row with this key. Raises InputProblem that lists the known keys."""
    known = {spec.key: spec for spec in LAYOUTS}
    if key not in known:
        raise InputProblem(
            "There is no such layout",
            found=repr(key),
            expected=", ".join(known),
            fix="name one of these, or none to have it found",
        )
    return known[key]


def recognise(listing: Listing, layout: str | None = None) -> Recognised:
    """The plan of the one layout that describes the listing, or of the named one.

    Raises InputProblem, with the reason of every layout, when none fits or several fit equally well.
    """
    if layout is not None:
        spec = layout_spec(layout)
        try:
            return Recognised(spec.finder(listing), ())
        except NoFit as no:
            raise _nothing(listing, f"{spec.key}: {no.sentence}") from None
    fits: dict[str, Plan] = {}
    reasons: dict[str, str] = {}
    for spec in LAYOUTS:
        try:
            fits[spec.key] = spec.finder(listing)
        except NoFit as no:
            reasons[spec.key] = no.sentence
    for spec in LAYOUTS:
        for weaker in spec.before if spec.key in fits else ():
            if fits.pop(weaker, None) is not None:
                reasons[weaker] = f"It fits too, but {spec.key} says more: {spec.recognised}."
    if not fits:
        raise _nothing(listing, " ".join(f"{key}: {reason}" for key, reason in reasons.items()))
    if len(fits) > 1:
        raise InputProblem(
            "More than one layout describes these files",
            found="; ".join(f"{key}: {plan.understood}" for key, plan in fits.items()),
            expected="one layout",
            fix=f"name the layout: {' or '.join(fits)}",
            file=listing.label,
        )
    (plan,) = fits.values()
    return Recognised(plan, tuple(reasons.items()))


def _nothing(listing: Listing, found: str) -> InputProblem:
    return InputProblem(
        "No layout describes these files",
        found=found,
        expected="; ".join(f"{spec.key}: {spec.recognised}" for spec in LAYOUTS),
        fix="arrange the files in one of these ways, or write a manifest.csv",
        file=listing.label,
    )
