"""The model card: what a model was made from, how good it is with intervals, and where it fails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from string import Template

from core.models.records import ModelRecord
from core.train.common.card import (
    course,
    listed,
    members_fact,
    minutes,
    segmenter_fact,
    versions,
    write_documents,
)
from core.train.common.numbers import number, percent
from core.train.validate import TableRow, Validation

TEMPLATE = Path(__file__).with_name("card_template.md")
TRAINING_SLICES, TUMOUR_SLICES = 1923, 666
"""Of the packed training slices, which the card is written without; a test counts them in the data."""
HEADER = "| Networks | Input | Patient Dice, mean | median | Tumour slices | False alarms | Missed |\n"


def write_card(record: ModelRecord, validation: Validation) -> Path:
    """Write `validation.json` and `CARD.md` into the model's folder and return the card's path."""
    return write_documents(record, validation, card_text(record, validation))


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
    lines = (
        f"Data: {_patient_count(record)} patients of TCGA-LGG, {TRAINING_SLICES:,} axial slices, "
        f"{TUMOUR_SLICES:,} with tumour. {record.source}",
        f"Licence: {record.licence}",
        f"Input: {', '.join(record.channels)}; a missing sequence is replaced by FLAIR, also in training",
        f"Working size: {record.working_size} x {record.working_size}, mapped back to the input's grid",
        segmenter_fact(record),
        members_fact(record),
        f"Volumes: {record.volume}",
    )
    return listed(lines)


def _patient_count(record: ModelRecord) -> int:
    return sum(len(fold) for fold in record.folds)


def _table(rows: Sequence[TableRow]) -> str:
    lines = [
        f"| {row.networks} | {row.given} | {number(row.patient_dice)} | {row.median_patient_dice:.3f} | "
        f"{number(row.tumour_slice_dice)} | {percent(row.false_alarms)} | {percent(row.missed)} |"
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
            f"| {row.networks} | {row.given} | {row.patient_dice.groups} | {number(row.patient_dice)} | "
            f"{100 * row.false_alarms:.0f} % |"
            for row in validation.out_of_fold
        )
    )


def _recipe(record: ModelRecord) -> str:
    made = record.training
    if made is None:
        return "Trained elsewhere."
    return (
        f"`python -m core train segmenter --data DATA --config {made.config}`, then\n"
        f"`python -m core train limits {record.id} --data DATA` and "
        f"`python -m core train validate {record.id} --data DATA`.\n"
        f"{course(made)}\n"
        f"minutes per member on one shared CPU core: {minutes(made)}. Curves: `log_*.csv`. Made with\n"
        f"{versions(made)}.\n"
        f"Settings {made.config_digest[:12]}, data {made.data_digest[:12]}."
    )
