"""Do the built-in models say here what they said where they were tested?"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from core.config import AnalysisConfig, EstimatorConfig, EstimatorKind
from core.errors import Cancelled, SecondLookError
from core.pipeline import ClassOutcome, Result, open_sample, run_model, silent
from core.pipeline.case import part_of
from core.selftest.expected import Answer, answer_list
from core.selftest.records import Detail
from core.store import Store
from core.types import Float32Array, Progress

TOLERANCE = 1e-3
"""Largest difference of a mean probability from one machine to another."""
CONFIDENCE_TOLERANCE = 0.02
"""Of a confidence: it counts pixels of outlines, and a pixel on the threshold may fall either way."""
GRID = 8
"""A mask is compared by its mean probability in GRID x GRID cells, over all slices, and slice by slice."""
QUICK = 6
"""Answers that a quick run compares, spread over the list."""


def compare_answers(quick: bool, progress: Progress) -> tuple[Detail, ...]:
    """Every stored answer against the one that the same model gives here."""
    expected = answer_list().answers
    chosen = expected[:: max(1, len(expected) // QUICK)] if quick else expected
    found = []
    with Store.open(mode="memory") as store:
        for number, each in enumerate(chosen):
            tell = part_of(progress, number / len(chosen), (number + 1) / len(chosen))
            tell(0.0, f"Asking {each.model} about {each.sample}")
            found.append(_compared(store, each, tell))
    return tuple(found)


def exact(details: Sequence[Detail]) -> int:
    """How many answers are equal to the last bit."""
    return sum(each.found == EXACT for each in details)


EXACT = "equal to the last bit"


def give(
    store: Store, model: str, estimator: EstimatorKind, sample: str, progress: Progress = silent
) -> Answer:
    """What a model says about a sample case on the processor, whatever else there is."""
    config = AnalysisConfig(model_id=model, estimator=EstimatorConfig(kind=estimator), device="cpu")
    case = open_sample(store, sample)
    result = run_model(store, case, config, progress=progress)
    scores = (result.classification if isinstance(result, ClassOutcome) else result.analysis).scores
    return Answer(
        model=model,
        estimator=estimator,
        sample=sample,
        sha256=digest_of_answer(result),
        values=tuple(round(float(each), 6) for each in _coarse(result)),
        confidence=scores[0].value if scores else None,
    )


def digest_of_answer(result: Result) -> str:
    """SHA-256 of every stored number of an answer: probabilities of pixels, or of classes in each sample."""
    if isinstance(result, ClassOutcome):
        return hashlib.sha256(result.classification.samples.astype("<f8").tobytes()).hexdigest()
    return hashlib.sha256(result.analysis.prob.codes.astype("<u2").tobytes()).hexdigest()


def _compared(store: Store, expected: Answer, progress: Progress) -> Detail:
    name = f"{expected.model}, {expected.estimator}, {expected.sample}"
    try:
        found = give(store, expected.model, expected.estimator, expected.sample, progress)
    except Cancelled:
        raise
    except SecondLookError as problem:
        return Detail(name=name, found=problem.sentence, ok=False)
    if found.sha256 == expected.sha256:
        return Detail(name=name, found=EXACT)
    if len(found.values) != len(expected.values):
        return Detail(name=name, found="an answer of another size", ok=False)
    off = max(abs(a - b) for a, b in zip(found.values, expected.values, strict=True))
    apart = _apart(found.confidence, expected.confidence)
    said = f"largest difference of a mean probability {off:.1e}, of the confidence {apart:.1e}"
    return Detail(name=name, found=said, ok=off <= TOLERANCE and apart <= CONFIDENCE_TOLERANCE)


def _coarse(result: Result) -> Float32Array:
    if isinstance(result, ClassOutcome):
        return np.asarray(result.classification.prob, np.float32)
    prob = result.analysis.prob.values
    return np.concatenate([_cells(each.mean(axis=0)) for each in prob] + [prob.mean(axis=(0, 2, 3))])


def _cells(plane: Float32Array) -> Float32Array:
    """Mean of each cell of a GRID x GRID grid over a plane (row, column)."""
    rows = np.array_split(plane, GRID, axis=0)
    return np.array([cell.mean() for row in rows for cell in np.array_split(row, GRID, axis=1)], np.float32)


def _apart(a: float | None, b: float | None) -> float:
    """Difference of two confidences; infinite when only one of them is defined."""
    if a is None or b is None:
        return 0.0 if a is b else float("inf")
    return abs(a - b)
