"""`mitigate`: what helps on bad pictures, before and after, with the cost."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.commands.output import one_line
from core.commands.run import STOPPED, run_progress
from core.config import CorruptionStep
from core.report.mitigations import SIGNS, gain_sentence, mitigation_markdown, place_words

if TYPE_CHECKING:
    from core.pipeline.mitigations import GainRow

CLEAN = "clean"
_PLACE = re.compile(r"(?P<key>[a-z_]+):(?P<severity>[0-9.]+)")


class Places(click.ParamType[tuple[CorruptionStep | None, ...]]):
    """Corruptions with a severity, such as "ghosting:5", separated by commas; "clean" for none."""

    name = "corruption:severity"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[CorruptionStep | None, ...]:
        """The steps; fails as a usage error."""
        return tuple(self._one(each.strip(), param, ctx) for each in str(value).split(","))

    def _one(
        self, text: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> CorruptionStep | None:
        if text == CLEAN:
            return None
        found = _PLACE.fullmatch(text)
        if found is None or not 0.0 < float(found["severity"]) <= 5.0:
            self.fail(f"{text!r} is neither clean nor a corruption with a severity up to 5", param, ctx)
        return CorruptionStep(key=found["key"], severity=float(found["severity"]))


@click.command()
@click.argument("cohort")
@click.option("--on", "places", type=Places(), default="clean", show_default=True,
              help='Corruptions with a severity: "gaussian_noise:3,ghosting:5"; clean for none.')  # fmt: skip
@click.option("--mitigation", "mitigations", default="all", show_default=True,
              help="Names, separated by commas.")  # fmt: skip
@click.option("--model", "model_id", default="lgg-unet", show_default=True, help="See `models list`.")
@click.option("--seed", type=click.IntRange(0, 2**63, max_open=True), default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Markdown document to write.")
@click.option("--json", "as_json", is_flag=True, help="Every row as one JSON document.")
def mitigate(cohort: str, as_json: bool, out: Path | None, **choices: Any) -> None:
    """Try every mitigation on the cases of COHORT under each corruption, and say whether it helped.

    The baseline is one network without dropout. Gains are paired, with intervals over patients; thresholds
    and temperatures are fitted on one half of the patients and judged on the other.
    """
    from core.pipeline.mitigations import mitigate as run_mitigations
    from core.pipeline.runs import find_cohort
    from core.store import Store

    wanted = None if choices["mitigations"] == "all" else choices["mitigations"].split(",")
    rows: list[GainRow] = []
    with Store.open() as store:
        found = find_cohort(store, cohort)
        try:
            for step in choices["places"]:
                rows += run_mitigations(
                    store, found.id, choices["model_id"], step, wanted, seed=choices["seed"],
                    progress=run_progress(),
                )  # fmt: skip
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            sys.exit(STOPPED)
    if out is not None:
        out.write_text(_document(rows, found.name, choices["model_id"]), encoding="utf-8")
        click.echo(f"wrote {out}", err=True)
    if as_json:
        click.echo(json.dumps([each.model_dump(mode="json") for each in rows], allow_nan=False))
        return
    for row in rows:
        click.echo(f"{SIGNS[row.verdict]} {one_line(gain_sentence(row, place_words(row)))}")


def _document(rows: list[GainRow], cohort: str, model_id: str) -> str:
    patients = max((row.patients for row in rows), default=0)
    introduction = (
        f"`{model_id}` on the cohort {one_line(cohort)}, {patients} patients. Baseline: one network without "
        "dropout. Before and after are means of the Dice of whole cases, or the expected calibration error "
        "within prediction or reference; the gain is paired, its 95 % interval from 1000 draws of whole "
        "patients. + helped, 0 did not help, – did harm: by whether the interval lies above 0, holds it, or "
        "lies below it; a change below 0.005 counts as none. The intervals are not corrected for their "
        "number, and with so few patients a small gain cannot be shown.\n\n"
        "Sizes and settings were fixed beforehand. Two rows fit something, and do so on one half of these "
        "patients to be judged on the other half, under the same corruption, which takes references for "
        "pictures that are as bad: the threshold of the deferral and the temperature. *Deferral* is counted "
        "by slice, on the reporting half, before and after by Monte-Carlo dropout; a slice with nothing to "
        "find and nothing found counts as 1. *Temperature*: one at the end of its range draws nearly every "
        "probability to one half; the error falls, and the probabilities say nothing any more. The "
        "conditions were picked after a sweep over the same patients. Written by "
        "`python -m core mitigate`."
    )
    return mitigation_markdown(
        rows, title="What helps on bad pictures", places=[place_words(row) for row in rows],
        introduction=introduction,
    )  # fmt: skip
