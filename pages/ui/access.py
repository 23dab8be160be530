"""Who is signed in, where the server's mode has people sign in, and the gate that every page passes first.

The gate stands in `frame.begin` and not in app.py: on a fresh server a deep link runs the page file alone.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from core import access
from core.errors import SettingsProblem
from core.mode import current_mode
from core.types.people import Identity, Person, Role
from pages.ui import resources, way_back
from pages.ui.text import plain_text, safe_text

WATCH_SECONDS = 60.0
"""How often a page that is only looked at asks whether its sign-in still counts."""

SHORTEST_SECRET = 32
"""Characters of the secret that signs the cookie: whoever guesses it can be anybody."""

AGAIN = {
    "idle": f"Nothing was done here for {access.IDLE_SECONDS / 60:.0f} minutes, so the page was put away.",
    "too long": f"You signed in more than {access.LONGEST_SECONDS / 3600:.0f} hours ago.",
    "signed out": "You signed out, here or in another window.",
}


def gate() -> None:
    """Ends the run, before anything stored is read, unless somebody with a role is signed in."""
    if not current_mode().sign_in:
        return
    _check_setting()
    if not st.user.get("is_logged_in"):
        _ask("Sign in to go on.")
    identity = access.identity_of(st.user)
    if identity is None:
        _ask("The provider did not say who you are (claims iss and sub), so this sign-in cannot be used.")
        return
    state = resources.sign_ins().use(identity, access.signed_in_at(st.user))
    if state != "current":
        _ask(AGAIN[state])
    known = resources.store().person(identity)
    if known is None or known.role is None:
        _stranger(identity)
    _watch()


def person() -> Person | None:
    """Who is signed in now, as the table of people has them; None for nobody, or where nobody has to."""
    identity = access.identity_of(st.user) if current_mode().sign_in and st.user.get("is_logged_in") else None
    if identity is None:
        return None
    if resources.sign_ins().state(identity, access.signed_in_at(st.user)) != "current":
        return None
    return resources.store().person(identity)


def require(role: Role) -> None:
    """Before something is done: raise AccessProblem where the person who is signed in may not do it."""
    if not current_mode().sign_in:
        return
    found = person()
    access.require(found, role)
    if found is not None:
        resources.sign_ins().use(found.identity, access.signed_in_at(st.user))


def may(role: Role) -> bool:
    """Whether whoever looks at this page may do what `role` may; everybody may where nobody signs in."""
    if not current_mode().sign_in:
        return True
    found = person()
    return found is not None and found.may(role)


def signed_in_line() -> None:
    """For the sidebar: who is signed in, as what, and the way out."""
    found = person()
    if found is None:
        return
    way_back.go_back()
    st.caption(f"Signed in as **{safe_text(found.name, 40)}**, {found.role}")
    st.button("Sign out", key="sign_out", icon=":material/logout:", on_click=_sign_out, width="stretch")


def _check_setting() -> None:
    """Raises SettingsProblem where nobody could sign in, or anybody could pretend to have done so."""
    found = ""
    if importlib.util.find_spec("authlib") is None:
        found = "the package Authlib is not installed"
    elif not (section := _section()):
        found = "no section [auth]"
    elif len(str(section.get("cookie_secret", ""))) < SHORTEST_SECRET:
        found = f"a cookie_secret of fewer than {SHORTEST_SECRET} characters"
    if found:
        raise SettingsProblem(
            "In server mode everybody signs in, and sign-in is not set up",
            file=".streamlit/secrets.toml",
            found=found,
            expected="redirect_uri, cookie_secret, client_id, client_secret, server_metadata_url in [auth]",
            fix="fill in that file as the README's section on modes says, and start again",
        )


def _section() -> Mapping[str, object]:
    try:
        return st.secrets.get("auth", {})
    except StreamlitSecretNotFoundError:
        return {}


def _ask(why: str) -> None:
    with st.container(key="sign_in", width=620):
        st.title("Who are you?", anchor=False)
        st.markdown(why)
        named = [key for key, value in _section().items() if isinstance(value, Mapping)]
        for provider in named or [None]:
            label = f"Sign in with {plain_text(provider, 40)}" if provider else "Sign in"
            st.button(
                label, type="primary", key=f"sign_in_{provider or 'default'}", icon=":material/login:",
                on_click=st.login, args=(provider,) if provider else (),
            )  # fmt: skip
        st.caption("Nothing stored here is shown before that. Research use. Not a medical device.")
        way_back.remember()
    st.stop()


def _stranger(identity: Identity) -> None:
    with st.container(key="stranger", width=620):
        st.title("You have no role here yet", anchor=False)
        st.markdown("Send these two lines to an admin of this server, who can give you one.")
        st.code(f"issuer: {plain_text(identity.issuer, 255)}\nsubject: {plain_text(identity.subject, 255)}",
                language=None)  # fmt: skip
        st.button("Sign out", key="sign_out", icon=":material/logout:", on_click=_sign_out)
    st.stop()


def _sign_out() -> None:
    identity = access.identity_of(st.user)
    if identity is not None:
        resources.sign_ins().end(identity)
    st.logout()


@st.fragment(run_every=WATCH_SECONDS)
def _watch() -> None:
    """Puts away what is on screen once the sign-in does not count any more."""
    if person() is None:
        st.rerun()
