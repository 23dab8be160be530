"""`run`: a model over a cohort."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, get_args

import click

from core.commands.output import one_line
from core.config import AnalysisConfig, EstimatorConfig, EstimatorKind

if TYPE_CHECKING:
    from core.types import Progress, RunFailure, RunRecord

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""

STEP = 0.05
"""Share of the work after which a line is written where stderr is no terminal."""


@click.command()
@click.argument("cohort")
@click.option("--model", "model_id", default="lgg-unet", show_default=True, help="See `models list`.")
@click.option(
    "--estimator", type=click.Choice(get_args(EstimatorKind)), help="Default: the best that the model allows."
)
@click.option("--samples", type=click.IntRange(2, 200), default=20, show_default=True,
              help="Monte-Carlo samples per network.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**63, max_open=True), default=0, show_default=True)
@click.option("--device", type=click.Choice(("auto", "cpu", "cuda")), default="auto", show_default=True)
@click.option(
    "--backend", type=click.Choice(("auto", "onnxruntime", "torch")), default="auto", show_default=True
)
@click.option("--precision", type=click.Choice(("float32", "mixed")), default="float32", show_default=True)
@click.option("--retry-failed", is_flag=True, help="Try the cases again that could not be computed.")
@click.option("--json", "as_json", is_flag=True, help="The run and its failures as one JSON document.")
def run(cohort: str, retry_failed: bool, as_json: bool, **choices: Any) -> None:
    """Run a model over every case of COHORT (name, id or beginning of an id).

    What is done already is not computed again: after Ctrl-C or a crash the same command goes on. Patients
    that the model was trained on are judged only by networks that never saw them.
    """
    from core.pipeline.runs import find_cohort, run_cohort, run_failures
    from core.store import Store

    config = _config(choices)
    with Store.open() as store:
        found = find_cohort(store, cohort)
        try:
            record = run_cohort(store, found.id, config, run_progress(), retry_failed=retry_failed)
        except KeyboardInterrupt:
            click.echo("Stopped. The same command goes on where it stopped.", err=True)
            sys.exit(STOPPED)
        failures = run_failures(store, record.id)
    if as_json:
        click.echo(json.dumps(run_document(record, failures), ensure_ascii=False, allow_nan=False))
    else:
        _print(record, failures)
    if record.failed and not record.done:
        sys.exit(2)


def run_document(record: RunRecord, failures: tuple[RunFailure, ...]) -> dict[str, Any]:
    """A run as plain JSON values, with what to know about it and what failed."""
    return {
        **record.model_dump(mode="json"),
        "complete": record.complete,
        "notes": list(record.notes),
        "failures": [each.model_dump() for each in failures],
    }


def run_progress() -> Progress:
    """A bar with the remaining time where stderr is a terminal, else a line now and then."""
    from tqdm import tqdm

    if not sys.stderr.isatty():
        return _lines()
    bar = tqdm(total=1000, file=sys.stderr, leave=False, bar_format="{l_bar}{bar}| {elapsed}<{remaining}")

    def tell(share: float, sentence: str) -> None:
        bar.set_description(sentence, refresh=False)
        bar.update(max(0, round(share * 1000) - bar.n))
        bar.refresh()

    return tell


def _lines() -> Progress:
    told = [-STEP]

    def tell(share: float, sentence: str) -> None:
        if share >= told[0] + STEP:
            told[0] = share
            click.echo(f"{100 * share:3.0f} %  {sentence}", err=True)

    return tell


def _config(choices: dict[str, Any]) -> AnalysisConfig:
    from core.inference import possible_estimators
    from core.models import any_model

    kind = choices["estimator"] or possible_estimators(any_model(choices["model_id"]))[0].key
    return AnalysisConfig(
        model_id=choices["model_id"],
        estimator=EstimatorConfig(kind=kind, samples=choices["samples"], seed=choices["seed"]),
        device=choices["device"],
        backend=choices["backend"],
        precision=choices["precision"],
    )


def _print(record: RunRecord, failures: tuple[RunFailure, ...]) -> None:
    click.echo(
        f"{one_line(record.title)}: {record.done} of {record.items} cases done, {record.failed} failed"
    )
    for note in record.notes:
        click.echo(f"  {note}")
    for each in failures:
        click.echo(f"  failed: {one_line(each.name)}: {one_line(each.sentence)}")
    click.echo(f"run {record.id[:16]}")
