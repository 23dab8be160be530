"""The model card: what a model was made from, how good it is with intervals, and where it fails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from string import Template

from core.metrics import Interval
from core.models.records import ArchitectureConfig, ModelRecord
from core.train.validate import TableRow, Validation

TEMPLATE = Path(__file__).with_name("card_template.md")
TRAINING_SLICES, TUMOUR_SLICES = 1923, 666
"""Of the packed training slices, which the card is written without; a test counts them in the data."""
HEADER = "| Networks | Input | Patient Dice, mean | median | Tumour slices | False alarms | Missed |\n"


def write_card(record: ModelRecord, validation: Validation) -> Path:
    """Write `validation.json` and `CARD.md` into the model's folder and return the card's path."""
    numbers = validation.model_dump_json(indent=2) + "\n"
    (record.folder / "validation.json").write_text(numbers, encoding="utf-8")
    path = record.folder / "CARD.md"
    path.write_text(card_text(record, validation), encoding="utf-8")
    return path


def card_text(record: ModelRecord, validation: Validation) -> str:
    """The card in Markdown, made from the record and its validation table alone."""
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=record.title,
        description=record.description,
        facts=_facts(record),
        table=_table(validation.rows),
        patients=_patients(validation),
        folds=_folds(validation),
        size=record.working_size,
        recipe=_recipe(record),
    )


def _facts(record: ModelRecord) -> str:
    size = sum((record.folder / each.file).stat().st_size for each in record.members) / 1e6
    what = record.architecture
    assert isinstance(what, ArchitectureConfig)
    lines = (
        f"Data: {_patient_count(record)} patients of TCGA-LGG, {TRAINING_SLICES:,} axial slices, "
        f"{TUMOUR_SLICES:,} with tumour. {record.source}",
        f"Licence: {record.licence}",
        f"Input: {', '.join(record.channels)}; a missing sequence is replaced by FLAIR, also in training",
        f"Working size: {record.working_size} x {record.working_size}, mapped back to the input's grid",
        f"Network: {what.kind} with {what.encoder}, no pretrained weights; dropout {what.head_dropout} of "
        "whole feature maps before the head",
        f"Members: {len(record.members)}, {size:.1f} MB in half precision",
        f"Volumes: {record.volume}",
    )
    return "\n".join(f"- {line}" for line in lines)


def _patient_count(record: ModelRecord) -> int:
    return sum(len(fold) for fold in record.folds)


def _table(rows: Sequence[TableRow]) -> str:
    lines = [
        f"| {row.networks} | {row.given} | {_number(row.patient_dice)} | {row.median_patient_dice:.3f} | "
        f"{_number(row.tumour_slice_dice)} | {_percent(row.false_alarms)} | {_percent(row.missed)} |"
        for row in rows
    ]
    return HEADER + "| --- | --- | --- | --- | --- | --- | --- |\n" + "\n".join(lines)


def _patients(validation: Validation) -> str:
    pairs = zip(validation.patients, validation.patient_dice, strict=True)
    ranked = sorted((value, name) for name, value in pairs)
    text = ", ".join(f"{name} {value:.2f}" for value, name in ranked)
    return f"Patients, worst first ({validation.rows[0].networks}, {validation.rows[0].given}): {text}."


def _folds(validation: Validation) -> str:
    head = "| Networks | Input | Patients | Patient Dice, mean | False alarms |\n"
    return (
        head
        + "| --- | --- | --- | --- | --- |\n"
        + "\n".join(
            f"| {row.networks} | {row.given} | {row.patient_dice.groups} | {_number(row.patient_dice)} | "
            f"{100 * row.false_alarms:.0f} % |"
            for row in validation.out_of_fold
        )
    )


def _recipe(record: ModelRecord) -> str:
    made = record.training
    if made is None:
        return "Trained elsewhere."
    minutes = ", ".join(f"{seconds / 60:.0f}" for seconds in made.seconds)
    versions = ", ".join(f"{name} {number}" for name, number in made.versions)
    return (
        f"`python -m core train segmenter --data DATA --config {made.config}`, then\n"
        f"`python -m core train limits {record.id} --data DATA` and "
        f"`python -m core train validate {record.id} --data DATA`.\n"
        f"{made.epochs} epochs, moving average after the last one, no checkpoint picked; seed {made.seed};\n"
        f"minutes per member on one shared CPU core: {minutes}. Curves: `log_*.csv`. Made with\n{versions}.\n"
        f"Settings {made.config_digest[:12]}, data {made.data_digest[:12]}."
    )


def _number(value: Interval) -> str:
    return _with_limits(value, 1.0, 3, "")


def _percent(value: Interval) -> str:
    return _with_limits(value, 100.0, 0, " %")


def _with_limits(value: Interval, scale: float, digits: int, unit: str) -> str:
    if value.mean is None:
        return "undefined"
    mean = f"{scale * value.mean:.{digits}f}{unit}"
    if value.low is None or value.high is None:
        return mean
    return f"{mean} [{scale * value.low:.{digits}f}, {scale * value.high:.{digits}f}]"
