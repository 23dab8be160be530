"""How well foreign images are told: separation, share flagged at the limit, false alarms. For reading only.

No limit is taken from these pictures; the training patients alone decide (see describe.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.config import Frozen
from core.detector.familiarity import (
    LIMIT,
    Familiarity,
    SliceSteps,
    familiarity_of_study,
    measure_view,
)
from core.errors import InputProblem
from core.inference.pictures import Pictures
from core.io import read_case, read_paths
from core.metrics import Interval, bootstrap_mean
from core.models.records import ModelRecord
from core.pipeline.case import guess_channels
from core.pipeline.foreign import known_pictures
from core.train.classes.data import load_pictures
from core.train.common.curve import Say
from core.train.familiarity.data import EVERY_CHANNEL, ONE_CHANNEL, STRIDE, as_image, open_net, summaries
from core.train.familiarity.text import write_text
from core.train.validate import read_studies
from core.types import Float32Array, Image, SliceView

SEED = 2024
CHUNK = 32


@dataclass(frozen=True)
class ForeignSet:
    """Pictures that a model was not made for: a name and where they lie under the data folder.

    every: each how-manieth file is taken; at_home: the task's model that these pictures belong to.
    """

    label: str
    pattern: str
    every: int = 1
    at_home: str = ""


SETS = (
    ForeignSet("adult and lateral chest X-rays (cxr_views)", "cxr_views/*.jpg"),
    ForeignSet("children's chest X-rays (cxr224)", "cxr224/*/*.jpeg", 10, "classification"),
    ForeignSet("adult chest X-rays (lung256)", "lung256/*/*.png", 2),
    ForeignSet("breast ultrasound (busi)", "busi/*/*.png"),
    ForeignSet("cells under the microscope (nuclei)", "nuclei/images/*.png", 2),
    ForeignSet("photographs of the retina (chase)", "chase/*.jpg"),
    ForeignSet("heart MRI (acdc)", "acdc/*/*.png"),
    ForeignSet("brain MRI, stripped and z-scored volumes (brats)", "brats/*/Flair*.nii.gz"),
    ForeignSet("brain MRI, multiple sclerosis volumes (ms_mni, ms_raw)", "ms_*/*/*FLAIR*.nii.gz"),
)


class FamiliarityRow(Frozen):
    """One set of pictures: how many, from how many patients (None: not known), their median familiarity, the
    share below the limit, and the area under the curve against the model's own pictures."""

    label: str
    pictures: int
    median: float
    flagged: Interval
    auroc: float | None


class FamiliarityReport(Frozen):
    """The model's own pictures first (flagged = false alarms), then the foreign ones."""

    model: str
    patients: int
    file_bytes: int
    own: tuple[FamiliarityRow, ...]
    foreign: tuple[FamiliarityRow, ...]


@dataclass(frozen=True, eq=False)
class Scored:
    """Familiarities of some pictures or studies, and the patient of each."""

    label: str
    values: np.ndarray
    patients: tuple[str, ...]


