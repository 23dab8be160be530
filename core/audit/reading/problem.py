"""Refusals and numbers that every reader of the audit shares."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from core.audit.records import Figure
from core.errors import InputProblem

LONGEST = 120


class SomethingElse(InputProblem):
    """JSON that is about something else, such as settings that lie beside a log."""


def refused(
    file: str, found: str, expected: str, fix: str, what: str = "The audit cannot use this file"
) -> InputProblem:
    """A problem that names the file, what was found, what was expected, and the fix."""
    return InputProblem(what, found=found[:300], expected=expected, fix=fix, file=file)


def decimal_of(text: str) -> Decimal | None:
    """A finite number with its digits as written; a comma counts as the decimal sign.

    >>> decimal_of("0.8770"), decimal_of("0,91"), decimal_of("nan"), decimal_of("1_0")
    (Decimal('0.8770'), Decimal('0.91'), None, None)
    """
    plain = text.strip()
    if not plain.isascii() or "_" in plain or len(plain) > LONGEST:
        return None
    if plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    try:
        value = Decimal(plain)
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value.adjusted()) < 300 else None


def unit_of(value: Decimal) -> float:
    """One unit of the last written place.

    >>> unit_of(Decimal("0.8770"))
    0.0001
    """
    exponent = value.as_tuple().exponent
    return 10.0 ** max(int(exponent), -18) if isinstance(exponent, int) else 1.0


def figures(values: dict[str, Decimal], file: str, where: str, coarsest: float = 0.1) -> dict[str, Figure]:
    """Each value with the unit of its last place; refused outside [0, 1].

    coarsest: unit of whole numbers: "1" is taken for "1.0".
    """
    for key, value in values.items():
        if not 0 <= value <= 1:
            raise refused(
                file, f"{key} = {value} in {where}", "scores from 0 to 1", "divide percentages by 100",
                "A score is out of range",
            )  # fmt: skip
    return {
        key: Figure(value=float(value), unit=min(unit_of(value), coarsest)) for key, value in values.items()
    }
