"""Which sign-ins count: who somebody is by their claims, and when they have to sign in again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import ValidationError

from core.errors import AccessProblem
from core.types.people import Identity, Person, Role

IDLE_SECONDS = 30 * 60.0
"""Without anything done for so long, a person signs in again."""

LONGEST_SECONDS = 12 * 3600.0
"""After so long a person signs in again, whatever they do."""

State = Literal["current", "idle", "too long", "signed out"]


def identity_of(claims: Mapping[str, object]) -> Identity | None:
    """Who signed in; None without the two claims that say so."""
    try:
        return Identity(issuer=_text(claims.get("iss")), subject=_text(claims.get("sub")))
    except ValidationError:
        return None


def signed_in_at(claims: Mapping[str, object]) -> float:
    """Seconds since 1970 at which the provider issued the ID token; 0 (long ago) where it does not say."""
    issued = claims.get("iat")
    return float(issued) if isinstance(issued, int | float) and not isinstance(issued, bool) else 0.0


def require(person: Person | None, role: Role) -> None:
    """Raise AccessProblem where this person may not do what `role` may."""
    if person is not None and person.may(role):
        return
    raise AccessProblem(
        "You may not do this here; nothing was changed",
        found="nobody who is signed in" if person is None else f"the role {person.role or 'none'}",
        expected=f"the role {role}, or one that may do more",
        fix="ask an admin of this server for it",
    )


class SignIns:
    """When each person was active last, by sign-in. Safe for any number of threads.

    The cookie of a sign-in lives for 30 days and other windows keep their user after a sign-out, so the
    server itself remembers: a sign-in counts while it is younger than `IDLE_SECONDS` or was used within that
    time in this process, and not beyond `LONGEST_SECONDS` nor after a sign-out.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """now: seconds since 1970."""
        self._now = now
        self._lock = threading.Lock()
        self._used: dict[tuple[Identity, float], float] = {}
        self._ended: dict[Identity, float] = {}

    def state(self, identity: Identity, since: float) -> State:
        """Whether a sign-in made at `since` counts now; changes nothing."""
        with self._lock:
            return self._state(identity, since)

    def use(self, identity: Identity, since: float) -> State:
        """`state`, and where it is current, something was done with it just now."""
        with self._lock:
            state = self._state(identity, since)
            if state == "current":
                self._used[identity, since] = self._now()
            self._forget_old()
            return state

    def end(self, identity: Identity) -> None:
        """Sign somebody out in every window."""
        with self._lock:
            self._ended[identity] = self._now()

    def _state(self, identity: Identity, since: float) -> State:
        now = self._now()
        if since <= self._ended.get(identity, float("-inf")):
            return "signed out"
        if now - since > LONGEST_SECONDS:
            return "too long"
        last = max(since, self._used.get((identity, since), since))
        return "idle" if now - last > IDLE_SECONDS else "current"

    def _forget_old(self) -> None:
        oldest = self._now() - LONGEST_SECONDS
        self._used = {key: used for key, used in self._used.items() if key[1] >= oldest}
        self._ended = {key: ended for key, ended in self._ended.items() if ended >= oldest}


def _text(claim: object) -> str:
    return claim if isinstance(claim, str) else ""
