"""Training pictures as the networks see them, and what describes each: picture statistics and features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.detector.familiarity import MIN_TISSUE
from core.detector.picture_statistics import picture_statistics, tissue_share
from core.inference.pictures import Pictures
from core.models.records import ModelRecord
from core.models.weights import Network, load_any_member
from core.train.classes.data import load_pictures
from core.train.data import FLAIR, load_training_set
from core.train.segmenter import find_packed
from core.types import Float32Array, Float64Array, Geometry, Image

CHUNK = 32
STRIDE = 3
"""Every third slice of a study is taken: its neighbours are nearly the same picture."""
EVERY_CHANNEL, ONE_CHANNEL = (0, 1, 2), (FLAIR,) * 3
"""The two kinds of input that a segmenter is given: three sequences, or FLAIR in the place of all."""


@dataclass(frozen=True, eq=False)
class Shown:
    """One picture as a network sees it. kind: of input; alone: scaled by its own range, not its volume's."""

    patient: str
    kind: int
    alone: bool
    picture: Float32Array


@dataclass(frozen=True, eq=False)
class Described:
    """Many pictures in numbers: patient (n,), kind (n,), alone (n,), whole (n, statistic), and the features
    of each member, (n, feature)."""

    patient: NDArray[np.str_]
    kind: NDArray[np.int64]
    alone: NDArray[np.bool_]
    whole: Float64Array
    members: tuple[Float64Array, ...]


def training_pictures(record: ModelRecord, data: Path) -> Iterator[Shown]:
    """Every training picture with tissue, by the product's own scaling.

    A segmenter's slices come in both kinds of input, and each scaled with its volume and alone.
    """
    if record.task != "segmentation":
        found = load_pictures(data, record.class_names)
        for person, picture in zip(found.person, found.image, strict=True):
            image = as_image(np.asarray(picture, np.float32)[None, None])
            yield Shown(str(person), 0, True, Pictures(image, (0,), record).picture(0))
        return
    packed = load_training_set(find_packed(data))
    for name in packed.patients:
        values = np.asarray(packed.image[packed.patient == name].transpose(1, 0, 2, 3), np.float32)
        for kind, channels in enumerate((EVERY_CHANNEL, ONE_CHANNEL)):
            yield from study_pictures(name, values, kind, channels, record)


def study_pictures(
    patient: str, values: Float32Array, kind: int, channels: tuple[int, ...], record: ModelRecord
) -> Iterator[Shown]:
    """Every third slice with tissue of a volume (channel, slice, row, column), with its volume and alone."""
    together = Pictures(as_image(values), channels, record)
    for index in range(0, values.shape[1], STRIDE):
        picture = together.picture(index)
        if tissue_share(picture) < MIN_TISSUE:
            continue
        single = as_image(np.ascontiguousarray(values[:, index : index + 1]))
        yield Shown(patient, kind, False, picture)
        yield Shown(patient, kind, True, Pictures(single, channels, record).picture(0))


def as_image(values: Float32Array) -> Image:
    """An image without geometry of values (channel, slice, row, column)."""
    grid = (values.shape[1], values.shape[2], values.shape[3])
    geometry = Geometry(None, None, "unknown", "assumed", None, grid, (0, 1, 2), (False, False, False))
    names = tuple(str(k) for k in range(len(values)))
    return Image(values, geometry, names, None, "float32", (float(values.min()), float(values.max())))


def describe(record: ModelRecord, pictures: Iterable[Shown]) -> Described:
    """Statistics and every member's features of the pictures, in order; nothing but numbers is held."""
    nets = [open_net(record, k) for k in range(len(record.members))]
    rows: list[tuple[str, int, bool]] = []
    whole: list[Float64Array] = []
    features: list[list[Float64Array]] = [[] for _ in nets]
    for some in _chunks(pictures):
        rows += [(each.patient, each.kind, each.alone) for each in some]
        whole += [picture_statistics(each.picture) for each in some]
        batch = np.stack([each.picture for each in some])
        for net, found in zip(nets, features, strict=True):
            found.append(summaries(net, batch))
    patient, kind, alone = zip(*rows, strict=True)
    return Described(
        np.array(patient), np.array(kind, dtype=np.int64), np.array(alone, dtype=np.bool_), np.stack(whole),
        tuple(np.concatenate(each) for each in features),
    )  # fmt: skip


def open_net(record: ModelRecord, member: int) -> Network:
    """A member's network, laid out for speed."""
    return load_any_member(record, member).to(memory_format=torch.channels_last)


def summaries(net: Network, batch: Float32Array) -> Float64Array:
    """What a network makes of pictures (n, channel, row, column): (n, feature)."""
    with torch.inference_mode():
        found = net.summary(torch.from_numpy(batch).contiguous(memory_format=torch.channels_last))
    return found.numpy().astype(np.float64)


def _chunks(pictures: Iterable[Shown]) -> Iterator[list[Shown]]:
    some: list[Shown] = []
    for each in pictures:
        some.append(each)
        if len(some) == CHUNK:
            yield some
            some = []
    if some:
        yield some
