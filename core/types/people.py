"""Who may use a server: people as a sign-in provider knows them, and what each may do here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core.config import Frozen

Role = Literal["reviewer", "researcher", "admin"]
"""reviewer: opens cases and decides. researcher: also cohorts, runs, models, limits and operating points.
admin: also deletes cases, mends the store and says who may do what."""

ROLES: tuple[Role, ...] = ("reviewer", "researcher", "admin")
"""From the least that a person may do to the most; each includes those before."""

LONGEST_CLAIM = 255
"""Characters of an issuer or subject (OpenID Connect Core 1.0, section 2)."""


class Identity(Frozen):
    """Who somebody is at a sign-in provider: the only two claims that together never change hands.

    issuer, subject: `iss` and `sub` of the ID token (OpenID Connect Core 1.0, section 5.7). E-mail addresses
    and names are no identity: providers give them to somebody else.
    """

    issuer: str = Field(min_length=1, max_length=LONGEST_CLAIM)
    subject: str = Field(min_length=1, max_length=LONGEST_CLAIM)


class Person(Frozen):
    """One row of the table of people. name: under which decisions are kept; nobody else ever gets it.

    role: None for somebody who may do nothing (any more).
    """

    identity: Identity
    name: str
    role: Role | None
    changed_utc: str = ""

    def may(self, role: Role) -> bool:
        """Whether this person may do what `role` may."""
        return self.role is not None and ROLES.index(self.role) >= ROLES.index(role)
