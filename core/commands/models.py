"""`models`: the networks that can be run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.commands.output import print_record

if TYPE_CHECKING:
    from core.models import ModelRecord

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def models() -> None:
    """The networks that can be run."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True)
def models_list(as_json: bool) -> None:
    """List shipped models and the user's own."""
    from core.models import every_model

    records = every_model()
    if as_json:
        click.echo(json.dumps([record.model_dump(mode="json") for record in records], ensure_ascii=False))
        return
    for record in records:
        click.echo(f"{record.id:16} {len(record.members)} member(s)  {record.title}{_asks(record)}")


def _asks(record: ModelRecord) -> str:
    return "" if record.prompt is None else f"  (answers only to a {record.prompt}, see jitter)"


@models.command("show")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True)
def models_show(model: str, as_json: bool) -> None:
    """Say what MODEL is, where it came from, how it was split, and what it can be asked for."""
    from core.pipeline.models import describe_model, find_model

    facts = describe_model(find_model(model))
    record = facts.model_dump(mode="json") | {"bytes": facts.bytes}
    if as_json:
        print_record(record, True)
        return
    print_record(
        {
            **{
                name: value for name, value in record.items() if isinstance(value, str | int | bool) and value
            },
            "input": ", ".join(facts.channels),
            "answers": ", ".join(facts.class_names),
            "folds": f"patients {list(facts.patients)}, at least {facts.unseen} networks never saw each"
            if facts.patients
            else "not known",
            "estimators": ", ".join(key for key, _ in facts.estimators),
            "not possible": "; ".join(f"{each.key}: {each.reason}" for each in facts.impossible) or "none",
        },
        False,
    )
    for each in facts.members:
        click.echo(f"  {each.file}  SHA-256 {each.sha256}  left out folds {list(each.left_out)}")


@models.command("add")
@click.argument("weights", type=FILE)
@click.option("--config", required=True, type=FILE, help="JSON that says what the file does not.")
@click.option("--json", "as_json", is_flag=True)
def models_add(weights: Path, config: Path, as_json: bool) -> None:
    """Add WEIGHTS to the user's own models: a checkpoint of segmentation-models-pytorch, or an ONNX graph."""
    from core.pipeline.models import add_model

    _added(add_model(weights, config), as_json)


@models.command("add-hub")
@click.argument("repository")
@click.option("--config", required=True, type=FILE, help="JSON that says what the repository does not.")
@click.option("--revision", help="Commit of 40 hex digits; default: the newest, which is written down.")
@click.option("--json", "as_json", is_flag=True)
def models_add_hub(repository: str, config: Path, revision: str | None, as_json: bool) -> None:
    """Add a network that smp saved: REPOSITORY is owner/name on the Hugging Face Hub, or a local folder."""
    from core.pipeline.models import add_from_hub

    _added(add_from_hub(repository, config, revision), as_json)


@models.command("remove")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True)
def models_remove(model: str, as_json: bool) -> None:
    """Delete one of the user's own models; shipped ones stay."""
    from core.pipeline.models import remove_own_model

    remove_own_model(model)
    print_record({"removed": model}, as_json)


def _added(record: ModelRecord, as_json: bool) -> None:
    if as_json:
        print_record(record.model_dump(mode="json"), True)
        return
    click.echo(f"{record.id} was added in {record.folder}")
