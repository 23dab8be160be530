"""`profiles`: saved limits of the checks, what they catch and cost, and which are in force."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import click

from core.commands.options import Fraction
from core.config import EstimatorKind
from core.errors import SettingsProblem
from core.types import Limits
from core.types.profiles import Profile, Tally

if TYPE_CHECKING:
    from core.metrics.tuning import RuleTable


@click.group()
def profiles() -> None:
    """Saved limits of the checks."""


@profiles.command("list")
@click.option("--json", "as_json", is_flag=True)
def profiles_list(as_json: bool) -> None:
    """List every version of every profile, and which are in force."""
    from core.pipeline.profiles import active_profiles
    from core.store import Store

    with Store.open() as store:
        known, active = store.profiles(), {each.id for each in active_profiles(store)}
    if as_json:
        click.echo(json.dumps([_record(each, each.id in active) for each in known], ensure_ascii=False))
        return
    for each in known:
        click.echo(_line(each, each.id in active))


@profiles.command("tune")
@click.argument("cohort")
@click.option("--run", "run_id", help="Run of the cohort; default: the newest.")
@click.option("--limit", "changes", multiple=True, metavar="RULE=VALUE", help="Move one limit, or RULE=off.")
@click.option("--outside", type=Fraction(0.0, 0.5), help="Leave this share of the good cases outside each.")
@click.option("--cost-miss", type=click.FloatRange(min=0.0), help="Cost of a failure without a flag.")
@click.option("--cost-alarm", type=click.FloatRange(min=0.0), help="Cost of a good case with one.")
@click.option("--failure-below", type=Fraction(0.0, 1.0, min_open=True), help="Dice; default 14/17.")
@click.option("--seed", type=click.IntRange(0, 2**63, max_open=True), default=0, show_default=True)
@click.option("--name", help="Keep the limits as a profile of this name.")
@click.option("--activate", is_flag=True, help="Judge the cases of its model and estimator by it.")
@click.option("--json", "as_json", is_flag=True)
def profiles_tune(cohort: str, name: str | None, activate: bool, as_json: bool, **choices: Any) -> None:
    """What limits catch and cost on the cases of COHORT: chosen on one half of the patients, told for both.

    Starts from the limits in force; --outside or both costs propose others, --limit changes single ones.
    """
    from core.pipeline.profiles import FAILURE_BELOW, limits_of_run, profile_of, rule_table, save_profile
    from core.pipeline.runs import find_cohort, run_of, unit_table
    from core.store import Store

    if activate and not name:
        raise click.UsageError("--activate needs --name")
    below, seed = choices["failure_below"] or FAILURE_BELOW, choices["seed"]
    with Store.open() as store:
        run = run_of(store, cohort, choices["run_id"])
        table = rule_table(store, run, unit_table(store, run.id, "case"), below, seed)
        limits = _changed(_proposed(table, limits_of_run(store, run), choices), choices["changes"])
        made = profile_of(
            name or "unsaved", limits, table, run, find_cohort(store, run.cohort_id).name,
            failure_below=below, seed=seed,
        )  # fmt: skip
        if name:
            made = save_profile(store, made, activate=activate)
    if as_json:
        click.echo(json.dumps(_record(made, activate), ensure_ascii=False))
        return
    click.echo(_line(made, activate))
    click.echo(f"chosen on:   {_told(made.fitted)}")
    click.echo(f"reported on: {_told(made.reported)}")


@profiles.command("activate")
@click.argument("label")
@click.option("--json", "as_json", is_flag=True)
def profiles_activate(label: str, as_json: bool) -> None:
    """Judge cases by the profile LABEL ("name", "name v3" or an id) from now on."""
    from core.pipeline.profiles import activate_profile
    from core.store import Store

    with Store.open() as store:
        profile = activate_profile(store, label)
    click.echo(json.dumps(_record(profile, True)) if as_json else _line(profile, True))


@profiles.command("clear")
@click.argument("model_id", metavar="MODEL")
@click.argument("estimator", type=click.Choice(get_args(EstimatorKind)))
def profiles_clear(model_id: str, estimator: str) -> None:
    """Judge cases of MODEL and ESTIMATOR by the model's own limits again."""
    from core.models import any_model
    from core.pipeline.profiles import clear_profile
    from core.store import Store

    any_model(model_id)
    with Store.open() as store:
        clear_profile(store, model_id, estimator)
    click.echo(f"{model_id}, {estimator}: the model's own limits judge again")


def _proposed(table: RuleTable, limits: Limits, choices: dict[str, Any]) -> Limits:
    from core.metrics.tuning import cheapest, outside
    from core.pipeline.profiles import with_settings

    miss, alarm, share = choices["cost_miss"], choices["cost_alarm"], choices["outside"]
    if (miss is None) != (alarm is None) or (miss is not None and share is not None):
        raise click.UsageError("give --cost-miss and --cost-alarm together, or --outside alone")
    if share is not None:
        return with_settings(table, limits, outside(table, share))
    return limits if miss is None else with_settings(table, limits, cheapest(table, miss, alarm))


def _changed(limits: Limits, changes: tuple[str, ...]) -> Limits:
    from core.detector import with_limit

    for change in changes:
        rule, _, value = change.partition("=")
        try:
            setting = {"active": False} if value == "off" else {"limit": float(value), "active": True}
        except ValueError as error:
            raise SettingsProblem(
                "This is no limit", found=change, expected="RULE=NUMBER or RULE=off", fix="write it so"
            ) from error
        limits = with_limit(limits, rule, **setting)
    return limits


def _record(profile: Profile, active: bool) -> dict[str, Any]:
    return {**profile.model_dump(mode="json"), "label": profile.label, "active": active}


def _line(profile: Profile, active: bool) -> str:
    owner = f"{profile.model_id}, {profile.estimator}" if profile.model_id else "predictions made elsewhere"
    on = sum(each.active for each in profile.limits.rules)
    state = "in force" if active else "saved" if profile.version else "not saved"
    label = profile.label if profile.version else profile.name
    return f"{label}: {state}; {owner}, {on} checks on, tuned on {profile.cohort_name}"


def _told(found: Tally) -> str:
    def share(name: str, percent: bool) -> str:
        each = getattr(found, name)
        if each.value is None:
            return f"{name} –"
        factor, unit = (100.0, " %") if percent else (1.0, "")
        ends = "" if each.low is None else f" [{factor * each.low:.1f}, {factor * each.high:.1f}]"
        return f"{name} {factor * each.value:.1f}{ends}{unit}"

    parts = [share("caught", True), share("alarms", True), share("missed", False), share("workload", False)]
    counted = f"{found.n} cases of {found.groups} patients, {found.failures} failures"
    return f"{', '.join(parts)} (per 100 cases for the last two); {counted}"
