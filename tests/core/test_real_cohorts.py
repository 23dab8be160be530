"""Real data sets are understood, read, and judged as published."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cohort import recognise
from core.io.listing import open_listing
from core.models import get_model
from core.pipeline.cohorts import add_cohort, preview_cohort
from core.pipeline.imported import import_predictions
from core.pipeline.runs import find_cohort, unit_table
from core.store import Store


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open(mode="memory") as opened:
        yield opened


REAL = {
    "lgg/tif": ("lgg", 12, 12, ("foreground",)),
    "brats": ("brats", 2, 2, ("label 1", "label 2", "label 3", "label 4")),
    "busi": ("pairs", 36, 36, ("foreground",)),
    "acdc": ("acdc", 48, 24, ("label 1", "label 2", "label 3")),
    "lung256": ("pairs", 84, 84, ("foreground",)),
    "wbc_pred": ("folders", 16, 16, ("label 1", "label 2")),
    "cxr224": ("classes", 750, 504, ("bacterial", "normal", "viral")),
    "lgg/lgg128_train.npz": ("packed-npz", 50, 50, ("foreground",)),
}
"""Layout, cases, groups and classes of each data set."""


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_real_folders_are_understood(data_dir: Path, name: str) -> None:
    found = preview_cohort(data_dir / name)
    layout, items, groups, _ = REAL[name]
    assert (found.layout, found.items, found.groups) == (layout, items, groups)


@pytest.mark.data
def test_groups_are_called_as_the_model_calls_its_training_patients(data_dir: Path) -> None:
    """Else a training patient would pass for one that no network has seen."""
    plan = recognise(open_listing(data_dir / "lgg" / "lgg128_train.npz")).plan
    trained = {patient for fold in get_model("lgg-unet").folds for patient in fold}
    assert trained == {item.group for item in plan.items}


def few(data_dir: Path, name: str, folders: int, to: Path) -> Path:
    """The first patients of a data set as a folder of their own."""
    source = data_dir / name
    for folder in sorted(each for each in source.iterdir() if each.is_dir())[:folders]:
        files = sorted(folder.rglob("*"))
        for file in [each for each in files if each.is_file()][:60]:
            path = to / file.relative_to(source)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.read_bytes())
    return to


@pytest.mark.data
@pytest.mark.parametrize("name", ["lgg/tif", "brats", "busi", "acdc", "lung256", "wbc_pred"])
def test_a_few_real_patients_are_read(data_dir: Path, tmp_path: Path, store: Store, name: str) -> None:
    wanted = 1 if name in {"lgg/tif", "brats"} else 2
    record = add_cohort(store, few(data_dir, name, wanted, tmp_path / "d"))
    assert (record.layout, record.class_names) == (REAL[name][0], REAL[name][3])
    assert not [each for each in record.refused if "does not fit" in each.sentence]
    for item in store.cohort_items(record.id):
        case = store.case(item.case_id or "")
        assert case is not None and case.reference is not None
        assert case.reference.mask_ref.shape == case.image.values.shape[1:]
        assert (case.reference.labels is not None) == (len(record.class_names) > 1)


@pytest.mark.data
def test_dice_of_real_predictions_is_the_published_one(data_dir: Path, tmp_path: Path, store: Store) -> None:
    """The data set's own table holds the Dice of nucleus and cytoplasm after every epoch."""
    folder = few(data_dir / "wbc_pred", "CV", 1, tmp_path / "d" / "CV").parent
    cohort = add_cohort(store, folder)
    run = import_predictions(store, cohort.id, folder, judge="last")
    with (data_dir / "wbc_pred" / "CV_dice.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["case"] == "002"]
    last = rows[-1]
    assert last["epoch"] == "15"
    expected = (float(last["dice_cytoplasm"]) + float(last["dice_nucleus"])) / 2
    table = unit_table(store, run.id)
    assert table.name == ("CV/002",)
    assert table.metrics["dice"].tolist() == pytest.approx([expected], abs=1e-6)
    assert 0 < table.confidence["pairwise_dice"][0] < 1


@pytest.mark.data
def test_find_cohort_knows_name_and_beginning_of_the_id(data_dir: Path, tmp_path: Path, store: Store) -> None:
    record = add_cohort(store, few(data_dir, "acdc", 1, tmp_path / "heart"))
    assert find_cohort(store, "heart").id == find_cohort(store, record.id[:8]).id == record.id
