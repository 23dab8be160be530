"""`python -m core train …`: how every shipped weight and number was made."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.models.registry import SHIPPED_FOLDER

if TYPE_CHECKING:
    from core.train.config import SegmenterConfig

EXISTING = click.Path(exists=True, path_type=Path)
CONFIGS = Path(__file__).parent / "configs"
say = partial(click.echo, err=True)


@click.group()
def train() -> None:
    """Make the shipped weights, their rule limits and their validation tables again."""


@train.command()
@click.option("--data", type=EXISTING, help="Folder with the packed training slices of the shipped models.")
@click.option("--cohort", help="Or a cohort of images with masks: a path, or its name or id in the store.")
@click.option("--layout", help="How the files of --cohort are arranged; default: found by itself.")
@click.option("--id", "model_id", help="Id of the model trained on --cohort; default: its name.")
@click.option("--config", required=True, type=EXISTING, help="Settings, see core/train/configs.")
@click.option("--members", default=None, help="Members to train, such as 0,1; default: all.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Model folder; default: assets/models/ID, or your own models.",
)
def segmenter(
    data: Path | None,
    cohort: str | None,
    layout: str | None,
    model_id: str | None,
    config: Path,
    members: str | None,
    out: Path | None,
) -> None:
    """Train a segmenter's members; several processes may each train some of them.

    With --cohort, all of them on any cohort of images with masks, with folds by patient, and a card with
    out-of-fold numbers.
    """
    from core.train.config import read_config

    settings = read_config(config)
    if (data is None) == (cohort is None):
        raise click.UsageError("give either --data (the shipped models' slices) or --cohort")
    if cohort is not None:
        if members is not None:
            raise click.UsageError("--members goes with --data; on a cohort all members are trained")
        _train_on_cohort(cohort, layout, model_id, settings, out)
        return
    from core.train.segmenter import train as train_segmenter

    assert data is not None
    chosen = _member_numbers(members)
    say(f"Wrote {train_segmenter(data, settings, out or SHIPPED_FOLDER / settings.id, chosen, say)}")


@train.command()
@click.option("--data", required=True, type=EXISTING, help="Folder with one folder of pictures per class.")
@click.option("--config", required=True, type=EXISTING, help="Settings, see core/train/configs.")
@click.option("--backbone", help="Another backbone of timm instead of the configuration's.")
@click.option("--hub-weights", is_flag=True, help="Start from the Hub's weights of the backbone.")
@click.option("--members", default=None, help="Members to train, such as 0,1; default: all.")
@click.option("--out", type=click.Path(path_type=Path), help="Model folder; default: assets/models/ID.")
def classifier(
    data: Path, config: Path, backbone: str | None, hub_weights: bool, members: str | None, out: Path | None
) -> None:
    """Train a classifier's members; several processes may each train some of them."""
    from core.train.classes.config import read_classifier_config, with_backbone
    from core.train.classes.train import train_classifier

    settings = with_backbone(read_classifier_config(config), backbone, hub_weights)
    folder = out or SHIPPED_FOLDER / settings.id
    say(f"Wrote {train_classifier(data, settings, folder, _member_numbers(members), say)}")


@train.command()
@click.option("--data", required=True, type=EXISTING, help="Folder with the packed training slices.")
@click.option("--config", required=True, type=EXISTING, help="Settings, see core/train/configs.")
@click.option("--out", type=click.Path(path_type=Path), help="Model folder; default: assets/models/ID.")
def box(data: Path, config: Path, out: Path | None) -> None:
    """Train a segmenter that answers to a box or a point."""
    from core.train.prompts.config import read_prompt_config
    from core.train.prompts.train import train_box

    settings = read_prompt_config(config)
    say(f"Wrote {train_box(data, settings, out or SHIPPED_FOLDER / settings.id, say)}")


@train.command()
@click.option("--data", required=True, type=EXISTING, help="Folder of the data that the settings name.")
@click.option("--config", required=True, type=EXISTING, help="Settings, see core/train/configs/*mil*.json.")
@click.option("--members", default=None, help="Members (folds) to train, such as 0,1; default: all.")
@click.option("--fit/--no-fit", default=True, help="Whether to train, or to judge what was trained.")
@click.option("--out", type=click.Path(path_type=Path), help="Model folder; default: assets/models/ID.")
def mil(data: Path, config: Path, members: str | None, fit: bool, out: Path | None) -> None:
    """Cross-validate an attention network on bags of slices, by patient, with logs for `audit`.

    Writes weights, fold_K/metrics.csv, predictions.csv and, when all members are there, bag.json,
    validation.json and CARD.md.
    """
    from core.train.mil.card import write_bag_card
    from core.train.mil.config import read_mil_config
    from core.train.mil.limit import store_bag_limit
    from core.train.mil.train import is_cross_validated, read_bag_record, train_mil
    from core.train.mil.validate import validate_bag_model

    settings = read_mil_config(config)
    folder = out or SHIPPED_FOLDER / settings.id
    if fit:
        train_mil(data, settings, folder, _member_numbers(members), say)
    if is_cross_validated(folder):
        record = store_bag_limit(read_bag_record(folder))
        write_bag_card(record, validate_bag_model(record, settings, data, say))
    say(f"Wrote {folder}")


