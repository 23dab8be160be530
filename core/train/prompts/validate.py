"""The jitter curve of a prompted model on patients it never saw, through the product's own inference.

Nothing was chosen on the validation patients. The left-out training patients stand beside them: no epoch was
picked on them either, but they steered the work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from core.config import Frozen
from core.inference import open_predictor
from core.inference.prompted import PromptedImage
from core.metrics import Interval, bootstrap_mean
from core.models.records import ModelRecord
from core.pipeline.case import voxel_digest
from core.prompts import (
    DRAWS,
    JITTER_SHARES,
    JitterRow,
    JudgedSlice,
    curve_of,
    jitter_case,
    judged,
    paired_change,
)
from core.train.common.curve import Say
from core.train.common.numbers import BOOTSTRAP_SEED
from core.train.data import TrainingSet, load_training_set
from core.train.segmenter import find_packed
from core.train.validate import Study, as_image, read_studies
from core.types import Image
from core.types.prompts import PromptKind, box_of

Patients = Literal["validation", "left out"]
KINDS: tuple[PromptKind, ...] = ("box", "point")
IMAGE_CHANNELS = (0, 1, 2)


class PromptTable(Frozen):
    """The curve over some patients, and what a prompt finds where there is nothing.

    box_over_point: Dice with the reference's box minus Dice with its point, slice by slice. false_finds:
    share of the slices without a lesion on which something is found in the box of the same patient's largest
    lesion.
    """

    patients: tuple[str, ...]
    rows: tuple[JitterRow, ...]
    box_over_point: Interval
    false_finds: Interval


class PromptValidation(Frozen):
    """Both tables of a model."""

    model: str
    draws: int
    validation: PromptTable
    left_out: PromptTable


def validate_prompts(
    record: ModelRecord,
    data: Path,
    say: Say = print,
    *,
    draws: int = DRAWS,
    shares: Sequence[float] = JITTER_SHARES,
) -> PromptValidation:
    """The curve on the patients in `lgg/tif`, and on the training patients that every member left out."""
    training_set = load_training_set(find_packed(data))
    left_out = [
        name for name in training_set.patients if len(record.members_unseen(name)) == len(record.members)
    ]
    return PromptValidation(
        model=record.id,
        draws=draws,
        validation=_table(record, list(read_studies(data)), draws, shares, say),
        left_out=_table(record, list(_studies(training_set, left_out)), draws, shares, say),
    )


def _studies(data: TrainingSet, names: Sequence[str]) -> Iterator[Study]:
    for name in names:
        own = data.patient == name
        image = data.image[own].transpose(1, 0, 2, 3).astype(np.float32)
        yield Study(name, image, data.mask[own])


def _table(
    record: ModelRecord, studies: Sequence[Study], draws: int, shares: Sequence[float], say: Say
) -> PromptTable:
    slices: list[JudgedSlice] = []
    found_nothing: list[tuple[str, float]] = []
    for study in studies:
        say(f"{record.id}, {study.patient}")
        image = as_image(study.image, record.channels[:-1])
        asked = PromptedImage(open_predictor(record, device="cpu"), image, IMAGE_CHANNELS)
        slices += _judge(asked, image, study, draws, shares)
        found_nothing += [(study.patient, each) for each in _false_finds(asked, study)]
    exact = {kind: [each for each in slices if (each.kind, each.share) == (kind, 0.0)] for kind in KINDS}
    return PromptTable(
        patients=tuple(study.patient for study in studies),
        rows=curve_of(slices, seed=BOOTSTRAP_SEED),
        box_over_point=paired_change(exact["point"], exact["box"], seed=BOOTSTRAP_SEED),
        false_finds=bootstrap_mean(
            [value for _, value in found_nothing], [name for name, _ in found_nothing], seed=BOOTSTRAP_SEED
        ),
    )


def _judge(
    asked: PromptedImage, image: Image, study: Study, draws: int, shares: Sequence[float]
) -> Iterator[JudgedSlice]:
    key = voxel_digest(image)
    for kind in KINDS:
        for share in shares:
            for each in jitter_case(asked, study.mask_ref, kind, share, key=key, draws=draws):
                yield judged(study.patient, study.patient, each)


def _false_finds(asked: PromptedImage, study: Study) -> Iterator[float]:
    areas = study.mask_ref.sum(axis=(1, 2))
    box = box_of(study.mask_ref[int(np.argmax(areas))])
    if box is None:
        return
    for index in np.flatnonzero(areas == 0):
        yield float(asked(int(index), [box]).any())
