"""The Risk and coverage page below its title: target, curves, cases, guarantees, saving."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.metrics.class_scores import CLASS_SCORES
from core.metrics.conventions import under_conventions
from core.metrics.coverage_report import ORACLE, RANDOM, CoverageReport, coverage_report, prepare_score
from core.metrics.operating import Answer, Prepared, Target
from core.metrics.risk import risk_of
from core.store import Store
from core.types import Estimate, RiskConventions, UnitTable
from core.uncertainty import SCORES
from core.view.charts import CONFIG, Line, Place, line_chart
from core.view.words import NOT_AVAILABLE, count, interval, number, percent
from pages.ui import flagged, guarantees, outcomes, point_form, run_tables, tables
from pages.ui.run_tables import Loaded
from pages.ui.text import safe_text

TARGETS: dict[Target, str] = {"risk": "Highest risk allowed", "coverage": "Share to accept"}
VIEWS = {
    "generalised_risk": "Undetected risk, per case of the cohort",
    "selective_risk": "Risk among the accepted",
}
RISKS = {"continuous": "1 - Dice", "failure": "Failure: Dice below a limit"}
EMPTIES = {
    "counted": "Both empty counts as right",
    "left out": "Both empty is left out",
    "prediction left out": "Empty predictions are left out",
}
LABELS = {spec.key: spec.label for spec in (*SCORES, *CLASS_SCORES)} | {"confidence": "Confidence"}
SHOWN_AT_FIRST = 3
KEPT = 24
REPLICATES = 1000
CHART = "coverage_chart"


@dataclass(frozen=True)
class Choices:
    """What is asked of the page."""

    score: str
    compared: tuple[str, ...]
    conventions: RiskConventions


def show(store: Store, writable: bool) -> None:
    """The page for the selected run."""
    answer_place = st.container(key="answer")
    left, right = st.columns([3, 1.4], gap="small", vertical_alignment="bottom")
    with left:
        run = run_tables.pick_run(store)
    if run is None:
        return
    with right:
        level = run_tables.pick_level(run)
    run_tables.incomplete_note(run)
    loaded = run_tables.load(run, level)
    target_place = st.container()
    choices = _choices(loaded)
    state = (run.id, level, run.done, outcomes.deletions(), choices.conventions.model_dump_json())
    report = _report(loaded, choices.conventions, choices.compared, choices.score, *state)
    prepared = _prepared(loaded, choices.conventions, choices.score, *state)
    if prepared is None:
        answer_place.markdown(
            f"**{_label(choices.score)} is undefined for some cases**, so it cannot rank them. "
            "Choose another score."
        )
        return
    with target_place:
        kind, value = _target(report)
    with store.trace() as trace:
        started = time.perf_counter()
        answer = prepared.at_risk(value) if kind == "risk" else prepared.at_coverage(value)
        seconds = time.perf_counter() - started
    answer_place.markdown(_sentence(answer, report, loaded, choices))
    _facts(answer)
    selected = _curves(report, choices, answer, kind, value)
    st.caption(
        "How to read this: cases enter from the most confident on; a lower curve is a better order. The grey "
        "lines are the best possible order and a random one. Drag over a part of the curve, or click a "
        "point, to list its cases. It cannot say what happens on patients unlike these."
    )
    flagged.cases(loaded, choices.score, choices.conventions, answer, selected)
    point_form.form(store, loaded, choices.score, choices.conventions, answer, writable)
    guarantees.show(report, answer)
    _numbers(report, loaded, choices)
    run_tables.footer(loaded, seconds, trace.sentence)


def _choices(loaded: Loaded) -> Choices:
    table = loaded.table
    with st.expander("Scores and conventions", key="conventions"):
        left, right = st.columns(2, gap="large")
        with left:
            score, compared = _scores(table)
        with right:
            conventions = _conventions(loaded)
        st.markdown("**What each convention changes** (score chosen above)")
        _differences(loaded, score, conventions)
    return Choices(score, compared, conventions)


def _scores(table: UnitTable) -> tuple[str, tuple[str, ...]]:
    keys = _known_scores(table)
    score = st.selectbox(
        "Score that decides", keys, key="score", format_func=_label, bind="query-params",
        help="Cases are accepted from its highest value downwards. The first one is the default.",
    )  # fmt: skip
    compared = st.multiselect(
        "Scores to compare with", [key for key in keys if key != score],
        [key for key in keys if key != score][: SHOWN_AT_FIRST - 1], key=f"compared_{score}",
        format_func=_label, max_selections=5,
    )  # fmt: skip
    return score, (score, *compared)


def _known_scores(table: UnitTable) -> list[str]:
    if not table.confidence:
        return [spec.key for spec in CLASS_SCORES]
    first = table.default_confidence
    defined = [key for key, values in table.confidence.items() if not np.isnan(values).any()]
    return sorted(defined or table.confidence, key=lambda key: key != first)


def _conventions(loaded: Loaded) -> RiskConventions:
    level = loaded.table.level
    if "dice" not in loaded.table.metrics:
        st.caption(
            "Risk is given by the table, or 1 where the predicted class is wrong and 0 where it is right."
        )
        return RiskConventions(level=level)
    risk = st.radio(
        "Risk", list(RISKS), format_func=RISKS.get, key="risk", bind="query-params", horizontal=True,
        help="Continuous: a mask that is half right is half a failure. Failure: right or wrong.",
    )  # fmt: skip
    below = st.slider(
        "Dice below which a case has failed", 0.3, 0.95, 0.82, 0.01, key="failure_below", bind="query-params",
        disabled=risk != "failure", help="0.82 is about the same as a Jaccard of 0.7.",
    )  # fmt: skip
    empty = st.radio(
        "Nothing predicted", list(EMPTIES), format_func=EMPTIES.get, key="empty", bind="query-params",
        help="Leaving cases out with the help of the reference flatters scores; the default counts them all.",
    )  # fmt: skip
    return RiskConventions(level=level, risk=risk, failure_below=below, empty=empty)


def _differences(loaded: Loaded, score: str, now: RiskConventions) -> None:
    rows = [
        (each.words, str(each.n), number(each.mean_risk), number(each.augrc), number(each.aurc))
        for each in under_conventions(loaded.table, now, score)
    ]
    tables.show(("Convention", "n", "Mean risk", "AUGRC", "AURC"), rows)
    st.caption(
        "Ties always enter the curve together. Bins and regions do not matter here; they are on the "
        "Reliability page."
    )


def _target(report: CoverageReport) -> tuple[Target, float]:
    kinds, slider = st.columns([1, 2.2], gap="medium", vertical_alignment="bottom")
    kind = kinds.segmented_control(
        "Target", list(TARGETS), default="coverage", format_func=TARGETS.get, key="target", required=True,
        bind="query-params",
    )  # fmt: skip
    if kind == "risk":
        mean = report.mean_risk.value or 0.1
        value = slider.slider(
            "Mean risk among the accepted cases, at most (%)", 0.0, 100.0,
            float(np.clip(round(50.0 * mean, 1), 0.5, 99.5)), 0.5, key="target_risk", format="%.1f %%",
            bind="query-params", help="The threshold is the lowest that keeps this on the fitting half.",
        )  # fmt: skip
        return "risk", value / 100.0
    value = slider.slider(
        "Share of cases that go unreviewed (%)", 0.0, 100.0, 80.0, 0.5, key="target_coverage",
        format="%.1f %%", bind="query-params", help="The most confident cases are accepted first.",
    )  # fmt: skip
    return "coverage", value / 100.0


def _sentence(answer: Answer, report: CoverageReport, loaded: Loaded, choices: Choices) -> str:
    where = f"{run_tables.headline(loaded)}; risk: {safe_text(report.risk_words, 120)}"
    if answer.threshold is None:
        return f"**No threshold does that:** {safe_text(answer.reason, 200)} ({where})."
    unit = loaded.table.level + "s"
    lost = "failures" if _countable(loaded, choices) else "of risk"
    return (
        f"**Accepting {_share(answer.coverage)} of the {unit} leaves an expected {_value(answer.undetected)} "
        f"{lost} per 100 {unit} undetected;** {unit} with a confidence below {number(answer.threshold)} are "
        f"reviewed ({where}; threshold chosen on {count(answer.groups_fit, 'patient')}, numbers from the "
        f"other {answer.groups_report}; {_label(choices.score).lower()})."
    )


def _countable(loaded: Loaded, choices: Choices) -> bool:
    """Whether risk is 0 or 1, so that its sum counts failures."""
    return loaded.table.prob is not None or choices.conventions.risk == "failure"


def _facts(answer: Answer) -> None:
    if answer.threshold is None:
        return
    facts = (
        ("Review below", number(answer.threshold), "Confidence under which a case goes to a person."),
        (
            "Cases to review", f"{_whole(answer.review)} of {answer.n_report}",
            "On the half of the patients that the threshold was not chosen on.",
        ),
        ("Risk among the accepted", _value(answer.selective_risk), "Mean risk of what nobody reviews."),
        ("Undetected risk in all", _value(answer.undetected_total), f"Summed over {answer.n_report} cases."),
    )  # fmt: skip
    with st.container(key="facts"):
        for column, (label, value, text) in zip(st.columns(len(facts)), facts, strict=True):
            column.markdown(f":gray[{label}]  \n**{value}**", help=text)


def _curves(
    report: CoverageReport, choices: Choices, answer: Answer, kind: Target, value: float
) -> tuple[float, float] | None:
    """The chart; the lowest and highest confidence that was selected in it, None without a selection."""
    view = st.segmented_control(
        "Curve", list(VIEWS), default="generalised_risk", format_func=VIEWS.get, key="curve", required=True,
        bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    lines = [
        Line(f"{name} order", each.coverage, getattr(each, view), quiet=True)
        for name, each in ((("best", report.comparison[ORACLE])), ("random", report.comparison[RANDOM]))
    ]
    for key in choices.compared:
        curve = report.scores[key].curve
        if curve is not None:
            ids = tuple(f"{each:.17g}" for each in curve.threshold) if key == choices.score else ()
            lines.append(Line(_label(key), curve.coverage, getattr(curve, view), ids))
    place = _place(report, choices, answer, view)
    event = st.plotly_chart(
        line_chart(
            lines, x_title="share of cases accepted", y_title=VIEWS[view].lower(), place=place,
            limit=value if kind == "risk" and view == "selective_risk" else None,
        ),
        key=CHART, on_select="rerun", selection_mode=("points", "box"), config=CONFIG,
        alt="Curves of risk against the share of accepted cases",
    )  # fmt: skip
    return selected_range(event.selection.points)


def selected_range(points: Sequence[dict]) -> tuple[float, float] | None:
    """Lowest and highest threshold among the selected points of the curve that has any."""
    found = [float(each["customdata"][0]) for each in points if each.get("customdata")]
    known = [each for each in found if np.isfinite(each)]
    return (min(known), max(known)) if known else None


def _place(report: CoverageReport, choices: Choices, answer: Answer, view: str) -> Place | None:
    curve = report.scores[choices.score].curve
    if answer.threshold is None or curve is None:
        return None
    accepted = np.flatnonzero(curve.threshold >= answer.threshold)
    if not accepted.size:
        return None
    at = int(accepted[-1])
    return Place(float(curve.coverage[at]), float(getattr(curve, view)[at]), "chosen threshold, all patients")


def _numbers(report: CoverageReport, loaded: Loaded, choices: Choices) -> None:
    with st.expander("Numbers", key="numbers"):
        tables.show(
            ("Score", "AUGRC", "AURC", "E-AURC", "Normalised AURC", "AUROC of failure"),
            [
                (
                    _label(key),
                    *(
                        _value(score.areas[name])
                        for name in ("augrc", "aurc", "e_aurc", "normalised_aurc", "failure_auroc")
                    ),
                )
                for key, score in report.scores.items()
            ],
        )  # fmt: skip
        st.caption(
            f"Mean risk {_value(report.mean_risk)}; AURC of the best order {_value(report.oracle_aurc)}; "
            f"nothing predicted in {report.predicted_nothing} of {report.n}, of these nothing to find in "
            f"{report.both_empty}. Intervals: 95 %, {report.replicates} draws of whole patients, "
            f"seed {report.seed}."
        )
        for reason, left_out in report.left_out:
            st.caption(f"{left_out} left out: {safe_text(reason)}.")
        from core.commands.coverage import coverage_record

        rows = [
            {"score": key, **{name: each.value for name, each in score.areas.items()}}
            for key, score in report.scores.items()
        ]
        tables.downloads(f"coverage-{loaded.run.id[:8]}", coverage_record(report), rows)


def _label(key: str) -> str:
    return LABELS.get(key, safe_text(key, 60))


def _value(value: Estimate) -> str:
    return interval(value.value, value.low, value.high)


def _whole(value: Estimate) -> str:
    if value.value is None or value.low is None or value.high is None:
        return NOT_AVAILABLE if value.value is None else f"{value.value:.0f}"
    return f"{value.value:.0f} [{value.low:.0f}–{value.high:.0f}]"


def _share(value: Estimate) -> str:
    if value.low is None or value.high is None:
        return percent(value.value)
    return f"{percent(value.value)} [{number(100 * value.low)}–{number(100 * value.high)}]"


@st.cache_resource(max_entries=KEPT, show_spinner="Drawing samples of patients")
def _report(
    _loaded: Loaded, _conventions: RiskConventions, scores: tuple[str, ...], score: str, *state: object
) -> CoverageReport:
    return coverage_report(_loaded.table, _conventions, scores, seed=0, replicates=REPLICATES)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _prepared(_loaded: Loaded, _conventions: RiskConventions, score: str, *state: object) -> Prepared | None:
    from core.metrics.class_scores import with_confidence

    table = with_confidence(_loaded.table)
    return prepare_score(table, risk_of(table, _conventions), score, seed=0, replicates=REPLICATES)
