"""A backup holds everything, is checked, and can be put back without losing a decision."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from stored_examples import make_analysis, make_case, open_store

from core.cli import main
from core.errors import StoreProblem
from core.store import StoreInUse, restore
from core.store.backup_format import MANIFEST_NAME, read_manifest
from core.store.backup_request import ask_owner, serve_backups
from core.store.opening import STAGED_NAME, UNFINISHED_RESTORE
from core.store.review_log import LOG_NAME
from core.store.settings import DATABASE_NAME, LOCK_NAME

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def quiet(share: float, sentence: str) -> None:
    """A Progress that tells nobody."""


def filled(home: Path, *names: str, notes: int = 2) -> None:
    """A store with one analysed case per name, a model of one's own, and entries in the review log."""
    with open_store(home) as store:
        for name in names:
            case = make_case(name)
            store.put_case(case)
            store.put_analysis(make_analysis(case))
        for number in range(notes):
            store.reviews.append("Ada", "taxonomy", note=f"note {number}")
    (home / "models" / "mine").mkdir(parents=True, exist_ok=True)
    (home / "models" / "mine" / "model.json").write_text("{}")


def saved(home: Path, folder: Path) -> Path:
    with open_store(home) as store:
        return store.backup(folder, quiet)[0]


def names_in(home: Path) -> set[str]:
    with open_store(home) as store:
        assert store.verify().ok
        return {each.name for each in store.case_summaries()}


def untouched(home: Path) -> list[tuple[Path, int]]:
    """Every file with the time of its last change, but for the lock."""
    found = (each for each in home.rglob("*") if each.name != LOCK_NAME)
    return sorted((each, each.stat().st_mtime_ns) for each in found)


def notes_in(home: Path) -> list[str]:
    with open_store(home) as store:
        assert store.reviews.report().ok
        return [each.note for each in store.reviews.entries()]


def test_restored_store_is_equal_to_the_last_bit(tmp_path: Path) -> None:
    home = tmp_path / "home"
    filled(home, "one", "two")
    backup = saved(home, tmp_path / "backups")
    found = restore(tmp_path / "fresh", backup, quiet)
    with open_store(home) as old, open_store(tmp_path / "fresh") as new:
        assert new.verify().model_dump() == old.verify().model_dump()
        assert new.reviews.entries() == old.reviews.entries()
        for each in old.case_summaries():
            assert [a.model_dump() for a in new.analyses_of(each.id)] == [
                a.model_dump() for a in old.analyses_of(each.id)
            ]
    assert (tmp_path / "fresh" / "models" / "mine" / "model.json").read_text() == "{}"
    assert (found.set_aside, found.reviews) == ("", 2)


def test_what_was_there_is_set_aside_and_newer_decisions_stay(tmp_path: Path) -> None:
    home = tmp_path / "home"
    filled(home, "one")
    backup = saved(home, tmp_path / "backups")
    filled(home, "two", notes=3)
    found = restore(home, backup, quiet)
    assert names_in(home) == {"one"}
    assert len(notes_in(home)) == 5
    assert (found.kept_reviews, found.reviews, found.newer_reviews) == (True, 5, 0)
    assert (Path(found.set_aside) / DATABASE_NAME).is_file()


