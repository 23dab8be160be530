"""Making a backup of an open store."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

from duckdb import DuckDBPyConnection as Cursor

from core.errors import StoreProblem
from core.store.backup_format import (
    LOG_FILES,
    UNFINISHED,
    BackupFile,
    Manifest,
    backup_name,
    copied,
    copy_arrays,
    finish,
    keep_arrays,
    new_manifest,
    own_models,
    written,
)
from core.store.connection import storage_problem
from core.store.migrations import schema_version
from core.store.opening import STAGED_NAME, Opened
from core.store.review_log import ReviewLog
from core.store.settings import ARRAYS_NAME, DATABASE_NAME
from core.store.uses import known_arrays
from core.types import Progress


def back_up(
    opened: Opened, reviews: ReviewLog, folder: Path, now: datetime, progress: Progress
) -> tuple[Path, Manifest]:
    """See `Store.backup`."""
    home = opened.home
    if home is None:
        raise StoreProblem(
            "A store in memory has no backup",
            found="no directory",
            expected="a store in a directory",
            fix="set SECOND_LOOK_HOME and start again",
        )
    target = folder.absolute() / backup_name(now)
    draft = target.with_name(target.name + UNFINISHED)
    _require_new(target, home)
    staged = home / STAGED_NAME
    shutil.rmtree(staged, ignore_errors=True)
    try:
        draft.mkdir(parents=True, mode=0o700)
        staged.mkdir(mode=0o700)
        manifest = _filled(opened, reviews, draft, staged, now, progress)
        finish(draft, manifest, target)
    except OSError as error:
        raise storage_problem(target, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(staged, ignore_errors=True)
    return target, manifest


def _filled(
    opened: Opened, reviews: ReviewLog, draft: Path, staged: Path, now: datetime, progress: Progress
) -> Manifest:
    assert opened.home is not None
    arrays = opened.home / ARRAYS_NAME
    progress(0.0, "Copying the database")
    schema, names = opened.database.copy_to(
        draft / DATABASE_NAME, _contents, lambda found: keep_arrays(staged, arrays, found[1])
    )
    files = [_hashed(draft / DATABASE_NAME)]
    body, head, entries = reviews.snapshot()
    files += [written(draft, name, each) for name, each in zip(LOG_FILES, (body, head), strict=True) if each]
    for path in own_models(opened.home):
        relative = path.relative_to(opened.home).as_posix()
        files.append(copied(path, draft / relative).model_copy(update={"path": relative}))
    found, lost = copy_arrays(staged, draft, names, progress)
    return new_manifest(schema, now, entries, [*files, *found], lost)


def _contents(cursor: Cursor) -> tuple[int, list[str]]:
    return schema_version(cursor), sorted(known_arrays(cursor))


def _hashed(path: Path) -> BackupFile:
    import hashlib

    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    return BackupFile(path=path.name, size=path.stat().st_size, sha256=found)


def _require_new(target: Path, home: Path) -> None:
    inside = home in target.parents
    if not inside and not target.exists():
        return
    raise StoreProblem(
        "A backup cannot be written here",
        file=str(target),
        found="a folder in the store itself" if inside else "a backup with this name",
        expected="a new directory outside the store, best on another disk",
        fix="name another folder",
    )
