"""What leaves the program about a sweep: its report as plain values, its rows as CSV and Parquet."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from core.config import digest
from core.types import NamedBytes

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
    stem = f"second-look-sweep-{sweep.config.model_id}_{digest(rows)[:16]}"
    parquet = io.BytesIO()
    frame.to_parquet(parquet, index=False)
    return (
        NamedBytes(f"{stem}.csv", frame.to_csv(index=False).encode()),
        NamedBytes(f"{stem}.parquet", parquet.getvalue()),
    )