def test_log_that_does_not_go_on_from_the_backup_is_set_aside_and_counted(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    filled(home, "one")
    backup = saved(home, tmp_path / "backups")
    filled(other, "two", notes=5)
    found = restore(other, backup, quiet)
    assert (found.kept_reviews, found.reviews, found.newer_reviews) == (False, 2, 3)
    assert (Path(found.set_aside) / LOG_NAME).is_file()
    assert len(notes_in(other)) == 2


def test_damaged_log_is_replaced_by_that_of_the_backup(tmp_path: Path) -> None:
    home = tmp_path / "home"
    filled(home, "one")
    backup = saved(home, tmp_path / "backups")
    log = home / LOG_NAME
    log.write_text(log.read_text().replace("note 0", "note 9"))
    assert not restore(home, backup, quiet).kept_reviews
    assert notes_in(home) == ["note 0", "note 1"]


def test_every_flipped_byte_and_missing_file_is_named_and_nothing_is_touched(tmp_path: Path) -> None:
    home = tmp_path / "home"
    filled(home, "one")
    backup = saved(home, tmp_path / "backups")
    before = untouched(home)
    for each in read_manifest(backup).files:
        path = backup / each.path
        body = path.read_bytes()
        for damage in (bytes([body[0] ^ 1]) + body[1:], body[:-1], None):
            path.unlink()
            if damage is not None:
                path.write_bytes(damage)
            with pytest.raises(StoreProblem, match="The backup is damaged") as caught:
                restore(home, backup, quiet)
            assert caught.value.file.endswith(each.path)
            path.write_bytes(body)
    assert untouched(home) == before


@pytest.mark.parametrize("path", ["../../stolen", "/etc/passwd", "a\\..\\b"])
def test_manifest_that_leads_out_of_the_backup_is_refused(tmp_path: Path, path: str) -> None:
    home = tmp_path / "home"
    filled(home, "one")
    backup = saved(home, tmp_path / "backups")
    manifest = read_manifest(backup)
    lying = manifest.files[0].model_copy(update={"path": path})
    text = manifest.model_copy(update={"files": (lying, *manifest.files)}).model_dump_json()
    (backup / MANIFEST_NAME).write_text(text)
    with pytest.raises(StoreProblem, match="leads out of the backup"):
        restore(home, backup, quiet)


@pytest.mark.parametrize("change", [{"schema_version": 99}, {"format": 99}])
def test_backup_of_a_newer_version_is_refused(tmp_path: Path, change: dict[str, int]) -> None:
    home = tmp_path / "home"
    filled(home, "one")
    backup = saved(home, tmp_path / "backups")
    (backup / MANIFEST_NAME).write_text(read_manifest(backup).model_copy(update=change).model_dump_json())
    with pytest.raises(StoreProblem):
        restore(home, backup, quiet)
    assert names_in(home) == {"one"}


def test_folder_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreProblem, match="no backup"):
        restore(tmp_path / "home", tmp_path, quiet)


def test_store_in_use_is_not_replaced(tmp_path: Path) -> None:
    home = tmp_path / "home"
    filled(home, "one")
    backup = saved(home, tmp_path / "backups")
    with open_store(home), pytest.raises(StoreInUse):
        restore(home, backup, quiet)


def test_interrupted_restoration_is_seen_at_the_next_start_and_can_be_repeated(tmp_path: Path) -> None:
    home = tmp_path / "home"
    filled(home, "one")
    backup = saved(home, tmp_path / "backups")
    (home / UNFINISHED_RESTORE).write_text(str(backup))
    (home / DATABASE_NAME).unlink()
    with pytest.raises(StoreProblem, match="interrupted"):
        open_store(home)
    restore(home, backup, quiet)
    assert names_in(home) == {"one"}


def test_others_write_while_a_backup_is_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    filled(home, "one", "two", "three")
    with open_store(home) as store:
        first = store.case_summaries()[0].id
        midway, gone_on = threading.Event(), threading.Event()

        def slow(share: float, sentence: str) -> None:
            if sentence.startswith("Copying array"):
                midway.set()
                assert gone_on.wait(30)

        done: list[Path] = []
        thread = threading.Thread(target=lambda: done.append(store.backup(tmp_path / "backups", slow)[0]))
        thread.start()
        assert midway.wait(30)
        store.put_case(make_case("late"))
        store.delete_case(first)
        store.reviews.append("Ada", "taxonomy", note="late")
        gone_on.set()
        thread.join(30)
        assert len(store.case_summaries()) == 3
    assert not (home / STAGED_NAME).exists()
    manifest = read_manifest(done[0])
    assert (manifest.lost, manifest.reviews) == ((), 2)
    restore(tmp_path / "fresh", done[0], quiet)
    assert names_in(tmp_path / "fresh") == {"one", "two", "three"}


