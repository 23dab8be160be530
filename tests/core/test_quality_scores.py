"""The quality network from a picture and its outline to scores, flag, note, key and the map of doubt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.config import AnalysisConfig, CorruptionConfig, CorruptionStep
from core.detector.quality.file import write_quality
from core.detector.quality.network import SIZE, QualityNet
from core.detector.quality.networks import QualityNetworks
from core.io import read_paths
from core.models.records import ModelRecord, QualityFile
from core.models.registry import get_model, write_record
from core.pipeline import Outcome, analyse, open_case
from core.pipeline.quality import UNJUDGED, doubt_map, outline, quality_networks, quality_scores
from core.pipeline.stress import stress
from core.store import Store
from core.types import Score
from core.view.layers import layers_of
from tests.core.inference.conftest import make_record
from tests.core.test_pipeline import TINY, png
from tests.core.toy_runs import make_case

FILE = "quality.safetensors"
BAD, GOOD = -3.0, 3.0


def networks(offset: float) -> QualityNetworks:
    """Two networks whose answers differ with picture and mask, moved by an offset of the logit."""
    nets = []
    for seed in range(2):
        net, generator = QualityNet().eval(), torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for each in net.parameters():
                each.normal_(0.0, 0.05, generator=generator)
        nets.append(net.requires_grad_(False))
    return QualityNetworks(tuple(nets), (0, 1), np.tile([1.0, offset], (2, 2, 1)))


def judge_tiny(home: Path, offset: float) -> ModelRecord:
    """Give the tiny model a quality network."""
    folder = home / "models" / "tiny"
    record = make_record(folder)
    digest = write_quality(networks(offset), folder / FILE)
    judged = record.model_copy(update={"quality": QualityFile(file=FILE, sha256=digest, channel=1)})
    write_record(judged, folder)
    return judged


def run(store: Store) -> Outcome:
    return analyse(store, open_case(store, [png(1)]), TINY)


def score(outcome: Outcome, key: str = "quality") -> Score:
    return next(each for each in outcome.analysis.scores if each.key == key)


def rules(outcome: Outcome) -> set[str]:
    return {flag.rule for flag in outcome.verdict.flags}


def test_model_without_a_network_says_that_rules_alone_judge(store: Store) -> None:
    outcome = run(store)
    for key in ("quality", "quality_dice"):
        assert score(outcome, key).value is None
        assert score(outcome, key).note.startswith("not available")
    assert UNJUDGED in outcome.analysis.made_by.notes
    assert "low-quality" not in rules(outcome)
    assert doubt_map(outcome.case, outcome.analysis) is None


def test_low_quality_is_for_review_and_drawn_in_purple(store: Store, home: Path) -> None:
    judge_tiny(home, BAD)
    outcome = run(store)
    flag = next(each for each in outcome.verdict.flags if each.rule == "low-quality")
    assert (flag.cause, flag.slice, outcome.verdict.answer) == ("quality", 0, "review")
    layers = {each.id: each for each in layers_of(outcome.case, outcome.analysis, outcome.verdict)}
    assert (layers["quality"].letter, layers["quality"].line) == ("Q", "double")
    assert UNJUDGED not in outcome.analysis.made_by.notes


def test_another_network_is_another_result(store: Store, home: Path) -> None:
    plain = run(store)
    judge_tiny(home, GOOD)
    good = run(store)
    judge_tiny(home, BAD)
    bad = run(store)
    assert len({each.analysis.key for each in (plain, good, bad)}) == 3
    assert "low-quality" not in rules(good)
    assert (score(good).value or 0.0) > 0.9
    assert (score(bad).value or 1.0) < 0.1
    single = next(each for each in bad.analysis.slices[0].scores if each.key == "quality")
    assert single.value == score(bad).value


def test_kept_result_reads_back_equal(store: Store, home: Path) -> None:
    judge_tiny(home, GOOD)
    first, second = run(store), run(store)
    assert second.cached
    assert first.analysis.scores == second.analysis.scores
    assert first.analysis.slices == second.analysis.slices


def test_map_of_doubt_lies_on_the_image(store: Store, home: Path) -> None:
    judge_tiny(home, GOOD)
    outcome = run(store)
    doubt = doubt_map(outcome.case, outcome.analysis)
    assert doubt is not None
    assert doubt.codes.shape == outcome.case.image.values.shape[1:]
    assert doubt.upper == 1.0
    again = doubt_map(outcome.case, outcome.analysis)
    assert again is not None and (again.codes == doubt.codes).all()


def test_moved_picture_is_judged_where_it_was(store: Store, home: Path) -> None:
    judge_tiny(home, GOOD)
    case = make_case(1, slices=2)
    step = CorruptionStep(key="rotation", severity=3.0)
    moved = TINY.model_copy(update={"corruption": CorruptionConfig(steps=(step,))})
    found = stress(store, case, moved).result
    assert isinstance(found, Outcome)
    assert [each.value is not None for each in (score(found), score(found, "quality_dice"))] == [True, True]


def test_picture_that_was_moved_and_turned_back_is_the_picture(home: Path) -> None:
    (home / "models" / "tiny").mkdir(parents=True)
    record = judge_tiny(home, GOOD)
    image = make_case(1, slices=2).image
    mask = np.zeros(image.values.shape[1:], np.uint8)
    mask[:, 5:12, 5:12] = 1
    plain = quality_scores(record, image, (0, 0, 0), mask)
    same = quality_scores(record, image, (0, 0, 0), mask, undo=lambda planes: planes)
    other = quality_scores(record, image, (0, 0, 0), mask, undo=lambda planes: planes[..., ::-1].copy())
    assert plain == same
    assert plain != other


def test_training_patient_is_judged_by_a_network_that_never_saw_it(home: Path) -> None:
    (home / "models" / "tiny").mkdir(parents=True)
    record = judge_tiny(home, GOOD)
    left_out = [
        each.model_copy(update={"left_out_folds": (k, k + 1)}) for k, each in enumerate(record.members)
    ]
    record = record.model_copy(update={"members": tuple(left_out)})
    # Members 0 and 1 left folds 0, 1 and 1, 2 out: together they judge patients of fold 1.
    assert record.folds_unseen((0, 1)) == (1,)
    assert record.folds_unseen(None) == record.folds_unseen(()) == ()
    every, own = quality_networks(record, None), quality_networks(record, (0, 1))
    assert every is not None and own is not None
    assert (every.left_out, own.left_out) == ((0, 1), (1,))


def test_outline_keeps_pixels_covered_by_more_than_half() -> None:
    mask = np.zeros((2 * SIZE, 2 * SIZE), np.uint8)
    mask[:2, :2] = 1  # covers one pixel
    mask[0, 10:12] = 1  # covers half of one
    assert np.argwhere(outline(mask)).tolist() == [[0, 0]]


SHIPPED = AnalysisConfig(model_id="lgg-unet", device="cpu")


@pytest.mark.data
@pytest.mark.slow
def test_shipped_network_trusts_a_real_outline_more_than_its_mirror_image(data_dir: Path, home: Path) -> None:
    path = data_dir / "lgg" / "tif" / "TCGA_CS_4941_19960909" / "TCGA_CS_4941_19960909_14.tif"
    record = get_model("lgg-unet")
    with Store.open() as opened:
        case = open_case(opened, read_paths([path]))
        outcome = analyse(opened, case, SHIPPED)
    mask = outcome.analysis.mask_pred
    _, (mirrored, _) = quality_scores(record, case.image, (0, 1, 2), mask[..., ::-1].copy())
    own = score(outcome).value
    assert own is not None and mirrored.value is not None
    assert own > mirrored.value + 0.3
