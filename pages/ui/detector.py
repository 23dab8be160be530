"""The Detector page below its title: every limit over its distribution, and what all of them do together."""

from __future__ import annotations

import time
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st

from core.detector import RuleSpec, limit_of, rule_spec
from core.errors import SettingsProblem
from core.metrics.draws import Draws
from core.metrics.tuning import RuleTable, cheapest, fired, halves_drawn, outside, tallies
from core.pipeline.profiles import FAILURE_BELOW, limits_of_run, rule_table, settings_of, with_settings
from core.pipeline.worklist import WorkItem, worklist
from core.store import Store
from core.types import Estimate, Float64Array, Limits
from core.types.profiles import Tally
from core.view import theme
from core.view.rule_bars import rule_bars
from core.view.words import NOT_AVAILABLE, count, interval, number, percent
from pages.ui import limits as limits_form
from pages.ui import outcomes, profile_form, resources, review_queue, run_tables, tables
from pages.ui.frame import show_problem
from pages.ui.menu import CASE
from pages.ui.rows import rows
from pages.ui.run_tables import Loaded
from pages.ui.text import plain_text

SEED = 0
LISTED = 25
HOW_TO_READ = (
    "How to read this: bars upwards are good cases, hatched bars downwards failures, each as a share of its "
    "kind (square root, so that a few are seen); the line is the limit. The bars show the half of the "
    "patients that limits are chosen on; the answer above is about the other half. A case counts once, by "
    "the value nearest to firing among its slices. An operating point, where one is in force, takes the "
    "place of the confidence limit in verdicts, not here."
)


@dataclass(frozen=True, eq=False)
class Tuned:
    """What the page speaks of: the checks on a run's cases, drawn patients, and the limits on screen."""

    loaded: Loaded
    table: RuleTable
    draws: tuple[Draws, Draws]
    defaults: Limits
    limits: Limits
    settings: Float64Array
    failure_below: float

    @property
    def flagged(self) -> np.ndarray:
        return fired(self.table, self.settings).any(axis=1)


def show(store: Store, writable: bool) -> None:
    """The page for the selected run."""
    answer_place = st.container(key="answer")
    left, right = st.columns([3, 1.4], gap="small", vertical_alignment="bottom")
    with left:
        run = run_tables.pick_run(store)
    if run is None:
        return
    with right:
        below = st.number_input(
            "A failure is a Dice below", 0.05, 1.0, FAILURE_BELOW, 0.05, format="%.3f", key="detector_below",
            help="0.824 is a Jaccard index of 0.7.",
        )  # fmt: skip
    run_tables.notes(run)
    started = time.perf_counter()
    try:
        with store.trace() as trace:
            tuned = _tuned(store, run_tables.load(run, "case"), below)
    except SettingsProblem as problem:
        show_problem(problem)
        return
    found = tallies(tuned.table, tuned.settings, tuned.draws)
    seconds = time.perf_counter() - started
    answer_place.markdown(_answer(tuned, found[1]))
    _numbers(found)
    _suggest(tuned)
    _rules(tuned)
    st.caption(HOW_TO_READ)
    _missed(store, tuned)
    profile_form.form(store, tuned, writable)
    run_tables.footer(tuned.loaded, seconds, trace.sentence)


def _tuned(store: Store, loaded: Loaded, below: float) -> Tuned:
    run = loaded.run
    table, draws = _table(store, loaded, run.id, run.done, run.failed, outcomes.deletions(), below)
    defaults = limits_of_run(store, run)
    limits = limits_form.in_force(defaults)
    return Tuned(loaded, table, draws, defaults, limits, settings_of(table, limits), below)


@st.cache_resource(
    max_entries=run_tables.KEPT, show_spinner="Reading what the checks see", scope=resources.SCOPE
)
def _table(
    _store: Store, _loaded: Loaded, run_id: str, done: int, failed: int, deletions: int, below: float
) -> tuple[RuleTable, tuple[Draws, Draws]]:
    table = rule_table(_store, _loaded.run, _loaded.table, below, SEED)
    return table, halves_drawn(table, SEED)