@train.command()
@click.argument("model")
@click.option("--data", required=True, type=EXISTING, help="Folder with the packed training slices.")
def limits(model: str, data: Path) -> None:
    """Fit the limits of the shape rules to the training references and store them in MODEL's file."""
    from core.models import get_model
    from core.train.limits import store_limits

    for each in store_limits(get_model(model), data).rules:
        say(f"{each.rule}: {each.limit:.4g}")


@train.command()
@click.argument("model")
@click.option("--data", required=True, type=EXISTING, help="Folder with the packed training slices.")
def rules(model: str, data: Path) -> None:
    """Write what each rule catches on MODEL's training patients (rules.json and RULES.md)."""
    from core.models import get_model
    from core.train.rules.report import rules_report
    from core.train.rules.text import write_rules

    record = get_model(model)
    say(f"Wrote {write_rules(record, rules_report(record, data, say))}")


@train.command()
@click.argument("model")
@click.option("--data", required=True, type=EXISTING, help="Folder with lgg/tif and the packed slices.")
def validate(model: str, data: Path) -> None:
    """Write MODEL's validation table (validation.json and CARD.md) through the product's own inference.

    Of a classifier the limit of its confidence is fitted and stored too.
    """
    from core.models import get_model
    from core.train.card import write_card
    from core.train.classes.card import validate_and_write
    from core.train.validate import validate_model

    record = get_model(model)
    if record.task == "segmentation":
        write_card(record, validate_model(record, data, say))
    else:
        validate_and_write(record, data, say)
    say(f"Wrote {record.folder / 'CARD.md'}")


@train.command()
@click.argument("model")
@click.option("--data", required=True, type=EXISTING, help="Folder with lgg/tif and the packed slices.")
def prompts(model: str, data: Path) -> None:
    """Write how much MODEL's outline depends on its prompt (prompts.json, PROMPTS.md) and its card."""
    from core.models import get_model
    from core.train.prompts.config import read_prompt_config
    from core.train.prompts.text import write_prompts
    from core.train.prompts.validate import validate_prompts

    record = get_model(model)
    settings = read_prompt_config(CONFIGS / f"{record.id}.json")
    say(f"Wrote {write_prompts(record, settings.prompts, validate_prompts(record, data, say))}")


@train.command()
@click.argument("model")
@click.option("--data", required=True, type=EXISTING, help="Folder with lgg/tif and the packed slices.")
@click.option("--validation/--no-validation", default=True, help="Whether to read the validation patients.")
def confidence(model: str, data: Path, validation: bool) -> None:
    """Write how well MODEL's confidence scores rank (confidence.json and CONFIDENCE.md)."""
    from core.models import get_model
    from core.train.confidence.measure import confidence_report
    from core.train.confidence.text import write_confidence

    record = get_model(model)
    say(f"Wrote {write_confidence(record, confidence_report(record, data, validation, say))}")


@train.command()
@click.argument("model")
@click.option("--data", required=True, type=EXISTING, help="Folder with training and foreign pictures.")
@click.option("--fit/--no-fit", default=True, help="Whether to describe the training pictures anew.")
def familiarity(model: str, data: Path, fit: bool) -> None:
    """Describe MODEL's training pictures, so that foreign images are told, and report how well that works."""
    from core.models import get_model
    from core.train.familiarity.describe import store_familiarity
    from core.train.familiarity.report import write_report

    record = get_model(model)
    if fit:
        record = store_familiarity(record, data)
    say(f"Wrote {write_report(record, data, say)}")


@train.command()
@click.argument("model")
@click.option("--data", required=True, type=EXISTING, help="Folder with lgg/tif and the packed slices.")
@click.option("--config", type=EXISTING, help="Settings; default: core/train/configs/MODEL-quality.json.")
@click.option("--fit/--no-fit", default=True, help="Whether to train the networks anew.")
def quality(model: str, data: Path, config: Path | None, fit: bool) -> None:
    """Train the networks that judge MODEL's outlines, and report how well every detector sees failures.

    Writes quality.safetensors, quality.json and QUALITY.md beside the weights. With --no-fit the tables are
    made again from the stored networks.
    """
    from core.models import get_model
    from core.train.quality.make import make_quality

    settings = config or CONFIGS / f"{model}-quality.json"
    say(f"Wrote {make_quality(get_model(model), data, settings, fit, say)}")


def _train_on_cohort(
    source: str, layout: str | None, model_id: str | None, settings: SegmenterConfig, out: Path | None
) -> None:
    from core.train.cohorts.card import cohort_table, write_cohort_card
    from core.train.cohorts.data import open_cohort
    from core.train.cohorts.segmenter import name_model, train_on_cohort
    from core.train.cohorts.validate import validate_on_cohort

    cohort = open_cohort(source, layout)
    named = name_model(settings, cohort, model_id, out)
    record = train_on_cohort(cohort, *named, say)
    validation = validate_on_cohort(record, cohort, say)
    card = write_cohort_card(record, validation)
    click.echo(cohort_table(validation))
    say(f"Wrote {card}")


def _member_numbers(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is not a list of numbers such as 0,1", param_hint="--members"
        ) from error
