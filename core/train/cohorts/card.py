"""The card of a model trained on a cohort, and its table as JSON."""

from __future__ import annotations

from pathlib import Path
from string import Template

from core.models.records import ModelRecord
from core.train.cohorts.validate import ClassRow, CohortValidation
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

TEMPLATE = Path(__file__).with_name("card_template.md")
WORST = 8


def write_cohort_card(record: ModelRecord, validation: CohortValidation) -> Path:
    """Write `validation.json` and `CARD.md` into the model's folder and return the card's path."""
    return write_documents(record, validation, cohort_card(record, validation))


def cohort_card(record: ModelRecord, validation: CohortValidation) -> str:
    """The card in Markdown, from the record and its validation alone."""
    fewest, most = validation.networks
    networks = f"{fewest} networks" if fewest == most else f"{fewest} to {most} networks"
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=record.title,
        description=record.description,
        facts=_facts(record),
        networks=networks,
        table=cohort_table(validation),
        worst=", ".join(f"{name} {value:.2f}" for name, _, value in validation.cases[:WORST]),
        size=record.working_size,
        recipe=_recipe(record, validation),
    )


def cohort_table(validation: CohortValidation) -> str:
    """The out-of-fold table in Markdown."""
    head = "| Class | Dice, all | Dice, present | False alarms | Missed |\n| --- | --- | --- | --- | --- |\n"
    return head + "\n".join(_line(row) for row in validation.rows)


def _line(row: ClassRow) -> str:
    counted = (f"{number(each)}, n = {each.n}" for each in (row.all, row.present))
    shares = (f"{percent(each)} of {each.n}" for each in (row.false_alarms, row.missed))
    return f"| {row.name} | {' | '.join(counted)} | {' | '.join(shares)} |"


def _facts(record: ModelRecord) -> str:
    folds = ", ".join(str(len(fold)) for fold in record.folds)
    lines = (
        f"Data: {record.source}",
        f"Licence: {record.licence}",
        f"Split: by patient into {len(record.folds)} folds of {folds} patients, balanced by what is outlined",
        f"Input: {', '.join(record.channels)}; answers: {', '.join(record.class_names)}",
        segmenter_fact(record),
        f"{members_fact(record)}, each trained without {len(record.members[0].left_out_folds)} of the folds",
        record.volume,
    )
    return listed(lines)


def _recipe(record: ModelRecord, validation: CohortValidation) -> str:
    made = record.training
    assert made is not None
    return (
        f"`python -m core train segmenter --cohort {validation.cohort} --config {made.config} "
        f"--id {record.id}`.\n"
        f"{course(made)}\n"
        f"minutes per member on one shared CPU core: {minutes(made, 1)}. Curves: `log_*.csv`. Made with\n"
        f"{versions(made)}.\n"
        f"Settings {made.config_digest[:12]}, cohort {made.data_digest[:12]}."
    )
