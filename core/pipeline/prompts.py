"""Prompts through the pipeline: a model that answers to a box, asked about one slice or a whole cohort."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from core.config import Frozen, digest
from core.errors import (
    Cancelled,
    InputProblem,
    ModelProblem,
    SecondLookError,
    SettingsProblem,
    StoreProblem,
    trace_of,
)
from core.pipeline.case import guess_channels, part_of, silent, voxel_digest
from core.pipeline.prompt_runs import PROMPT_SCHEMA, jitter_item
from core.pipeline.runs import find_cohort, members_for
from core.prompts import (
    DRAWS,
    JITTER_SHARES,
    MIN_AREA,
    JitterRow,
    JudgedSlice,
    SliceJitter,
    curve_of,
    jitter_case,
    jittered,
    judge_slice,
    judged,
)
from core.types import (
    BoolArray,
    Case,
    CohortItem,
    CohortRecord,
    ItemResult,
    Origin,
    Progress,
    RunRecord,
)
from core.types.prompts import Box, Prompt, PromptKind, kind_of

if TYPE_CHECKING:
    from core.inference.prompted import PromptedImage
    from core.models import ModelRecord
    from core.store import Store

Runs = dict[tuple[PromptKind, float], RunRecord]

logger = logging.getLogger("second_look.prompts")


class JitterConfig(Frozen):
    """What is asked of a prompted model. shares: of jitter, rising; draws: jittered prompts per share."""

    model_id: str = "lgg-box"
    kinds: tuple[PromptKind, ...] = ("box",)
    shares: tuple[float, ...] = JITTER_SHARES
    draws: int = Field(default=DRAWS, ge=2, le=100)
    seed: int = Field(default=0, ge=0, lt=2**63)

    @model_validator(mode="after")
    def _rising(self) -> JitterConfig:
        if not self.kinds or not self.shares:
            raise ValueError("at least one kind of prompt and one share are needed")
        if any(not 0.0 <= share < 0.5 for share in self.shares) or sorted(set(self.shares)) != [*self.shares]:
            raise ValueError("shares rise within 0 … 0.5")
        return self


@dataclass(frozen=True, eq=False)
class JitterStudy:
    """A cohort under jitter: the curve, every slice behind it, the runs that were kept, what failed."""

    cohort: CohortRecord
    config: JitterConfig
    rows: tuple[JitterRow, ...]
    slices: tuple[JudgedSlice, ...]
    runs: tuple[RunRecord, ...]
    failures: tuple[tuple[str, str], ...]


def open_prompted(
    store: Store, case: Case, model_id: str = "lgg-box", members: tuple[int, ...] | None = None
) -> PromptedImage:
    """A case, ready to be asked about with prompts. Raises ModelProblem for a model that takes none."""
    from core.inference import open_predictor
    from core.inference.prompted import PromptedImage
    from core.models import get_model

    record = get_model(model_id)
    home = store.info().home
    predictor = open_predictor(record, graphs=Path(home) / "graphs" if home else None)
    return PromptedImage(predictor, case.image, prompted_channels(case, record), members)


def prompted_channels(case: Case, record: ModelRecord) -> tuple[int, ...]:
    """The image channel of each input channel but the prompt's, guessed as everywhere."""
    return guess_channels(len(case.image.channel_names), record.channels[:-1])


def jitter_slice(
    asked: PromptedImage,
    case: Case,
    index: int,
    prompt: Prompt,
    reference: Box,
    config: JitterConfig,
) -> tuple[SliceJitter, ...]:
    """One slice under every share of `config`, round a prompt that a person drew.

    reference: the box whose lengths the shares are of; of a box prompt, itself. Overlaps are there where the
    case has a reference.
    """
    mask_ref = None if case.reference is None else case.reference.mask_ref[index]
    place = (voxel_digest(case.image), index, config.seed)
    found = []
    for share in config.shares:
        count = config.draws if share > 0.0 else 1
        prompts = jittered(prompt, reference, case.image.slice_shape, share, count, place)
        found.append(judge_slice(asked, index, kind_of(prompt), share, prompts, mask_ref))
    return tuple(found)


def jitter_cohort(
    store: Store, cohort_id: str, config: JitterConfig, progress: Progress = silent
) -> JitterStudy:
    """Every slice with a lesion of a cohort under every share; each jittered share is kept as a run.

    A run holds the whole cases and the slices that were asked about: the first draw is judged, the agreement
    of all draws is its confidence. A training patient is judged only by networks that never saw it, where
    there are any. Raises SettingsProblem for an unknown cohort or one without masks, ModelProblem for a model
    without prompts, InputProblem when no case has a lesion, and Cancelled when `progress` says so.
    """
    from core.models import get_model

    cohort, record = find_cohort(store, cohort_id), get_model(config.model_id)
    _require_masks(cohort)
    _require_prompts(record)
    runs = _new_runs(store, cohort, record, config)
    slices: list[JudgedSlice] = []
    failures: list[tuple[str, str]] = []
    items = store.cohort_items(cohort.id)
    for number, item in enumerate(items):
        own = part_of(progress, number / len(items), (number + 1) / len(items))
        own(0.0, f"Case {number + 1} of {len(items)}")
        found = _try_item(store, item, record, config, runs, own)
        if isinstance(found, str):
            failures.append((item.name, found))
        else:
            slices += found
    if not slices:
        raise _nothing(cohort, failures)
    for run in runs.values():
        store.finish_run(run.id)
    kept = tuple(store.run(run.id) or run for run in runs.values())
    return JitterStudy(
        cohort, config, curve_of(slices, seed=config.seed), tuple(slices), kept, tuple(failures)
    )


