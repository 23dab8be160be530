"""A backup put back in place of the present store, which is set aside and never deleted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from core.config import Frozen
from core.errors import StoreProblem
from core.store.arrays import sync_directory
from core.store.backup_format import LOG_FILES, MODELS_NAME, Manifest, check_files, copied, read_manifest
from core.store.migrations import MIGRATIONS
from core.store.opening import UNFINISHED_RESTORE
from core.store.ownership import Ownership, prepare_home
from core.store.review_log import read_log
from core.store.settings import ARRAYS_NAME, DATABASE_NAME, utc_now
from core.types import Progress

STAGE_NAME = "restoring"


class Restored(Frozen):
    """What a restoration did.

    set_aside: folder with the store that was there, "" without one. reviews: entries of the log in force.
    kept_reviews: the present review log was kept, since it goes on where that of the backup ends.
    newer_reviews: entries of the log that was set aside and that the backup does not have.
    """

    backup: str
    created_utc: str
    files: int
    size: int
    set_aside: str
    reviews: int
    kept_reviews: bool
    newer_reviews: int


def restore(
    home: Path, backup: Path, progress: Progress, clock: Callable[[], datetime] = utc_now
) -> Restored:
    """Put a backup in place of the store in `home`.

    Every file of the backup is checked before anything is touched, and copied beside the store before the
    store moves. Decisions are not lost: when the present review log goes on where the backup's ends, it
    stays. Raises StoreProblem: no backup, a damaged one, one of a newer version, or a store in use.
    """
    manifest = read_manifest(backup)
    _refuse_newer(backup, manifest)
    progress(0.0, "Checking the backup")
    check_files(backup, manifest)
    home = prepare_home(home)
    ownership = Ownership(home)
    try:
        stage = home / STAGE_NAME
        shutil.rmtree(stage, ignore_errors=True)
        _copy(backup, stage, manifest, progress)
        keep = _log_goes_on(home, stage)
        (home / UNFINISHED_RESTORE).write_text(str(backup), encoding="utf-8")
        sync_directory(home)
        aside, newer = _set_aside(home, keep, clock())
        _move_in(stage, home, keep)
        (home / UNFINISHED_RESTORE).unlink()
        sync_directory(home)
    finally:
        ownership.release()
    return Restored(
        backup=str(backup),
        created_utc=manifest.created_utc,
        files=len(manifest.files),
        size=manifest.size,
        set_aside="" if aside is None else str(aside),
        reviews=read_log(home)[1].entries,
        kept_reviews=keep,
        newer_reviews=newer,
    )


def _refuse_newer(backup: Path, manifest: Manifest) -> None:
    if manifest.schema_version <= len(MIGRATIONS):
        return
    raise StoreProblem(
        "The backup was made by a newer version of Second Look",
        file=str(backup),
        found=f"schema {manifest.schema_version}, version {manifest.app_version}",
        expected=f"schema {len(MIGRATIONS)} or older",
        fix="update Second Look",
    )


def _copy(backup: Path, stage: Path, manifest: Manifest, progress: Progress) -> None:
    for number, each in enumerate(manifest.files):
        progress(number / len(manifest.files), f"Copying {each.path}")
        found = copied(backup / each.path, stage / each.path)
        if found.sha256 != each.sha256:
            raise StoreProblem(
                "The backup changed while it was copied, so nothing was restored",
                file=f"{backup.name}/{each.path}",
                found=f"SHA-256 {found.sha256[:12]}",
                expected=f"SHA-256 {each.sha256[:12]}",
                fix="try again, or use another backup",
            )
    (stage / ARRAYS_NAME).mkdir(exist_ok=True)


def _log_goes_on(home: Path, stage: Path) -> bool:
    """Whether the present log is whole and begins with every entry of the backup's."""
    present, report, _ = read_log(home)
    saved, _, _ = read_log(stage)
    if not report.ok or len(present) < len(saved):
        return False
    return not saved or present[len(saved) - 1].hash == saved[-1].hash


def _set_aside(home: Path, keep_log: bool, now: datetime) -> tuple[Path | None, int]:
    """Move what is there into a folder of its own; that folder, and the entries that only its log has."""
    names = [each.name for each in home.glob(f"{DATABASE_NAME}*")]
    names += [ARRAYS_NAME, MODELS_NAME, *(() if keep_log else LOG_FILES)]
    there = [home / name for name in names if (home / name).exists()]
    if not there:
        return None, 0
    folder = home / f"set-aside-{now.astimezone(UTC):%Y%m%dT%H%M%S%f}"
    folder.mkdir(mode=0o700)
    for path in there:
        path.rename(folder / path.name)
    sync_directory(folder)
    saved = read_log(home / STAGE_NAME)[1].entries
    return folder, 0 if keep_log else max(0, read_log(folder)[1].entries - saved)


def _move_in(stage: Path, home: Path, keep_log: bool) -> None:
    for path in sorted(stage.iterdir()):
        if keep_log and path.name in LOG_FILES:
            continue
        path.rename(home / path.name)
    shutil.rmtree(stage)
