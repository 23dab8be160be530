"""Files and folders on disk to bytes, with the size looked at before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.errors import InputProblem
from core.io.limits import Limits, check_upload, limits_in_force
from core.types import NamedBytes


def read_path(path: str | Path, limits: Limits | None = None) -> tuple[NamedBytes, ...]:
    """The file at `path`, or all files below the folder at `path` (links are not followed)."""
    limits = limits or limits_in_force()
    return read_paths([path], limits)


def read_paths(paths: Sequence[str | Path], limits: Limits | None = None) -> tuple[NamedBytes, ...]:
    """The files at `paths`, folders opened, in sorted order; their names are relative and only labels.

    Raises InputProblem when there is none, one cannot be read, or together they are too large.
    """
    limits = limits or limits_in_force()
    found = [pair for path in paths for pair in _files(Path(path), limits)]
    label = str(paths[0]) if len(paths) == 1 else ""
    try:
        check_upload([path.stat().st_size for _, path in found], limits, label)
        return tuple(NamedBytes(name, path.read_bytes()) for name, path in found)
    except OSError as error:
        raise _unreadable(label, error) from None


def _files(path: Path, limits: Limits) -> list[tuple[str, Path]]:
    if path.is_file():
        return [(path.name, path)]
    if not path.is_dir():
        raise InputProblem(
            "There is no such file",
            found="nothing readable at this path",
            expected="an existing file or folder",
            fix="check the path",
            file=str(path),
        )
    found: list[tuple[str, Path]] = []
    for each in path.rglob("*"):
        if each.is_symlink() or not each.is_file():
            continue
        found.append((each.relative_to(path).as_posix(), each))
        if len(found) > limits.members:
            break
    return sorted(found)


def _unreadable(label: str, error: OSError) -> InputProblem:
    return InputProblem(
        "The file cannot be read",
        found=error.strerror or "an error of the file system",
        expected="a readable file",
        fix="check its permissions",
        file=label,
    )
