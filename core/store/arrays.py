"""Content-addressed arrays: one `.npy` per array, named by the SHA-256 of its bytes, or in memory."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.config import Frozen
from core.errors import StoreProblem

AnyArray = NDArray[Any]

UNFINISHED = ".writing"
_BLOCK = 1 << 22
_MAPPED_FROM = 1 << 16


class ArrayEntry(Frozen):
    """A stored array: SHA-256 of its `.npy` bytes, their number, numpy dtype and shape."""

    sha256: str
    size: int
    dtype: str
    shape: tuple[int, ...]


class ArrayLost(StoreProblem):
    """An array's file is missing or does not have the bytes its name promises."""

    def __init__(self, sha256: str, kind: Literal["missing", "damaged"]) -> None:
        self.sha256 = sha256
        self.kind = kind
        super().__init__(
            "A stored array is " + kind,
            found=f"no intact array {sha256[:12]}",
            expected="an array with this SHA-256",
            fix="analyse the case again, or open its file again",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return ArrayLost, (self.sha256, self.kind)


class ArrayStore(Protocol):
    """Where arrays are kept. Arrays come back read-only and equal to the last bit."""

    def describe(self, array: AnyArray) -> ArrayEntry:
        """Name of `array` before it is kept."""

    def keep(self, entry: ArrayEntry, array: AnyArray) -> None:
        """Keep `array` under its name; once this returns it survives a crash."""

    def has(self, entry: ArrayEntry) -> bool:
        """Whether something of the right size is kept under this name."""

    def read(self, sha256: str) -> AnyArray:
        """The array; raises ArrayLost when it is missing or its hash differs."""

    def check(self, sha256: str) -> None:
        """Hash the array again, whatever was verified before; raises ArrayLost."""

    def drop(self, sha256: str) -> None:
        """Forget the array; nothing happens when it is not there."""

    def sweep(self, known: Collection[str]) -> int:
        """Remove what no row knows and unfinished writes; how many were removed.

        Only while nobody writes: an array is kept before its row exists.
        """


class ArrayFiles:
    """Arrays as `<root>/ab/<sha256>.npy`.

    A hash is verified at the first read of a file in this process and again whenever its size or
    modification time changed; `check` always verifies. Reading maps the file into memory.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._verified: dict[str, tuple[int, int]] = {}

    def describe(self, array: AnyArray) -> ArrayEntry:
        return _entry(array)

    def keep(self, entry: ArrayEntry, array: AnyArray) -> None:
        path = self._path(entry.sha256)
        if self._intact(entry.sha256):
            return
        # Never the store's directory itself: one that was taken away must not come back empty.
        self._root.mkdir(exist_ok=True)
        path.parent.mkdir(exist_ok=True)
        draft = path.with_name(f"{entry.sha256}.{threading.get_ident()}{UNFINISHED}")
        try:
            _write_durably(draft, array)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        sync_directory(path.parent)
        self._verified[entry.sha256] = _stamp(path)

    def has(self, entry: ArrayEntry) -> bool:
        try:
            return self._path(entry.sha256).stat().st_size == entry.size
        except FileNotFoundError:
            return False

    def read(self, sha256: str) -> AnyArray:
        path = self._path(sha256)
        try:
            self._verify(sha256)
            return _open(path)
        except FileNotFoundError as error:
            raise ArrayLost(sha256, "missing") from error
        except (OSError, ValueError) as error:
            raise ArrayLost(sha256, "damaged") from error

    def check(self, sha256: str) -> None:
        path = self._path(sha256)
        self._verified.pop(sha256, None)
        try:
            stamp = _stamp(path)
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except FileNotFoundError as error:
            raise ArrayLost(sha256, "missing") from error
        except OSError as error:
            raise ArrayLost(sha256, "damaged") from error
        if found != sha256:
            raise ArrayLost(sha256, "damaged")
        self._verified[sha256] = stamp

    def _verify(self, sha256: str) -> None:
        known = self._verified.get(sha256)
        if known is None or known != _stamp(self._path(sha256)):
            self.check(sha256)

    def drop(self, sha256: str) -> None:
        self._verified.pop(sha256, None)
        self._path(sha256).unlink(missing_ok=True)

    def sweep(self, known: Collection[str]) -> int:
        stray = [each for each in self._root.glob("*/*") if each.name.removesuffix(".npy") not in known]
        for each in stray:
            each.unlink(missing_ok=True)
        return len(stray)

    def _intact(self, sha256: str) -> bool:
        try:
            self._verify(sha256)
        except (ArrayLost, FileNotFoundError):
            return False
        return True

    def _path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / f"{sha256}.npy"


class MemoryArrays:
    """Arrays in this process's memory; gone when it ends."""

    def __init__(self) -> None:
        self._arrays: dict[str, AnyArray] = {}

    def describe(self, array: AnyArray) -> ArrayEntry:
        return _entry(array)

    def keep(self, entry: ArrayEntry, array: AnyArray) -> None:
        own = np.array(array, order="C", copy=True)
        own.flags.writeable = False
        self._arrays.setdefault(entry.sha256, own)

    def has(self, entry: ArrayEntry) -> bool:
        return entry.sha256 in self._arrays

    def read(self, sha256: str) -> AnyArray:
        array = self._arrays.get(sha256)
        if array is None:
            raise ArrayLost(sha256, "missing")
        return array

    def check(self, sha256: str) -> None:
        if _entry(self.read(sha256)).sha256 != sha256:
            raise ArrayLost(sha256, "damaged")

    def drop(self, sha256: str) -> None:
        self._arrays.pop(sha256, None)

    def sweep(self, known: Collection[str]) -> int:
        stray = [each for each in self._arrays if each not in known]
        for each in stray:
            self.drop(each)
        return len(stray)


def sync_directory(directory: Path) -> None:
    """Make a rename inside `directory` durable, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _entry(array: AnyArray) -> ArrayEntry:
    header, body = _npy_parts(array)
    name = hashlib.sha256(header)
    name.update(body)
    return ArrayEntry(
        sha256=name.hexdigest(),
        size=len(header) + body.nbytes,
        dtype=array.dtype.str,
        shape=tuple(array.shape),
    )


def _npy_parts(array: AnyArray) -> tuple[bytes, memoryview]:
    """The two parts of a `.npy` file: header and row-major values, without copying the latter."""
    if array.dtype.hasobject:
        raise ValueError("arrays of Python objects cannot be stored")
    ordered = np.ascontiguousarray(array)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(ordered))
    return header.getvalue(), ordered.reshape(-1).view(np.uint8).data


def _write_durably(path: Path, array: AnyArray) -> None:
    header, body = _npy_parts(array)
    with path.open("wb") as stream:
        stream.write(header)
        for start in range(0, len(body), _BLOCK):
            stream.write(body[start : start + _BLOCK])
        stream.flush()
        os.fsync(stream.fileno())


def _open(path: Path) -> AnyArray:
    # Small files are read: a mapping costs a file handle each, and an empty array cannot be mapped.
    mode: Literal["r"] | None = "r" if path.stat().st_size >= _MAPPED_FROM else None
    array = np.asarray(np.load(path, mmap_mode=mode, allow_pickle=False))
    array.flags.writeable = False
    return array


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
