"""The People page below its title: everybody with a role, and, for an admin, how to give one."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from core.mode import SETTING, current_mode
from core.pipeline.people import give_role
from core.store import Store
from core.types.people import LONGEST_CLAIM, Person, Role
from core.view.words import count
from pages.ui import access, tables
from pages.ui.frame import boundary
from pages.ui.text import plain_text, safe_text

ISSUER, SUBJECT, NAME, ROLE = "person_issuer", "person_subject", "person_name", "person_role"
NO_ROLE = "none"

WHAT_EACH_MAY = (
    ("reviewer", "opens and analyses cases, reads every page, decides under their own name"),
    ("researcher", "also adds cohorts and models, runs and sweeps, sets limits and operating points"),
    ("admin", "also deletes cases, makes backups, mends the store, and gives out roles"),
)


def show(store: Store, writable: bool) -> None:
    """The whole page."""
    if not current_mode().sign_in:
        st.markdown(
            "**Everybody who can open this page may do everything.** Nobody signs in, because the app is "
            f"shown on this machine alone. With `{SETTING}=server` people sign in and have roles."
        )
        return
    known = store.people()
    acting = [each for each in known if each.role is not None]
    admins = sum(each.may("admin") for each in acting)
    told = count(len(acting), "person", "people")
    st.markdown(f"**{told} may use this server, {admins} of them as admin.**")
    tables.show(
        ("Name", "Role", "Known to the provider as", "Since"),
        [
            (each.name, each.role or "none any more", f"{each.identity.issuer} {each.identity.subject}",
             each.changed_utc[:10])
            for each in known
        ],
    )  # fmt: skip
    with st.expander("What each role may do", key="roles"):
        tables.show(("Role", "May"), WHAT_EACH_MAY)
    if writable:
        _form(store, known)


def _form(store: Store, known: tuple[Person, ...]) -> None:
    st.header("Give, change or take away a role")
    st.caption(
        "Somebody without a role is shown two lines after signing in, issuer and subject; copy them here. "
        "Every change is an entry of the review log and counts at once, also for pages that are open."
    )
    labels = ["Somebody new", *(plain_text(each.name, 60) for each in known)]
    chosen = st.selectbox("Person", range(len(labels)), format_func=labels.__getitem__, key="person")
    person = known[chosen - 1] if chosen else None
    with st.form(f"person_form_{chosen}", border=True, width=620):
        if person is None:
            st.text_input("Issuer", key=ISSUER, max_chars=LONGEST_CLAIM)
            st.text_input("Subject", key=SUBJECT, max_chars=LONGEST_CLAIM)
            st.text_input("Name under which decisions are kept", key=NAME, max_chars=60)
        st.selectbox(
            "Role", [*get_args(Role), NO_ROLE], key=ROLE,
            index=[*get_args(Role), NO_ROLE].index((person and person.role) or NO_ROLE) if person else 0,
        )  # fmt: skip
        st.form_submit_button("Keep", type="primary", key="keep_person", on_click=_keep, args=(store, person))


def _keep(store: Store, person: Person | None) -> None:
    """Who does it is asked again now: a role may have been taken away since the form was drawn."""
    with boundary():
        access.require("admin")
        by = access.person()
        typed = {key: str(st.session_state.get(key, "")) for key in (ISSUER, SUBJECT, NAME, ROLE)}
        if person is not None:
            named = (person.identity.issuer, person.identity.subject, person.name)
        else:
            named = (typed[ISSUER], typed[SUBJECT], typed[NAME])
        kept = give_role(store, *named, typed[ROLE], by=by.name if by else "")
        st.toast(f"{safe_text(kept.name, 60)}: {kept.role or 'no role any more'}.")
