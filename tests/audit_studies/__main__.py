"""The table: `python -m tests.audit_studies [--studies 500] [--first 1000000] [--strays]`."""

from __future__ import annotations

import click

from tests.audit_studies.measure import REPORTING, markdown, measure


@click.command()
@click.option("--studies", default=500, type=click.IntRange(1))
@click.option("--first", default=REPORTING, type=click.IntRange(0), help="First seed.")
@click.option("--strays", is_flag=True, help="Also list findings beside the planted one.")
def main(studies: int, first: int, strays: bool) -> None:
    """Studies with one fault each, and as many without."""
    measured = measure(studies, first)
    click.echo(markdown(measured))
    if strays:
        for fault, code, n in measured.strays:
            click.echo(f"{fault}: {code} {n}")


if __name__ == "__main__":
    main()
