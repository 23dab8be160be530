"""Giving people their roles on a server, from what was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from pydantic import ValidationError

from core.errors import SettingsProblem
from core.pipeline.reviews import reader_name
from core.types.people import LONGEST_CLAIM, Identity, Person, Role

if TYPE_CHECKING:
    from core.store import Store


def give_role(store: Store, issuer: str, subject: str, name: str, role: str, *, by: str) -> Person:
    """Keep who somebody is, under which name, as what ("none": no role any more).

    Raises SettingsProblem where one of these cannot be, StoreProblem where nothing can be written.
    """
    if role not in (*get_args(Role), "none"):
        raise SettingsProblem(
            "There is no such role", found=role, expected=f"{', '.join(get_args(Role))} or none",
            fix="choose one of these",
        )  # fmt: skip
    try:
        identity = Identity(issuer=issuer.strip(), subject=subject.strip())
    except ValidationError as error:
        raise SettingsProblem(
            "Issuer and subject together say who somebody is, and one of them cannot be right",
            found=f"issuer {issuer.strip()[:80]!r}, subject {subject.strip()[:80]!r}",
            expected=f"1 to {LONGEST_CLAIM} characters each, as the sign-in page shows them",
            fix="copy both lines from the page that the person sees after signing in",
        ) from error
    person = Person(identity=identity, name=reader_name(name), role=None if role == "none" else role)
    return store.put_person(person, by)
