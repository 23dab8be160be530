"""Volumes as bags of slices: one array of small scaled slices, and which of them make a bag."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.models.mil_records import BagKind, bags_of
from core.train.common.groups import assign_folds
from core.types import BoolArray, Float32Array


@dataclass(frozen=True)
class Volume:
    """Slices of one study: `first` and `slices` count in the array of all; label None where slabs have it."""

    patient: str
    first: int
    slices: int
    label: int | None = None


@dataclass(frozen=True)
class Bag:
    """Some slices of a volume (its index), in anatomical order, counted from 0 within the volume."""

    volume: int
    places: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class BagData:
    """pictures: float16 (slice, channel, row, column), scaled 0 … 1.5, volumes one after another.

    holds: (slice,) whether the reference marks anything there; None without masks. It makes the labels of
    slabs and tells where attention should lie; no network is ever given it.
    """

    pictures: NDArray[np.float16]
    volumes: tuple[Volume, ...]
    holds: BoolArray | None
    kind: BagKind
    class_names: tuple[str, str]

    @property
    def patients(self) -> tuple[str, ...]:
        """Patient of each volume."""
        return tuple(each.patient for each in self.volumes)

    def rows(self, bag: Bag) -> NDArray[np.int64]:
        """Where a bag's slices lie in the array of all."""
        return self.volumes[bag.volume].first + np.asarray(bag.places, dtype=np.int64)

    def slices(self, bag: Bag) -> Float32Array:
        """A bag's slices (slice, channel, row, column)."""
        return self.pictures[self.rows(bag)].astype(np.float32)

    def marked(self, bag: Bag) -> BoolArray | None:
        """Which of a bag's slices the reference marks; None without masks."""
        return None if self.holds is None else self.holds[self.rows(bag)]

    def label(self, bag: Bag) -> int:
        """0 or 1: the volume's own label, or whether any slice of a slab is marked."""
        own = self.volumes[bag.volume].label
        if own is not None:
            return own
        assert self.holds is not None
        return int(self.holds[self.rows(bag)].any())

    def name(self, bag: Bag) -> str:
        """A bag in words, slices counted from 1: PATIENT 13-24."""
        return f"{self.volumes[bag.volume].patient} {bag.places[0] + 1}-{bag.places[-1] + 1}"


def evaluation_bags(data: BagData, volumes: Iterable[int], size: int | None) -> tuple[Bag, ...]:
    """The bags that volumes are judged on: the same ones every time, every slice in at least one."""
    return tuple(
        Bag(index, tuple(places)) for index in volumes for places in bags_of(data.volumes[index].slices, size)
    )


def patient_folds(data: BagData, folds: int) -> dict[str, int]:
    """A fold for each patient, balanced over labels, or over marked slices where slabs have the labels."""
    weight: dict[str, int] = {}
    for each in data.volumes:
        own = each.label
        if own is None:
            assert data.holds is not None
            own = int(data.holds[each.first : each.first + each.slices].sum())
        weight[each.patient] = weight.get(each.patient, 0) + own
    return assign_folds(weight, folds)


def volumes_of(data: BagData, patients: Sequence[str]) -> tuple[int, ...]:
    """Indices of the volumes of these patients."""
    wanted = set(patients)
    return tuple(index for index, each in enumerate(data.volumes) if each.patient in wanted)
