"""JSON and JSON lines, with the digits of every number kept and no surprise from hostile text."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from core.audit.reading.problem import refused

FORM = "a JSON document, or one JSON object per line"


def load_json(data: bytes, file: str, most: int) -> Any:
    """The document; several lines of objects become a list. Numbers with a point are Decimal.

    most: values in it. Raises InputProblem for what is no JSON, holds more or is nested too deeply.
    """
    # Four bytes of text become a hundred in memory, so values are counted before anything is parsed.
    if (values := data.count(b",")) > most:
        raise refused(file, f"{values:,} values", f"at most {most:,}", "export every n-th step")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refused(file, "bytes that are no UTF-8 text", FORM, "save the file as UTF-8") from None
    try:
        return _parsed(text)
    except RecursionError:
        raise refused(file, "brackets nested too deeply", FORM, "export the file again") from None
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and lines[0].lstrip().startswith("{") and lines[0].rstrip().endswith("}"):
            return _lines(lines, file)
        raise refused(file, str(error), FORM, "correct the JSON, or export it again") from None


def _lines(lines: list[str], file: str) -> list[Any]:
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(_parsed(line))
        except (ValueError, RecursionError):
            raise refused(file, f"no JSON object in line {number}", FORM, "export the file again") from None
    return found


def _parsed(text: str) -> Any:
    return json.loads(text, parse_float=_decimal, parse_constant=lambda name: None)


def _decimal(text: str) -> Decimal:
    if len(text) > 100:
        raise ValueError("a number of more than 100 digits")
    return Decimal(text)
