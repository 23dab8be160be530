"""In which of its modes a server runs, by one setting, and what that mode allows."""

from __future__ import annotations

import functools
import ipaddress
import os
from typing import Literal

from core.config import Frozen
from core.errors import SettingsProblem

SETTING = "SECOND_LOOK_MODE"


class Mode(Frozen):
    """What one mode allows.

    any_address: serve on other addresses than this machine's own; sign_in: everybody has to sign in, and may
    do what the table of people says; public: for anybody on the internet, so nothing is kept, each visitor
    has a store of their own in memory until they leave, limits are small, uploads are asked about first, and
    weights come as safetensors only.
    """

    name: Literal["local", "server", "demo"]
    any_address: bool
    sign_in: bool
    public: bool


MODES = {
    mode.name: mode
    for mode in (
        Mode(name="local", any_address=False, sign_in=False, public=False),
        Mode(name="server", any_address=True, sign_in=True, public=False),
        Mode(name="demo", any_address=True, sign_in=False, public=True),
    )
}


def mode_named(name: str) -> Mode:
    """The mode of this name; SettingsProblem for any other word.

    >>> mode_named("demo").sign_in
    False
    """
    for known in MODES.values():
        if known.name == name:
            return known
    raise SettingsProblem(
        "This mode does not exist",
        found=f"{SETTING}={name}",
        expected="local, server or demo",
        fix=f"set {SETTING} to one of these, or remove it for local, and start again",
    )


@functools.cache
def current_mode() -> Mode:
    """The mode of this process, read once from the environment."""
    return mode_named(os.environ.get(SETTING, "local"))


def check_forgery(mode: Mode, protected: bool) -> None:
    """Raise SettingsProblem where requests that other sites forge are not refused and `mode` needs it.

    protected: `server.enableXsrfProtection`.
    """
    if protected or mode.public:
        return
    raise SettingsProblem(
        "Other web sites could act in the name of whoever looks at this page",
        found="server.enableXsrfProtection is off",
        expected="on; only a public demo, which keeps nothing, may do without",
        fix="remove the setting, and STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION from the environment",
    )


def check_address(mode: Mode, address: str | None) -> None:
    """Raise SettingsProblem where `mode` must not be served on `address` (None: on every address)."""
    if mode.any_address or _is_loopback(address or ""):
        return
    raise SettingsProblem(
        "In local mode nothing is shown on a network, because nobody has to sign in",
        found=f"the address {address}" if address else "every address of this machine",
        expected="127.0.0.1, ::1 or localhost",
        fix=f"start with --server.address=127.0.0.1, or set {SETTING}=server to have people sign in, or "
        f"{SETTING}=demo to show sample cases only",
    )


def _is_loopback(address: str) -> bool:
    if address == "localhost" or address.startswith("unix://"):
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False
