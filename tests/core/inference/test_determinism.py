"""The same case gives the same bytes: alone, after others, in another order, thread or process."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from core.config import EstimatorConfig, EstimatorKind
from core.inference import Predictor, RunSettings
from core.models import ModelRecord
from core.models.registry import read_record, write_record
from core.uncertainty import Reduced, reduce
from tests.core.inference.conftest import make_image

KINDS: tuple[EstimatorKind, ...] = ("tta", "ensemble", "ensemble-mc-dropout")
ROOT = Path(__file__).resolve().parents[3]


def analysed(predictor: Predictor, case: int, kind: EstimatorKind = "ensemble-mc-dropout") -> Reduced:
    image = make_image(case)
    estimator = EstimatorConfig(kind=kind, samples=5, seed=3)
    stream = predictor.stream(image, (0, 1, 2), estimator, f"case {case}", lambda share, sentence: None)
    return reduce(stream, image.slices, image.slice_shape)


def array_digest(reduced: Reduced) -> str:
    """SHA-256 of every array that an analysis keeps."""
    maps = reduced.maps
    found = hashlib.sha256(reduced.prob.codes.tobytes())
    for each in (maps.predictive_entropy, maps.expected_entropy, maps.mutual_information, maps.variance):
        assert each is not None
        found.update(each.codes.tobytes())
    return found.hexdigest()


@pytest.mark.parametrize("kind", KINDS)
def test_same_bytes_alone_after_others_and_reordered(record: ModelRecord, kind: EstimatorKind) -> None:
    settings = RunSettings("cpu", "torch", threads=1)
    alone = {case: array_digest(analysed(Predictor(record, settings), case, kind)) for case in (1, 2, 3)}
    together = Predictor(record, settings)
    forward = {case: array_digest(analysed(together, case, kind)) for case in (1, 2, 3)}
    backward = {case: array_digest(analysed(together, case, kind)) for case in (3, 2, 1)}
    assert alone == forward == backward
    assert len(set(alone.values())) == 3


def test_same_bytes_with_the_fast_engine_again_and_reordered(fast: Predictor) -> None:
    first = [array_digest(analysed(fast, case)) for case in (1, 2)]
    again = [array_digest(analysed(fast, case)) for case in (2, 1)]
    assert first == again[::-1]


def test_same_bytes_in_six_threads_at_once(fast: Predictor) -> None:
    cases = [1, 2, 3] * 2
    expected = [array_digest(analysed(fast, case)) for case in cases]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda case: array_digest(analysed(fast, case)), cases))
    assert found == expected


def test_global_random_state_is_neither_read_nor_changed(eager: Predictor) -> None:
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = array_digest(analysed(eager, 1))
    torch.testing.assert_close(torch.get_rng_state(), before, atol=0, rtol=0)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
    torch.rand(10)
    assert array_digest(analysed(eager, 1)) == first


@pytest.mark.slow
def test_same_bytes_in_a_second_process(record: ModelRecord, fast: Predictor) -> None:
    write_record(record, record.folder)
    script = (
        "import sys; from pathlib import Path; "
        "from tests.core.inference.test_determinism import digests_of; print(digests_of(Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(record.folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=240,
        check=True,
    )
    assert done.stdout.split() == [array_digest(analysed(fast, case)) for case in (2, 1)]


def digests_of(folder: Path) -> str:
    """What a process of its own finds for two cases, in its own order."""
    predictor = Predictor(read_record(folder / "model.json"), RunSettings("cpu", "onnxruntime", threads=1))
    return " ".join(array_digest(analysed(predictor, case)) for case in (2, 1))
