"""The risk of every unit of a table under declared conventions, and which units are left out and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.types import BoolArray, Float64Array, RiskConventions, UnitTable

NO_REFERENCE = "no reference"
UNDEFINED = "risk undefined"
BOTH_EMPTY = "nothing to find and nothing predicted"
PREDICTED_NOTHING = "predicted nothing"


@dataclass(frozen=True, eq=False)
class Risks:
    """risk: (unit,) in [0, 1], NaN where undefined. keep: (unit,) units that count.

    left_out: reason and number of the units that do not, the first reason that applies. binary: risk is 0
    or 1 by convention. words: what risk means, for the screen.
    """

    risk: Float64Array
    keep: BoolArray
    left_out: tuple[tuple[str, int], ...]
    binary: bool
    words: str


def risk_of(table: UnitTable, conventions: RiskConventions) -> Risks:
    """Risk of a segmentation: 1 - Dice, or 1 where Dice < the limit; a classification: 1 where wrong.

    A bare table brings its own `risk`; Dice stands for 1 - risk there. With several findings at once a unit
    is wrong when any finding is. Undefined for every unit of a run without any reference. Raises ValueError
    when the table is at another level than the conventions.
    """
    if table.level != conventions.level:
        raise ValueError(f"a table of {table.level}s judged by conventions for {conventions.level}s")
    risk, binary, words = _risk(table, conventions)
    reasons = {
        NO_REFERENCE: ~table.has_ref,
        BOTH_EMPTY: table.pred_empty & table.ref_empty & (conventions.empty == "left out"),
        PREDICTED_NOTHING: table.pred_empty & (conventions.empty == "prediction left out"),
        UNDEFINED: np.isnan(risk),
    }
    keep = np.ones(table.units, np.bool_)
    left_out = []
    for reason, applies in reasons.items():
        left_out.append((reason, int((applies & keep).sum())))
        keep &= ~applies
    return Risks(risk, keep, tuple(pair for pair in left_out if pair[1]), binary, words)


def wrong(table: UnitTable) -> BoolArray:
    """(unit,) whether a classification is wrong: another class is most likely, or any finding is mistaken.

    A finding counts as predicted above one half. Raises ValueError for a table without probabilities.
    """
    if table.prob is None or table.label is None:
        raise ValueError("the table holds no class probabilities")
    if table.task == "multilabel":
        return np.asarray(((table.prob > 0.5) != table.label).any(axis=1), np.bool_)
    return np.asarray(~table.label[np.arange(table.units), table.prob.argmax(axis=1)], np.bool_)


def _risk(table: UnitTable, conventions: RiskConventions) -> tuple[Float64Array, bool, str]:
    if table.prob is not None:
        words = "any finding wrong = 1" if table.task == "multilabel" else "wrong class = 1"
        return np.asarray(wrong(table), np.float64), True, words
    if "risk" in table.metrics:
        dice = 1.0 - table.metrics["risk"]
        name, quality = "risk as given", "1 - risk"
        continuous = table.metrics["risk"]
    else:
        dice = table.metrics.get("dice", np.full(table.units, np.nan))
        name, quality = "1 - Dice", "Dice"
        continuous = 1.0 - dice
    if conventions.risk == "continuous":
        return continuous, False, name
    failed = np.where(np.isnan(dice), np.nan, dice < conventions.failure_below)
    return failed, True, f"failure = 1 where {quality} < {conventions.failure_below:.4g}"
