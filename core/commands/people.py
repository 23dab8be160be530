"""`people`: who may sign in to a server, as what."""

from __future__ import annotations

import json
from typing import get_args

import click

from core.commands.output import print_record
from core.types.people import Role


@click.group()
def people() -> None:
    """Who may sign in where SECOND_LOOK_MODE=server, as what. While the app runs, ask its People page."""


@people.command("list")
@click.option("--json", "as_json", is_flag=True)
def people_list(as_json: bool) -> None:
    """List everybody who was ever given a role."""
    from core.store import Store

    with Store.open() as store:
        known = store.people()
    if as_json:
        click.echo(json.dumps([each.model_dump(mode="json") for each in known], ensure_ascii=False))
        return
    for each in known:
        click.echo(f"{each.name}: {each.role or 'no role'} ({each.identity.issuer} {each.identity.subject})")


@people.command("set")
@click.option("--issuer", required=True, help="Claim iss of the sign-in provider, an address.")
@click.option("--subject", required=True, help="Claim sub: who it is there. The page shows it to strangers.")
@click.option("--name", required=True, help="Name under which decisions are kept.")
@click.option("--role", required=True, type=click.Choice([*get_args(Role), "none"]))
@click.option("--json", "as_json", is_flag=True)
def people_set(issuer: str, subject: str, name: str, role: str, as_json: bool) -> None:
    """Give somebody a name and a role, or take the role away; the review log keeps the change."""
    from core.pipeline.people import give_role
    from core.store import Store

    with Store.open() as store:
        kept = give_role(store, issuer, subject, name, role, by="command line")
    print_record(kept.model_dump(mode="json"), as_json)
