"""The card of a model trained on a cohort, and its table as JSON."""

from __future__ import annotations

from pathlib import Path
from string import Template

from core.metrics import Interval
from core.models.records import ArchitectureConfig, ModelRecord
from core.train.cohorts.validate import ClassRow, CohortValidation

TEMPLATE = Path(__file__).with_name("card_template.md")
WORST = 8


def write_cohort_card(record: ModelRecord, validation: CohortValidation) -> Path:
    """Write `validation.json` and `CARD.md` into the model's folder and return the card's path."""
    numbers = validation.model_dump_json(indent=2) + "\n"
    (record.folder / "validation.json").write_text(numbers, encoding="utf-8")
    path = record.folder / "CARD.md"
    path.write_text(cohort_card(record, validation), encoding="utf-8")
    return path


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
    counted = (_words(each, 1.0, 3, "") + f", n = {each.n}" for each in (row.all, row.present))
    shares = (_words(each, 100.0, 0, " %") + f" of {each.n}" for each in (row.false_alarms, row.missed))
    return f"| {row.name} | {' | '.join(counted)} | {' | '.join(shares)} |"


def _words(value: Interval, scale: float, digits: int, unit: str) -> str:
    if value.mean is None:
        return "undefined"
    mean = f"{scale * value.mean:.{digits}f}{unit}"
    if value.low is None or value.high is None:
        return mean
    return f"{mean} [{scale * value.low:.{digits}f}, {scale * value.high:.{digits}f}]"


def _facts(record: ModelRecord) -> str:
    what = record.architecture
    assert isinstance(what, ArchitectureConfig)
    folds = ", ".join(str(len(fold)) for fold in record.folds)
    size = sum((record.folder / each.file).stat().st_size for each in record.members) / 1e6
    lines = (
        f"Data: {record.source}",
        f"Licence: {record.licence}",
        f"Split: by patient into {len(record.folds)} folds of {folds} patients, balanced by what is outlined",
        f"Input: {', '.join(record.channels)}; answers: {', '.join(record.class_names)}",
        f"Network: {what.kind} with {what.encoder}, no pretrained weights; dropout {what.head_dropout} of "
        "whole feature maps before the head",
        f"Members: {len(record.members)}, {size:.1f} MB in half precision, each trained without "
        f"{len(record.members[0].left_out_folds)} of the folds",
        record.volume,
    )
    return "\n".join(f"- {line}" for line in lines)


def _recipe(record: ModelRecord, validation: CohortValidation) -> str:
    made = record.training
    assert made is not None
    minutes = ", ".join(f"{seconds / 60:.1f}" for seconds in made.seconds)
    versions = ", ".join(f"{name} {number}" for name, number in made.versions)
    return (
        f"`python -m core train segmenter --cohort {validation.cohort} --config {made.config} "
        f"--id {record.id}`.\n"
        f"{made.epochs} epochs, moving average after the last one, no checkpoint picked; seed {made.seed};\n"
        f"minutes per member on one shared CPU core: {minutes}. Curves: `log_*.csv`. Made with\n{versions}.\n"
        f"Settings {made.config_digest[:12]}, cohort {made.data_digest[:12]}."
    )
