"""What a folder, a zip or an upload of several files holds; each file is read only when it is asked for.

Names come from walking the folder or from the archive's directory, never from a table: what is not listed
cannot be read, so no name leads out of the folder. Links are refused by name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from core.errors import InputProblem
from core.io.archive import Members, is_npz
from core.io.limits import Limits, check_upload, limits_in_force
from core.io.names import display_name
from core.io.packed import packed_index
from core.io.rows import read_rows
from core.io.sniff import sniff
from core.types import ListedFile, Listing, NamedBytes, PackedIndex, Refusal, Rows

MOST_FILES = 100_000
"""Files below one folder; a public collection of 110 patients holds some 8,000."""

_TABLE = (".csv", ".tsv", ".parquet")


def open_listing(source: Path | Sequence[NamedBytes], limits: Limits | None = None) -> Listing:
    """The files of a folder, of a zip, or of an upload; a table on disk comes with the files beside it.

    Raises InputProblem when there is nothing, too much, or an archive is refused.
    """
    limits = limits or limits_in_force()
    if isinstance(source, Path):
        return _on_disk(source, limits)
    check_upload([len(file.data) for file in source], limits)
    if len(source) == 1 and _is_archive(source[0].data):
        return _archive(source[0], limits)
    names = [_clean(file.name) for file in source]
    _refuse_doubles(names)
    data = {name: file.data for name, file in zip(names, source, strict=True)}
    files = [ListedFile(name, len(content)) for name, content in data.items()]
    return _listing("upload", files, lambda name: data[name], ())


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts slice 2 before slice 10, and orders any two names."""
    parts = re.split(r"(\d+)", name)
    return tuple((1, int(part), part) if part.isdecimal() else (0, 0, part) for part in parts)


def _on_disk(path: Path, limits: Limits) -> Listing:
    if path.is_file() and path.suffix.lower() not in _TABLE:
        data = _read_file(path, limits)
        file = NamedBytes(path.name, data)
        if _is_archive(data):
            return _archive(file, limits)
        return _listing(path.name, [ListedFile(path.name, len(data))], lambda _: data, ())
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        raise InputProblem(
            "There is no such file",
            found="nothing readable at this path",
            expected="an existing folder, zip, npz or table",
            fix="check the path",
            file=str(path),
        )
    files, refused = _walk(folder)
    if path.is_file():
        first = ListedFile(path.name, path.stat().st_size)
        files = [first, *(file for file in files if file.name != path.name)]
    return _listing(
        folder.resolve().name, files, lambda name: _read_file(folder / name, limits), refused, path.is_dir()
    )


def _walk(folder: Path) -> tuple[list[ListedFile], list[Refusal]]:
    found: list[ListedFile] = []
    refused: list[Refusal] = []
    for top, folders, names in os.walk(folder, followlinks=False):
        here = Path(top)
        linked = [each for each in (*folders, *names) if (here / each).is_symlink()]
        refused += [
            Refusal(
                name=(here / each).relative_to(folder).as_posix(),
                sentence="It is a link; links are not followed.",
            )
            for each in linked
        ]
        for each in sorted(set(names) - set(linked)):
            path = here / each
            if path.is_file() and not each.startswith("."):
                found.append(ListedFile(path.relative_to(folder).as_posix(), path.stat().st_size))
        folders[:] = sorted(each for each in folders if each not in linked and not each.startswith("."))
        if len(found) > MOST_FILES:
            raise InputProblem(
                "Too many files",
                found=f"more than {MOST_FILES:,} files below this folder",
                expected=f"at most {MOST_FILES:,}",
                fix="name the folder of one cohort",
                file=str(folder),
            )
    return found, refused


def _read_file(path: Path, limits: Limits) -> bytes:
    """Its bytes; the size is looked at first, and a link is refused even where it came after listing."""
    try:
        check_upload([path.lstat().st_size], limits, path.name)
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(handle, "rb") as stream:
            return stream.read(limits.upload + 1)
    except OSError as error:
        raise InputProblem(
            "The file cannot be read",
            found=error.strerror or "an error of the file system",
            expected="a readable file that is no link",
            fix="check the file and its permissions",
            file=path.name,
        ) from None


def _archive(file: NamedBytes, limits: Limits) -> Listing:
    members = Members(file.data, limits)
    names = [_clean(name) for name in members.names]
    _refuse_doubles(names)
    index = {name: place for place, name in enumerate(names)}
    files = [
        ListedFile(name, size)
        for name, size in zip(names, members.sizes, strict=True)
        if not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
    ]
    return _listing(display_name(file.name), files, lambda name: members.read(index[name], arrays=True), ())


def _is_archive(data: bytes) -> bool:
    return sniff(data) == "zip" and not is_npz(data) and not _is_parquet(data)


def _is_parquet(data: bytes) -> bool:
    return data[:4] == b"PAR1"


def _clean(name: str) -> str:
    """Relative path with forward slashes; refuses one that leaves the folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or name[1:2] == ":":
        raise InputProblem(
            "A file name leads out of the folder",
            found=display_name(name),
            expected="plain relative names",
            fix="pack the files again",
        )
    return path.as_posix()


def _refuse_doubles(names: list[str]) -> None:
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputProblem(
            "Two files have the same name",
            found=f"{display_name(twice)} twice",
            expected="different names",
            fix="upload a zip that keeps the folders",
        )


def _listing(
    label: str,
    files: Sequence[ListedFile],
    read: Callable[[str], bytes],
    refused: Sequence[Refusal],
    sort: bool = True,
) -> Listing:
    listed: Mapping[str, ListedFile] = {file.name: file for file in files}

    def guarded(name: str) -> bytes:
        if name not in listed:
            raise InputProblem(
                "The file is not in the folder",
                found=display_name(name),
                expected="a file of this folder or archive, by its relative name",
                fix="correct the name or add the file",
            )
        return read(name)

    def rows(name: str) -> Rows:
        return read_rows(NamedBytes(name, guarded(name)))

    def packed(name: str) -> PackedIndex:
        return packed_index(NamedBytes(name, guarded(name)))

    ordered = sorted(files, key=lambda file: natural(file.name)) if sort else list(files)
    return Listing(label, tuple(ordered), guarded, rows, packed, tuple(refused))