def _answer(tuned: Tuned, other: Tally) -> str:
    if not other.failures:
        return (
            f"**The half that reports has no failure**, so nothing can be said about catching any "
            f"(n = {count(other.n, 'case')} of {count(other.groups, 'patient')})."
        )
    return (
        f"These limits catch **{_share(other.caught)}** of the failures and ask for a needless review of "
        f"**{_share(other.alarms)}** of the good cases, on patients that they were not chosen on "
        f"({run_tables.headline(tuned.loaded)}; this half: {count(other.n, 'case')}, "
        f"{count(other.failures, 'failure')})."
    )


def _share(each: Estimate) -> str:
    if each.value is None:
        return NOT_AVAILABLE
    ends = "" if each.low is None or each.high is None else f" [{percent(each.low)}, {percent(each.high)}]"
    return f"{percent(each.value)}{ends}"


def _per_hundred(each: Estimate) -> str:
    if each.value is None:
        return NOT_AVAILABLE
    return number(each.value) if each.low is None else interval(each.value, each.low, each.high)


def _numbers(found: tuple[Tally, Tally]) -> None:
    tables.show(
        ("", "Half to choose on", "Half to report on"),
        [
            ("Caught failures", *(_share(each.caught) for each in found)),
            ("False alarms among good cases", *(_share(each.alarms) for each in found)),
            ("Missed failures per 100 cases", *(_per_hundred(each.missed) for each in found)),
            ("Cases to review per 100", *(_per_hundred(each.workload) for each in found)),
            ("Cases, patients, failures", *(f"{each.n}, {each.groups}, {each.failures}" for each in found)),
        ],
    )


def _suggest(tuned: Tuned) -> None:
    cost, good, back = st.columns(3, vertical_alignment="bottom")
    with cost.popover("Propose by cost", key="by_cost", width="stretch"):
        miss = st.number_input(
            "Cost of a missed failure", 0.0, 1000.0, 5.0, 0.5, key="cost_miss",
            help="In any unit; only its relation to the other counts.",
        )  # fmt: skip
        alarm = st.number_input(
            "Cost of a false alarm", 0.0, 1000.0, 1.0, 0.5, key="cost_alarm",
            help="What a needless review costs in the same unit.",
        )  # fmt: skip
        st.button(
            "Take these limits", key="take_cost", type="primary", width="stretch",
            on_click=lambda: _take(tuned, cheapest(tuned.table, miss, alarm)),
            help="The cheapest limits found on the half that limits are chosen on; checks that save nothing "
            "are switched off.",
        )  # fmt: skip
    with good.popover("Propose by good cases", key="by_good", width="stretch"):
        share = st.number_input(
            "Good cases outside each limit, in %", 0.0, 50.0, 1.0, 0.5, key="good_share",
            help="Each limit by itself leaves at most this share of the good cases outside.",
        )  # fmt: skip
        st.button(
            "Take these limits", key="take_good", type="primary", width="stretch",
            on_click=lambda: _take(tuned, outside(tuned.table, share / 100.0)),
            help="A percentile of the good cases on the half that limits are chosen on.",
        )  # fmt: skip
    own = (
        f"the profile {plain_text(tuned.defaults.profile, 40)}"
        if tuned.defaults.profile
        else "the model's own"
    )
    back.button(
        "Back to the limits in force", key="limits_back", width="stretch", on_click=limits_form.reset,
        disabled=tuned.limits == tuned.defaults,
        help=f"They are {own}; a model's own are percentiles of its training references.",
    )  # fmt: skip


def _take(tuned: Tuned, settings: Float64Array) -> None:
    limits_form.choose(tuned.defaults, with_settings(tuned.table, tuned.limits, settings))


def _rules(tuned: Tuned) -> None:
    st.header("The checks", anchor=False)
    for left, right in zip(tuned.table.keys[::2], (*tuned.table.keys[1::2], ""), strict=False):
        columns = st.columns(2, gap="large")
        for column, key in zip(columns, (left, right), strict=True):
            if key:
                with column:
                    _rule(tuned, rule_spec(key))


