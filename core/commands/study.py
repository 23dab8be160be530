"""`study`: a case on one page, or the two most instructive failures of a cohort."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.commands.output import one_line, stderr_progress
from core.errors import SettingsProblem, StoreProblem

if TYPE_CHECKING:
    from core.pipeline.studies import Proposal
    from core.report.case_study import Conclusion
    from core.store import Store


@click.command()
@click.argument("what", metavar="COHORT|ANALYSIS")
@click.option("--run", "run_id", help="Run of the cohort; default: the newest.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path(),
              help="Folder for the pages; default: here.")  # fmt: skip
@click.option("--corruption", help="For the stress curve; it runs the model at six severities.")
@click.option("--diagnosis", default="", help="Text for the page; default: what readers decided.")
@click.option("--mitigation", default="", help="Text for the page.")
@click.option("--residual-risk", default="", help="Text for the page.")
@click.option("--json", "as_json", is_flag=True)
def study(
    what: str, run_id: str | None, out: Path, corruption: str | None, as_json: bool, **texts: str
) -> None:
    """Write one page about an ANALYSIS (its key), or about the two most instructive failures of COHORT."""
    from core.pipeline import key_like
    from core.report.case_study import Conclusion
    from core.store import Store

    with Store.open() as store:
        key = key_like(store, what)
        found = [(key, "", "")] if key else [
            (each.item.analysis_key or "", each.kind, each.why) for each in _proposed(store, what, run_id)
        ]  # fmt: skip
        conclusion = Conclusion(texts["diagnosis"], texts["mitigation"], texts["residual_risk"])
        written = [_write(store, *each, conclusion, corruption, out) for each in found]
    if as_json:
        click.echo(json.dumps(written, ensure_ascii=False))
        return
    for each in written:
        click.echo(one_line(f"{each['file']}: {each['why'] or each['kind'] or 'written'}"))
    if not written:
        click.echo("no case of this run failed")


def _proposed(store: Store, cohort: str, run_id: str | None) -> tuple[Proposal, ...]:
    from core.pipeline.runs import run_of, unit_table
    from core.pipeline.studies import instructive
    from core.pipeline.worklist import worklist

    run = run_of(store, cohort, run_id)
    table = unit_table(store, run.id, "case")
    if run.task != "segmentation" or not table.has_ref.any():
        raise SettingsProblem(
            "No failures can be told in this run",
            found=f"{run.task}, {int(table.has_ref.sum())} cases with a reference",
            expected="outlines of cases with references",
            fix="name another cohort, or the key of one analysis",
        )
    return instructive(worklist(store, run, table), table)


def _write(
    store: Store, key: str, kind: str, why: str, conclusion: Conclusion, corruption: str | None, out: Path
) -> dict[str, Any]:
    from core.pipeline import Outcome, stored_result
    from core.pipeline.studies import diagnosis_of, study_page

    outcome = stored_result(store, key)
    if not isinstance(outcome, Outcome):
        raise StoreProblem(
            "This analysis is not kept here",
            found=key[:16] or "a row of a table without an image",
            expected="an outline whose image and arrays are kept",
            fix="analyse the case again",
        )
    if not conclusion.diagnosis:
        conclusion = replace(conclusion, diagnosis=diagnosis_of(store, key))
    page = study_page(store, outcome, conclusion, corruption, title=kind, why=why, progress=stderr_progress())
    out.mkdir(parents=True, exist_ok=True)
    path = out / page.name
    path.write_bytes(page.data)
    return {"analysis": key, "case_id": outcome.case.id, "kind": kind, "why": why, "file": str(path)}
