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
from core.train.data import load_training_set
from core.train.segmenter import find_packed
from core.train.unseen import studies_of, unseen_samples
from core.types import BoolArray, Float32Array, SliceSamples
from core.uncertainty import reduce, score_case

GOOD, BAD = 0.7, 0.5
"""Dice of a slice from which its outline counts as good, and below which it counts as failed."""


def agreement_and_dice(samples: list[Float32Array], mask_ref: BoolArray) -> tuple[float, float] | None:
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
    limit = rule_spec("low-confidence").limit
    found = unseen_samples(record, data)
    pairs = [
        agreement_and_dice([each[index] for each in samples], mask_ref)
        for name, samples in found.items()
        for index, mask_ref in enumerate(data.mask[data.patient == name])
    ]
    rated = np.array([each for each in pairs if each is not None])
    low = rated[:, 0] < limit
    assert low[rated[:, 1] >= GOOD].mean() <= 0.02
    assert low[rated[:, 1] < BAD].mean() >= 0.5
    # A whole study is scored by its own rule; none of the 50 lies below.
    assert min(score_case(each.reduced)[0].value or 0.0 for each in studies_of(found, data)) >= limit
