"""Names of uploads: labels only, never paths, and never trusted."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 120
NEUTRAL = "unnamed"


def display_name(name: str) -> str:
    r"""Last part of `name` without control, format (bidi) and surrogate characters, at most 120 long.

    Still untrusted text: it may hold Markdown or HTML, so escape it where it is shown.

    >>> display_name("../../etc/passwd.png"), display_name("a\0b.png"), display_name(".png")
    ('passwd.png', 'ab.png', 'unnamed.png')
    """
    last = re.split(r"[/\\]", name)[-1]
    clean = "".join(char for char in last if unicodedata.category(char)[0] != "C").strip()
    stem, dot, suffix = clean.rpartition(".")
    if not dot:
        return clean[:LONGEST] or NEUTRAL
    suffix = suffix[:10]
    return f"{(stem or NEUTRAL)[: LONGEST - len(suffix) - 1]}.{suffix}"


def file_stem(name: str) -> str:
    """`name` as the start of a file name we write: ASCII letters, digits, dash, underscore, at most 60.

    >>> file_stem("T1 (post)/../mask.nii.gz")
    'mask'
    """
    stem = display_name(name)
    for suffix in (".nii.gz", *("." + stem.rpartition(".")[2],)):
        stem = stem.removesuffix(suffix) if "." in stem else stem
    return re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_-")[:60] or NEUTRAL
