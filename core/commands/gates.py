"""Gates: `--fail-on "dice<0.8"` ends a command with exit code 3 when the condition holds.

@fail_on
def command(..., gates: tuple[Gate, ...]) -> None:
    check_known(gates, keys)        # before the work, where the keys are known
    print_record(...)               # the result is printed whether or not a gate is met
    leave_if_failed(gates, values)  # last line
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from core.errors import SettingsProblem

GATE_NOT_MET = 3
"""Exit code of a command that did its work but whose gate was not met."""

FORM = re.compile(r"\s*(?P<key>[^<>=\s](?:[^<>=]*[^<>=\s])?)\s*(?P<sign><=|>=|<|>)\s*(?P<limit>[^<>=\s]+)\s*")
HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
}


@dataclass(frozen=True)
class Gate:
    """One condition under which a command fails: value of `key`, `sign`, `limit`."""

    key: str
    sign: str
    limit: float

    @property
    def text(self) -> str:
        """The condition as it may be typed."""
        return f"{self.key}{self.sign}{self.limit:g}"

    def fails(self, value: float | None) -> bool:
        """Whether the command fails on this value; an undefined one (None or NaN) always fails."""
        return value is None or math.isnan(value) or HOLDS[self.sign](value, self.limit)


def parse_gate(text: str) -> Gate:
    """Read "KEY<LIMIT" (or <=, >, >=). Raises SettingsProblem when it has another form.

    >>> parse_gate("dice:core <= 0.8")
    Gate(key='dice:core', sign='<=', limit=0.8)
    """
    found = FORM.fullmatch(text)
    limit = _number(found["limit"]) if found else None
    if found is None or limit is None:
        raise SettingsProblem(
            "A gate cannot be read", found=repr(text), expected="a metric, one of < <= > >=, a number",
            fix='write for instance --fail-on "dice<0.8"',
        )  # fmt: skip
    return Gate(found["key"], found["sign"], limit)


def check_known(gates: Iterable[Gate], known: Iterable[str]) -> None:
    """Raises SettingsProblem when a gate names none of the `known` keys."""
    keys = tuple(known)
    for gate in gates:
        if gate.key not in keys:
            raise SettingsProblem(
                "A gate names an unknown metric", found=repr(gate.key), expected=f"one of {', '.join(keys)}",
                fix="use one of these names in --fail-on",
            )  # fmt: skip


def failed_gates(gates: Sequence[Gate], values: Mapping[str, float | None]) -> tuple[str, ...]:
    """One sentence for each gate that is not met. Raises SettingsProblem when a key is unknown."""
    check_known(gates, values)
    return tuple(
        f"gate not met: {gate.text} ({gate.key} is {_shown(values[gate.key])})"
        for gate in gates
        if gate.fails(values[gate.key])
    )


def leave_if_failed(gates: Sequence[Gate], values: Mapping[str, float | None]) -> None:
    """Say on stderr which gates are not met and end the command with exit code 3; else return."""
    sentences = failed_gates(gates, values)
    for sentence in sentences:
        click.echo(f"second-look: {sentence}", err=True)
    if sentences:
        sys.exit(GATE_NOT_MET)


class _GateType(click.ParamType[Gate]):
    name = "CONDITION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Gate:
        return value if isinstance(value, Gate) else parse_gate(value)


fail_on = click.option(
    "--fail-on",
    "gates",
    type=_GateType(),
    multiple=True,
    help='Exit with code 3 when this holds, e.g. "dice<0.8". May be given more than once.',
)
"""Decorator that adds `--fail-on` as the argument `gates: tuple[Gate, ...]`."""


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _shown(value: float | None) -> str:
    return "undefined" if value is None or math.isnan(value) else f"{value:.6g}"
