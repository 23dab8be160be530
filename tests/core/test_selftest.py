"""The self-test passes here, and finds each fault that is planted."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from core.cli import main
from core.models.registry import list_models
from core.pipeline import open_sample, silent
from core.selftest import CHECKS, SelfTest, answers, checks, files, installation, keep, keeping, kept
from core.selftest.expected import FILES_FOLDER, MANIFEST, AnswerList, FileList, answer_list
from core.selftest.records import Detail
from core.store import Store
from tests.core.selftest_answers import wanted
from tests.core.selftest_files import written


def wrong(details: tuple[Detail, ...]) -> list[str]:
    return [each.name for each in details if not each.ok]


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files in a folder where they may be changed."""
    folder = tmp_path / "files"
    shutil.copytree(FILES_FOLDER, folder)
    monkeypatch.setattr(files, "FILES_FOLDER", folder)
    return folder


def changed(found: AnswerList, step: float, confidence: float = 0.0) -> AnswerList:
    """The first answer alone, moved by a step."""
    first = found.answers[0]
    assert first.confidence is not None
    moved = first.model_copy(
        update={
            "sha256": "0" * 64,
            "values": (first.values[0] + step, *first.values[1:]),
            "confidence": first.confidence + confidence,
        }
    )
    return found.model_copy(update={"answers": (moved,)})


@pytest.mark.slow
def test_command_passes_here_and_keeps_what_it_found(home: Path) -> None:
    with Store.open(home) as store:
        open_sample(store, "faint")
    done = CliRunner().invoke(main, ["selftest", "--quick", "--json"])
    assert done.exit_code == 0, done.output
    found = SelfTest.model_validate_json(done.stdout)
    assert [each.key for each in found.findings] == [each.key for each in CHECKS if each.quick]
    assert {each.state for each in found.findings} <= {"passed", "noted"}
    assert kept(home) == found


def test_thirty_files_are_read_and_every_kind_is_among_them() -> None:
    details = files.read_files(silent)
    assert len(details) >= 30
    assert wrong(details) == []
    assert {Path(each.name).suffix for each in details} >= {
        ".png",
        ".jpg",
        ".tif",
        ".nii",
        ".gz",
        ".dcm",
        ".zip",
    }


def test_expectations_follow_from_the_values_put_in(tmp_path: Path) -> None:
    stored = FileList.model_validate(json.loads(MANIFEST.read_text()))
    assert written(tmp_path) == stored
    assert {each.name for each in stored.files} == {each.name for each in FILES_FOLDER.iterdir()}


@pytest.mark.parametrize(
    ("name", "other", "said"),
    [
        ("grey8.png", "grey16.png", "other values than were written"),
        ("grey8.png", "colour8.png", "size (3, 1, 24, 32) instead of (1, 1, 24, 32)"),
        ("cut.png", "grey8.png", "was read, and should have been refused"),
        ("int16.nii", "cut.nii", "refused: The NIfTI file is cut off (truncated)"),
        ("grey.jpg", "grey8.png", "rows differ by"),
    ],
)
def test_file_that_reads_otherwise_is_named(copied: Path, name: str, other: str, said: str) -> None:
    shutil.copy(copied / other, copied / name)
    found = {each.name: each for each in files.read_files(silent)}
    assert wrong(tuple(found.values())) == [name]
    assert said in found[name].found


def test_missing_file_is_named(copied: Path) -> None:
    (copied / "rle.dcm").unlink()
    assert wrong(files.read_files(silent)) == ["rle.dcm"]


@pytest.mark.parametrize(("step", "confidence", "ok"), [(9e-4, 0, True), (2e-3, 0, False), (0, 0.03, False)])
def test_answer_may_differ_by_the_tolerance_and_no_more(
    monkeypatch: pytest.MonkeyPatch, step: float, confidence: float, ok: bool
) -> None:
    found = changed(answer_list(), step, confidence)
    monkeypatch.setattr(answers, "answer_list", lambda: found)
    (only,) = answers.compare_answers(False, silent)
    assert only.ok is ok
    assert only.found != answers.EXACT


def test_every_model_estimator_and_sample_has_an_answer() -> None:
    assert [(each.model, each.estimator, each.sample) for each in answer_list().answers] == list(wanted())


def test_changed_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_ = list_models()
    other = first.model_copy(
        update={"members": (first.members[0].model_copy(update={"sha256": "0" * 64}), *first.members[1:])}
    )
    found = installation.find_every_model()
    monkeypatch.setattr(
        installation, "find_every_model", lambda: type(found)((other, *found.records[1:]), found.damaged)
    )
    (name,) = wrong(installation.weights(silent))
    assert name == f"{first.id}/{first.members[0].file}"


def test_library_in_another_version_is_worth_knowing_and_a_missing_one_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pins = tmp_path / "requirements.txt"
    pins.write_text(f"numpy=={version('numpy')}\nscipy==0.1\nno-such-library==1.0\n")
    monkeypatch.setattr(installation, "REQUIREMENTS", pins)
    numpy, scipy, missing = installation.libraries(silent)
    assert (numpy.ok, numpy.noted) == (True, False)
    assert (scipy.ok, scipy.noted) == (True, True)
    assert not missing.ok


def test_full_disk_fails(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(home)._replace(free=10**9)
    monkeypatch.setattr(installation.shutil, "disk_usage", lambda path: usage)
    (only,) = installation.disk(silent)
    assert not only.ok


def test_store_for_trial_sees_what_was_changed() -> None:
    assert wrong(keeping.trial(silent)) == []


def test_damage_in_the_own_store_is_named(home: Path) -> None:
    with Store.open(home) as store:
        open_sample(store, "faint")
    assert wrong(keeping.own_store(None, silent)) == []
    array = max(
        (each for each in (home / "arrays").rglob("*") if each.is_file()), key=lambda f: f.stat().st_size
    )
    data = bytearray(array.read_bytes())
    data[100] ^= 1
    array.chmod(0o600)
    array.write_bytes(data)
    assert "damage" in wrong(keeping.own_store(None, silent))


def test_own_store_in_use_elsewhere_is_left_alone(home: Path) -> None:
    with Store.open(home):
        (only,) = keeping.own_store(None, silent)
    assert only.ok
    assert "in use" in only.found


def test_failed_check_ends_with_exit_code_three_and_says_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planted(given: Any, tell: Any) -> tuple[Detail, ...]:
        return (Detail(name="a thing", found="broken", ok=False),)

    check = checks.Check("planted", "Planted", planted, "mend it")
    monkeypatch.setattr(checks, "CHECKS", (check,))
    done = CliRunner().invoke(main, ["selftest"])
    assert done.exit_code == 3
    assert "failed  Planted: 1 of 1 not as they should be; first: a thing: broken" in done.stdout
    assert "To fix: mend it" in done.stdout


def test_unreadable_outcome_is_none(tmp_path: Path) -> None:
    assert kept(tmp_path) is None
    (tmp_path / "selftest.json").write_text("{")
    assert kept(tmp_path) is None
    empty = SelfTest(
        app_version="1", machine="m", created_utc="2026-01-01T00:00:00+00:00", quick=True, findings=()
    )
    keep(tmp_path, empty)
    assert kept(tmp_path) == empty
