"""Which column of a unit table calibration is judged on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.errors import SettingsProblem
from core.metrics.reliability.level_sums import LevelSums
from core.metrics.reliability.row_sums import RowSums
from core.metrics.reliability.sums import Sums
from core.types import BoolArray, Float64Array, UnitTable


def usable_units(table: UnitTable) -> BoolArray:
    """(unit,) whether calibration can be judged on it: there is a reference and nothing is undefined."""
    if table.histograms is not None:
        # A unit whose histogram was not kept holds zeros; every real one counts its whole image.
        return np.asarray(table.has_ref & (table.histograms[:, 0, :, 0].sum(axis=(1, 2)) > 0), np.bool_)
    if table.prob is not None and table.label is not None:
        return table.has_ref & ~np.isnan(table.prob).any(axis=1)
    confidence, quality = confidence_and_quality(table)
    return table.has_ref & ~np.isnan(confidence) & ~np.isnan(quality)


def confidence_and_quality(table: UnitTable) -> tuple[Float64Array, Float64Array]:
    """The default confidence and what it should foretell: 1 - risk of a bare table, Dice of a run.

    Raises SettingsProblem when the table lacks one of the two or the confidence is no probability.
    """
    risk = table.metrics.get("risk")
    quality = table.metrics.get("dice") if risk is None else 1.0 - risk
    if quality is None or table.default_confidence not in table.confidence:
        raise SettingsProblem(
            "Calibration cannot be judged", found="neither probabilities, nor a confidence with a risk",
            expected="probabilities of a run, or a table with them or with confidence and risk",
            fix="run a model over the cohort, or import its probabilities",
        )  # fmt: skip
    confidence = table.confidence[table.default_confidence]
    if np.nanmin(confidence, initial=0.0) < 0.0 or np.nanmax(confidence, initial=0.0) > 1.0:
        raise SettingsProblem(
            "A confidence outside [0, 1] only ranks: it is no probability to be judged",
            found=f"{np.nanmin(confidence):.4g} to {np.nanmax(confidence):.4g}", expected="0 to 1",
            fix="use it for risk and coverage",
        )  # fmt: skip
    return confidence, quality


def has_likelihood(table: UnitTable, usable: BoolArray) -> bool:
    """Whether what came was an event: a quality between 0 and 1 has no likelihood."""
    if table.histograms is not None or table.prob is not None:
        return True
    _, quality = confidence_and_quality(table)
    return bool(np.isin(quality[usable], (0.0, 1.0)).all())


def sums_of(
    table: UnitTable,
    usable: BoolArray,
    group: NDArray[np.int64],
    shown: BoolArray,
    seed: int,
    replicates: int,
) -> Sums:
    """Histograms of a segmentation, rows of a classification, or confidences beside 1 - risk."""
    if table.histograms is not None:
        return LevelSums(table.histograms[usable], group, shown, seed=seed, replicates=replicates)
    if table.prob is not None and table.label is not None:
        prob, event = table.prob[usable], table.label[usable].astype(np.float64)
    else:
        confidence, quality = confidence_and_quality(table)
        prob, event = confidence[usable][:, None], quality[usable][:, None]
    exclusive = table.task == "classification" and table.prob is not None
    return RowSums(prob, event, group, shown, exclusive=exclusive, seed=seed, replicates=replicates)
