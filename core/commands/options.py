"""Types of options that several commands share."""

from __future__ import annotations

import math
from typing import Any, get_args

import click

from core.types import Level


class Fraction(click.FloatRange):
    """A finite number within a range: no comparison ever puts "nan" outside of one."""

    name = "fraction"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; fails as a usage error."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no number", param, ctx)
        return number


level_option = click.option(
    "--level",
    type=click.Choice(get_args(Level)),
    help="What one mean counts once. Default: slabs where the run has any, else whole cases.",
)
"""None: the level to prefer for a run."""
