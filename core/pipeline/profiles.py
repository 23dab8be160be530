"""Limits of the checks that are in force, and what limits do on the cases of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.detector import RULES, Limits, default_limits, extremes, limit_of
from core.detector.classes import class_limits
from core.errors import SettingsProblem
from core.metrics.halves import split_halves
from core.metrics.selective.risk import risk_of
from core.metrics.tuning import RuleTable, halves_drawn, limits_array, tallies
from core.pipeline.points import called
from core.types import Float64Array, MadeBy, RiskConventions, RunRecord, UnitTable
from core.types.profiles import Profile

if TYPE_CHECKING:
    from core.store import Store

FAILURE_BELOW = RiskConventions().failure_below


def limits_now(
    store: Store,
    model_id: str | None,
    estimator: str | None,
    *,
    classes: bool = False,
    bags: bool = False,
) -> Limits:
    """The limits in force: of the active profile, else the model's own, completed by built-in ones.

    model_id, estimator None: predictions made elsewhere, which have built-in limits. classes: of a
    classifier. bags: of a bag model, which is one too.
    """
    from core.models import rule_limits_of

    own: Limits | None = None
    if model_id is not None and estimator is not None:
        profile = store.active_profile(model_id, estimator)
        own = rule_limits_of(model_id) if profile is None else profile.in_force
    return class_limits(own, bags=bags) if classes else default_limits(own)


def limits_over(store: Store, made_by: MadeBy, *, classes: bool = False, bags: bool = False) -> Limits:
    """`limits_now` for what made a result."""
    config = made_by.config
    if made_by.imported:
        return limits_now(store, None, None, classes=classes)
    return limits_now(store, config.model_id, config.estimator.kind, classes=classes, bags=bags)


def limits_of_run(store: Store, run: RunRecord) -> Limits:
    """`limits_now` for the cases of a run."""
    classes = run.task != "segmentation"
    if run.config is None:
        return limits_now(store, None, None, classes=classes)
    model_id, kind = run.config.model_id, run.config.estimator.kind
    return limits_now(store, model_id, kind, classes=classes, bags=classes and run.parts)


def rule_table(
    store: Store, run: RunRecord, table: UnitTable, failure_below: float = FAILURE_BELOW, seed: int = 0
) -> RuleTable:
    """What every check sees of every case with a reference. table: of the run, by case.

    A case is a failure when its Dice lies below `failure_below`. Raises SettingsProblem for a run without
    outlines that were analysed here, or without references.
    """
    conventions = RiskConventions(risk="failure", failure_below=failure_below)
    risks = risk_of(table, conventions)
    known = store.judged([key for key in table.analysis_key if key is not None])
    parts = [known.get(key or "") for key in table.analysis_key]
    rows = [k for k, each in enumerate(parts) if each is not None and each.slices and risks.keep[k]]
    if run.task != "segmentation" or not rows:
        raise SettingsProblem(
            "There are no checks to tune on these predictions",
            found=f"{run.task}, {len(rows)} outlined cases with a reference",
            expected="a run of a segmentation model over cases with references",
            fix="add a cohort with references and run a model over it",
        )
    values = np.full((len(rows), len(RULES)), np.nan)
    for place, row in enumerate(rows):
        judged = parts[row]
        assert judged is not None
        seen = extremes(judged.slices, judged.scores)
        values[place] = [seen.get(spec.key, np.nan) for spec in RULES]
    groups = tuple(table.group[row] for row in rows)
    return RuleTable(
        keys=tuple(spec.key for spec in RULES),
        values=values,
        above=np.array([spec.side == "above" for spec in RULES]),
        low=np.array([spec.low for spec in RULES]),
        high=np.array([spec.high for spec in RULES]),
        failure=risks.risk[rows] > 0.5,
        groups=groups,
        fitted=split_halves(groups, seed),
        rows=np.array(rows),
    )


def settings_of(table: RuleTable, limits: Limits) -> Float64Array:
    """(rule,) the limits as `core.metrics.tuning` takes them, NaN = switched off."""
    chosen = [(key, limit_of(limits, key)) for key in table.keys]
    return limits_array(table, [(key, each.limit if each.active else None) for key, each in chosen])


def with_settings(table: RuleTable, limits: Limits, settings: Float64Array) -> Limits:
    """The limits with those of the table's rules replaced; NaN switches a rule off and keeps its limit."""
    wanted = dict(zip(table.keys, settings.tolist(), strict=True))
    rules = tuple(
        each
        if each.rule not in wanted
        else each.model_copy(
            update={"active": False}
            if np.isnan(wanted[each.rule])
            else {"active": True, "limit": wanted[each.rule]}
        )
        for each in limits.rules
    )
    return limits.model_copy(update={"rules": rules, "profile": None})


