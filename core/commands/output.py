"""What commands print: progress on stderr, records on stdout."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import click

from core.types import Progress

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")


def stderr_progress() -> Progress:
    """A Progress that draws a bar where stderr is a terminal."""
    from tqdm import tqdm

    bar = tqdm(
        total=100, file=sys.stderr, leave=False, disable=not sys.stderr.isatty(), bar_format="{l_bar}{bar}"
    )

    def tell(share: float, sentence: str) -> None:
        bar.set_description(sentence)
        bar.n = round(share * 100)
        bar.refresh()

    return tell


def print_record(record: dict[str, Any], as_json: bool) -> None:
    """The record as one JSON document, or a line per entry."""
    if as_json:
        click.echo(json.dumps(record, ensure_ascii=False))
        return
    for name, value in record.items():
        click.echo(f"{name}: {value}")


def one_line(untrusted: str) -> str:
    r"""Text that may hold names from files, without control and direction characters: a terminal obeys them.

    >>> one_line("a\nb\x1b[2J")
    'a b [2J'
    """
    return _CONTROL.sub(" ", untrusted)
