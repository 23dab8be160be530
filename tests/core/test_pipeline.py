"""The whole way from bytes to a verdict, with a tiny model on disk."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from collections import OrderedDict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from core.config import AnalysisConfig, EstimatorConfig
from core.detector import with_limit
from core.errors import Cancelled, ModelProblem
from core.inference.devices import machine_class
from core.io import read_case
from core.pipeline import Outcome, analyse, guess_channels, open_case, open_sample, stored_outcome
from core.pipeline.case import LIBRARIES
from core.report import json_file, mask_file, overlay_file
from core.store import Store
from core.types import Analysis, NamedBytes

ROOT = Path(__file__).resolve().parents[2]
TINY = AnalysisConfig(model_id="tiny")


def png(seed: int, shape: tuple[int, int] = (40, 48), name: str = "slice.png") -> NamedBytes:
    values = np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Pillow.fromarray(values).save(buffer, "PNG")
    return NamedBytes(name, buffer.getvalue())


def mask_png(shape: tuple[int, int] = (40, 48)) -> NamedBytes:
    mask = np.zeros(shape, np.uint8)
    mask[10:20, 12:30] = 255
    buffer = io.BytesIO()
    Pillow.fromarray(mask).save(buffer, "PNG")
    return NamedBytes("mask.png", buffer.getvalue())


def digests(analysis: Analysis) -> tuple[str, ...]:
    maps = analysis.maps
    arrays = [analysis.prob, *(each for each in vars(maps).values() if each is not None)]
    return tuple(hashlib.sha256(each.codes.tobytes()).hexdigest() for each in arrays)


def run(store: Store, seed: int, config: AnalysisConfig = TINY) -> Outcome:
    return analyse(store, open_case(store, [png(seed)]), config)


def test_second_run_comes_from_the_store_and_is_equal(store: Store) -> None:
    first, second = run(store, 1), run(store, 1)
    assert (first.cached, second.cached) == (False, True)
    assert digests(first.analysis) == digests(second.analysis)
    assert first.verdict == second.verdict
    assert first.analysis.slices == second.analysis.slices
    assert first.analysis.made_by == second.analysis.made_by


def test_explicit_settings_that_equal_the_automatic_ones_share_a_result(store: Store) -> None:
    run(store, 1)
    explicit = TINY.model_copy(update={"channels": (0, 1, 2), "device": "cpu", "backend": "onnxruntime"})
    again = run(store, 1, explicit)
    assert again.cached == (again.analysis.made_by.device == "cpu")


@pytest.mark.parametrize(
    "change",
    [
        {"channels": (1, 1, 1)},
        {"backend": "torch"},
        {"estimator": EstimatorConfig(kind="tta")},
        {"estimator": EstimatorConfig(kind="mc-dropout", samples=3)},
        {"estimator": EstimatorConfig(kind="mc-dropout", samples=3, seed=1)},
    ],
)
def test_every_setting_that_changes_numbers_changes_the_key(store: Store, change: dict[str, object]) -> None:
    on_cpu = TINY.model_copy(update={"device": "cpu"})
    base = run(store, 1, on_cpu).analysis.key
    assert run(store, 1, on_cpu.model_copy(update=change)).analysis.key != base


def test_a_model_that_uses_the_same_weights_otherwise_has_results_of_its_own(
    store: Store, home: Path
) -> None:
    before = run(store, 1)
    path = home / "models" / "tiny" / "model.json"
    changes = ({"working_size": 64}, {"preprocessing": {"mean": [0.1] * 3, "std": [0.5] * 3}})
    for change in changes:
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
        after = run(store, 1)
        assert not after.cached
        assert digests(after.analysis) != digests(before.analysis)


def test_every_library_that_can_change_the_numbers_is_in_the_key(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(store, 1).analysis.made_by
    assert {"torch", "onnxruntime", "timm", "scikit-image", "python-gdcm"} <= dict(first.versions).keys()
    for name in LIBRARIES:
        monkeypatch.setattr(
            "core.pipeline.case.version", lambda each, name=name: "0" if each == name else version(each)
        )
        assert run(store, 1).analysis.key != first.key


def test_a_case_gives_the_same_arrays_alone_and_after_others(store: Store) -> None:
    config = TINY.model_copy(update={"estimator": EstimatorConfig(kind="ensemble-mc-dropout", samples=4)})
    alone = run(store, 3, config)
    run(store, 4, config)
    run(store, 5, config)
    store.delete_case(alone.case.id)
    again = run(store, 3, config)
    assert not again.cached
    assert digests(again.analysis) == digests(alone.analysis)


def test_a_reference_mask_changes_no_prediction(store: Store) -> None:
    config = TINY.model_copy(update={"estimator": EstimatorConfig(kind="mc-dropout", samples=4)})
    without = run(store, 3, config)
    beside = analyse(store, open_case(store, [png(3)], reference=[mask_png()]), config)
    assert beside.case.id != without.case.id
    assert digests(beside.analysis) == digests(without.analysis)


def test_a_fallback_is_kept_under_a_key_of_its_own(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    on_cpu = TINY.model_copy(update={"device": "cpu"})
    monkeypatch.setattr("core.inference.predictor._OPEN", OrderedDict())
    monkeypatch.setattr("core.inference.backends.SELF_CHECK_LIMIT", 0.0)
    fallen = run(store, 7, on_cpu).analysis.made_by
    monkeypatch.undo()
    monkeypatch.setattr("core.inference.predictor._OPEN", OrderedDict())
    monkeypatch.setenv("SECOND_LOOK_HOME", store.info().home)
    sound = run(store, 7, on_cpu)
    assert (fallen.backend, sound.analysis.made_by.backend, sound.cached) == ("torch", "onnxruntime", False)
    assert fallen.key != sound.analysis.key


def test_a_second_process_gives_the_same_arrays(store: Store, home: Path, tmp_path: Path) -> None:
    here = run(store, 6).analysis
    (tmp_path / "slice.png").write_bytes(png(6).data)
    other = tmp_path / "other"
    other.mkdir()
    (other / "models").symlink_to(home / "models")
    code = (
        "import json, sys; from core import pipeline; from core.io import read_paths\n"
        "from core.store import Store; from tests.core.test_pipeline import TINY, digests\n"
        "store = Store.open()\n"
        "case = pipeline.open_case(store, read_paths([sys.argv[1]]))\n"
        "print(json.dumps(digests(pipeline.analyse(store, case, TINY).analysis)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "slice.png")],
        cwd=ROOT,
        env={"PATH": "", "SECOND_LOOK_HOME": str(other), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert tuple(json.loads(done.stdout)) == digests(here)


def test_reference_is_scored_slice_by_slice_and_whole(store: Store) -> None:
    case = open_case(store, [png(1)], reference=[mask_png()])
    outcome = analyse(store, case, TINY)
    assert outcome.overlap is not None
    mask_pred = outcome.analysis.mask_pred[0] > 0
    mask_ref = np.zeros((40, 48), bool)
    mask_ref[10:20, 12:30] = True
    dice = 2 * (mask_pred & mask_ref).sum() / (mask_pred.sum() + mask_ref.sum())
    assert outcome.overlap.whole.dice == pytest.approx(dice)
    assert len(outcome.overlap.slices) == 1


def test_changed_limits_decide_again_without_the_network(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(store, 1)
    monkeypatch.setattr("core.inference.open_predictor", None)
    off = first.limits
    for rule in first.limits.rules:
        off = with_limit(off, rule.rule, active=False)
    again = stored_outcome(store, first.analysis.key, off)
    assert again is not None
    assert (again.verdict.answer, again.verdict.flags) == ("consistent", ())


def test_cancel_leaves_no_result(store: Store) -> None:
    def stop(share: float, sentence: str) -> None:
        if share > 0.05:
            raise Cancelled

    case = open_case(store, [png(1)])
    with pytest.raises(Cancelled):
        analyse(store, case, TINY, progress=stop)
    assert store.analyses_of(case.id) == ()


def test_progress_never_goes_back(store: Store) -> None:
    shares: list[float] = []
    analyse(store, open_case(store, [png(1)]), TINY, progress=lambda share, _: shares.append(share))
    assert len(shares) > 3
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] <= shares[-1] <= 1.0


def test_unknown_model_lists_the_known_ones(store: Store) -> None:
    with pytest.raises(ModelProblem, match="tiny"):
        run(store, 1, AnalysisConfig(model_id="none"))


def test_channels_are_guessed_in_order_or_from_the_first() -> None:
    wanted = ("pre-contrast", "FLAIR", "post-contrast")
    assert guess_channels(3, wanted) == (0, 1, 2)
    assert guess_channels(1, wanted) == (0, 0, 0)
    assert guess_channels(4, wanted) == (0, 0, 0)


def test_sample_case_is_kept_under_its_own_id(store: Store) -> None:
    from core.cohort import sample_cases

    key = sample_cases()[0].key
    case = open_sample(store, key)
    kept = store.case(case.id)
    assert kept is not None
    assert np.array_equal(kept.image.values, case.image.values)


def test_downloads_are_the_mask_the_picture_and_all_numbers(store: Store) -> None:
    outcome = run(store, 1)
    mask = read_case([mask_file(outcome)]).image.values[0]
    assert np.array_equal(mask > 0, outcome.analysis.mask_pred > 0)
    assert overlay_file(outcome, 0).data.startswith(b"\x89PNG")
    record = json.loads(json_file(outcome).data)
    assert record["case"]["id"] == outcome.case.id
    assert record["key"] == outcome.analysis.key
    assert record["verdict"] == outcome.verdict.answer
    assert record["scores"]["agreement"] == outcome.analysis.scores[0].value
    assert record["made_by"]["machine"] == machine_class()


def test_downloads_are_named_by_content_not_by_the_upload(store: Store) -> None:
    case = open_case(store, [png(1, name="jane-doe.png")])
    outcome = analyse(store, case, TINY)
    names = [mask_file(outcome).name, overlay_file(outcome, 0).name, json_file(outcome).name]
    assert not any("jane" in name for name in names)
