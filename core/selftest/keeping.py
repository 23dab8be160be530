"""Does what is kept come back, and is a change to it seen?"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from core.errors import StoreProblem
from core.pipeline import open_sample
from core.selftest.records import Detail
from core.store import Store, StoreInUse, default_home
from core.store.review_log import LOG_NAME, read_log
from core.store.settings import DATABASE_NAME
from core.types import Progress


def trial(progress: Progress) -> tuple[Detail, ...]:
    """A store in a folder of its own: written, closed, opened, read back, damaged, and the damage seen."""
    with tempfile.TemporaryDirectory(prefix="second-look-selftest-") as folder:
        home = Path(folder)
        progress(0.0, "Writing a store for trial")
        with Store.open(home) as store:
            kept = open_sample(store, "frontal-left")
            store.reviews.append("self-test", "taxonomy", note="first")
            store.reviews.append("self-test", "taxonomy", note="second")
        progress(0.5, "Reading it back")
        with Store.open(home) as store:
            found = store.case(kept.id)
            same = found is not None and np.array_equal(found.image.values, kept.image.values)
            whole = store.verify()
        back = Detail(name="a case comes back to the last bit", found=_yes(same), ok=same)
        clean = Detail(name="every row and array is whole", found=_yes(whole.ok), ok=whole.ok)
        return back, clean, _tampering_seen(home), _damage_seen(home)


def own_store(store: Store | None, progress: Progress) -> tuple[Detail, ...]:
    """The user's own store: every row read, every array hashed, the review log followed.

    store: the one that is open in this process; None opens the default one, when there is one and no other
    process owns it.
    """
    progress(0.0, "Reading the whole store")
    home = default_home()
    if store is None and not (home / DATABASE_NAME).exists():
        return (Detail(name=str(home), found="there is no store yet"),)
    try:
        if store is not None:
            return _verified(store)
        with Store.open(home) as opened:
            return _verified(opened)
    except StoreInUse:
        return (Detail(name=str(home), found="in use by the app, see its Self-test page", noted=True),)
    except StoreProblem as problem:
        return (Detail(name=str(home), found=problem.sentence, ok=False),)


def _verified(store: Store) -> tuple[Detail, ...]:
    info, report = store.info(), store.verify()
    where = info.home or "in memory"
    rows, size = sum(rows for _, rows in report.rows), report.array_bytes / 1e6
    read = f"{rows} rows, {report.arrays} arrays, {size:.1f} MB"
    found = read if report.ok else f"{read}, {len(report.problems)} problems"
    said = Detail(name=where, found=found, ok=report.ok)
    mode = (Detail(name="mode", found=f"{info.mode}: {info.reason}", ok=False),) if info.reason else ()
    return (said, *mode, *(Detail(name="damage", found=each, ok=False) for each in report.problems))


def _tampering_seen(home: Path) -> Detail:
    path = home / LOG_NAME
    path.write_text(path.read_text(encoding="utf-8").replace("first", "other"), encoding="utf-8")
    seen = not read_log(home)[1].ok
    return Detail(name="a changed review entry is seen", found=_yes(seen), ok=seen)


def _damage_seen(home: Path) -> Detail:
    array = max((home / "arrays").rglob("*"), key=lambda each: each.stat().st_size if each.is_file() else -1)
    data = bytearray(array.read_bytes())
    data[len(data) // 2] ^= 1
    array.chmod(0o600)
    array.write_bytes(data)
    with Store.open(home) as store:
        seen = any("review log" not in each for each in store.verify().problems)
    return Detail(name="one flipped bit in an array is seen", found=_yes(seen), ok=seen)


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"