def test_array_that_was_damaged_before_is_told_and_left_out(tmp_path: Path) -> None:
    home = tmp_path / "home"
    filled(home, "one")
    array = max((each for each in (home / "arrays").rglob("*.npy")), key=lambda each: each.stat().st_size)
    array.chmod(0o600)
    array.write_bytes(array.read_bytes()[:-1] + b"?")
    backup = saved(home, tmp_path / "backups")
    assert read_manifest(backup).lost == (array.stem,)


def test_nothing_half_done_stays_behind(tmp_path: Path) -> None:
    home = tmp_path / "home"
    filled(home, "one")

    def cancelled(share: float, sentence: str) -> None:
        if sentence.startswith("Copying array"):
            raise KeyboardInterrupt

    with open_store(home) as store:
        with pytest.raises(KeyboardInterrupt):
            store.backup(tmp_path / "backups", cancelled)
        assert list((tmp_path / "backups").iterdir()) == []
        assert store.verify().ok


@pytest.mark.parametrize("inside", ["", "backups"])
def test_backup_inside_the_store_is_refused(tmp_path: Path, inside: str) -> None:
    home = tmp_path / "home"
    filled(home, "one")
    with open_store(home) as store, pytest.raises(StoreProblem, match="cannot be written here"):
        store.backup(home / inside, quiet)


def test_store_in_memory_says_that_it_has_no_backup(tmp_path: Path) -> None:
    from core.store import Store

    with Store.open(mode="memory") as store, pytest.raises(StoreProblem, match="no backup"):
        store.backup(tmp_path, quiet)


def test_running_owner_makes_the_backup_that_another_process_asks_for(tmp_path: Path) -> None:
    home = tmp_path / "home"
    filled(home, "one")
    with open_store(home) as store:
        serving = threading.Thread(target=serve_backups, args=(store,))
        serving.start()
        code = (
            "import sys; from pathlib import Path; from core.store.backup_request import ask_owner;"
            "print(ask_owner(Path(sys.argv[1]), Path(sys.argv[2])))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(home), str(tmp_path / "backups")],
            cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        with pytest.raises(StoreProblem, match="could not write the backup"):
            ask_owner(home, home / "inside")
    serving.join(30)
    assert not serving.is_alive()
    restore(tmp_path / "fresh", Path(done.stdout.strip()), quiet)
    assert names_in(tmp_path / "fresh") == {"one"}


def test_owner_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.store import backup_request

    monkeypatch.setattr(backup_request, "PATIENCE_SECONDS", 0.1)
    with pytest.raises(StoreProblem, match="does not answer"):
        ask_owner(tmp_path, tmp_path / "backups")
    assert list(tmp_path.iterdir()) == []


def test_commands_make_a_backup_and_put_it_back(home: Path, tmp_path: Path) -> None:
    filled(home, "one")
    made = CliRunner().invoke(main, ["store", "backup", "--out", str(tmp_path / "backups")])
    assert made.exit_code == 0, made.output
    (backup,) = (tmp_path / "backups").iterdir()
    assert f"backup: {backup}" in made.output
    (home / DATABASE_NAME).write_bytes(b"broken")
    put_back = CliRunner().invoke(main, ["store", "restore", str(backup), "--json"])
    assert put_back.exit_code == 0, put_back.output
    assert names_in(home) == {"one"}
    assert CliRunner().invoke(main, ["reviews", "verify"]).exit_code == 0


def test_damaged_store_is_put_away_by_command_and_a_new_one_starts(home: Path) -> None:
    (home / DATABASE_NAME).write_bytes(b"broken")
    refused = CliRunner().invoke(main, ["store", "info"])
    assert refused.exit_code == 2
    assert "set-aside" in refused.output
    done = CliRunner().invoke(main, ["store", "set-aside"])
    assert done.exit_code == 0
    (folder,) = home.glob("set-aside-*")
    assert (folder / DATABASE_NAME).read_bytes() == b"broken"
    assert names_in(home) == set()
