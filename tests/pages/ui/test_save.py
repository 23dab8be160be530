"""Large payloads leave compressed, small ones and pictures as they are."""

from __future__ import annotations

import gzip

from core.types import NamedBytes
from pages.ui.save import LARGEST_RAW, packed


def test_large_json_is_gzipped_to_the_same_content() -> None:
    data = b"{}" * LARGEST_RAW
    file = packed(NamedBytes("case_0123456789abcdef.json", data))
    assert (file.name, gzip.decompress(file.data)) == ("case_0123456789abcdef.json.gz", data)


def test_two_large_files_that_differ_in_one_byte_differ_in_size_or_ends() -> None:
    first = bytearray(4 * LARGEST_RAW)
    second = bytearray(first)
    second[2 * LARGEST_RAW + 70_000] = 1
    a, b = (packed(NamedBytes("mask.nii", bytes(each))).data for each in (first, second))
    assert (len(a), a[-65536:]) != (len(b), b[-65536:])


def test_small_file_and_picture_stay_as_they_are() -> None:
    small, picture = NamedBytes("a.json", b"{}"), NamedBytes("a.png", b"x" * (LARGEST_RAW + 1))
    assert (packed(small), packed(picture)) == (small, picture)
