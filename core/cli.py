"""`python -m core ...`: the same functions as the pages, for scripts.

One JSON document goes to stdout (`inspect`: one per line), logs and progress to stderr. Exit codes: 0 done, 1
internal error, 2 bad input or usage, 3 done but a gate was not met. Each command lives in core.commands (or
core.train) and is imported when it is asked for.
"""

from __future__ import annotations

import importlib
import logging
import sys
from typing import Any

import click

from core import __version__
from core.commands.output import one_line
from core.errors import SecondLookError

COMMANDS = {
    "analyse": "core.commands.case",
    "audit": "core.commands.audit",
    "cohort": "core.commands.cohort",
    "compare": "core.commands.slices",
    "coverage": "core.commands.coverage",
    "evaluate": "core.commands.evaluate",
    "export-mask": "core.commands.export_mask",
    "import-predictions": "core.commands.cohort",
    "inspect": "core.commands.case",
    "jitter": "core.commands.jitter",
    "mitigate": "core.commands.mitigate",
    "models": "core.commands.models",
    "people": "core.commands.people",
    "points": "core.commands.points",
    "profiles": "core.commands.profiles",
    "reliability": "core.commands.reliability",
    "reviews": "core.commands.reviews",
    "run": "core.commands.run",
    "selftest": "core.commands.selftest",
    "slices": "core.commands.slices",
    "store": "core.commands.store",
    "study": "core.commands.study",
    "sweep": "core.commands.sweep",
    "train": "core.train.cli",
}
"""Name of each command and the module that defines it under that name."""


class Commands(click.Group):
    """Loads commands when asked for, and turns the project's errors into exit code 2 and one message."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SecondLookError as problem:
            click.echo(f"second-look: {one_line(problem.sentence)}", err=True)
            ctx.exit(2)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name])
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


@click.group(cls=Commands)
@click.version_option(version=__version__, prog_name="second-look")
def main() -> None:
    """Second Look: when not to trust a medical-image AI. Research use only, not a medical device."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
