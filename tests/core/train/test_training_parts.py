"""The parts that every kind of training shares: draws, moving average, curves, second runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from core.train.common.curve import curve_name, curve_seconds, curve_writer
from core.train.common.groups import group_dice
from core.train.common.loop import make_optimiser, update_average
from core.train.common.task import draw_mixed
from tests.core.train.toy import CONFIG


@dataclass(frozen=True)
class Line:
    epoch: int
    train_loss: float
    seconds: float

    @property
    def note(self) -> str:
        return ", so far" if self.epoch == 0 else ""


def test_both_sorts_are_drawn_in_their_share_and_used_up_before_any_repeats() -> None:
    drawn = draw_mixed(np.random.default_rng(0), np.array([1, 2]), np.array([7, 8, 9]), 10, 0.4)
    counts = {int(name): int((drawn == name).sum()) for name in np.unique(drawn)}
    assert [counts[k] for k in (1, 2)] == [2, 2]
    assert [counts[k] for k in (7, 8, 9)] == [2, 2, 2]


@pytest.mark.parametrize("lacking", ["filled", "empty"])
def test_where_one_sort_lacks_all_are_of_the_other(lacking: str) -> None:
    none, some = np.empty(0, dtype=np.int64), np.array([3, 4])
    pools = (none, some) if lacking == "filled" else (some, none)
    assert sorted(draw_mixed(np.random.default_rng(0), *pools, 4, 0.5)) == [3, 3, 4, 4]


def test_dice_of_a_patient_is_over_all_of_its_slices() -> None:
    pred = np.array([[[True, True]], [[False, False]], [[False, False]]])
    ref = np.array([[[True, False]], [[True, False]], [[False, False]]])
    # a: 2 * 1 / (2 + 2); b: both empty.
    assert group_dice(pred, ref, np.array(["a", "a", "b"])) == {"a": 0.5, "b": 1.0}


def test_the_average_moves_by_one_minus_the_decay_and_counters_are_copied() -> None:
    average, net = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
    with torch.no_grad():
        average.weight.fill_(1.0)
        net.weight.fill_(5.0)
        net.running_mean.fill_(8.0)  # type: ignore[union-attr]
        net.num_batches_tracked.fill_(3)  # type: ignore[union-attr]
    update_average(average, net, 0.75)
    assert (float(average.weight.detach()), float(average.running_mean)) == (2.0, 2.0)  # type: ignore[arg-type]
    assert int(average.num_batches_tracked) == 3  # type: ignore[arg-type]


def test_biases_and_scales_do_not_decay() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))
    decayed, plain = make_optimiser(net, CONFIG).param_groups
    assert (decayed["weight_decay"], [each.ndim for each in decayed["params"]]) == (CONFIG.weight_decay, [2])
    assert (plain["weight_decay"], [each.ndim for each in plain["params"]]) == (0.0, [1, 1, 1])


def test_a_curve_is_numbered_on_over_its_runs_and_read_back(tmp_path: Path) -> None:
    said: list[str] = []
    report = curve_writer(tmp_path, 1, 3, said.append)
    for epoch, seconds in ((0, 1.26), (1, 2.0), (0, 3.0)):  # two epochs, and one of a second run
        report(Line(epoch, 0.5, seconds))
    path = tmp_path / curve_name(1)
    assert path.read_text().splitlines() == [
        "epoch,train_loss,seconds",
        "0,0.5,1.26",
        "1,0.5,2.0",
        "2,0.5,3.0",
    ]
    assert curve_seconds(path) == 6.3
    assert said[0] == "member 1, epoch 1/3: loss 0.5000, so far, 1 s"
