"""What units can be grouped by: measured on reference and picture, told by names, or read from a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from core.metrics.subgroups import Attribute
from core.pipeline.case import silent
from core.types import WHOLE_CASE, BoolArray, Case, Float32Array, Progress, UnitTable

if TYPE_CHECKING:
    from core.store import Store

TISSUE = 0.05
"""Share of a slice's range above which a pixel belongs to the head."""
CENTRAL = 0.5
"""Of the head's radius: a lesion whose centre lies nearer to the middle is central."""
HOLLOW = 1.05
"""A lesion is hollow when filling its holes adds more than a twentieth to its area."""
BOTH_SIDES = 0.05
"""A lesion crosses the midline when at least a twentieth of it lies on either side."""
NEAR_MIDLINE = 0.03
"""It touches the midline when it comes nearer than this share of the head's width."""
NOTHING = "nothing to find"

Columns = Mapping[str, Mapping[str, str]]
"""Value by name of the unit's case or patient, by name of the column."""


@dataclass(frozen=True)
class _Shape:
    """What is measured of a unit's reference: area in pixels (voxels) and mm² (ml), and three categories."""

    size: float
    unit: str
    place: str | None
    build: str | None
    midline: str | None


def attributes_of(
    store: Store, table: UnitTable, columns: Columns | None = None, progress: Progress = silent
) -> tuple[Attribute, ...]:
    """Every attribute that the units of a table have. columns: further ones, by case name,
    patient, or what a patient's name begins with.

    Measured attributes need the stored case and its reference; units without are None.
    """
    found = list(_named(table))
    if table.task == "segmentation":
        found += _measured(store, table, progress)
    elif table.label is not None:
        found.append(_classes(table))
    for name, values in (columns or {}).items():
        categories = tuple(
            _looked_up(values, case, group) for case, group in zip(table.name, table.group, strict=True)
        )
        found.append(Attribute(f"column {name}", name, "From the table of attributes.", categories))
    return tuple(each for each in found if len({*each.categories} - {None}) > 1)


def _looked_up(values: Mapping[str, str], case: str, group: str) -> str | None:
    """By the case's name, the patient's, or the longest name that the patient's goes on from ("_")."""
    if case in values or group in values:
        return values.get(case) or values.get(group)
    longer = [name for name in values if group.startswith(f"{name}_")]
    return values[max(longer, key=len)] if longer else None


def _named(table: UnitTable) -> list[Attribute]:
    sites = tuple("_".join(group.split("_")[:2]) if group.count("_") >= 2 else None for group in table.group)
    return [
        Attribute("site", "Site", "What the patient's name begins with, up to its second underscore.", sites)
    ]


def _classes(table: UnitTable) -> Attribute:
    assert table.label is not None
    names = [
        " and ".join(name for name, there in zip(table.class_names, row, strict=True) if there) or None
        for row in table.label
    ]
    return Attribute("class", "Reference class", "The class that the cohort names.", tuple(names))


