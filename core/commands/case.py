"""`inspect` and `analyse`: single files."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from core.commands.output import stderr_progress
from core.config import AnalysisConfig, Contrast, EstimatorConfig, EstimatorKind, Plane, ReadOptions
from core.errors import SettingsProblem

if TYPE_CHECKING:
    from core.io import Inspection
    from core.pipeline import Result
    from core.types import Classification, NamedBytes

ESTIMATORS = get_args(EstimatorKind)
PLANES = get_args(Plane)
CONTRASTS = get_args(Contrast)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object per path and line.")
def inspect(paths: tuple[Path, ...], as_json: bool) -> None:
    """Say what each file is and how it would be read, or why it is refused. A folder is one DICOM series."""
    from core.io import inspect_path, inspection_json
    from core.io.apart import DecodeWorker

    refused = 0
    with DecodeWorker() as worker, worker.used():
        for path in paths:
            found = inspect_path(path)
            refused += not found.ok
            click.echo(inspection_json(found) if as_json else _inspect_line(found))
    if refused:
        sys.exit(2)


@click.command()
@click.argument("source", metavar="INPUT", type=click.Path(path_type=Path))
@click.option(
    "--reference", type=click.Path(path_type=Path), help="Mask drawn by a person, same grid as INPUT."
)
@click.option("--model", "model_id", default="lgg-unet", show_default=True, help="See `models list`.")
@click.option("--estimator", type=click.Choice(ESTIMATORS), help="Default: the best that the model allows.")
@click.option(
    "--samples",
    type=click.IntRange(2, 200),
    default=20,
    show_default=True,
    help="Monte-Carlo samples per network.",
)
@click.option("--seed", type=click.IntRange(0, 2**63, max_open=True), default=0, show_default=True)
@click.option(
    "--channels", help="Image channel for each model input, such as 0,1,2 or 0,0,0; default: guessed."
)
@click.option("--contrast", type=click.Choice(CONTRASTS), help="Default: as the model was trained.")
@click.option("--plane", type=click.Choice(PLANES), default="auto", show_default=True)
@click.option("--volume", type=click.IntRange(0), help="Volume of a 4-D file or time point, from 0.")
@click.option("--series", type=click.IntRange(0), help="Series of an archive, from 0, largest first.")
@click.option("--device", type=click.Choice(("auto", "cpu", "cuda")), default="auto", show_default=True)
@click.option(
    "--backend", type=click.Choice(("auto", "onnxruntime", "torch")), default="auto", show_default=True
)
@click.option("--precision", type=click.Choice(("float32", "mixed")), default="float32", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for mask, overlay and JSON."
)
@click.option("--json", "as_json", is_flag=True, help="The whole result as one JSON document.")
def analyse(source: Path, reference: Path | None, out: Path | None, as_json: bool, **choices: Any) -> None:
    """Run a model on INPUT (file, zip or folder of one DICOM series) and say whether to review it."""
    from core import pipeline
    from core.io import read_paths
    from core.io.apart import DecodeWorker
    from core.report import result_files
    from core.store import Store

    options = ReadOptions(plane=choices["plane"], volume=choices["volume"], series=choices["series"])
    files: Sequence[NamedBytes] = read_paths([source])
    drawn: Sequence[NamedBytes] = read_paths([reference]) if reference else ()
    config = _analysis_config(choices)
    with Store.open() as store:
        with DecodeWorker() as worker, worker.used():
            case = pipeline.open_case(store, files, options, drawn)
        result = pipeline.run_model(store, case, config, progress=stderr_progress())
    if out:
        _write_out(result_files(result), out)
    _print_result(result, as_json)


def _analysis_config(choices: dict[str, Any]) -> AnalysisConfig:
    from core.inference import possible_estimators
    from core.models import any_model

    channels = choices["channels"]
    kind = choices["estimator"] or possible_estimators(any_model(choices["model_id"]))[0].key
    try:
        return AnalysisConfig(
            model_id=choices["model_id"],
            estimator=EstimatorConfig(kind=kind, samples=choices["samples"], seed=choices["seed"]),
            channels=tuple(int(each) for each in channels.split(",")) if channels else None,
            contrast=choices["contrast"],
            device=choices["device"],
            backend=choices["backend"],
            precision=choices["precision"],
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _write_out(files: Sequence[NamedBytes], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / file.name).write_bytes(file.data)
            click.echo(f"wrote {folder / file.name}", err=True)
    except OSError as error:
        raise SettingsProblem(
            "The results cannot be written",
            file=str(folder),
            found=error.strerror or type(error).__name__,
            expected="a folder that may be written",
            fix="give another folder with --out",
        ) from error


def _print_result(result: Result, as_json: bool) -> None:
    from core.pipeline import ClassOutcome, maker
    from core.report import result_record

    if as_json:
        record = result_record(result) | {"cached": result.cached, "seconds": round(result.seconds, 3)}
        click.echo(json.dumps(record, ensure_ascii=False, allow_nan=False))
        return
    if isinstance(result, ClassOutcome):
        _print_classes(result.classification)
        _print_bags(result.classification)
    click.echo("Looks consistent." if result.verdict.answer == "consistent" else "Review this case.")
    for flag in result.verdict.flags:
        click.echo(f"  {flag.sentence}")
    source = "from the store" if result.cached else f"in {result.seconds:.1f} s"
    point = f", operating point {result.verdict.operating_point}" if result.verdict.operating_point else ""
    made_by = maker(result)
    click.echo(f"{made_by.config.model_id}, {source}{point}, key {made_by.key[:16]}")


def _print_classes(found: Classification) -> None:
    click.echo(", ".join(found.predicted) or "None of the findings.")
    for name, column in zip(found.class_names, found.samples.T, strict=True):
        click.echo(f"  {name}: {column.mean():.2f} (samples {column.min():.2f} to {column.max():.2f})")


def _print_bags(found: Classification) -> None:
    several = len(found.bags) > 1
    for number, bag in enumerate(found.bags, 1):
        decides = ", decides" if several and number - 1 == found.deciding else ""
        click.echo(
            f"  slab {number}, slices {bag.slices[0] + 1} to {bag.slices[-1] + 1}: {found.class_names[1]} "
            f"{bag.mean_prob:.2f}, most attention on slice {bag.top_slice + 1}{decides}"
        )


def _inspect_line(found: Inspection) -> str:
    if found.case:
        shape = found.case.shape
        size = f"{shape.channel} channel(s), {shape.slice} slice(s) of {shape.row} x {shape.column}"
        return f"{found.file}: {found.case.format}, {size}"
    problem = found.problem
    assert problem is not None
    return (
        f"{found.file}: {problem.what}. Found: {problem.found}. Expected: {problem.expected}. "
        f"To fix: {problem.fix}."
    )
