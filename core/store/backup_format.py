"""A backup: a directory with a copy of everything that is kept, and a manifest with the hash of each file."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from duckdb import __version__ as duckdb_version
from pydantic import Field, ValidationError

from core import __version__
from core.config import Frozen
from core.errors import StoreProblem
from core.store.arrays import sync_directory
from core.store.review_log import HEAD_NAME, LOG_NAME
from core.store.settings import ARRAYS_NAME, DATABASE_NAME
from core.types import Progress

MANIFEST_NAME = "manifest.json"
MODELS_NAME = "models"
UNFINISHED = ".unfinished"
LOG_FILES = (LOG_NAME, HEAD_NAME)
FORMAT = 1


class BackupFile(Frozen):
    """One file of a backup: its path below the backup's directory, with forward slashes."""

    path: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(Frozen):
    """What a backup holds and what made it. lost: arrays that were missing or damaged already."""

    format: int = FORMAT
    app_version: str
    duckdb_version: str
    schema_version: int
    created_utc: str
    reviews: int
    lost: tuple[str, ...] = ()
    files: tuple[BackupFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(each.size for each in self.files)


def backup_name(now: datetime) -> str:
    """Name of a backup's directory."""
    return f"second-look-backup-{now.astimezone(UTC):%Y%m%dT%H%M%S}"


def keep_arrays(staged: Path, arrays: Path, names: Sequence[str]) -> None:
    """Give arrays a second name, so that a deletion meanwhile takes none of them away.

    Copies where the file system has no second names. Missing ones are left out.
    """
    for sha256 in names:
        source, target = arrays / sha256[:2] / f"{sha256}.npy", staged / f"{sha256}.npy"
        if not source.is_file():
            continue
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)


def copy_arrays(
    staged: Path, target: Path, names: Sequence[str], progress: Progress
) -> tuple[list[BackupFile], list[str]]:
    """Copy staged arrays into a backup; (files, arrays that are missing or not what their name says)."""
    files, lost = [], []
    for number, sha256 in enumerate(names):
        progress(number / len(names), f"Copying array {number + 1} of {len(names)}")
        source = staged / f"{sha256}.npy"
        relative = f"{ARRAYS_NAME}/{sha256[:2]}/{sha256}.npy"
        found = copied(source, target / relative) if source.is_file() else None
        if found is None or found.sha256 != sha256:
            lost.append(sha256)
            (target / relative).unlink(missing_ok=True)
            continue
        files.append(found.model_copy(update={"path": relative}))
    return files, lost


def copied(source: Path, target: Path) -> BackupFile:
    """Copy a file and hash what was copied; on disk once this returns."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reading, target.open("xb") as writing:
        while block := reading.read(1 << 22):
            digest.update(block)
            size += len(block)
            writing.write(block)
        writing.flush()
        os.fsync(writing.fileno())
    return BackupFile(path=target.name, size=size, sha256=digest.hexdigest())


def written(target: Path, relative: str, body: bytes) -> BackupFile:
    """Write a small file into a backup; on disk once this returns."""
    with (target / relative).open("xb") as stream:
        stream.write(body)
        stream.flush()
        os.fsync(stream.fileno())
    return BackupFile(path=relative, size=len(body), sha256=hashlib.sha256(body).hexdigest())


def own_models(home: Path) -> Iterator[Path]:
    """Files of the models that a user added."""
    folder = home / MODELS_NAME
    return (each for each in sorted(folder.rglob("*")) if each.is_file() and not each.is_symlink())


def finish(draft: Path, manifest: Manifest, target: Path) -> None:
    """Write the manifest, check every file against it, and give the backup its name."""
    written(draft, MANIFEST_NAME, manifest.model_dump_json(indent=1).encode())
    check_files(draft, manifest)
    draft.rename(target)
    sync_directory(target.parent)


def new_manifest(
    schema: int, now: datetime, reviews: int, files: Sequence[BackupFile], lost: Sequence[str]
) -> Manifest:
    """The manifest of files that were just copied."""
    return Manifest(
        app_version=__version__,
        duckdb_version=duckdb_version,
        schema_version=schema,
        created_utc=now.astimezone(UTC).isoformat(timespec="seconds"),
        reviews=reviews,
        lost=tuple(lost),
        files=tuple(files),
    )


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup. Raises StoreProblem when the directory is none, or a newer one."""
    path = folder / MANIFEST_NAME
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise _no_backup(folder, "no manifest that can be read") from error
    if manifest.format > FORMAT:
        raise _no_backup(folder, f"a backup of format {manifest.format}, made by {manifest.app_version}")
    return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """Hash every file of a backup. Raises StoreProblem that names the first that is not as it was written."""
    for each in manifest.files:
        path = _below(folder, each.path)
        found = hashlib.sha256()
        if not path.is_file():
            raise _damaged(folder, each.path, "no such file")
        with path.open("rb") as stream:
            size = 0
            while block := stream.read(1 << 22):
                found.update(block)
                size += len(block)
        if (size, found.hexdigest()) != (each.size, each.sha256):
            raise _damaged(folder, each.path, f"{size:,} bytes, SHA-256 {found.hexdigest()[:12]}")
    if not any(each.path == DATABASE_NAME for each in manifest.files):
        raise _damaged(folder, DATABASE_NAME, "not named in the manifest")


def _below(folder: Path, relative: str) -> Path:
    parts = PurePosixPath(relative)
    if parts.is_absolute() or ".." in parts.parts or "\\" in relative or not parts.parts:
        raise _damaged(folder, relative, "a path that leads out of the backup")
    return folder.joinpath(*parts.parts)


def _no_backup(folder: Path, found: str) -> StoreProblem:
    return StoreProblem(
        "This is no backup that can be read",
        file=str(folder),
        found=found,
        expected="a directory written by `python -m core store backup`",
        fix="name the directory that begins with second-look-backup-",
    )


def _damaged(folder: Path, name: str, found: str) -> StoreProblem:
    return StoreProblem(
        "The backup is damaged, so nothing was restored",
        file=f"{folder.name}/{name}",
        found=found,
        expected="the file as it was written",
        fix="use another backup, or a copy of this one",
    )
