"""What the calibration benchmark times computes the same thing as the plain way."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.calibration import _in_double_precision, _pixels, _torchmetrics, histogram_ece, run


def test_histogram_gives_the_ece_of_the_pixels_and_of_torchmetrics() -> None:
    codes, event = _pixels(50_000)
    exact = _in_double_precision(codes, event)
    assert histogram_ece(codes, event) == pytest.approx(exact, abs=1e-5)
    prob = torch.from_numpy((codes / 65535).astype(np.float32))
    theirs = _torchmetrics(prob, torch.from_numpy(event.astype(np.int64)), check=True)
    assert theirs == pytest.approx(exact, abs=1e-3)


def test_rows_name_both_ways_to_call_the_peer() -> None:
    rows = list(run(1, 1, pixels=20_000))
    assert [row.peer for row in rows] == ["torchmetrics, as it comes", "torchmetrics, input checks off"]
    assert all(row.difference < 1e-5 for row in rows)
