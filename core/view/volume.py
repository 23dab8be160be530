"""A case's arrays as small integers in deflated parts, ready for the browser."""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.config import digest
from core.types import Analysis, Case, FixedPoint, Float32Array
from core.view import words
from core.view.layers import maps_of
from core.view.windows import first_window, sample

SCHEMA = 1
"""Raised whenever the meaning of a part changes, so that no browser or cache mixes versions."""
LIMIT_BYTES = 32 * 2**20
"""Above this the page would take many seconds to open; see the reductions below."""

MOST_MAPS = 5
"""The uncertainty maps and that of the quality network."""

_LEVEL = 1
_PACKERS = 4


@dataclass(frozen=True, eq=False)
class Part:
    """One array, deflated (zlib): bytes ("u1"), or all low bytes followed by all high bytes ("u2")."""

    name: str
    dtype: str
    blob: bytes
    raw_bytes: int


@dataclass(frozen=True)
class ChannelCode:
    """An image channel: value = code * scale + offset, in its own unit; `low`, `high`: the first window."""

    name: str
    scale: float
    offset: float
    low: float
    high: float
    smallest: float
    largest: float


@dataclass(frozen=True)
class MapCode:
    """An uncertainty map in the volume: value = code / 255 * upper."""

    key: str
    label: str
    unit: str
    help: str
    upper: float


