"""Bounded unpacking of deflate streams: PNG pixels, gzip members, deflated DICOM data sets."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import InputProblem
from core.io.limits import Limits

ZLIB, GZIP, RAW = zlib.MAX_WBITS, 16 + zlib.MAX_WBITS, -zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"
_FEED, _STEP = 1 << 20, 4 << 20


@dataclass(frozen=True)
class Inflated:
    """size: bytes handed on (limit + 1 = there is more). finished: end mark and checksum were right.

    used: packed bytes of the stream. reason: why it broke off, "" when it did not.
    """

    size: int
    finished: bool
    used: int
    reason: str = ""


def inflate(data: bytes, form: int, limit: int, sink: Callable[[bytes], object]) -> Inflated:
    """Unpack one stream at the start of `data` into `sink`, never more than `limit` + 1 bytes.

    form: ZLIB, GZIP or RAW. zlib compares the checksum of the first two when it reaches the end.
    """
    inflater, view, size, fed = zlib.decompressobj(form), memoryview(data), 0, 0
    waiting: bytes | memoryview = b""
    while not inflater.eof and size <= limit:
        if not waiting:
            waiting = view[fed : fed + _FEED]
            fed += len(waiting)
        try:
            part = inflater.decompress(waiting, min(_STEP, limit + 1 - size))
        except zlib.error as error:
            checksum = "incorrect" in str(error) and "check" in str(error)
            return Inflated(
                size, False, fed, "a wrong checksum (CRC)" if checksum else "data that does not unpack"
            )
        if not part and fed >= len(data) and not inflater.unconsumed_tail and not inflater.eof:
            return Inflated(size, False, fed, "a stream that is cut off (truncated)")
        waiting = inflater.unconsumed_tail
        size += len(part)
        sink(part)
    return Inflated(size, inflater.eof, fed - len(waiting) - len(inflater.unused_data))


def gunzip_head(data: bytes, size: int) -> bytes:
    """The first `size` bytes of gzip data, or fewer where there are fewer; little more is unpacked."""
    head = bytearray()
    inflate(data, GZIP, size, head.extend)
    return bytes(head[:size])


def gunzip(data: bytes, most: int, limits: Limits) -> tuple[bytearray, tuple[str, ...]]:
    """All unpacked bytes of one or more gzip members, and notes; refuses more than `most` bytes.

    The checksum of every member is compared, which nibabel leaves out. Bytes after the last member
    are ignored and noted.
    """
    most = min(most, limits.inflated)
    out, rest = bytearray(), data
    while rest[:2] == _GZIP_MAGIC:
        result = inflate(rest, GZIP, most - len(out), out.extend)
        if len(out) > most:
            raise InputProblem(
                "The gzip file unpacks to more than its header declares",
                found=f"more than {most:,} bytes",
                expected=f"at most {most:,} bytes",
                fix="export the file again",
            )
        if not result.finished:
            raise InputProblem(
                "The gzip file is damaged",
                found=result.reason,
                expected="a complete gzip stream with a matching checksum (CRC)",
                fix="copy or upload the file again",
            )
        rest = rest[result.used :]
    notes = (f"{len(rest)} bytes after the end of the gzip data were ignored.",) if rest.strip(b"\0") else ()
    return out, notes
