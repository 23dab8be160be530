"""What a threshold buys, in one sentence and four numbers."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.metrics.selective.coverage_report import CoverageReport
from core.metrics.selective.operating import Answer
from core.types import Estimate, RiskConventions
from core.view.words import NOT_AVAILABLE, count, interval, number, percent
from pages.ui import run_tables
from pages.ui.coverage_choices import Choices, label
from pages.ui.run_tables import Loaded
from pages.ui.text import safe_text


def sentence(answer: Answer, report: CoverageReport, loaded: Loaded, choices: Choices) -> str:
    """The answer of the page, as Markdown."""
    where = f"{run_tables.headline(loaded)}; risk: {safe_text(report.risk_words, 120)}"
    if answer.threshold is None:
        return f"**No threshold does that:** {safe_text(answer.reason, 200)} ({where})."
    unit = loaded.table.level + "s"
    return (
        f"**Accepting {share(answer.coverage)} of the {unit} without a review leaves "
        f"{_left(answer, loaded, choices.conventions)};** {unit} with a confidence below "
        f"{number(answer.threshold)} are reviewed ({where}; threshold chosen on "
        f"{count(answer.groups_fit, 'patient')}, numbers from the other {answer.groups_report}; "
        f"{safe_text(label(choices.score).lower())})."
    )


def cannot_rank(choices: Choices, loaded: Loaded) -> str:
    """Said where a score has no value for some cases."""
    scores = loaded.table.confidence
    if scores and all(np.isnan(each).any() for each in scores.values()):
        return (
            "**No score can rank these cases:** none has a value for every one of them. One hard mask per "
            "case says nothing about its own confidence; several masks, or probabilities, would."
        )
    return (
        f"**{safe_text(label(choices.score))} is undefined for some cases**, so it cannot rank them. Choose "
        "another score."
    )


def facts(answer: Answer) -> None:
    """Threshold, cases to review, and the risk that remains; nothing without a threshold."""
    if answer.threshold is None:
        return
    half = "On the half of the patients that the threshold was not chosen on."
    shown = (
        ("Review below", number(answer.threshold), "Confidence under which a case goes to a person."),
        ("Cases to review", f"{whole(answer.review)} of {answer.n_report}", half),
        (
            "Risk among the accepted", value(answer.selective_risk),
            f"Mean risk of what nobody reviews. {half}",
        ),
        (
            "Undetected, per 100 cases", value(answer.undetected),
            f"Risk summed over the accepted among 100 cases, reviewed ones included in the 100. {half}",
        ),
    )  # fmt: skip
    with st.container(key="facts"):
        for column, (name, words, text) in zip(st.columns(len(shown)), shown, strict=True):
            column.markdown(f":gray[{name}]  \n**{words}**", help=text)


def value(estimate: Estimate) -> str:
    """An estimate with its interval."""
    return interval(estimate.value, estimate.low, estimate.high)


def whole(estimate: Estimate) -> str:
    """An estimate of a number of cases.

    >>> whole(Estimate(value=16.2, low=12.9, high=19.7))
    '16 [13–20]'
    """
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return NOT_AVAILABLE if estimate.value is None else f"{estimate.value:.0f}"
    return f"{estimate.value:.0f} [{estimate.low:.0f}–{estimate.high:.0f}]"


def share(estimate: Estimate) -> str:
    """An estimate of a share, in per cent."""
    if estimate.low is None or estimate.high is None:
        return percent(estimate.value)
    return f"{percent(estimate.value)} [{number(100 * estimate.low)}–{number(100 * estimate.high)}]"


def _left(answer: Answer, loaded: Loaded, conventions: RiskConventions) -> str:
    """What is left unseen: failures where risk is 0 or 1, else the mean quality or risk of the accepted."""
    table = loaded.table
    if table.prob is not None or conventions.risk == "failure":
        what = "wrong answers" if table.prob is not None else "failures"
        return f"an expected {value(answer.undetected)} {what} per 100 {table.level}s undetected"
    risk = answer.selective_risk
    if "dice" not in table.metrics or risk.value is None:
        return f"a mean risk of {value(risk)} among them"
    low = None if risk.high is None else 1.0 - risk.high
    high = None if risk.low is None else 1.0 - risk.low
    return f"masks with a mean Dice of {interval(1.0 - risk.value, low, high)} unseen"
