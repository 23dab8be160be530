"""Layout `packed-npz`: one npz with the slices of many patients."""

from __future__ import annotations

from collections import Counter

from core.cohort.names import group_of, natural
from core.cohort.plan import NoFit, Plan, PlannedItem, counted
from core.errors import InputProblem
from core.types import Listing


def find_packed(listing: Listing) -> Plan:
    """One case per patient, its slices in the order of their numbers."""
    found = [name for name in listing.names if name.lower().endswith(".npz")]
    if len(found) != 1 or len(listing.names) > 1:
        raise NoFit("It is not one .npz file with the arrays image, mask, patient and slice.")
    try:
        index = listing.packed(found[0])
    except InputProblem as problem:
        raise NoFit(f"{problem.what}: {problem.found}; expected {problem.expected}.") from problem
    slices = Counter(index.patient)
    items = tuple(
        PlannedItem(
            name=patient,
            group=group_of(patient),
            kind="packed",
            image=(found[0],),
            reference=(found[0],) if index.has_mask else (),
            patient=patient,
        )
        for patient in sorted(slices, key=natural)
    )
    masks = "with masks" if index.has_mask else "without masks"
    understood = f"{counted(sum(slices.values()), 'slice')} {masks} of {counted(len(items), 'patient')}."
    return Plan(layout="packed-npz", task="segmentation", understood=understood, items=items)