def _rule(tuned: Tuned, spec: RuleSpec) -> None:
    table, place = tuned.table, tuned.table.keys.index(spec.key)
    now, default = limit_of(tuned.limits, spec.key), limit_of(tuned.defaults, spec.key)
    chosen = table.values[table.fitted, place]
    low, high = _range(spec, chosen, now.limit)
    mark = "" if now == default else " :orange-badge[changed]"
    words, switch = st.columns([4, 1], vertical_alignment="center")
    words.html(f"<div class='rule-head'>{_chip(spec)} <strong>{escape(spec.label)}</strong></div>")
    words.markdown(f":gray[{_alone(tuned, place)}]{mark}")
    limits_form.toggle(switch, spec, now, default)
    bars = rule_bars(chosen, table.failure[table.fitted], low, high, now.limit if now.active else None)
    st.html(f'<img src="{bars}" alt="{escape(spec.label)}: good and failed cases" class="rule-bars">')
    limits_form.slider(spec, now, low, high)


def _chip(spec: RuleSpec) -> str:
    mark = theme.mark_of(spec.cause)
    (light, ink), (dark, dark_ink) = mark.chip("light"), mark.chip("dark")
    style = f"background:light-dark({light},{dark});color:light-dark({ink},{dark_ink})"
    return f"<span class='chip' style='{style}' aria-hidden='true'>{mark.letter}</span>"


def _alone(tuned: Tuned, place: int) -> str:
    table = tuned.table
    alone = np.full(len(table.keys), np.nan)
    alone[place] = tuned.settings[place]
    hits = fired(table, alone)[:, place] & ~table.fitted
    failures, good = table.failure & ~table.fitted, ~table.failure & ~table.fitted
    if np.isnan(tuned.settings[place]):
        return "switched off"
    return (
        f"alone, on the other half: {int((hits & failures).sum())} of "
        f"{count(int(failures.sum()), 'failure')}, "
        f"{int((hits & good).sum())} of {count(int(good.sum()), 'good case')}"
    )


def _range(spec: RuleSpec, values: Float64Array, limit: float) -> tuple[float, float]:
    """The part of the rule's range that is seen, with the limit in it."""
    known = values[~np.isnan(values)]
    ends = [limit, *(np.quantile(known, (0.005, 0.995)).tolist() if known.size else [])]
    low, high = min(ends), max(ends)
    pad = 0.1 * (high - low) or 0.1 * max(abs(high), 0.01)
    return max(spec.low, low - pad), min(spec.high, high + pad)


def _missed(store: Store, tuned: Tuned) -> None:
    table = tuned.table
    missed = np.flatnonzero(table.failure & ~tuned.flagged)
    with st.expander(
        f"Failures that no check sees: {missed.size} of {int(table.failure.sum())}, both halves",
        key="missed", on_change="rerun",
    ) as opened:  # fmt: skip
        if not opened.open:
            return
        if not missed.size:
            st.markdown("None: every failure is flagged by some check.")
            return
        by_row = {each.row: each for each in worklist(store, tuned.loaded.run, tuned.loaded.table)}
        shown = [by_row[int(table.rows[k])] for k in missed]
        shown.sort(key=lambda each: -(each.confidence or 0.0))
        st.caption(f"The most confident first{f', {LISTED} of them' if len(shown) > LISTED else ''}.")
        asked = rows([_missed_row(tuned, each) for each in shown[:LISTED]], key="missed_rows")
        if asked is not None:
            review_queue.go_to(by_row[asked])
            st.switch_page(CASE, query_params=review_queue.address())


def _missed_row(tuned: Tuned, item: WorkItem) -> dict[str, object]:
    dice = tuned.loaded.table.metrics.get("dice")
    return {
        "row": item.row, "name": plain_text(item.name, 80), "group": plain_text(item.group, 40), "chips": [],
        "found": "" if dice is None else f"Dice {number(float(dice[item.row]))}",
        "confidence": number(item.confidence), "decision": "missed", "picture": None,
    }  # fmt: skip
