"""Risk and coverage as plain values, as the command prints them and the page hands them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.metrics.selective.coverage_report import CoverageReport

AREA_KEYS = ("aurc", "e_aurc", "augrc", "normalised_aurc", "failure_auroc")
"""Areas that every score is told by, in order."""


def coverage_record(report: CoverageReport) -> dict[str, Any]:
    """The report as plain JSON values; None where undefined."""
    return {
        "n": report.n,
        "groups": report.groups,
        "default": report.default,
        "scores": {
            key: {name: score.areas[name].model_dump() for name in AREA_KEYS}
            | {"undefined": score.undefined, "sensitivity_at_95_specificity": score.sensitivity}
            for key, score in report.scores.items()
        },
        "mean_risk": report.mean_risk.value,
        "mean_risk_interval": report.mean_risk.model_dump(),
        "oracle_aurc": report.oracle_aurc.value,
        "random_aurc": report.mean_risk.value,
        "operating_point": report.operating.model_dump() if report.operating else None,
        "guarantees": {
            "certified_threshold": report.certified.model_dump() if report.certified else None,
            "miss_rate": {name: each.model_dump() for name, each in report.miss_rate.items()},
        },
        "conventions": {
            **report.conventions.model_dump(),
            "risk_is": report.risk_words,
            "ties": "enter together",
            "intervals": f"95 %, {report.replicates} draws of whole groups, seed {report.seed}",
        },
        "left_out": dict(report.left_out),
        "undefined": {key: score.undefined for key, score in report.scores.items()},
        "predicted_nothing": report.predicted_nothing,
        "both_empty": report.both_empty,
    }
