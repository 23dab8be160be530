"""A small file that lies beside a model: read whole, and only if it is the one that model.json names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from core.errors import ModelProblem

MAX_BYTES = 8_000_000

Problem = Callable[[Path, str, str], ModelProblem]
"""From the file, what was found and what was expected to the error that names them."""


def kept_bytes(path: Path, sha256: str, problem: Problem) -> bytes:
    """The bytes of the file. Raises what `problem` makes: missing, more than 8 MB, or changed."""
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise problem(path, "no such file, or more than 8 MB", "the file named in model.json")
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise problem(path, f"SHA-256 {found}", f"SHA-256 {sha256}")
    return data
