"""The slices of a cohort of images and masks as networks learn from them, and their patient-wise folds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import InputProblem, SettingsProblem
from core.models.preprocess import apply_range, fit_slice, intensity_range
from core.train.common.groups import assign_folds
from core.types import Case, CohortRecord, Float32Array, LabelArray

if TYPE_CHECKING:
    from core.store import Store

FEWEST_GROUPS_PER_FOLD = 2


@dataclass(frozen=True, eq=False)
class StudyCohort:
    """A cohort that can be learned from. cases: (name, patient, case), each with an image and a reference."""

    record: CohortRecord
    cases: tuple[tuple[str, str, Case], ...]


@dataclass(frozen=True, eq=False)
class SliceSet:
    """Slices at the working size, those of a case in a row.

    image: float16 (slice, channel, size, size), scaled to 0 … 1.5 by the range of the whole case. label:
    uint8 (slice, size, size), 0 = background. group: patient of each slice. channels, classes: their names.
    """

    image: NDArray[np.float16]
    label: LabelArray
    group: NDArray[np.str_]
    channels: tuple[str, ...]
    classes: tuple[str, ...]

    @property
    def has_foreground(self) -> NDArray[np.bool_]:
        """For each slice, whether its reference holds anything."""
        return np.asarray(self.label.any(axis=(1, 2)))


def open_cohort(source: str, layout: str | None = None) -> StudyCohort:
    """A cohort by path (read into memory; `layout` names how) or by name or id (as the store keeps it).

    Raises InputProblem when the files cannot be read, SettingsProblem when there is no such cohort or it has
    no masks, StoreProblem when another instance owns the store.
    """
    from core.pipeline.cohorts import add_cohort
    from core.pipeline.runs import find_cohort
    from core.store import Store

    on_disk = Path(source).exists()
    store = Store.open(mode="memory") if on_disk else Store.open()
    try:
        record = add_cohort(store, Path(source), layout=layout) if on_disk else find_cohort(store, source)
        return _with_masks(record, store)
    finally:
        # Training takes long, and the store has one owner at a time.
        store.close()


def load_slices(cohort: StudyCohort, size: int) -> SliceSet:
    """Every slice of every case at `size` x `size`, with the channels that `common_channels` names."""
    images: list[NDArray[np.float16]] = []
    labels: list[LabelArray] = []
    groups: list[str] = []
    channels = common_channels(cohort)
    for _, group, case in cohort.cases:
        used = case.image.values[: len(channels)]
        ranges = [intensity_range(values) for values in used]
        for index, label in enumerate(label_slices(case)):
            planes = zip(used[:, index], ranges, strict=True)
            scaled = np.stack([apply_range(plane, limits) for plane, limits in planes])
            images.append(fit_slice(scaled, size).astype(np.float16))
            labels.append(_fit_label(label, len(cohort.record.class_names), size))
            groups.append(group)
    return SliceSet(np.stack(images), np.stack(labels), np.array(groups), channels, cohort.record.class_names)


def common_channels(cohort: StudyCohort) -> tuple[str, ...]:
    """The channels that every case has; the first one alone where their numbers differ.

    A network with one input takes the first channel of any picture at inference too.
    """
    found = [case.image.channel_names for _, _, case in cohort.cases]
    fewest = min(found, key=len)
    return fewest if len({len(names) for names in found}) == 1 else fewest[:1]


def label_slices(case: Case) -> LabelArray:
    """The reference of a case as uint8 (slice, row, column), 0 = background and k = k-th class."""
    assert case.reference is not None
    found = case.reference.labels
    return np.asarray(case.reference.mask_ref, dtype=np.uint8) if found is None else found


def group_folds(data: SliceSet, folds: int) -> dict[str, int]:
    """A fold for each patient, balanced by the size of what is outlined; a patient is never split.

    Raises SettingsProblem when there are too few patients for that many folds.
    """
    names = sorted({str(name) for name in data.group})
    if len(names) < FEWEST_GROUPS_PER_FOLD * folds:
        raise SettingsProblem(
            "There are too few patients to train on",
            found=f"{len(names)} patients for {folds} folds",
            expected=f"at least {FEWEST_GROUPS_PER_FOLD} patients per fold",
            fix="add cases, or ask for fewer folds in the configuration",
        )
    volumes = {name: int((data.label[data.group == name] > 0).sum()) for name in names}
    return assign_folds(volumes, folds)


def _fit_label(label: LabelArray, classes: int, size: int) -> LabelArray:
    shares: Float32Array = fit_slice(
        np.stack([label == index for index in range(1, classes + 1)]).astype(np.float32), size
    )
    best = shares.argmax(axis=0) + 1
    return np.where(shares.max(axis=0) > 0.5, best, 0).astype(np.uint8)


def _with_masks(record: CohortRecord, store: Store) -> StudyCohort:
    if record.task != "segmentation":
        raise SettingsProblem(
            "This cohort has no masks to learn from",
            found=f"{record.name} is for {record.task}",
            expected="a cohort of images with masks",
            fix="choose another cohort, or train a classifier",
        )
    read = [(item, store.case(item.case_id or "")) for item in store.cohort_items(record.id)]
    kept = [(item.name, item.group, case) for item, case in read if case is not None and case.reference]
    if not kept:
        raise _refuse(record, "no case has a reference mask", "cases with a mask")
    return StudyCohort(record, tuple(kept))


def _refuse(record: CohortRecord, found: str, expected: str) -> InputProblem:
    fix = "correct the cohort, or choose another one"
    return InputProblem(
        "This cohort cannot be trained on", found=found, expected=expected, fix=fix, file=record.name
    )
