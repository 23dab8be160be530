"""Modes by one setting, and where each may be served."""

from __future__ import annotations

import pytest

from core.errors import SettingsProblem
from core.mode import MODES, check_address, mode_named


def served(mode: str, address: str | None) -> bool:
    try:
        check_address(MODES[mode], address)
    except SettingsProblem:
        return False
    return True


@pytest.mark.parametrize("name", ("", "Server", "Local", "open"))
def test_unknown_mode_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(SettingsProblem, match="local, server or demo"):
        mode_named(name)


@pytest.mark.parametrize("address", ("127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost"))
def test_local_mode_serves_this_machine(address: str) -> None:
    assert served("local", address)


@pytest.mark.parametrize(
    "address", (None, "", "0.0.0.0", "::", "192.168.1.4", "example.org", "localhost.evil")
)
def test_local_mode_refuses_every_other_address(address: str | None) -> None:
    assert not served("local", address)
    with pytest.raises(SettingsProblem, match="local mode"):
        check_address(MODES["local"], address)


@pytest.mark.parametrize("name", ("server", "demo"))
def test_other_modes_serve_every_address(name: str) -> None:
    assert served(name, "0.0.0.0")
