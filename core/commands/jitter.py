"""`jitter`: how much a prompted model's masks depend on where exactly the box or the point lies."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.commands.options import Fraction
from core.commands.output import one_line
from core.commands.run import run_progress

if TYPE_CHECKING:
    from core.pipeline.prompts import JitterStudy
    from core.prompts import JitterRow

ROWS, SLICES = "jitter.json", "jitter.csv"


@click.command()
@click.argument("cohort")
@click.option("--model", "model_id", default="lgg-box", show_default=True, help="One that answers to a box.")
@click.option(
    "--prompt", "kinds", type=click.Choice(("box", "point")), multiple=True,
    help="May be repeated. Default: box.",
)  # fmt: skip
@click.option("--shares", default="0,0.05,0.1,0.2", show_default=True,
              help="Largest move of each side, as shares of the box's length across it.")  # fmt: skip
@click.option("--draws", type=click.IntRange(2, 100), default=10, show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**63, max_open=True), default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False),
              help="Folder for jitter.json (the curve) and jitter.csv (every slice and draw).")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The curve as one JSON document.")
def jitter(
    cohort: str, model_id: str, kinds: tuple[str, ...], shares: str, draws: int, seed: int,
    out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Move the prompts of COHORT's lesions at random and see what becomes of the masks.

    The prompt of a slice is made from its reference: the box round it, or its innermost point. Every jittered
    share is kept as a run, whose confidence is how far the masks agree.
    """
    from core.pipeline.prompts import JitterConfig, jitter_cohort
    from core.store import Store

    config = JitterConfig.model_validate(
        {
            "model_id": model_id,
            "kinds": tuple(dict.fromkeys(kinds)) or ("box",),
            "shares": _shares(shares),
            "draws": draws,
            "seed": seed,
        }
    )
    with Store.open() as store:
        study = jitter_cohort(store, cohort, config, run_progress())
    record = jitter_record(study)
    if out is not None:
        _write(out, study, record)
    if as_json:
        click.echo(json.dumps(record, ensure_ascii=False, allow_nan=False))
    else:
        _print(study)


def jitter_record(study: JitterStudy) -> dict[str, Any]:
    """The curve, the runs and what failed as plain JSON values."""
    return {
        "cohort": study.cohort.name,
        "config": study.config.model_dump(mode="json"),
        "rows": [row.model_dump(mode="json") for row in study.rows],
        "runs": [{"id": run.id, "title": run.title, "notes": list(run.notes)} for run in study.runs],
        "failures": [{"name": name, "sentence": sentence} for name, sentence in study.failures],
    }


def _shares(text: str) -> tuple[float, ...]:
    within = Fraction(0.0, 0.5, max_open=True)
    found = [within.convert(part.strip(), None, None) for part in text.split(",") if part.strip()]
    if not found:
        raise click.BadParameter("at least one share is needed", param_hint="--shares")
    return tuple(sorted(set(found)))


def _write(folder: Path, study: JitterStudy, record: dict[str, Any]) -> None:
    from core.report.csv_table import safe_cell

    folder.mkdir(parents=True, exist_ok=True)
    (folder / ROWS).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    with (folder / SLICES).open("w", newline="", encoding="utf-8") as stream:
        # With "\n" between lines a carriage return in a name would go out unquoted and end the line.
        lines = csv.writer(stream)
        lines.writerow(("case", "patient", "slice", "prompt", "share", "draw", "iou", "dice", "agreement"))
        for each in study.slices:
            agreement = "" if each.agreement is None else f"{each.agreement:.6f}"
            for draw, (iou, dice) in enumerate(zip(each.iou, each.dice, strict=True)):
                lines.writerow(
                    (safe_cell(each.case), safe_cell(each.group), each.index, each.kind, f"{each.share:g}",
                     draw, f"{iou:.6f}", f"{dice:.6f}", agreement)
                )  # fmt: skip


def _print(study: JitterStudy) -> None:
    click.echo(f"{study.config.model_id} on {one_line(study.cohort.name)}, seed {study.config.seed}")
    for row in study.rows:
        click.echo(_line(row))
    for name, sentence in study.failures:
        click.echo(f"  failed: {one_line(name)}: {one_line(sentence)}")
    for run in study.runs:
        click.echo(f"run {run.id[:16]}  {run.title}")
        for note in run.notes:
            click.echo(f"  {note}")


def _line(row: JitterRow) -> str:
    from core.prompts.words import interval

    ranks = "" if row.naurc is None else f", agreement {interval(row.agreement)}, nAURC {interval(row.naurc)}"
    return (
        f"{row.kind}, jitter {100 * row.share:g} %: IoU {interval(row.iou)} SD {row.iou_sd:.3f}, "
        f"Dice {interval(row.dice)} SD {row.dice_sd:.3f}{ranks}; {row.slices} slices, {row.patients} patients"
    )
