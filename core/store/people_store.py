"""Who may sign in to a server, as what."""

from __future__ import annotations

from core.errors import SettingsProblem
from core.store.base import StoreBase
from core.store.people import read_people, upsert_person
from core.types.people import Identity, Person


class PeopleStore(StoreBase):
    """Who may do what on a server. Nobody is ever taken out of the table: decisions name them."""

    def people(self) -> tuple[Person, ...]:
        """Everybody who was ever given a role, by name."""
        return self._database.small("people", read_people)

    def person(self, identity: Identity) -> Person | None:
        """Who this is here, None for a stranger."""
        return next((each for each in self.people() if each.identity == identity), None)

    def put_person(self, person: Person, by: str) -> Person:
        """Give somebody a name and a role (None: none any more); the change is an entry of the review log.

        by: who does it. Raises SettingsProblem where the name belongs to somebody else, or nobody would be
        left to give out roles; StoreProblem where nothing can be written.
        """
        with self._database.writing():
            changed = person.model_copy(update={"changed_utc": self._now().isoformat(timespec="seconds")})
            others = [each for each in self.people() if each.identity != person.identity]
            _refuse_taken_name(changed, others)
            self._refuse_last_admin(changed, others)
            role = changed.role or "no role any more"
            self.reviews.append(by, "role", note=f"{changed.name}: {role}", signed_in=changed.identity)
            self._database.write(lambda cursor: upsert_person(cursor, changed, self._now()))
            return changed

    def _refuse_last_admin(self, person: Person, others: list[Person]) -> None:
        had = self.person(person.identity)
        if had is None or not had.may("admin") or person.may("admin"):
            return
        if not any(each.may("admin") for each in others):
            raise SettingsProblem(
                "Nobody would be left who can say who may do what",
                found=f"{person.name} is the only admin",
                expected="one admin at least",
                fix="make somebody else an admin first",
            )


def _refuse_taken_name(person: Person, others: list[Person]) -> None:
    if any(each.name.casefold() == person.name.casefold() for each in others):
        raise SettingsProblem(
            "This name belongs to somebody else here, and decisions are kept under it",
            found=person.name,
            expected="a name of their own for everybody, also for those who have left",
            fix="add an initial or a number",
        )