def write_report(record: ModelRecord, data: Path, say: Say = print) -> Path:
    """Judge the sets that `data` holds; writes familiarity.json and FAMILIARITY.md and returns the latter."""
    judge = Judge(record)
    own = list(_own(record, data, judge, say))
    foreign = list(_foreign(record, data, judge, say))
    reference = own[-1].values
    report = FamiliarityReport(
        model=record.id,
        patients=judge.known.patients,
        file_bytes=(record.folder / record.familiarity.file).stat().st_size if record.familiarity else 0,
        own=tuple(_row(each, None) for each in own),
        foreign=tuple(_row(each, reference) for each in foreign),
    )
    (record.folder / "familiarity.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return write_text(report, record)


class Judge:
    """The familiarity of images by every member of a model, in batches."""

    def __init__(self, record: ModelRecord) -> None:
        known = known_pictures(record)
        if known is None:
            raise InputProblem(
                "The model has no description of its training pictures",
                file=record.id,
                found="none",
                expected="one",
                fix="leave out --no-fit",
            )
        self.known: Familiarity = known
        self.record = record
        self.nets = {k: open_net(record, k) for k in known.members}

    def study(self, image: Image, channels: tuple[int, ...], members: tuple[int, ...] = ()) -> float:
        """Familiarity of an image, of a volume from every third slice; members: none named = all."""
        pictures = Pictures(image, channels, self.record)
        steps: list[SliceSteps] = []
        chosen = range(0, image.slices, STRIDE)
        for first in range(0, len(chosen), CHUNK):
            some = [pictures.picture(k) for k in chosen[first : first + CHUNK]]
            steps += [measure_view(self.known, view) for view in self._views(np.stack(some), members)]
        value = familiarity_of_study(self.known, steps).value
        return float("nan") if value is None else value

    def _views(self, batch: Float32Array, members: tuple[int, ...]) -> Iterator[SliceView]:
        chosen = [k for k in self.nets if k in (members or self.nets)]
        found = {k: summaries(self.nets[k], batch).astype(np.float32) for k in chosen}
        for place, picture in enumerate(batch):
            yield SliceView(picture, {k: rows[place] for k, rows in found.items()})


def _own(record: ModelRecord, data: Path, judge: Judge, say: Say) -> Iterator[Scored]:
    """What the model was made for; the last one is the yardstick of the separation."""
    if record.task != "segmentation":
        yield _training_pictures(record, data, judge)
        return
    studies = tuple(read_studies(data))
    for label, channels in (("three sequences", EVERY_CHANNEL), ("FLAIR alone", ONE_CHANNEL)):
        say(f"validation patients, {label}")
        names = tuple(each.patient for each in studies)
        whole = [judge.study(as_image(each.image), channels) for each in studies]
        yield Scored(f"12 validation patients, whole volumes, {label}", np.array(whole), names)
        values, patients = [], []
        for each in studies:
            for z in np.flatnonzero(each.mask_ref.any(axis=(1, 2)))[::STRIDE]:
                picture = np.ascontiguousarray(each.image[:, z : z + 1])
                values.append(judge.study(as_image(picture), channels))
                patients.append(each.patient)
        yield Scored(
            f"their tumour slices one by one (every third), {label}", np.array(values), tuple(patients)
        )


def _training_pictures(record: ModelRecord, data: Path, judge: Judge) -> Scored:
    """Training pictures of a classifier, each judged by the members that never saw the person."""
    found = load_pictures(data, record.class_names)
    values = [
        judge.study(
            as_image(np.asarray(picture, np.float32)[None, None]), (0,), record.members_unseen(str(person))
        )
        for person, picture in zip(found.person, found.image, strict=True)
    ]
    return Scored("training pictures, networks unseen", np.array(values), tuple(map(str, found.person)))


def _foreign(record: ModelRecord, data: Path, judge: Judge, say: Say) -> Iterator[Scored]:
    for each in SETS:
        paths = [path for path in sorted(data.glob(each.pattern)) if "mask" not in path.name][:: each.every]
        if not paths or each.at_home == record.task:
            continue
        say(each.label)
        images = [read_case(read_paths([path])).image for path in paths]
        values = [judge.study(image, _channels(image, record)) for image in images]
        yield Scored(each.label, np.array(values), tuple(path.name for path in paths))
    say("own pictures, altered")
    own = [(name, _as_slice(values)) for name, values in _own_pictures(record, data)][::5]
    for label, change in ALTERED:
        values = [judge.study(as_image(change(each)), _every(record)) for _, each in own]
        yield Scored(f"own pictures, {label}", np.array(values), tuple(name for name, _ in own))


def _own_pictures(record: ModelRecord, data: Path) -> Iterator[tuple[str, Float32Array]]:
    """(patient, values (channel, row, column)) of single pictures that the model was made for."""
    if record.task != "segmentation":
        found = load_pictures(data, record.class_names)
        yield from (
            (str(p), np.asarray(v, np.float32)[None]) for p, v in zip(found.person, found.image, strict=True)
        )
        return
    for study in read_studies(data):
        for z in np.flatnonzero(study.mask_ref.any(axis=(1, 2))):
            yield study.patient, study.image[:, z]


def _as_slice(values: Float32Array) -> Float32Array:
    return np.ascontiguousarray(values[:, None])


def _every(record: ModelRecord) -> tuple[int, ...]:
    return tuple(range(len(record.channels)))


def _middle(values: Float32Array) -> Float32Array:
    rows, columns = (slice(3 * n // 10, 7 * n // 10) for n in values.shape[-2:])
    return np.ascontiguousarray(values[..., rows, columns])


def _noise(values: Float32Array) -> Float32Array:
    return np.random.default_rng(SEED).normal(0.5, 0.15, values.shape).astype(np.float32)


ALTERED: tuple[tuple[str, Callable[[Float32Array], Float32Array]], ...] = (
    ("inverted", lambda values: np.asarray(values.max() - values, np.float32)),
    ("turned by a quarter", lambda values: np.ascontiguousarray(np.rot90(values, 1, (-2, -1)))),
    ("upside down", lambda values: np.ascontiguousarray(values[..., ::-1, :])),
    ("cut to the middle two fifths", _middle),
    ("window too narrow (brightest two thirds white)",
     lambda values: np.minimum(values, np.quantile(values[values > 0], 1 / 3)).astype(np.float32)),
    ("replaced by noise", _noise),
)  # fmt: skip


def _channels(image: Image, record: ModelRecord) -> tuple[int, ...]:
    return guess_channels(len(image.channel_names), record.channels)


def _row(scored: Scored, own: np.ndarray | None) -> FamiliarityRow:
    known = np.isfinite(scored.values)
    values = scored.values[known]
    patients = [name for name, each in zip(scored.patients, known, strict=True) if each]
    return FamiliarityRow(
        label=scored.label,
        pictures=len(values),
        median=float(np.median(values)),
        flagged=bootstrap_mean(list((values < LIMIT).astype(float)), patients, seed=SEED),
        auroc=None if own is None else auroc(values, own[np.isfinite(own)]),
    )


def auroc(foreign: np.ndarray, own: np.ndarray) -> float:
    """Probability that a foreign picture is less familiar than an own one, ties counted half.

    >>> auroc(np.array([0.1, 0.5]), np.array([0.5, 0.9]))
    0.875
    """
    less = (foreign[:, None] < own).mean()
    return float(less + 0.5 * (foreign[:, None] == own).mean())
