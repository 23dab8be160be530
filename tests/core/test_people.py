"""The table of people: who gets a role, whose name it is, and what the log keeps of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from core import mode
from core.cli import main
from core.errors import AccessProblem, SettingsProblem
from core.pipeline.people import give_role
from core.pipeline.reviews import decide_case, edit_kinds, exported, undo_last
from core.store import Store
from core.types.people import Identity
from core.types.reviews import Judged, Opinion

ISSUER = "https://id.example"
ADA = Identity(issuer=ISSUER, subject="ada")
JUDGED, ACCEPT = Judged(subject="k" * 64), Opinion(decision="accept")


@pytest.fixture
def signing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mode in which people sign in."""
    monkeypatch.setenv(mode.SETTING, "server")
    mode.current_mode.cache_clear()
    monkeypatch.setattr("core.pipeline.reviews.current_mode", lambda: mode.MODES["server"])


@pytest.fixture
def opened() -> Store:
    return Store.open(mode="memory")


def give(store: Store, subject: str, name: str, role: str) -> Identity:
    return give_role(store, ISSUER, subject, name, role, by="test").identity


def test_role_survives_a_restart_and_is_in_the_log(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        give(store, "ada", "  Ada   L. ", "researcher")
    with Store.open(tmp_path) as store:
        person = store.person(ADA)
        entries = store.reviews.entries()
        assert store.reviews.report().ok
    assert person is not None
    assert (person.name, person.role) == ("Ada L.", "researcher")
    assert [(each.action, each.reader, each.note, each.signed_in) for each in entries] == [
        ("role", "test", "Ada L.: researcher", ADA)
    ]


@pytest.mark.parametrize(
    ("issuer", "subject", "name", "role"),
    (("", "ada", "Ada", "admin"), (ISSUER, " ", "Ada", "admin"), (ISSUER, "a" * 256, "Ada", "admin"),
     (ISSUER, "ada", "", "admin"), (ISSUER, "ada", "Ada", "owner"), (ISSUER, "ada", "Ada", "")),
)  # fmt: skip
def test_what_cannot_be_a_person_is_refused(
    opened: Store, issuer: str, subject: str, name: str, role: str
) -> None:
    with pytest.raises(SettingsProblem):
        give_role(opened, issuer, subject, name, role, by="test")
    assert opened.people() == ()
    assert opened.reviews.entries() == ()


@pytest.mark.parametrize("role", ("reviewer", "none"))
def test_name_is_never_given_twice(opened: Store, role: str) -> None:
    give(opened, "ada", "Ada", role)
    with pytest.raises(SettingsProblem, match="belongs to somebody else"):
        give(opened, "ben", "ADA", "reviewer")
    assert [each.identity.subject for each in opened.people()] == ["ada"]


def test_last_admin_stays(opened: Store) -> None:
    give(opened, "ada", "Ada", "admin")
    with pytest.raises(SettingsProblem, match="Nobody would be left"):
        give(opened, "ada", "Ada", "reviewer")
    give(opened, "ben", "Ben", "admin")
    give(opened, "ada", "Ada", "none")
    assert [(each.name, each.role) for each in opened.people()] == [("Ada", None), ("Ben", "admin")]


def test_decision_is_kept_under_the_name_of_whoever_is_signed_in(opened: Store, signing: None) -> None:
    ada = give(opened, "ada", "Ada", "reviewer")
    entry = decide_case(opened, "Somebody else", JUDGED, ACCEPT, ada)
    assert (entry.reader, entry.signed_in) == ("Ada", ada)
    row = exported(opened)["rows"][0]
    assert (row["signed_in_issuer"], row["signed_in_subject"]) == (ISSUER, "ada")
    assert opened.reviews.report().ok


@pytest.mark.parametrize("role", ("stranger", "none"))
def test_nobody_decides_without_a_role(opened: Store, signing: None, role: str) -> None:
    ben = Identity(issuer=ISSUER, subject="ben")
    if role != "stranger":
        ben = give(opened, "ben", "Ben", role)
    before = opened.reviews.entries()
    for identity in (ben, None):
        with pytest.raises(AccessProblem):
            decide_case(opened, "Ada", JUDGED, ACCEPT, identity)
        with pytest.raises(AccessProblem):
            undo_last(opened, "Ada", [JUDGED.subject], identity)
    assert opened.reviews.entries() == before


def test_nobody_takes_back_what_another_decided(opened: Store, signing: None) -> None:
    ada, ben = give(opened, "ada", "Ada", "reviewer"), give(opened, "ben", "Ben", "admin")
    decide_case(opened, "Ada", JUDGED, ACCEPT, ada)
    assert undo_last(opened, "Ada", [JUDGED.subject], ben) is None
    assert undo_last(opened, "Ben", [JUDGED.subject], ada) is not None


def test_kinds_take_a_researcher(opened: Store, signing: None) -> None:
    ada, ben = give(opened, "ada", "Ada", "reviewer"), give(opened, "ben", "Ben", "researcher")
    with pytest.raises(AccessProblem, match="role researcher"):
        edit_kinds(opened, "Ada", [("data", "Rain")], ada)
    changed = edit_kinds(opened, "Ben", [("data", "Rain")], ben)
    assert changed is not None
    assert changed.signed_in == ben


def test_command_gives_roles_and_lists_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECOND_LOOK_HOME", str(tmp_path))
    said = ["--issuer", ISSUER, "--subject", "ada", "--name", "Ada"]
    made = CliRunner().invoke(main, ["people", "set", *said, "--role", "admin", "--json"])
    assert (made.exit_code, json.loads(made.stdout)["role"]) == (0, "admin")
    refused = CliRunner().invoke(main, ["people", "set", *said, "--role", "none"])
    assert (refused.exit_code, "one admin at least" in refused.stderr) == (2, True)
    known = CliRunner().invoke(main, ["people", "list", "--json"])
    assert [each["name"] for each in json.loads(known.stdout)] == ["Ada"]