def profile_of(
    name: str,
    limits: Limits,
    table: RuleTable,
    run: RunRecord,
    cohort_name: str,
    *,
    failure_below: float = FAILURE_BELOW,
    seed: int = 0,
) -> Profile:
    """Limits with a name and what they do on both halves. Raises SettingsProblem for an empty name."""
    if not name.strip():
        raise SettingsProblem(
            "This profile cannot be saved", found="no name", expected="a name", fix="give it a name"
        )
    fitted, reported = tallies(table, settings_of(table, limits), halves_drawn(table, seed))
    config = run.config
    return Profile(
        name=name.strip(),
        limits=limits.model_copy(update={"profile": None}),
        model_id=None if config is None else config.model_id,
        estimator=None if config is None else config.estimator.kind,
        cohort_name=cohort_name,
        cohort_id=run.cohort_id,
        run_id=run.id,
        failure_below=failure_below,
        seed=seed,
        fitted=fitted,
        reported=reported,
    )


def save_profile(store: Store, profile: Profile, *, activate: bool = False) -> Profile:
    """Keep a profile for good; activate: its limits judge the cases of its model and estimator from now on.

    Raises SettingsProblem when it is to be activated but belongs to no model.
    """
    if activate:
        _owner(profile)
    kept = store.put_profile(profile)
    if activate:
        store.set_active_profile(*_owner(kept), kept.id)
    return kept


def find_profile(store: Store, label: str) -> Profile:
    """The profile called "name v3", "name" (its latest version), or by id or its beginning.

    Raises SettingsProblem that lists the known ones.
    """
    known = store.profiles()
    found = called(known, label)
    if found is not None:
        return found
    raise SettingsProblem(
        "There is no such profile",
        found=repr(label),
        expected="one of " + ", ".join(each.label for each in known) if known else "a saved profile",
        fix="save one on the Detector page or with `profiles save`",
    )


def activate_profile(store: Store, label: str) -> Profile:
    """Judge cases by this profile from now on. Raises SettingsProblem: unknown, or it belongs to no model."""
    profile = find_profile(store, label)
    store.set_active_profile(*_owner(profile), profile.id)
    return profile


def clear_profile(store: Store, model_id: str, estimator: str) -> None:
    """Judge cases of a model and estimator by the model's own limits again."""
    store.set_active_profile(model_id, estimator, None)


def active_profiles(store: Store) -> tuple[Profile, ...]:
    """The profiles in force, one for each model and estimator that has one."""
    pairs = {(each.model_id, each.estimator) for each in store.profiles()}
    found = [store.active_profile(model, kind) for model, kind in pairs if model and kind]
    return tuple(each for each in found if each is not None)


def _owner(profile: Profile) -> tuple[str, str]:
    if profile.model_id is not None and profile.estimator is not None:
        return profile.model_id, profile.estimator
    raise SettingsProblem(
        "This profile cannot judge new cases",
        found=f"{profile.name} was made on predictions made elsewhere",
        expected="a profile made on a run of one of the models here",
        fix="run a model over the cohort and tune the checks on that run",
    )
