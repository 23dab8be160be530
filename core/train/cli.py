"""`python -m core train …`: how every shipped weight and number was made."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from core.models.registry import SHIPPED_FOLDER

EXISTING = click.Path(exists=True, path_type=Path)
say = partial(click.echo, err=True)


@click.group()
def train() -> None:
    """Make the shipped weights, their rule limits and their validation tables again."""


@train.command()
@click.option("--data", required=True, type=EXISTING, help="Folder with the packed training slices.")
@click.option("--config", required=True, type=EXISTING, help="Settings, see core/train/configs.")
@click.option("--members", default=None, help="Members to train, such as 0,1; default: all.")
@click.option("--out", type=click.Path(path_type=Path), help="Model folder; default: assets/models/ID.")
def segmenter(data: Path, config: Path, members: str | None, out: Path | None) -> None:
    """Train a segmenter's members; several processes may each train some of them."""
    from core.train.config import read_config
    from core.train.segmenter import train as train_segmenter

    settings = read_config(config)
    chosen = _member_numbers(members)
    say(f"Wrote {train_segmenter(data, settings, out or SHIPPED_FOLDER / settings.id, chosen, say)}")


@train.command()
@click.argument("model")
@click.option("--data", required=True, type=EXISTING, help="Folder with the packed training slices.")
def limits(model: str, data: Path) -> None:
    """Fit the limits of the shape rules to the training references and store them in MODEL's file."""
    from core.models import get_model
    from core.train.limits import store_limits

    for each in store_limits(get_model(model), data).rules:
        say(f"{each.rule}: {each.limit:.4g}")


@train.command()
@click.argument("model")
@click.option("--data", required=True, type=EXISTING, help="Folder with lgg/tif and the packed slices.")
def validate(model: str, data: Path) -> None:
    """Write MODEL's validation table (validation.json and CARD.md) through the product's own inference."""
    from core.models import get_model
    from core.train.card import write_card
    from core.train.validate import validate_model

    record = get_model(model)
    write_card(record, validate_model(record, data, say))
    say(f"Wrote {record.folder / 'CARD.md'}")


def _member_numbers(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is not a list of numbers such as 0,1", param_hint="--members"
        ) from error
