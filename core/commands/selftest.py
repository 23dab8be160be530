"""`selftest`: is this installation sound?"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from core.commands.output import one_line, stderr_progress

if TYPE_CHECKING:
    from core.selftest import SelfTest


@click.command()
@click.option("--quick", is_flag=True, help="Fewer answers of the models, and none of them repeated.")
@click.option("--json", "as_json", is_flag=True)
def selftest(quick: bool, as_json: bool) -> None:
    """Read files, ask the models, try the store; exit code 3 when something is not as it should be."""
    from core.selftest import keep, run_selftest
    from core.store import default_home

    found = run_selftest(quick=quick, progress=stderr_progress())
    home = default_home()
    if os.access(home, os.W_OK):
        keep(home, found)
    click.echo(found.model_dump_json() if as_json else _lines(found))
    if not found.ok:
        sys.exit(3)


def _lines(found: SelfTest) -> str:
    lines = [f"Second Look {found.app_version} on {found.machine}"]
    for each in found.findings:
        lines.append(f"{each.state:7} {each.title}: {one_line(each.said)}")
        lines += [f"          {one_line(f'{d.name}: {d.found}')}" for d in each.details if not d.ok]
        lines += [f"          To fix: {each.fix}"] if each.fix else []
    passed = sum(each.state == "passed" for each in found.findings)
    lines.append(f"{passed} of {len(found.findings)} checks passed in {found.seconds:.0f} s")
    return "\n".join(lines)
