"""The validation table of a shipped model: patients that no member ever saw, through the product's inference.

Nothing was chosen on these patients: no epoch, no architecture, no threshold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.config import Frozen
from core.errors import InputProblem
from core.inference import open_predictor
from core.metrics import Interval, bootstrap_mean, dice
from core.models.records import ModelRecord
from core.train.common.curve import Say
from core.train.common.judging import no_progress, plain_estimator
from core.train.common.numbers import BOOTSTRAP_SEED
from core.train.held_out import FoldRow, out_of_fold
from core.types import BoolArray, Float32Array, Geometry, Image
from core.uncertainty import reduce

THRESHOLD = 0.5
FLAIR_INDEX = 1

Predict = Callable[[Float32Array, tuple[int, ...]], Float32Array]
"""From an image (channel, slice, row, column) and the channel of each model input to mean probabilities."""


class TableRow(Frozen):
    """One line of the table: which input and networks, and what came out over the patients.

    patient_dice: all slices of a patient together. tumour_slice_dice: slices with tumour only, one empty = 0.
    false_alarms: share of the slices without tumour on which anything was found; missed: share of the
    slices with tumour on which nothing was found. Intervals are from drawing patients with replacement.
    """

    networks: str
    given: str
    patient_dice: Interval
    median_patient_dice: float
    tumour_slice_dice: Interval
    false_alarms: Interval
    missed: Interval


class Validation(Frozen):
    """The table, each patient's Dice for its first row, and the out-of-fold rows of training patients."""

    model: str
    patients: tuple[str, ...]
    rows: tuple[TableRow, ...]
    patient_dice: tuple[float, ...]
    out_of_fold: tuple[FoldRow, ...]


@dataclass(frozen=True, eq=False)
class Study:
    """A validation patient: image float32 (3, slice, row, column) and mask_ref bool (slice, row, column)."""

    patient: str
    image: Float32Array
    mask_ref: BoolArray


@dataclass(frozen=True)
class Given:
    """One kind of input: which image channels feed the model, and whether slices come one by one."""

    label: str
    channels: tuple[int, ...]
    slice_by_slice: bool


GIVEN = (
    Given("three sequences, whole volume", (0, 1, 2), False),
    Given("FLAIR alone, whole volume", (FLAIR_INDEX,) * 3, False),
    Given("three sequences, each slice alone", (0, 1, 2), True),
    Given("FLAIR alone, each slice alone", (FLAIR_INDEX,) * 3, True),
)


def validate_model(record: ModelRecord, data: Path, say: Say = print) -> Validation:
    """Scores of a model on the patients in `lgg/tif`, and of its members on patients they left out."""
    studies = tuple(read_studies(data))
    ensemble = model_predictor(record)
    scored = []
    for given in GIVEN:
        say(f"{record.id}, {given.label}")
        scored.append((given, [mask_of(ensemble, study, given) for study in studies]))
    rows = tuple(score_row(_networks(record), given.label, studies, masks) for given, masks in scored)
    first = tuple(dice(mask, study.mask_ref) for mask, study in zip(scored[0][1], studies, strict=True))
    return Validation(
        model=record.id,
        patients=tuple(study.patient for study in studies),
        rows=rows + _member_rows(record, studies, say),
        patient_dice=first,
        out_of_fold=out_of_fold(record, data),
    )


def read_studies(data: Path) -> Iterator[Study]:
    """The validation patients in order of name, their slices in numerical order."""
    folder = next((each for each in (data / "tif", data / "lgg" / "tif") if each.is_dir()), None)
    if folder is None:
        raise InputProblem(
            "The validation data is not there",
            file=data.name,
            found="no folder tif or lgg/tif",
            expected="one folder of TIFF pairs per patient",
            fix="give the data folder with --data",
        )
    for patient in sorted(folder.iterdir()):
        masks = sorted(patient.glob("*_mask.tif"), key=_slice_number)
        pictures = [_read(path.with_name(path.name.replace("_mask", ""))) for path in masks]
        image = np.stack(pictures).transpose(3, 0, 1, 2).astype(np.float32)
        mask_ref = np.stack([_read(path)[..., 0] > 127 for path in masks])
        yield Study(patient.name, image, mask_ref)


def _read(path: Path) -> NDArray[np.uint8]:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def _slice_number(path: Path) -> int:
    return int(re.findall(r"_(\d+)_mask", path.name)[0])


def mask_of(predict: Predict, study: Study, given: Given) -> BoolArray:
    """Predicted mask (slice, row, column) of a study, threshold 0.5, from the input that `given` names."""
    if not given.slice_by_slice:
        return predict(study.image, given.channels) > THRESHOLD
    alone = [predict(study.image[:, z : z + 1], given.channels) for z in range(study.image.shape[1])]
    return np.concatenate(alone) > THRESHOLD


def score_row(networks: str, given: str, studies: Sequence[Study], masks: Sequence[BoolArray]) -> TableRow:
    """One line of the table from predicted masks, one per study."""
    pairs = [
        (study.patient, pred, ref)
        for study, mask in zip(studies, masks, strict=True)
        for pred, ref in zip(mask, study.mask_ref, strict=True)
    ]
    whole = [dice(mask, study.mask_ref) for study, mask in zip(studies, masks, strict=True)]
    tumour = [(name, dice(pred, ref), not pred.any()) for name, pred, ref in pairs if ref.any()]
    empty = [(name, bool(pred.any())) for name, pred, ref in pairs if not ref.any()]
    return TableRow(
        networks=networks,
        given=given,
        patient_dice=bootstrap_mean(whole, seed=BOOTSTRAP_SEED),
        median_patient_dice=float(np.median(whole)),
        tumour_slice_dice=_over_patients([each[1] for each in tumour], [each[0] for each in tumour]),
        false_alarms=_over_patients([float(each[1]) for each in empty], [each[0] for each in empty]),
        missed=_over_patients([float(each[2]) for each in tumour], [each[0] for each in tumour]),
    )


def _over_patients(values: Sequence[float], patients: Sequence[str]) -> Interval:
    return bootstrap_mean(values, patients, seed=BOOTSTRAP_SEED)


def _networks(record: ModelRecord) -> str:
    return f"ensemble of {len(record.members)}" if len(record.members) > 1 else "one member"


def _member_rows(record: ModelRecord, studies: Sequence[Study], say: Say) -> tuple[TableRow, ...]:
    if len(record.members) == 1:
        return ()
    rows = []
    for number, member in enumerate(record.members):
        say(f"{record.id}, member {number} alone")
        predict = model_predictor(record.model_copy(update={"members": (member,)}))
        masks = [mask_of(predict, study, GIVEN[0]) for study in studies]
        rows.append(score_row(f"member {number} alone", GIVEN[0].label, studies, masks))
    return tuple(rows)


def model_predictor(record: ModelRecord) -> Predict:
    """The product's inference on the processor: the mean over the members, without dropout."""
    predictor = open_predictor(record, device="cpu")

    def predict(values: Float32Array, channels: tuple[int, ...]) -> Float32Array:
        image = as_image(values, record.channels)
        stream = predictor.stream(image, channels, plain_estimator(record), "validation", no_progress)
        return np.asarray(reduce(stream, image.slices, image.slice_shape).prob.values[0])

    return predict


def as_image(values: Float32Array, names: tuple[str, ...]) -> Image:
    grid = (values.shape[1], values.shape[2], values.shape[3])
    geometry = Geometry(None, None, "axial", "assumed", None, grid, (0, 1, 2), (False, False, False))
    return Image(values, geometry, names, "MR", "uint8", (float(values.min()), float(values.max())))