def _measured(store: Store, table: UnitTable, progress: Progress) -> list[Attribute]:
    shapes: list[_Shape | None] = []
    position: list[str | None] = []
    held: tuple[str | None, Case | None] = (None, None)
    for k in range(table.units):
        case_id = table.case_id[k]
        if held[0] != case_id:
            progress(k / table.units, f"Measuring {k + 1} of {table.units}")
            held = case_id, None if case_id is None else store.case(case_id)
        case, index = held[1], int(table.slice[k])
        shapes.append(None if case is None else _shape(case, index))
        position.append(None if case is None or index == WHOLE_CASE else _third(index, case.image.slices))
    unit = next((each.unit for each in shapes if each is not None), "px")
    empty = tuple(None if each is None else (NOTHING if each.size == 0 else "a lesion") for each in shapes)
    bands, edges = _bands([None if each is None or each.size == 0 else each.size for each in shapes])
    told = "the middle slice of the lesion" if table.level == "case" else "the slice"
    return [
        Attribute(
            "size", "Lesion size",
            "Thirds of the lesions of this cohort, by area or volume of the reference: up to "
            f"{edges[0]:.3g}, up to {edges[1]:.3g}, above ({unit}).", bands,
        ),
        Attribute("empty", "Something to find", "Whether the reference holds anything.", empty),
        Attribute(
            "place", "Place",
            f"Central: the lesion's centre lies within {CENTRAL:g} of the head's radius, on {told}. The head "
            f"is what is above {TISSUE:g} of the range.",
            tuple(None if each is None else each.place for each in shapes),
        ),
        Attribute(
            "build", "Build", f"Hollow: filling holes adds more than {HOLLOW - 1:.0%} to its area.",
            tuple(None if each is None else each.build for each in shapes),
        ),
        Attribute(
            "midline", "Midline",
            f"Crossing: at least {BOTH_SIDES:.0%} of it on either side of the head's middle column; "
            f"touching: within {NEAR_MIDLINE:.0%} of the head's width. A tilted head moves the line.",
            tuple(None if each is None else each.midline for each in shapes),
        ),
        Attribute("position", "Slice position", "Thirds of the stack, in its order.", tuple(position)),
    ]  # fmt: skip


def _third(index: int, slices: int) -> str | None:
    if slices < 3:
        return None
    return ("first third", "middle third", "last third")[min(2, 3 * index // slices)]


def _shape(case: Case, index: int) -> _Shape | None:
    if case.reference is None:
        return None
    mask = case.reference.mask_ref
    whole = index == WHOLE_CASE
    spacing = case.image.geometry.spacing_mm
    chosen = mask if whole else mask[index : index + 1]
    count = float(chosen.sum())
    if spacing is None:
        size, unit = count, "voxels" if whole else "px"
    elif whole:
        size, unit = count * math.prod(spacing) / 1000.0, "ml"
    else:
        size, unit = count * spacing[1] * spacing[2], "mm²"
    if count == 0:
        return _Shape(0.0, unit, None, None, None)
    z = int(mask.sum(axis=(1, 2)).argmax()) if whole else index
    place, midline = _places(mask[z], case.image.values[:, z])
    filled = np.asarray(ndimage.binary_fill_holes(mask[z]))
    build = "hollow" if filled.sum() > HOLLOW * mask[z].sum() else "solid"
    return _Shape(size, unit, place, build, midline)


def _places(lesion: BoolArray, planes: Float32Array) -> tuple[str | None, str | None]:
    """Central or peripheral, and where it lies to the midline; None without a head around it."""
    plane = planes.max(axis=0)
    low, high = float(plane.min()), float(plane.max())
    inside = plane > low + TISSUE * (high - low)
    if not inside.any() or inside.all():
        return None, None
    rows, columns = np.nonzero(inside)
    middle = rows.mean(), columns.mean()
    radius = math.sqrt(inside.sum() / math.pi)
    own_rows, own_columns = np.nonzero(lesion)
    away = math.hypot(own_rows.mean() - middle[0], own_columns.mean() - middle[1]) / radius
    left = float((own_columns < middle[1]).mean())
    width = float(columns.max() - columns.min() + 1)
    gap = float(np.abs(own_columns - middle[1]).min()) / width
    if min(left, 1.0 - left) >= BOTH_SIDES:
        midline = "crossing"
    else:
        midline = "touching" if gap <= NEAR_MIDLINE else "away"
    return "central" if away < CENTRAL else "peripheral", midline


def _bands(sizes: Sequence[float | None]) -> tuple[tuple[str | None, ...], tuple[float, float]]:
    """Thirds of the sizes that are known, and the two edges between them."""
    known = [each for each in sizes if each is not None]
    if len(known) < 3:
        return (None,) * len(sizes), (0.0, 0.0)
    low, high = (float(each) for each in np.quantile(known, (1 / 3, 2 / 3)))
    names = tuple(
        None if each is None else ("small" if each <= low else "medium" if each <= high else "large")
        for each in sizes
    )
    return names, (low, high)
