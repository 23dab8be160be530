"""Foreign images from the stream of a network to the flag, the frame and the note."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.config import AnalysisConfig
from core.detector.familiarity import Familiarity, Gaussian, Scale, View
from core.detector.familiarity_file import write_familiarity
from core.detector.picture_statistics import STATISTICS_SIZE
from core.io import read_paths
from core.models.records import FamiliarityFile
from core.models.registry import write_record
from core.pipeline import Outcome, analyse, open_case, open_sample
from core.pipeline.foreign import UNCHECKED
from core.store import Store
from core.types import Score
from core.view.layers import layers_of
from tests.core.inference.conftest import make_record
from tests.core.test_pipeline import TINY, png

FILE = "familiarity.safetensors"


def describe_tiny(home: Path, limit: float) -> None:
    """A description under which any picture lies exp(limit) times as far as its limit allows, or nearer."""
    folder = home / "models" / "tiny"
    record = make_record(folder)
    width = 24  # of the second deepest stage of the tiny encoder

    def view(size: int) -> View:
        unit = Gaussian(np.full(size, 1000.0), np.ones(size), np.eye(size))
        return View((unit,), Scale(limit - 1.0, limit))

    members = {k: view(width) for k in range(len(record.members))}
    usual = Scale(0.0, 1.0)
    made = Familiarity(view(STATISTICS_SIZE), members, usual, usual, patients=4)
    digest = write_familiarity(made, folder / FILE)
    write_record(record.model_copy(update={"familiarity": FamiliarityFile(file=FILE, sha256=digest)}), folder)


def familiarity(outcome: Outcome) -> Score:
    return next(each for each in outcome.analysis.scores if each.key == "familiarity")


def rules(outcome: Outcome) -> set[str]:
    return {flag.rule for flag in outcome.verdict.flags}


def run(store: Store) -> Outcome:
    return analyse(store, open_case(store, [png(1)]), TINY)


def test_model_without_a_description_says_that_nothing_was_checked(store: Store) -> None:
    outcome = run(store)
    score = familiarity(outcome)
    assert score.value is None
    assert score.note.startswith("not available: the model came without")
    assert UNCHECKED in outcome.analysis.made_by.notes
    assert "foreign" not in rules(outcome)


def test_far_picture_is_for_review_and_framed(store: Store, home: Path) -> None:
    describe_tiny(home, limit=-10.0)
    outcome = run(store)
    flag = next(each for each in outcome.verdict.flags if each.rule == "foreign")
    assert (flag.cause, flag.slice, outcome.verdict.answer) == ("ood", None, "review")
    assert "unlike the training pictures" in flag.sentence
    layers = {each.id: each for each in layers_of(outcome.case, outcome.analysis, outcome.verdict)}
    assert (layers["ood"].line, layers["ood"].letter, layers["ood"].on) == ("frame", "O", True)
    assert UNCHECKED not in outcome.analysis.made_by.notes


def test_near_picture_is_familiar_and_another_description_is_another_result(store: Store, home: Path) -> None:
    describe_tiny(home, limit=100.0)
    near = run(store)
    assert familiarity(near).value == 1.0
    assert familiarity(near) == next(
        each for each in near.analysis.slices[0].scores if each.key == "familiarity"
    )
    assert "foreign" not in rules(near)
    describe_tiny(home, limit=-10.0)
    far = run(store)
    assert far.analysis.key != near.analysis.key
    assert "foreign" in rules(far)


SHIPPED = AnalysisConfig(model_id="lgg-segformer", device="cpu")
PLAIN = SHIPPED.model_copy(update={"estimator": SHIPPED.estimator.model_copy(update={"kind": "point"})})


@pytest.fixture
def plain_store(home: Path) -> Iterator[Store]:
    with Store.open() as opened:
        yield opened


@pytest.mark.data
@pytest.mark.slow
def test_chest_film_in_the_brain_model_is_foreign_and_a_brain_is_not(
    plain_store: Store, data_dir: Path
) -> None:
    film = sorted((data_dir / "cxr224" / "normal").glob("*.jpeg"))[0]
    brain = data_dir / "lgg" / "tif" / "TCGA_CS_4941_19960909" / "TCGA_CS_4941_19960909_14.tif"
    found = [
        analyse(plain_store, open_case(plain_store, read_paths([path])), PLAIN) for path in (film, brain)
    ]
    assert ["foreign" in rules(each) for each in found] == [True, False]


@pytest.mark.slow
def test_drawn_sample_passes_as_a_brain(plain_store: Store) -> None:
    found = analyse(plain_store, open_sample(plain_store, "frontal-left"), PLAIN)
    assert "foreign" not in rules(found)
