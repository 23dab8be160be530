"""Logs in the form that the training audit reads: a metrics.csv per fold, one predictions.csv of all."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.train.common.curve import Say, write_curve
from core.train.mil.data import BagData
from core.train.mil.judge import JudgedBag

METRICS_FILE, PREDICTIONS_FILE = "metrics.csv", "predictions.csv"
PREDICTION_COLUMNS = ("fold", "case", "group", "label", "prob")


@dataclass(frozen=True)
class MilLog:
    """One epoch, under the names of Lightning's CSVLogger; None is written as an empty cell.

    val_*: of the left-out patients' evaluation bags, threshold 0.5. attention_*, selection_confidence: means
    over these bags, attention_effective_exp = exp(entropy), attention_effective_inverse = 1 / sum of squares.
    """

    epoch: int
    step: int
    train_loss: float
    val_loss: float | None
    val_auc: float | None
    val_accuracy: float | None
    val_balanced_accuracy: float | None
    val_f1: float | None
    val_recall_negative: float | None
    val_recall_positive: float | None
    val_predicted_positive: float | None
    attention_entropy: float | None
    attention_normalised_entropy: float | None
    attention_top1: float | None
    attention_effective_exp: float | None
    attention_effective_inverse: float | None
    selection_confidence: float | None
    attention_temperature: float
    learning_rate: float
    seconds: float

    @property
    def note(self) -> str:
        """AUROC of the left-out patients and the effective number of slices, where there are any."""
        auc = "" if self.val_auc is None else f", left out AUROC {self.val_auc:.3f}"
        spread = (
            "" if self.attention_effective_exp is None else f", {self.attention_effective_exp:.1f} slices"
        )
        return auc + spread


def metrics_writer(folder: Path, member: int, epochs: int, say: Say) -> Callable[[MilLog], None]:
    """Takes the lines of a fold's epochs, writes `metrics.csv` into the folder and says them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[MilLog] = []

    def report(line: MilLog) -> None:
        lines.append(_rounded(line))
        write_curve(folder / METRICS_FILE, lines)
        say(
            f"fold {member}, epoch {line.epoch + 1}/{epochs}: loss {line.train_loss:.4f}{line.note}, "
            f"{line.seconds:.0f} s"
        )

    return report


def write_predictions(path: Path, data: BagData, judged: Iterable[JudgedBag]) -> None:
    """One row per bag: fold, case (patient and slices from 1), group (patient), label, prob (of class 1)."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(PREDICTION_COLUMNS)
        for each in judged:
            patient = data.volumes[each.bag.volume].patient
            row: Sequence[object] = (
                each.fold,
                data.name(each.bag),
                patient,
                each.label,
                f"{each.prob:.6f}",
            )
            writer.writerow(row)


def fold_folder(out: Path, member: int) -> Path:
    """Where a fold's log and pictures lie."""
    return out / f"fold_{member}"


def _rounded(line: MilLog) -> MilLog:
    """Six digits, and None for NaN: an empty cell, as the logger leaves one."""
    floats = {name: value for name, value in vars(line).items() if isinstance(value, float)}
    changes: dict[str, Any] = {
        name: None if math.isnan(value) else float(f"{value:.6g}") for name, value in floats.items()
    }
    return replace(line, **changes)
