"""What the quality network learns from, its calibration, and the numbers of its report, on made-up data."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from scipy.special import expit

from core.detector import GOOD_DICE
from core.detector.quality.file import read_quality
from core.detector.quality.network import CELLS, SIZE
from core.metrics import dice
from core.models import ModelRecord
from core.models.registry import read_record, write_record
from core.models.weights import save_weights
from core.pipeline.quality import quality_networks
from core.train.cli import train
from core.train.common.settings import About
from core.train.common.task import MemberTask
from core.train.data import TrainingSet, load_training_set
from core.train.quality.calibrate import cross_calibrated, fit_calibration
from core.train.quality.config import QualityConfig
from core.train.quality.data import QualityData, quality_data
from core.train.quality.failures import FAILURES, FailureSpec, head, moved, slightly_off
from core.train.quality.loop import train_quality_network
from core.train.quality.sampling import (
    Pair,
    batch_of,
    changed,
    drawn_pair,
    error_cells,
    failed,
    pair_batches,
)
from core.train.quality.train import store_quality
from tests.core.inference.conftest import make_record, tiny_net
from tests.core.train.test_training_familiarity import two_members

each_failure = pytest.mark.parametrize("spec", FAILURES, ids=lambda spec: spec.key)
CONFIG = QualityConfig(
    id="tiny",
    about=About(title="Toy", description="A toy.", licence="none", source="made up", volume="by slice"),
    members=((0,), (1,)),
    folds=2,
    epochs=1,
    samples_per_epoch=16,
    batch_size=8,
    learning_rate=1e-3,
    weight_decay=0.01,
    warmup_steps=1,
    ema_decay=0.9,
    real_share=0.5,
    busy_share=0.7,
    lesion_share=0.8,
    good_share=0.3,
    map_weight=10.0,
    bf16=False,
)
SLICES = 4


def lesion() -> tuple[np.ndarray, np.ndarray]:
    """A round head with a round, bright lesion of 20 pixels across: mask and picture."""
    down, across = np.mgrid[:SIZE, :SIZE]
    mask = (down - 50) ** 2 + (across - 60) ** 2 < 10**2
    picture = np.where((down - 64) ** 2 + (across - 64) ** 2 < 50**2, 0.4, 0.0) + 0.5 * mask
    return mask, picture.astype(np.float32)


def draws(spec: FailureSpec, count: int = 20) -> list[np.ndarray]:
    mask, picture = lesion()
    return [spec.draw(np.random.default_rng(seed), mask, picture) for seed in range(count)]


@each_failure
def test_failures_are_masks_and_mostly_fail(spec: FailureSpec) -> None:
    mask, _ = lesion()
    made = draws(spec)
    assert all(each.dtype == np.bool_ and each.shape == mask.shape for each in made)
    assert np.mean([dice(each, mask) <= GOOD_DICE for each in made]) >= 0.5


@each_failure
def test_same_seed_same_failure_and_the_reference_stays(spec: FailureSpec) -> None:
    mask, picture = lesion()
    kept = mask.copy()
    first, second = (spec.draw(np.random.default_rng(3), mask, picture) for _ in range(2))
    assert (first == second).all() and (mask == kept).all()


def test_kinds_do_what_they_are_called() -> None:
    mask, picture = lesion()
    by_key = {spec.key: draws(spec) for spec in FAILURES}
    assert all((each >= mask).all() and each.sum() > mask.sum() for each in by_key["over"])
    assert all((each <= mask).all() and 0 < each.sum() < mask.sum() for each in by_key["under"])
    assert all(each.sum() == mask.sum() for each in by_key["shift"])
    assert all((each <= mask).all() for each in by_key["fragments"])
    assert not any(each.any() for each in by_key["missed"])
    assert all((each & ~mask).any() for each in by_key["invented"])
    assert all((each & ~mask & ~head(picture)).sum() == 0 for each in by_key["noise"] + by_key["invented"])


def test_one_pixel_can_fail_in_every_way() -> None:
    mask = np.zeros((SIZE, SIZE), np.bool_)
    mask[64, 64] = True
    _, picture = lesion()
    for spec in FAILURES:
        for seed in range(5):
            assert spec.draw(np.random.default_rng(seed), mask, picture).shape == mask.shape


def test_without_a_lesion_one_is_invented() -> None:
    empty = np.zeros((SIZE, SIZE), np.bool_)
    found = failed(np.random.default_rng(0), empty, lesion()[1], 1.0)
    assert found.any()


def test_slightly_off_is_good() -> None:
    mask, picture = lesion()
    found = [dice(slightly_off(np.random.default_rng(k), mask, picture), mask) for k in range(20)]
    assert min(found) > GOOD_DICE
    assert max(found) < 1.0 or min(found) < 1.0


def test_what_moves_out_of_the_picture_is_lost() -> None:
    mask = np.zeros((3, 3), np.bool_)
    mask[0, 0] = mask[2, 2] = True
    assert np.argwhere(moved(mask, 1, 1)).tolist() == [[1, 1]]
    assert not moved(mask, 0, -3).any()


def test_error_cells_hold_shares_of_wrong_and_missing_pixels() -> None:
    pred, ref = np.zeros((2, SIZE, SIZE), np.bool_)
    pred[0:4, 0:4] = True  # one whole cell
    ref[2:4, 0:4] = True  # its lower half
    ref[8, 4] = True  # one of 16 pixels of another
    wrong, missing = error_cells(pred, ref)
    assert wrong[0, 0] == 0.5 and wrong.sum() == 0.5
    assert missing[2, 1] == 1 / 16 and missing.sum() == 1 / 16
    assert wrong.shape == (CELLS, CELLS)


def test_labels_of_a_batch() -> None:
    mask, picture = lesion()
    empty = np.zeros_like(mask)
    batch = batch_of([Pair(picture, *both) for both in ((mask, mask), (empty, mask), (empty, empty))])
    assert batch.dice.tolist() == [1.0, 0.0, 1.0]
    assert batch.good.tolist() == [1.0, 0.0, 1.0]
    assert (batch.inputs[1, 1] == 0).all() and (batch.inputs[0, 1] == mask).all()


def test_masks_move_with_their_picture() -> None:
    mask, picture = lesion()
    made = changed(Pair(picture, mask, mask), np.random.default_rng(0), CONFIG.change)
    assert (made.mask_pred == made.mask_ref).all() and made.mask_ref.any()
    assert made.flair[made.mask_ref].mean() > made.flair[~made.mask_ref].mean() + 0.2
    assert made.flair.min() >= 0.0 and made.flair.max() <= 1.5


def test_calibration_finds_slope_and_offset() -> None:
    rng = np.random.default_rng(0)
    logit = rng.normal(0.0, 2.0, (20_000, 2))
    found = np.arange(20_000) % 2 == 0
    # What is honest: half the logit, one lower, on slices with an outline; the logit itself on the others.
    honest = np.where(found[:, None], 0.5 * logit - 1.0, logit)
    truth = (rng.random(logit.shape) < expit(honest)).astype(float)
    made = fit_calibration(logit, found, truth)
    assert made[:, 1] == pytest.approx(np.array([[0.5, -1.0]] * 2), abs=0.1)
    assert made[:, 0] == pytest.approx(np.array([[1.0, 0.0]] * 2), abs=0.1)


def test_calibration_of_a_state_without_slices_is_left_alone() -> None:
    made = fit_calibration(np.zeros((3, 2)), np.ones(3, np.bool_), np.ones((3, 2)))
    assert made[:, 0].tolist() == [[1.0, 0.0]] * 2


def test_calibration_never_turns_the_order_round() -> None:
    logit = np.linspace(-3, 3, 200)[:, None].repeat(2, axis=1)
    made = fit_calibration(logit, np.ones(200, np.bool_), (logit < 0).astype(float))
    assert (made[..., 0] >= 0.0).all()


def test_honest_answers_of_a_fold_do_not_depend_on_its_own_truth() -> None:
    rng = np.random.default_rng(0)
    logit, found, fold = rng.normal(size=(200, 2)), np.ones(200, np.bool_), np.arange(200) % 2
    truth = (rng.random((200, 2)) < 0.5).astype(float)
    before = cross_calibrated(logit, found, truth, fold)
    truth[fold == 0] = 1.0 - truth[fold == 0]
    after = cross_calibrated(logit, found, truth, fold)
    assert (before[fold == 0] == after[fold == 0]).all()
    assert not np.allclose(before[fold == 1], after[fold == 1])


def write_slices(folder: Path, patients: int = 4) -> Path:
    """A packed training file of heads with lesions on two of four slices of each patient."""
    rng = np.random.default_rng(0)
    mask, picture = lesion()
    images, masks, names, numbers = [], [], [], []
    for patient in range(patients):
        for number in range(SLICES):
            own = mask if number in (1, 2) else np.zeros_like(mask)
            plane = 255.0 * np.where(own, 0.9, np.minimum(picture, 0.4)) + rng.normal(0, 4, mask.shape)
            images.append(np.stack([np.clip(plane, 0, 255).astype(np.uint8)] * 3, axis=-1))
            masks.append(own.astype(np.uint8))
            names.append(f"p{patient}")
            numbers.append(number)
    path = folder / "lgg128_train.npz"
    np.savez(
        path,
        image=np.stack(images),
        mask=np.stack(masks),
        patient=np.array(names),
        slice=np.array(numbers, np.int16),
    )
    return path


def write_validation(folder: Path) -> None:
    """Two validation patients as TIFF pairs."""
    mask, picture = lesion()
    for patient in ("v0", "v1"):
        own = folder / "lgg" / "tif" / patient
        own.mkdir(parents=True)
        for number in range(1, SLICES + 1):
            shown = mask if number in (2, 3) else np.zeros_like(mask)
            plane = (255 * np.where(shown, 0.9, np.minimum(picture, 0.4))).astype(np.uint8)
            cv2.imwrite(str(own / f"{patient}_{number}.tif"), np.stack([plane] * 3, axis=-1))
            cv2.imwrite(str(own / f"{patient}_{number}_mask.tif"), (255 * shown).astype(np.uint8))


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    return load_training_set(write_slices(tmp_path_factory.mktemp("data")))


def tiny(folder: Path) -> ModelRecord:
    """Two tiny members, each of which left one fold of two patients out; the second finds nothing."""
    record = two_members(folder, patients=4).model_copy(update={"working_size": SIZE})
    blind = tiny_net(1)
    torch.nn.init.constant_(blind.head.bias, -50.0)
    digest = save_weights(blind, record.weight_file(1))
    second = record.members[1].model_copy(update={"sha256": digest})
    record = record.model_copy(update={"members": (record.members[0], second)})
    write_record(record, record.folder)
    return record


@pytest.fixture(scope="module")
def data(packed: TrainingSet, tmp_path_factory: pytest.TempPathFactory) -> QualityData:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    return quality_data(tiny(folder), packed, lambda sentence: None)


def test_predictions_come_from_members_that_never_saw_the_patient(
    data: QualityData, packed: TrainingSet, tmp_path: Path
) -> None:
    record = tiny(tmp_path)
    changed_members = (record.members[0], record.members[0].model_copy(update={"left_out_folds": (1,)}))
    other = quality_data(
        record.model_copy(update={"members": changed_members}), packed, lambda sentence: None
    )
    same = (data.candidates == other.candidates).all(axis=(0, 2, 3))
    first = np.isin(packed.patient, record.folds[0])
    assert same[first].all() and not same[~first].all()


def test_candidates_are_both_kinds_of_input_of_mean_and_members(data: QualityData) -> None:
    # One member left each patient out, so mean and member are the same, for three sequences and for FLAIR.
    assert data.candidates.shape == (4, 16, SIZE, SIZE)
    assert (data.candidates[0] == data.candidates[1]).all()
    assert set(data.prob) == {"p0", "p1", "p2", "p3"}


def test_no_pair_is_drawn_from_a_patient_left_out(data: QualityData) -> None:
    unseen = np.isin(data.patient, ["p0", "p2"])
    marked = QualityData(
        np.where(unseen[:, None, None], np.float32(1.2), np.float32(0.3)) + 0 * data.flair,
        data.mask_ref,
        data.candidates,
        data.patient,
        data.prob,
    )
    task = MemberTask(CONFIG, marked, 0, unseen)
    seen = np.flatnonzero(~unseen)
    pools = seen[marked.busy[seen]], seen[~marked.busy[seen]]
    pairs = [drawn_pair(task, pools, 0, k) for k in range(40)]
    assert max(np.median(each.flair) for each in pairs) < 0.8


def test_same_seed_same_batches_and_weights(data: QualityData) -> None:
    task = MemberTask(CONFIG, data, 0, np.isin(data.patient, ["p0", "p2"]))
    first, second = (next(iter(pair_batches(task, 0))) for _ in range(2))
    assert (first.inputs == second.inputs).all()
    nets = [train_quality_network(task, lambda epoch, loss: None) for _ in range(2)]
    for one, other in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert (one == other).all()


def test_stored_networks_are_named_by_the_record(data: QualityData, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    record = store_quality(tiny(folder), data, CONFIG, lambda sentence: None)
    assert record.quality is not None and record.quality.channel == 1
    assert read_record(folder / "model.json").quality == record.quality
    networks = read_quality(folder / record.quality.file, record.quality.sha256)
    assert networks.left_out == (0, 1)
    alone = quality_networks(record, (0,))
    assert alone is not None and alone.left_out == (0,)


def test_command_trains_and_writes_the_document(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home / "models" / "tiny"
    folder.mkdir(parents=True)
    tiny(folder)
    write_slices(tmp_path)
    write_validation(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(CONFIG.model_dump_json())
    monkeypatch.setattr("core.train.quality.numbers.REPLICATES", 20)
    arguments = ["quality", "tiny", "--data", str(tmp_path), "--config", str(config)]
    found = CliRunner().invoke(train, arguments, catch_exceptions=False)
    assert found.exit_code == 0
    text = (folder / "QUALITY.md").read_text(encoding="utf-8")
    assert "2 patients, 8 slices" in text and "$" not in text
    assert "Learned: rules + network + confidence" in text
    again = CliRunner().invoke(train, [*arguments, "--no-fit"], catch_exceptions=False)
    assert again.exit_code == 0
    assert (folder / "QUALITY.md").read_text(encoding="utf-8") == text


def test_report_of_a_model_without_network_says_how_to_get_one(tmp_path: Path, home: Path) -> None:
    folder = home / "models" / "tiny"
    folder.mkdir(parents=True)
    tiny(folder)
    write_slices(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(CONFIG.model_dump_json())
    arguments = ["quality", "tiny", "--data", str(tmp_path), "--config", str(config), "--no-fit"]
    found = CliRunner().invoke(train, arguments)
    assert "leave out --no-fit" in str(found.exception)


def test_model_without_folds_is_refused(data: QualityData, tmp_path: Path) -> None:
    from core.errors import ModelProblem

    with pytest.raises(ModelProblem, match="no folds"):
        store_quality(make_record(tmp_path), data, CONFIG, lambda sentence: None)
