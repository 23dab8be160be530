"""What the default confidence limit was chosen on: training patients, judged by members that never saw them.

It holds the documented rates to the shipped weights; it is no independent test of the limit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.detector import rule_spec
from core.metrics import dice
from core.models import get_model
from core.models.weights import load_member
from core.train.data import load_training_set
from core.train.predict import predict_slices
from core.train.segmenter import find_packed
from core.train.threads import one_thread
from core.types import Float32Array, SliceSamples
from core.uncertainty import reduce, score_case

GOOD, BAD = 0.7, 0.5
"""Dice of a slice from which its outline counts as good, and below which it counts as failed."""


def agreement_and_dice(samples: list[Float32Array], mask_ref: np.ndarray) -> tuple[float, float] | None:
    """Confidence and Dice of one slice on its own; None where nothing was predicted."""
    one = SliceSamples(0, iter([each[None] for each in samples]))
    reduced = reduce([one], 1, mask_ref.shape)
    mask_pred = reduced.mask_pred[0] > 0
    agreement = score_case(reduced)[0].value
    return (float(agreement or 0.0), dice(mask_pred, mask_ref)) if mask_pred.any() else None


@pytest.mark.slow
@pytest.mark.data
def test_few_good_and_most_failed_outlines_lie_below_the_limit(data_dir: Path) -> None:
    record, data = get_model("lgg-unet"), load_training_set(find_packed(data_dir / "lgg"))
    found: list[list[Float32Array]] = [[] for _ in data.mask]
    with one_thread():
        for member in range(len(record.members)):
            unseen = np.array([member in record.members_unseen(str(name)) for name in data.patient])
            prob = predict_slices(load_member(record, member), data, unseen, record.working_size)
            for place, each in zip(np.flatnonzero(unseen), prob, strict=True):
                found[place].append(each)
    pairs = [agreement_and_dice(*each) for each in zip(found, data.mask, strict=True)]
    rated = np.array([each for each in pairs if each is not None])
    low = rated[:, 0] < rule_spec("low-confidence").limit
    assert low[rated[:, 1] >= GOOD].mean() <= 0.02
    assert low[rated[:, 1] < BAD].mean() >= 0.5
