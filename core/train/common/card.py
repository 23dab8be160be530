"""Parts that the cards of all models share, and the files that a card and its table are written to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from core.config import Frozen
from core.models.records import ArchitectureConfig, ModelRecord, TrainingRecord

TABLE_FILE, CARD_FILE = "validation.json", "CARD.md"


def write_documents(
    record: ModelRecord,
    table: Frozen,
    text: str,
    *,
    names: tuple[str, str] = (TABLE_FILE, CARD_FILE),
    indent: int = 2,
) -> Path:
    """Write a table as JSON and a text in Markdown into the model's folder and return the text's path."""
    numbers, words = (record.folder / name for name in names)
    numbers.write_text(table.model_dump_json(indent=indent) + "\n", encoding="utf-8")
    words.write_text(text, encoding="utf-8")
    return words


def listed(lines: Iterable[str]) -> str:
    """The lines as a list in Markdown."""
    return "\n".join(f"- {line}" for line in lines)


def members_fact(record: ModelRecord) -> str:
    """How many members there are and what they weigh."""
    size = sum((record.folder / each.file).stat().st_size for each in record.members) / 1e6
    return f"Members: {len(record.members)}, {size:.1f} MB in half precision"


def segmenter_fact(record: ModelRecord) -> str:
    """The network of a segmenter."""
    what = record.architecture
    assert isinstance(what, ArchitectureConfig)
    return (
        f"Network: {what.kind} with {what.encoder}, no pretrained weights; dropout {what.head_dropout} of "
        "whole feature maps before the head"
    )


def course(made: TrainingRecord) -> str:
    """How the weights came out of the run."""
    return f"{made.epochs} epochs, moving average after the last one, no checkpoint picked; seed {made.seed};"


def minutes(made: TrainingRecord, digits: int = 0) -> str:
    """Minutes of training of each member."""
    return ", ".join(f"{seconds / 60:.{digits}f}" for seconds in made.seconds)


def versions(made: TrainingRecord) -> str:
    """Libraries with their versions."""
    return ", ".join(f"{name} {number}" for name, number in made.versions)
