"""Cohorts: what a folder holds, its cases into the store, and out again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from core.cohort import Plan, PlannedItem, make_sample, recognise, sample_cases
from core.config import Frozen, digest
from core.errors import Cancelled, InputProblem
from core.io.levels import Levels, class_values, levels_of, reference_levels
from core.io.listing import open_listing
from core.io.packed import Packed
from core.io.paths import read_path
from core.io.reader import read_case
from core.io.rows import read_rows
from core.io.stack import read_channels, read_fitted, read_stack
from core.pipeline.case import silent
from core.types import Case, CohortItem, CohortRecord, Listing, NamedBytes, Progress, Refusal, Task

if TYPE_CHECKING:
    from core.store import Store

Source = Path | Sequence[NamedBytes]
"""A folder, zip, npz or table on disk, or what was uploaded."""

FIRST_ITEMS = 12
MOST_REFUSALS = 500
"""Refusals kept with a cohort; the last entry says how many more there were."""

TABLES = (".csv", ".tsv", ".parquet")

SAMPLES_NAME = "Synthetic samples"

FOREGROUND = ("foreground",)
"""Class of a mask that only tells inside from outside."""


class PreviewItem(Frozen):
    """One of the first cases of a preview. image, reference: how many files each is made of."""

    name: str
    group: str
    image: int
    reference: int
    labels: tuple[str, ...] | None


class CohortPreview(Frozen):
    """What a source would become, told from its names; no image has been read.

    understood: one sentence. reasons: (layout, why it was not taken). predictions: masks beside the cases
    that can be imported.
    """

    source: str
    layout: str
    understood: str
    task: Task
    class_names: tuple[str, ...]
    items: int
    groups: int
    with_reference: int
    predictions: int
    first: tuple[PreviewItem, ...]
    refused: tuple[Refusal, ...]
    reasons: tuple[tuple[str, str], ...]


def preview_cohort(source: Source, layout: str | None = None) -> CohortPreview:
    """What was understood of a source and what was refused, and why.

    Raises InputProblem with every layout's reason when none fits, or several do.
    """
    listing = open_listing(source)
    found = recognise(listing, layout)
    plan = found.plan
    first = [
        PreviewItem(
            name=item.name,
            group=item.group,
            image=len(item.image),
            reference=len(item.reference),
            labels=item.labels,
        )
        for item in plan.items[:FIRST_ITEMS]
    ]
    return CohortPreview(
        source=listing.label,
        layout=plan.layout,
        understood=plan.understood,
        task=plan.task,
        class_names=plan.class_names,
        items=len(plan.items),
        groups=len({item.group for item in plan.items}),
        with_reference=sum(bool(item.reference) or bool(item.labels) for item in plan.items),
        predictions=sum(len(item.predictions) for item in plan.items),
        first=tuple(first),
        refused=(*listing.refused, *plan.refused),
        reasons=found.reasons,
    )


def add_cohort(
    store: Store,
    source: Source,
    name: str | None = None,
    layout: str | None = None,
    progress: Progress = silent,
) -> CohortRecord:
    """Read every case of a source and keep them as a cohort; the same files make the same cohort.

    A case that cannot be read is listed in `refused` and the others go on. Raises InputProblem when no case
    can be read, and Cancelled when `progress` says so; then nothing new stays behind.
    """
    progress(0.0, "Looking at the file names")
    listing = open_listing(source)
    plan = recognise(listing, layout).plan
    known = {case.id for case in store.case_summaries()}
    reader = _Reader(listing, plan, _class_levels(listing, plan, progress))
    items: list[CohortItem] = []
    refused: list[Refusal] = [*listing.refused, *plan.refused]
    try:
        for number, planned in enumerate(plan.items):
            progress(0.2 + 0.8 * number / len(plan.items), f"Reading {number + 1} of {len(plan.items)}")
            kept = _keep(store, reader, planned, items)
            if isinstance(kept, Refusal):
                refused.append(kept)
            else:
                items.append(kept)
    except (Cancelled, KeyboardInterrupt):
        _delete_cases(store, {item.case_id for item in items if item.case_id} - known)
        raise
    if not items:
        raise _nothing_read(listing, refused)
    record = _record(name or Path(listing.label).stem, plan, reader.class_names, items, refused)
    store.put_cohort(record, items)
    return store.cohort(record.id) or record


def add_samples(store: Store, progress: Progress = silent) -> CohortRecord:
    """The built-in synthetic cohort, drawn by code: every sample is a patient of its own."""
    specs = sample_cases()
    items = []
    for number, spec in enumerate(specs):
        progress(number / len(specs), f"Drawing {number + 1} of {len(specs)}")
        case = make_sample(spec.key)
        store.put_case(case)
        items.append(CohortItem(position=number, case_id=case.id, name=spec.key, group=spec.key))
    plan = Plan(layout="samples", task="segmentation", understood="", items=())
    record = _record(SAMPLES_NAME, plan, FOREGROUND, items, [])
    store.put_cohort(record, items)
    return store.cohort(record.id) or record


def remove_cohort(store: Store, cohort_id: str) -> int:
    """Remove a cohort with its runs, and those of its cases that no other cohort holds; returns how many."""
    cases = _case_ids(store, cohort_id)
    store.delete_cohort(cohort_id)
    for other in store.cohorts():
        cases -= _case_ids(store, other.id)
    _delete_cases(store, cases)
    return len(cases)


def holds_predictions(source: Source) -> bool:
    """Whether a source is a table of results, not one that names the files of cases."""
    if isinstance(source, Path):
        if not source.is_file() or not source.name.lower().endswith(TABLES):
            return False
        source = read_path(source)
    if len(source) != 1 or not source[0].name.lower().endswith(TABLES):
        return False
    columns = set(read_rows(source[0])[0])
    bare = {"confidence", "risk"} <= columns
    return "image" not in columns and (bare or any(each.startswith("prob_") for each in columns))


class _Reader:
    """Reads planned items; a packed file is opened once for all its patients."""

    def __init__(self, listing: Listing, plan: Plan, class_levels: tuple[int, ...]) -> None:
        self._listing = listing
        self._levels = class_levels
        self._packed: Packed | None = None
        self.class_names = _class_names(plan, class_levels)

    def read(self, item: PlannedItem) -> Case:
        """The case of an item; raises InputProblem."""
        if item.kind == "packed":
            if self._packed is None:
                self._packed = Packed(self._files(item.image)[0])
            return self._packed.case(item.patient, item.group, self._levels)
        images, references = self._files(item.image), self._files(item.reference)
        group, levels = item.group, self._levels
        if item.kind == "stack":
            return read_stack(item.name, images, references, group=group, class_levels=levels)
        if item.kind == "fitted":
            return read_fitted(item.name, images[0], references[0], group=group, class_levels=levels)
        if item.kind == "channels":
            return read_channels(
                item.name, images, item.channels, references, group=group, class_levels=levels
            )
        return read_case(images, reference=references, group=group, class_levels=levels)

    def _files(self, names: Sequence[str]) -> list[NamedBytes]:
        return [NamedBytes(name, self._listing.read(name)) for name in names]


def _keep(
    store: Store, reader: _Reader, planned: PlannedItem, before: Sequence[CohortItem]
) -> CohortItem | Refusal:
    try:
        case = reader.read(planned)
    except InputProblem as problem:
        return Refusal(name=planned.name, sentence=problem.sentence)
    twin = next((item.name for item in before if item.case_id == case.id), None)
    if twin is not None:
        return Refusal(name=planned.name, sentence=f"Its files are the same as those of {twin}.")
    store.put_case(case)
    return CohortItem(
        position=len(before),
        case_id=case.id,
        name=planned.name,
        group=planned.group,
        labels=planned.labels,
    )


def _class_levels(listing: Listing, plan: Plan, progress: Progress) -> tuple[int, ...]:
    """Mask values of classes 1, 2, ... over the whole cohort, () for inside and outside only."""
    if len(plan.class_names) > 1 and plan.task == "segmentation":
        return tuple(range(1, len(plan.class_names) + 1))
    files = [item for item in plan.items if item.reference]
    found: list[Levels] = []
    packed: Packed | None = None
    for number, item in enumerate(files):
        progress(0.2 * number / len(files), f"Looking at mask {number + 1} of {len(files)}")
        try:
            if item.kind == "packed":
                packed = packed or Packed(NamedBytes(item.image[0], listing.read(item.image[0])))
                mask = packed.mask_of(item.patient)
                found += [] if mask is None else [levels_of(mask)]
            else:
                found += [reference_levels(NamedBytes(each, listing.read(each))) for each in item.reference]
        except InputProblem:
            continue  # refused by name when the case is read
    return class_values(found)


def _class_names(plan: Plan, class_levels: tuple[int, ...]) -> tuple[str, ...]:
    if plan.class_names:
        return plan.class_names
    return tuple(f"label {level}" for level in class_levels) or FOREGROUND


def _record(
    name: str, plan: Plan, class_names: tuple[str, ...], items: Sequence[CohortItem], refused: list[Refusal]
) -> CohortRecord:
    what = [[item.case_id, item.name, item.group, item.labels] for item in items]
    more = len(refused) - MOST_REFUSALS
    if more > 0:
        left = Refusal(name="and more", sentence=f"{more} other files were left out too.")
        refused = [*refused[:MOST_REFUSALS], left]
    return CohortRecord(
        id=digest([plan.task, class_names, what]),
        name=name,
        task=plan.task,
        layout=plan.layout,
        class_names=class_names,
        items=len(items),
        groups=len({item.group for item in items}),
        refused=tuple(refused),
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _case_ids(store: Store, cohort_id: str) -> set[str]:
    return {item.case_id for item in store.cohort_items(cohort_id) if item.case_id}


def _delete_cases(store: Store, case_ids: set[str]) -> None:
    if case_ids:
        store.delete_cases(sorted(case_ids))


def _nothing_read(listing: Listing, refused: Sequence[Refusal]) -> InputProblem:
    first = f"{refused[0].name}: {refused[0].sentence.rstrip('.')}" if refused else "no case"
    return InputProblem(
        "No case of the cohort could be read",
        found=f"{len(refused)} refused, the first {first}",
        expected="at least one case that can be read",
        fix="correct the files, or name another layout",
        file=listing.label,
    )
