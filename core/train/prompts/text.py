"""The card of a prompted model and its jitter curve, in Markdown: every sentence follows from the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from string import Template

from core.metrics import Interval
from core.models.prompts import POINT_RADIUS
from core.models.records import ModelRecord
from core.prompts import MIN_AREA, JitterRow
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
from core.train.prompts.config import PromptSettings
from core.train.prompts.validate import PromptTable, PromptValidation

FOLDER = Path(__file__).parent
NUMBERS, DOCUMENT = "prompts.json", "PROMPTS.md"
HEADER = (
    "| Prompt | Jitter | Slices | IoU | Dice | Change of Dice | Agreement | AURC | nAURC |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
)


def write_prompts(record: ModelRecord, settings: PromptSettings, found: PromptValidation) -> Path:
    """Write `prompts.json`, `PROMPTS.md` and `CARD.md` into the model's folder; the second one's path."""
    (record.folder / "CARD.md").write_text(card_text(record, settings, found), encoding="utf-8")
    return write_documents(record, found, prompts_text(found), names=(NUMBERS, DOCUMENT))


def prompts_text(found: PromptValidation) -> str:
    """The curve and what it says, from the numbers alone."""
    own, beside = found.validation, found.left_out
    return _filled(
        "prompts_template.md",
        model=found.model,
        area=MIN_AREA,
        draws=found.draws,
        patients=len(own.patients),
        validation=_table(own.rows),
        says=listed(_says(own)),
        left_out=len(beside.patients),
        beside=_table(beside.rows),
        beside_says=listed(_says(beside)),
    )


def card_text(record: ModelRecord, settings: PromptSettings, found: PromptValidation) -> str:
    """The card, from the record, the settings of its prompts and the table."""
    box, point = (_row(found.validation, kind, 0.0) for kind in ("box", "point"))
    return _filled(
        "card_template.md",
        title=record.title,
        description=record.description,
        facts=_facts(record),
        radius=f"{100 * POINT_RADIUS:.1f} %",
        jitter=f"{100 * settings.jitter:g} %",
        points=f"{100 * settings.point_share:g} %",
        healthy=f"{100 * settings.healthy_share:g} %",
        parts=f"{100 * settings.part_share:g} %",
        box=number(box.dice),
        point=number(point.dice),
        slices=box.slices,
        patients=len(found.validation.patients),
        false=percent(found.validation.false_finds),
        size=record.working_size,
        recipe=_recipe(record),
    )


def _table(rows: Sequence[JitterRow]) -> str:
    return HEADER + "\n".join(
        f"| {row.kind} | {100 * row.share:g} % | {row.slices} | {_spread(row.iou, row.iou_sd)} | "
        f"{_spread(row.dice, row.dice_sd)} | {_or_dash(row.change, sign=True)} | {_or_dash(row.agreement)} | "
        f"{'-' if row.aurc is None else number(row.aurc)} | "
        f"{'-' if row.naurc is None else number(row.naurc, 2)} |"
        for row in rows
    )


def _says(table: PromptTable) -> list[str]:
    sentences = [_curve_says(table, kind) for kind in ("box", "point")]
    return [*sentences, _kinds_say(table), *(_ranking_says(table, kind) for kind in ("box", "point"))]


def _curve_says(table: PromptTable, kind: str) -> str:
    last = [row for row in table.rows if row.kind == kind][-1]
    prompt = "every side of the box" if kind == "box" else "the point"
    cost = _verdict(last.change, "lowers", "raises", "does not measurably change")
    return (
        f"Moving {prompt} by up to {100 * last.share:g} % {cost} the mean Dice "
        f"({_or_dash(last.change, sign=True)}); from draw to draw the Dice of a slice varies by "
        f"{last.dice_sd:.3f}."
    )


def _kinds_say(table: PromptTable) -> str:
    better = _verdict(table.box_over_point, "loses to", "beats", "cannot be told from")
    return (
        f"The box of the reference {better} its innermost point: Dice "
        f"{number(table.box_over_point, sign=True)}, slice by slice."
    )


def _ranking_says(table: PromptTable, kind: str) -> str:
    last = [row for row in table.rows if row.kind == kind][-1]
    area = last.naurc
    how = "cannot be told from a random order by"
    if area is not None and area.low is not None and area.low > 0:
        how = "ranks the slices better than chance by"
    elif area is not None and area.high is not None and area.high < 0:
        how = "ranks the slices worse than chance by"
    return (
        f"Agreement among the masks of {kind} prompts, off by up to {100 * last.share:g} %, {how} their "
        f"risk: nAURC {number(area, 2)}."
    )


def _verdict(change: Interval | None, down: str, up: str, neither: str) -> str:
    if change is None or change.low is None or change.high is None or change.low <= 0.0 <= change.high:
        return neither
    return down if change.high < 0.0 else up


def _row(table: PromptTable, kind: str, share: float) -> JitterRow:
    return next(row for row in table.rows if (row.kind, row.share) == (kind, share))


def _spread(mean: Interval, spread: float) -> str:
    if mean.mean is None:
        return "undefined"
    bounds = "" if mean.low is None or mean.high is None else f" [{mean.low:.3f}, {mean.high:.3f}]"
    return f"{mean.mean:.3f} ± {spread:.3f}{bounds}"


def _or_dash(value: Interval | None, *, sign: bool = False) -> str:
    return "-" if value is None else number(value, sign=sign)


def _facts(record: ModelRecord) -> str:
    patients = [name for fold in record.folds for name in fold]
    left_out = [name for name in patients if record.members_unseen(name)]
    return listed(
        (
            f"Data: {len(patients)} patients of TCGA-LGG, of whom {len(left_out)} were left out of training. "
            f"{record.source}",
            f"Licence: {record.licence}",
            f"Input: {', '.join(record.channels)}; a missing sequence is replaced by FLAIR, also in training",
            f"Working size: {record.working_size} x {record.working_size}, mapped back to the input's grid",
            segmenter_fact(record),
            members_fact(record),
            f"Volumes: {record.volume}",
        )
    )


def _recipe(record: ModelRecord) -> str:
    made = record.training
    if made is None:
        return "Trained elsewhere."
    return (
        f"`python -m core train box --data DATA --config {made.config}`, then\n"
        f"`python -m core train prompts {record.id} --data DATA`.\n"
        f"{course(made)}\n"
        f"minutes on one shared CPU core: {minutes(made)}. Curve: `log_0.csv`. Made with\n"
        f"{versions(made)}.\n"
        f"Settings {made.config_digest[:12]}, data {made.data_digest[:12]}."
    )


def _filled(template: str, **fields: object) -> str:
    return Template((FOLDER / template).read_text(encoding="utf-8")).substitute(fields)
