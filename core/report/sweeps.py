"""What leaves the program about a sweep: its report as plain values, its rows as CSV and Parquet."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from core.metrics.robustness.statistics import statistic_specs
from core.report.export import named
from core.types import Estimate, NamedBytes

if TYPE_CHECKING:
    from core.metrics.robustness.report import SweepReport, SweptTable
    from core.pipeline.sweeps import Sweep


def sweep_record(sweep: Sweep, report: SweepReport, failed: int) -> dict[str, Any]:
    """The report as plain JSON values; None where undefined. failed: cases that could not be computed."""
    return {
        "suite": sweep.suite,
        "seed": sweep.seed,
        "config": sweep.config.model_dump(mode="json"),
        "cohort": sweep.cohort_id,
        "refused": [{"corruption": key, "reason": reason} for key, reason in sweep.refused],
        "failed": failed,
        **report.model_dump(mode="json"),
    }


def sweep_files(
    sweep: Sweep, report: SweepReport, tables: tuple[SweptTable, ...]
) -> tuple[NamedBytes, NamedBytes]:
    """Every number as CSV and as Parquet, a row for each corruption, severity and statistic."""
    import pandas as pd

    from core.pipeline.sweep_numbers import sweep_rows

    rows = sweep_rows(sweep, report, tables)
    frame = pd.DataFrame(rows)
    stem = f"second-look-sweep-{sweep.config.model_id}"
    parquet = io.BytesIO()
    frame.to_parquet(parquet, index=False)
    return (
        named(stem, ".csv", frame.to_csv(index=False).encode()),
        named(stem, ".parquet", parquet.getvalue()),
    )


def sweep_markdown(sweep: Sweep, report: SweepReport, cohort: str) -> str:
    """A document: robustness in one number, the corruptions from the worst on, a sentence for each."""
    from core.corruptions import corruption_spec

    quality = next(each for each in statistic_specs(report.task) if each.key == report.quality)
    clean = report.row("", 0.0, report.quality)
    lines = [
        f"# {sweep.config.model_id} under worse pictures",
        "",
        f"{cohort}: {report.units} units ({report.level}) of {report.patients} patients, estimator "
        f"{sweep.config.estimator.kind}, suite {sweep.suite}, seed {sweep.seed}. Brackets: 95 % over "
        f"{report.replicates} draws of whole patients; changes are paired with the clean pictures, whose "
        f"mean {quality.label} is {_shown(None if clean is None else clean.value)}.",
        "",
        f"**Robustness: {_shown(report.overall.loss, '{:+.3f}')}.** {report.definition}",
        "",
        f"| corruption | weighted loss | {quality.label} at the worst severity | change | failures flagged | "
        "what it says |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for each in report.worst:
        last = max(row.severity for row in report.rows if row.key == each.key)
        row, flagged = report.row(each.key, last, report.quality), report.row(each.key, last, "flagged")
        assert row is not None
        caught = None if flagged is None else flagged.value
        label = corruption_spec(each.key).label
        lines.append(
            f"| {label} | {_shown(each.loss, '{:+.3f}')} | {_shown(row.value)} | "
            f"{_shown(row.delta, '{:+.3f}')} | {_shown(caught)} | "
            f"{_sentence(label, last, row.delta, caught)} |"
        )
    lines += ["", "Written by `python -m core sweep --out DIR`."]
    return "\n".join(lines) + "\n"


def _sentence(label: str, severity: float, change: Estimate, flagged: Estimate | None) -> str:
    place = f"{label} at severity {severity:g}"
    if change.value is None or change.low is None or change.high is None:
        return f"{place} cannot be judged."
    if change.high >= 0.0 >= change.low or change.low > 0.0:
        return f"{place} is not shown to do harm."
    if flagged is None or flagged.value is None:
        return f"{place} costs quality."
    missed = 1.0 - flagged.value
    return (
        f"{place} costs quality, and every failure is flagged."
        if missed == 0.0
        else f"{place} costs quality, and {missed:.0%} of the failures pass without a flag."
    )


def _shown(estimate: Estimate | None, form: str = "{:.3f}") -> str:
    if estimate is None or estimate.value is None:
        return "undefined"
    if estimate.low is None or estimate.high is None:
        return form.format(estimate.value)
    return f"{form.format(estimate.value)} [{form.format(estimate.low)}, {form.format(estimate.high)}]"