def _try_item(
    store: Store,
    item: CohortItem,
    record: ModelRecord,
    config: JitterConfig,
    runs: Runs,
    progress: Progress,
) -> list[JudgedSlice] | str:
    """The slices of one item, or why there are none, which every run then lists."""
    try:
        return _jitter_item(store, item, record, config, runs, progress)
    except (Cancelled, StoreProblem):
        raise
    except SecondLookError as problem:
        sentence = problem.sentence
    except Exception as error:  # noqa: BLE001 - the outermost boundary of one item
        incident = secrets.token_hex(4)
        logger.error("incident %s under jitter: %s", incident, trace_of(error))
        sentence = f"Something unforeseen went wrong (incident {incident})."
    for run in runs.values():
        store.put_item(run.id, item.position, ItemResult(problem=sentence, origin="imported"))
    return sentence


def _jitter_item(
    store: Store,
    item: CohortItem,
    record: ModelRecord,
    config: JitterConfig,
    runs: Runs,
    progress: Progress,
) -> list[JudgedSlice]:
    case, mask_ref = _case_of(store, item)
    members, origin = members_for(record, item.group, None)
    asked = open_prompted(store, case, record.id, members)
    key = voxel_digest(case.image)
    found: list[JudgedSlice] = []
    points = [(kind, share) for kind in config.kinds for share in config.shares]
    for number, (kind, share) in enumerate(points):
        progress(number / len(points), f"{item.name}: {kind}, jitter {100 * share:g} %")
        own = tuple(jitter_case(asked, mask_ref, kind, share, key=key, draws=config.draws, seed=config.seed))
        if not own:
            raise InputProblem(
                "There is nothing to ask for",
                found="no slice with a reference lesion",
                expected=f"at least one with {MIN_AREA} pixels",
                fix="leave this case out",
            )
        found += [judged(item.name, item.group, each) for each in own]
        if (kind, share) in runs:
            _keep(store, runs[kind, share], item, case, own, record, origin)
    return found


def _keep(
    store: Store,
    run: RunRecord,
    item: CohortItem,
    case: Case,
    slices: Sequence[SliceJitter],
    record: ModelRecord,
    origin: Origin,
) -> None:
    analysis, result = jitter_item(case, slices, record, run.id, origin)
    store.put_analysis(analysis)
    store.put_item(run.id, item.position, result)


def _case_of(store: Store, item: CohortItem) -> tuple[Case, BoolArray]:
    case = None if item.case_id is None else store.case(item.case_id)
    if case is None or case.reference is None:
        raise InputProblem(
            "This case cannot be prompted by itself",
            found="no picture" if case is None else "no reference mask",
            expected="a picture with a reference, from which the box is taken",
            fix="add the reference, or draw the box on the Prompts page",
        )
    return case, case.reference.mask_ref


def _new_runs(store: Store, cohort: CohortRecord, record: ModelRecord, config: JitterConfig) -> Runs:
    """A run for every kind and share above 0, put into the store; without jitter there is no agreement."""
    points = [(kind, share) for kind in config.kinds for share in config.shares if share > 0.0]
    runs = {point: _new_run(cohort, record, config, *point) for point in points}
    for run in runs.values():
        store.put_run(run)
    return runs


def _new_run(
    cohort: CohortRecord, record: ModelRecord, config: JitterConfig, kind: PromptKind, share: float
) -> RunRecord:
    what = [cohort.id, [each.sha256 for each in record.members], kind, share, config.draws, config.seed]
    return RunRecord(
        id=digest([*what, PROMPT_SCHEMA]),
        cohort_id=cohort.id,
        title=f"{record.id}, {kind} jitter {100 * share:g} %",
        source="imported",
        task="segmentation",
        class_names=record.class_names,
        config=None,
        items=cohort.items,
    )


def _require_prompts(record: ModelRecord) -> None:
    if record.prompt is None:
        raise ModelProblem(
            "This model takes no box",
            file=record.id,
            found="a model that answers without a prompt",
            expected="a model that answers to a box",
            fix="choose one with: python -m core models list",
        )


def _require_masks(cohort: CohortRecord) -> None:
    if cohort.task != "segmentation":
        raise SettingsProblem(
            "Prompts ask for outlines",
            found=f"{cohort.name} is for {cohort.task}",
            expected="a cohort of images with masks",
            fix="choose another cohort",
        )


def _nothing(cohort: CohortRecord, failures: Sequence[tuple[str, str]]) -> InputProblem:
    return InputProblem(
        "No case of the cohort can be prompted",
        found=failures[0][1] if failures else "no cases",
        expected="at least one slice with a reference lesion",
        fix="add references to the cohort",
        file=cohort.name,
    )
