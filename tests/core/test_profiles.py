"""Profiles of the checks: kept for good, named on every verdict; what a check sees is what `decide` sees."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from core.cli import main
from core.detector import RULES, built_in_limits, decide, extremes, measure_slice, with_limit
from core.errors import SettingsProblem
from core.metrics.tuning import fired
from core.models import ModelRecord
from core.pipeline import runs, stored_outcome
from core.pipeline.profiles import (
    activate_profile,
    clear_profile,
    find_profile,
    limits_now,
    limits_of_run,
    profile_of,
    rule_table,
    save_profile,
    settings_of,
    with_settings,
)
from core.pipeline.runs import unit_table
from core.pipeline.worklist import worklist
from core.store import Store
from core.types import RunRecord, Score, SliceSummary
from tests.core.inference.conftest import make_record
from tests.core.toy_runs import CONFIG, SETTINGS, make_case, put_cohort, write_model
from tests.pages.many import bare_table, import_table


def drawn_study(seed: int) -> tuple[tuple[SliceSummary, ...], tuple[Score, ...]]:
    """A stack of up to seven random blotches, some of them empty, with a confidence."""
    rng = np.random.default_rng(seed)
    slices = []
    for index in range(int(rng.integers(1, 8))):
        mask = np.zeros((40, 40), bool)
        for _ in range(int(rng.integers(0, 4))):
            top, left = rng.integers(0, 34, 2)
            high, wide = rng.integers(1, 20, 2)
            mask[top : top + high, left : left + wide] = True
        measures, blobs = measure_slice(mask)
        slices.append(
            SliceSummary(index=index, empty=not mask.any(), scores=(), measures=measures, components=blobs)
        )
    return tuple(slices), (Score(key="agreement", value=float(rng.random())),)


@given(st.integers(0, 100_000))
@settings(max_examples=60)
def test_a_check_fires_in_a_verdict_if_and_only_if_its_extreme_lies_beyond_the_limit(seed: int) -> None:
    slices, scores = drawn_study(seed)
    rng = np.random.default_rng(seed + 1)
    limits, seen = built_in_limits(), extremes(slices, scores)
    for spec in RULES:
        # At, just below or somewhere off the extreme itself: the edge is where a mistake would show.
        value = seen.get(spec.key, spec.limit) + rng.choice([0.0, 1e-9, -1e-9, 0.3, -0.3])
        limits = with_limit(limits, spec.key, limit=float(np.clip(value, spec.low, spec.high)), active=True)
    found = {flag.rule for flag in decide(slices, limits, scores).flags}
    by_rule = {each.rule: each.limit for each in limits.rules}
    expected = {
        spec.key for spec in RULES if spec.key in seen and spec.fires(seen[spec.key], by_rule[spec.key])
    }
    assert found == expected


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ModelRecord:
    return make_record(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def store(home: object, made: ModelRecord) -> Iterator[Store]:
    write_model(home, made)  # type: ignore[arg-type]
    with Store.open(settings=SETTINGS) as opened:
        yield opened


def toy_run(store: Store) -> RunRecord:
    cohort = put_cohort(store, [make_case(k, slices=3) for k in range(6)])
    return runs.run_cohort(store, cohort.id, CONFIG)


def saved(store: Store, run: RunRecord, name: str = "Ward", *, activate: bool = False, **limits: float):
    table = rule_table(store, run, unit_table(store, run.id, "case"))
    chosen = limits_of_run(store, run)
    for rule, value in limits.items():
        chosen = with_limit(chosen, rule.replace("_", "-"), limit=value)
    return save_profile(store, profile_of(name, chosen, table, run, "toys"), activate=activate)


def test_flags_of_the_table_are_those_of_the_verdicts(store: Store) -> None:
    run = toy_run(store)
    units = unit_table(store, run.id, "case")
    table = rule_table(store, run, units)
    limits = limits_of_run(store, run)
    flagged = fired(table, settings_of(table, limits)).any(axis=1)
    by_row = {each.row: each.to_review for each in worklist(store, run, units)}
    assert [by_row[row] for row in table.rows.tolist()] == flagged.tolist()


def test_settings_and_limits_are_two_ways_to_say_the_same(store: Store) -> None:
    run = toy_run(store)
    table = rule_table(store, run, unit_table(store, run.id, "case"))
    limits = with_limit(limits_of_run(store, run), "area-large", active=False)
    wanted = settings_of(table, limits)
    assert np.isnan(wanted[table.keys.index("area-large")])
    np.testing.assert_array_equal(settings_of(table, with_settings(table, limits, wanted)), wanted)


def test_a_profile_in_force_judges_and_is_named(store: Store) -> None:
    run = toy_run(store)
    item = worklist(store, run, unit_table(store, run.id, "case"))[0]
    before = stored_outcome(store, item.analysis_key)  # type: ignore[arg-type]
    assert before is not None
    assert before.verdict.profile is None
    profile = saved(store, run, activate=True, area_large=0.0)
    after = stored_outcome(store, item.analysis_key)  # type: ignore[arg-type]
    assert after is not None
    assert after.verdict.profile == "Ward v1"
    assert after.limits == profile.in_force
    if not after.analysis.empty:
        assert "area-large" in {flag.rule for flag in after.verdict.flags}
    (again, *_) = worklist(store, run, unit_table(store, run.id, "case"))
    assert again.verdict is not None
    assert again.verdict.profile == "Ward v1"


def test_clearing_brings_the_models_own_limits_back(store: Store) -> None:
    run = toy_run(store)
    own = limits_of_run(store, run)
    saved(store, run, activate=True, area_large=0.0)
    clear_profile(store, "tiny", CONFIG.estimator.kind)
    assert limits_of_run(store, run) == own


def test_versions_count_up_and_the_same_again_is_not_kept_twice(store: Store) -> None:
    run = toy_run(store)
    first = saved(store, run, area_large=0.1)
    assert saved(store, run, area_large=0.1).id == first.id
    second = saved(store, run, area_large=0.2)
    assert (first.label, second.label) == ("Ward v1", "Ward v2")
    assert find_profile(store, "Ward").id == second.id
    assert find_profile(store, "Ward v1").id == first.id
    assert activate_profile(store, "Ward v1").id == first.id
    with pytest.raises(SettingsProblem, match="no such profile"):
        find_profile(store, "Theatre")


def test_a_changed_limit_is_no_profile_any_more(store: Store) -> None:
    profile = saved(store, toy_run(store), activate=True, area_large=0.1)
    limits = limits_now(store, "tiny", CONFIG.estimator.kind)
    assert limits.profile == profile.label
    assert with_limit(limits, "area-large", limit=0.1).profile == profile.label
    assert with_limit(limits, "area-large", limit=0.2).profile is None


def test_a_bare_table_has_no_checks_to_tune(store: Store) -> None:
    run = import_table(store, bare_table(20))
    with pytest.raises(SettingsProblem, match="no checks to tune"):
        rule_table(store, run, unit_table(store, run.id, "case"))


def test_command_tunes_saves_and_activates(home: object, made: ModelRecord) -> None:
    write_model(home, made)  # type: ignore[arg-type]
    with Store.open(settings=SETTINGS) as store:
        toy_run(store)

    def call(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["profiles", *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    record = json.loads(call("tune", "toys", "--limit", "area-large=off", "--name", "Ward", "--json"))
    off = next(each for each in record["limits"]["rules"] if each["rule"] == "area-large")
    assert not off["active"]
    assert record["fitted"]["groups"] + record["reported"]["groups"] == 6
    assert "Ward v1: in force" in call("activate", "Ward")
    assert "Ward v1: in force" in call("list")
    call("clear", "tiny", CONFIG.estimator.kind)
    assert "Ward v1: saved" in call("list")
    assert "chosen on:" in call("tune", "toys", "--cost-miss", "5", "--cost-alarm", "1")
    assert "reported on:" in call("tune", "toys", "--outside", "0.05")
    bad = CliRunner().invoke(main, ["profiles", "tune", "toys", "--limit", "area-large=much"])
    assert bad.exit_code == 2
    assert "RULE=NUMBER" in bad.stderr
