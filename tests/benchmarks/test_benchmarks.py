"""The benchmark's arithmetic, and that what it times computes the same thing."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from benchmarks.__main__ import MODULES, main
from benchmarks.mc_dropout import difference
from benchmarks.networks import Subject
from benchmarks.timing import Row, compare
from core.inference.member import fixed_picture
from tests.core.inference.conftest import stub_net

COLUMNS = {"work", "variant", "peer", "ratio_median", "ratio_min", "ratio_max"}


def test_every_round_runs_the_peer_and_each_variant_once() -> None:
    calls: list[tuple[str, int]] = []
    rows = compare(
        "nothing",
        ("slow", lambda number: calls.append(("slow", number))),
        {"fast": lambda number: calls.append(("fast", number))},
        rounds=2,
        threads=1,
    )
    assert calls == [(name, number) for number in (0, 1, 2) for name in ("slow", "fast")]
    assert rows[0].rounds == 2
    assert rows[0].ratio_min <= rows[0].ratio_median <= rows[0].ratio_max


@pytest.mark.parametrize("backend", ["torch", "onnxruntime"])
def test_folded_samples_equal_the_naive_loop_with_the_same_masks(backend: str) -> None:
    subject = Subject("stub", stub_net(0), (3, 32, 32))
    member = subject.opened(backend, 1)  # type: ignore[arg-type]
    assert member.opened.engine.backend == backend
    assert difference(subject, member, fixed_picture(subject.shape)) <= 1e-5


def test_unknown_benchmark_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["nonsense"])
    assert refused.value.code == 2
    told = capsys.readouterr().err
    assert all(name in told for name in MODULES)


def test_json_is_one_list_of_rows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Row("work", "variant", "peer", 2.0, 1.0, 3.0, 0.1, 0.2, 3, 1, "cpu")
    monkeypatch.setattr("benchmarks.moments.run", lambda rounds, threads: [row])
    assert main(["moments", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert set(found) >= COLUMNS


def test_moments_agree_with_the_stack() -> None:
    from benchmarks.mc_dropout import naive_statistics
    from benchmarks.moments import SAMPLES, _sample, running

    samples = [_sample(seed) for seed in range(SAMPLES)]
    exact = naive_statistics([torch.from_numpy(each)[None] for each in samples], torch.float64)
    np.testing.assert_allclose(running(samples).variance, exact[1].numpy().squeeze(), atol=1e-12)
