"""Which sign-ins count, and for how long."""

from __future__ import annotations

import pytest

from core import access
from core.access import IDLE_SECONDS, LONGEST_SECONDS, SignIns
from core.errors import AccessProblem
from core.types.people import ROLES, Identity, Person, Role

ADA = Identity(issuer="https://id.example", subject="ada")
BEN = Identity(issuer="https://id.example", subject="ben")


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(
    "claims",
    ({}, {"sub": "ada"}, {"iss": "https://id.example"}, {"iss": "", "sub": "ada"}, {"iss": 1, "sub": "ada"},
     {"iss": "i", "sub": ["ada"]}, {"iss": "i", "sub": "a" * 256}, {"email": "a@b.org", "name": "Ada"}),
)  # fmt: skip
def test_nobody_is_somebody_without_issuer_and_subject(claims: dict[str, object]) -> None:
    assert access.identity_of(claims) is None


def test_issuer_and_subject_together_say_who_it_is() -> None:
    assert access.identity_of({"iss": "https://id.example", "sub": "ada", "email": "x"}) == ADA


@pytest.mark.parametrize("issued", (None, "1000000", True, {}))
def test_sign_in_without_a_time_is_long_ago(clock: Clock, issued: object) -> None:
    since = access.signed_in_at({"iat": issued})
    assert SignIns(clock).use(ADA, since) == "too long"


def test_work_keeps_a_sign_in_alive_and_idling_ends_it(clock: Clock) -> None:
    ins, since = SignIns(clock), clock.now
    for _ in range(5):
        clock.now += IDLE_SECONDS - 1
        assert ins.use(ADA, since) == "current"
    clock.now += IDLE_SECONDS - 1
    assert ins.state(ADA, since) == "current"
    clock.now += 2
    assert ins.use(ADA, since) == "idle"
    assert ins.use(ADA, clock.now) == "current"


def test_asking_is_not_doing(clock: Clock) -> None:
    ins, since = SignIns(clock), clock.now
    clock.now += IDLE_SECONDS
    assert ins.state(ADA, since) == "current"
    clock.now += 1
    assert ins.state(ADA, since) == "idle"


def test_old_cookie_counts_neither_in_a_new_process_nor_for_somebody_else(clock: Clock) -> None:
    since = clock.now
    first = SignIns(clock)
    clock.now += IDLE_SECONDS - 1
    assert first.use(ADA, since) == "current"
    clock.now += 2
    assert first.use(ADA, since) == "current"
    assert first.use(BEN, since) == "idle"
    assert SignIns(clock).use(ADA, since) == "idle"


def test_nobody_stays_signed_in_for_ever(clock: Clock) -> None:
    ins, since = SignIns(clock), clock.now
    while clock.now - since + IDLE_SECONDS / 2 <= LONGEST_SECONDS:
        clock.now += IDLE_SECONDS / 2
        assert ins.use(ADA, since) == "current"
    clock.now += IDLE_SECONDS / 2
    assert ins.use(ADA, since) == "too long"


def test_sign_out_ends_every_sign_in_made_before(clock: Clock) -> None:
    ins, since = SignIns(clock), clock.now
    clock.now += 5
    ins.end(ADA)
    assert ins.use(ADA, since) == "signed out"
    assert ins.use(BEN, since) == "current"
    clock.now += 1
    assert ins.use(ADA, clock.now) == "current"


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_what_those_before_it_may(role: Role) -> None:
    person = Person(identity=ADA, name="Ada", role=role)
    for place, asked in enumerate(ROLES):
        assert person.may(asked) == (place <= ROLES.index(role))


@pytest.mark.parametrize("person", (None, Person(identity=ADA, name="Ada", role=None)))
def test_whoever_has_no_role_may_do_nothing(person: Person | None) -> None:
    with pytest.raises(AccessProblem, match="role reviewer"):
        access.require(person, "reviewer")
