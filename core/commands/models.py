"""`models`: the networks that can be run."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group()
def models() -> None:
    """The networks that can be run."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True)
def models_list(as_json: bool) -> None:
    """List shipped models and the user's own."""
    from core.models import list_models

    records = list_models()
    if as_json:
        click.echo(json.dumps([record.model_dump(mode="json") for record in records], ensure_ascii=False))
        return
    for record in records:
        click.echo(f"{record.id:16} {len(record.members)} member(s)  {record.title}")


@models.command("add")
@click.argument("weights", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--config", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def models_add(weights: Path, config: Path) -> None:
    """Check a checkpoint of segmentation-models-pytorch and add it to the user's own models."""
    from core.models.importer import import_checkpoint

    record = import_checkpoint(weights, config)
    click.echo(f"{record.id} was added in {record.folder}")