@dataclass(frozen=True, eq=False)
class Volume:
    """Everything about a case that is large. `digest` names the voxels, `notes` say what was reduced."""

    case_id: str
    digest: str
    parts: tuple[Part, ...]
    channels: tuple[ChannelCode, ...]
    maps: tuple[MapCode, ...]
    first_slice: int
    slices: int
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Deflated bytes of all parts."""
        return sum(len(part.blob) for part in self.parts)


@dataclass(frozen=True)
class _Plan:
    """One step of making a volume smaller: 8-bit image, at most `maps` maps, slices [first, stop)."""

    deep: bool
    maps: int
    first: int
    stop: int


def volume_digest(
    case: Case, analysis: Analysis, around: int | None = None, doubt: FixedPoint | None = None
) -> str:
    """Name of the volume that `build_volume` would make with the default limit."""
    # The map of doubt follows from the analysis, so that its being there names it.
    return digest([SCHEMA, case.id, analysis.key, around, *(["doubt"] if doubt is not None else [])])


def build_volume(
    case: Case,
    analysis: Analysis,
    *,
    limit_bytes: int = LIMIT_BYTES,
    around: int | None = None,
    doubt: FixedPoint | None = None,
) -> Volume:
    """The case's arrays in deflated parts, at most `limit_bytes` large.

    doubt: where the outline looks wrong, (slice, row, column), None where nobody asked for it.
    Too large a study is reduced in this order, and `notes` say so: image values to 8 bits, the first map
    instead of all, then only the slices around `around` (default: the least confident, else the middle).
    """
    total = case.image.slices
    full = _Plan(True, MOST_MAPS, 0, total)
    volume = _build(case, analysis, full, around, doubt)
    for plan in (_Plan(False, MOST_MAPS, 0, total), _Plan(False, 1, 0, total)):
        if volume.size <= limit_bytes:
            return volume
        volume = _build(case, analysis, plan, around, doubt)
    centre = next((z for z in (around, analysis.worst_slice) if z is not None), total // 2)
    return windowed(
        volume, limit_bytes, centre, total,
        lambda first, stop: _build(case, analysis, _Plan(False, 1, first, stop), around, doubt),
    )  # fmt: skip


def windowed(
    volume: Volume, limit_bytes: int, centre: int, total: int, build: Callable[[int, int], Volume]
) -> Volume:
    """The volume, or as many of its `total` slices around the slice `centre` as fit into the limit.

    build: makes the volume of the slices from the first to before the second number.
    """
    while volume.size > limit_bytes and volume.slices > 1:
        # 0.9: slices differ in content, so a proportional cut may still come out a little too large.
        keep = max(1, int(volume.slices * 0.9 * limit_bytes / volume.size))
        first = min(max(0, centre - keep // 2), total - keep)
        volume = build(first, first + keep)
    return volume


def loaded_note(first: int, stop: int, total: int) -> tuple[str, ...]:
    """Says which slices of a large study are loaded, where not all are."""
    if stop - first == total:
        return ()
    return (
        f"Large study: slices {first + 1} to {stop} of {total} are loaded; "
        "choosing another slice loads its neighbourhood.",
    )


def _build(
    case: Case, analysis: Analysis, plan: _Plan, around: int | None, doubt: FixedPoint | None
) -> Volume:
    span = slice(plan.first, plan.stop)
    coded = [code_channel(name, values[span], plan.deep) for name, values in channels_of(case)]
    every = maps_of(analysis.maps, doubt)
    maps = every[: plan.maps]
    codes: dict[str, Callable[[], NDArray[Any]]] = {"labels": lambda: analysis.mask_pred[span]}
    codes |= {f"image{index}": partial(itself, image) for index, (_, image) in enumerate(coded)}
    codes["prob"] = partial(_foreground, analysis.prob, span)
    if case.reference is not None:
        codes["reference"] = partial(itself, case.reference.mask_ref[span])
    codes |= {f"map{k}": partial(eight_bits, values.codes[span]) for k, (_, values) in enumerate(maps)}
    channels = tuple(channel for channel, _ in coded)
    return Volume(
        case_id=case.id,
        digest=digest(
            [volume_digest(case, analysis, around, doubt), plan.deep, plan.maps, plan.first, plan.stop]
        ),
        parts=pack_all(codes),
        channels=channels,
        maps=tuple(MapCode(s.key, s.label, s.unit, s.help, v.upper) for s, v in maps),
        first_slice=plan.first,
        slices=plan.stop - plan.first,
        notes=_notes(plan, channels, case.image.slices, len(every)),
    )


def channels_of(case: Case) -> Iterator[tuple[str, Float32Array]]:
    """(name, values) of each channel of the image."""
    names = case.image.channel_names
    for index, values in enumerate(case.image.values):
        yield (names[index] if index < len(names) else f"channel {index}"), values


def code_channel(name: str, values: Float32Array, deep: bool) -> tuple[ChannelCode, NDArray[Any]]:
    """Codes of a channel: exact for whole numbers, otherwise in 65535 (8 bits: 255) even steps."""
    smallest, largest = float(values.min()), float(values.max())
    low, high = first_window(values)
    span = largest - smallest
    levels = 65535 if deep else 255
    whole = span <= levels and bool((values == np.rint(values)).all())
    begin, scale = smallest, (1.0 if whole else span / levels or 1.0)
    if not deep and not whole:
        begin, end = (float(each) for each in np.percentile(sample(values), (0.1, 99.9)))
        scale = (end - begin) / levels or 1.0
    codes = np.rint(np.clip((values - np.float32(begin)) / np.float32(scale), 0, levels))
    dtype = np.uint8 if codes.max(initial=0) <= 255 else np.uint16
    return ChannelCode(name, scale, begin, low, high, smallest, largest), codes.astype(dtype)


def _foreground(prob: FixedPoint, span: slice) -> NDArray[np.uint8]:
    """8-bit probability of the likeliest foreground class, (slice, row, column)."""
    codes = prob.codes[:, span]
    return eight_bits(codes[0] if len(codes) == 1 else codes.max(axis=0))


def eight_bits(codes: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """16-bit codes as the nearest 8-bit ones."""
    # 65535 = 255 * 257: adding half a step first rounds to the nearest 8-bit code in integers.
    return ((codes.astype(np.uint32) + 128) // 257).astype(np.uint8)


def pack_all(codes: Mapping[str, Callable[[], NDArray[Any]]]) -> tuple[Part, ...]:
    """All parts in order; packed side by side, as deflating lets other threads run."""
    with ThreadPoolExecutor(max_workers=_PACKERS) as pool:
        return tuple(pool.map(lambda item: _pack(item[0], item[1]()), codes.items()))


def itself(codes: NDArray[Any]) -> NDArray[Any]:
    """The codes as they are, for what is packed without a change."""
    return codes


def _pack(name: str, codes: NDArray[Any]) -> Part:
    """Deflate an array; 16-bit codes as two byte planes, which saves a quarter of the size."""
    if codes.dtype == np.uint16:
        raw = (codes & 255).astype(np.uint8).tobytes() + (codes >> 8).astype(np.uint8).tobytes()
        return Part(name, "u2", zlib.compress(raw, _LEVEL), len(raw))
    raw = np.ascontiguousarray(codes, np.uint8).tobytes()
    return Part(name, "u1", zlib.compress(raw, _LEVEL), len(raw))


def _notes(plan: _Plan, channels: tuple[ChannelCode, ...], total: int, maps: int) -> tuple[str, ...]:
    notes = []
    if not plan.deep:
        steps = ", ".join(f"{c.name} {words.number(c.scale)}" for c in channels)
        notes.append(f"Large study: image values are shown in 256 steps ({steps} each).")
    if plan.maps < maps:
        notes.append("Large study: only the first map is loaded.")
    return (*notes, *loaded_note(plan.first, plan.stop, total))


class VolumeCache:
    """The volumes used last, at most `limit_bytes` of them together; safe for threads.

    A volume larger than the limit is handed out and not kept; nor is one that was being made while a case
    was forgotten, as it may be that case's.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._held: OrderedDict[str, Volume] = OrderedDict()
        self._forgotten = 0
        self._lock = threading.Lock()

    def get(self, key: str, make: Callable[[], Volume]) -> Volume:
        """The volume under this digest, made if need be (outside the lock: making takes up to a second)."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
            before = self._forgotten
        volume = make()
        with self._lock:
            if self._forgotten != before:
                return volume
            self._held[key] = volume
            while self.size > self._limit:
                self._held.popitem(last=False)
        return volume

    def forget(self, case_id: str) -> None:
        """Drop all volumes of a case, as when it is deleted."""
        with self._lock:
            self._forgotten += 1
            for key in [key for key, volume in self._held.items() if volume.case_id == case_id]:
                del self._held[key]

    @property
    def size(self) -> int:
        """Bytes held now."""
        return sum(volume.size for volume in self._held.values())
