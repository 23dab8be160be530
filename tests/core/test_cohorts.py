"""Cohorts from files to store and back, predictions made elsewhere, tables, and the commands."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from core.cli import main
from core.cohort import recognise
from core.errors import Cancelled, InputProblem
from core.io.listing import open_listing
from core.models import get_model
from core.pipeline.classify import stored_classification
from core.pipeline.cohorts import add_cohort, holds_predictions, preview_cohort, remove_cohort
from core.pipeline.imported import import_predictions, preview_predictions
from core.pipeline.imported_analysis import ONE_MASK, class_levels_of
from core.pipeline.prediction_tables import add_table
from core.pipeline.runs import find_cohort, unit_table
from core.store import Store
from core.types import NamedBytes

SIDE = 16


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open(mode="memory") as opened:
        yield opened


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def grey(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (SIDE, SIDE)).astype(np.uint8)


def square(rows: int, value: int = 255) -> np.ndarray:
    """The first `rows` rows of eight columns: 8 * rows pixels."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:rows, :8] = value
    return mask


def make_pairs(folder: Path, count: int = 3) -> Path:
    for k in range(count):
        save(folder / f"case{k}.png", grey(k))
        save(folder / f"case{k}_mask.png", square(4))
    return folder


def make_folders(folder: Path) -> Path:
    """Two cells with an image, a reference of 32 pixels and three epochs, the last one right."""
    for k, cell in enumerate(("001", "002")):
        save(folder / cell / "image.png", grey(k))
        save(folder / cell / "reference.png", square(4, 1))
        for epoch, rows in ((1, 0), (9, 2), (10, 4)):
            save(folder / cell / f"net_epoch{epoch}.png", square(rows, 1))
    return folder


class TestAdding:
    def test_preview_says_what_adding_will_do(self, tmp_path: Path, store: Store) -> None:
        make_pairs(tmp_path)
        save(tmp_path / "lone.png", grey(9))
        found = preview_cohort(tmp_path)
        record = add_cohort(store, tmp_path, "mine")
        assert (found.layout, found.items, found.with_reference) == ("pairs", 3, 3)
        assert (record.items, record.groups, record.name, record.class_names) == (
            3,
            3,
            "mine",
            ("foreground",),
        )
        assert record.refused == found.refused
        assert [each.name for each in record.refused] == ["lone.png"]
        assert {key for key, _ in found.reasons} > {"lgg", "manifest"}

    def test_cases_are_kept_with_group_and_reference(self, tmp_path: Path, store: Store) -> None:
        record = add_cohort(store, make_pairs(tmp_path))
        items = store.cohort_items(record.id)
        assert [item.name for item in items] == ["case0", "case1", "case2"]
        case = store.case(items[1].case_id or "")
        assert case is not None and case.reference is not None
        assert case.image.values[0, 0].tolist() == grey(1).tolist()
        assert case.reference.mask_ref.sum() == 32

    def test_same_files_make_the_same_cohort_also_from_a_zip(self, tmp_path: Path, store: Store) -> None:
        make_pairs(tmp_path / "d")
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for path in sorted((tmp_path / "d").iterdir()):
                archive.write(path, path.name)
        first = add_cohort(store, tmp_path / "d")
        second = add_cohort(store, [NamedBytes("d.zip", out.getvalue())])
        assert (first.id, first.name) == (second.id, second.name)
        assert len(store.cohorts()) == 1

    def test_one_bad_case_does_not_stop_the_others(self, tmp_path: Path, store: Store) -> None:
        make_pairs(tmp_path)
        (tmp_path / "case0.png").write_bytes(b"no picture")
        save(tmp_path / "case1_mask.png", square(4)[:, :8])
        record = add_cohort(store, tmp_path)
        refused = {each.name: each.sentence for each in record.refused}
        assert [item.name for item in store.cohort_items(record.id)] == ["case2"]
        assert "Not an image" in refused["case0"]
        assert "does not fit" in refused["case1"]

    def test_the_same_picture_twice_counts_once(self, tmp_path: Path, store: Store) -> None:
        make_pairs(tmp_path, 1)
        save(tmp_path / "twin.png", grey(0))
        save(tmp_path / "twin_mask.png", square(4))
        record = add_cohort(store, tmp_path)
        assert record.items == 1
        assert record.refused[0].sentence == "Its files are the same as those of case0."

    def test_nothing_readable_is_one_message(self, tmp_path: Path, store: Store) -> None:
        for name in ("a.png", "a_mask.png"):
            (tmp_path / name).write_bytes(b"x")
        with pytest.raises(InputProblem, match="No case of the cohort could be read"):
            add_cohort(store, tmp_path)
        assert store.cohorts() == ()

    def test_cancelling_leaves_nothing_new_behind(self, tmp_path: Path, store: Store) -> None:
        kept = add_cohort(store, make_pairs(tmp_path / "kept", 1))

        def stop(share: float, sentence: str) -> None:
            if sentence == "Reading 3 of 3":
                raise Cancelled

        with pytest.raises(Cancelled):
            add_cohort(store, make_pairs(tmp_path / "more"), progress=stop)
        assert [each.id for each in store.cohorts()] == [kept.id]
        assert len(store.case_summaries()) == 1

    def test_several_labels_are_one_scheme_for_all_cases(self, tmp_path: Path, store: Store) -> None:
        make_pairs(tmp_path, 2)
        save(tmp_path / "case0_mask.png", square(4, 1))
        save(tmp_path / "case1_mask.png", square(4, 3))
        record = add_cohort(store, tmp_path)
        assert record.class_names == ("label 1", "label 2", "label 3")
        found = [store.case(item.case_id or "") for item in store.cohort_items(record.id)]
        labels = [case.reference.labels for case in found if case and case.reference]
        assert [np.unique(each).tolist() for each in labels if each is not None] == [[0, 1], [0, 3]]

    def test_grey_levels_are_classes_and_said_so(self, tmp_path: Path, store: Store) -> None:
        make_pairs(tmp_path, 1)
        mask = square(4, 128)
        mask[8:12, :4] = 255
        save(tmp_path / "case0_mask.png", mask)
        record = add_cohort(store, tmp_path)
        (item,) = store.cohort_items(record.id)
        case = store.case(item.case_id or "")
        assert case is not None and case.reference is not None and case.reference.labels is not None
        assert record.class_names == ("label 128", "label 255")
        assert class_levels_of(record.class_names) == (128, 255)
        assert case.reference.value_set == (0.0, 128.0, 255.0)
        assert np.bincount(case.reference.labels.ravel()).tolist() == [SIDE * SIDE - 48, 32, 16]
        assert any("128 is class 1, 255 is class 2" in note for note in case.notes)


class TestRemoving:
    def test_cases_that_another_cohort_holds_stay(self, tmp_path: Path, store: Store) -> None:
        all_three = add_cohort(store, make_pairs(tmp_path / "three", 3))
        one = add_cohort(store, make_pairs(tmp_path / "one", 1))
        assert remove_cohort(store, all_three.id) == 2
        assert [each.id for each in store.cohorts()] == [one.id]
        assert len(store.case_summaries()) == 1


class TestPredictions:
    def test_epochs_are_samples_and_the_last_can_be_judged(self, tmp_path: Path, store: Store) -> None:
        """Epochs of 0, 16 and 32 pixels inside each other: pairwise Dice 0, 0 and 2 * 16 / 48 = 2 / 3."""
        cohort = add_cohort(store, make_folders(tmp_path))
        preview = preview_predictions(store, cohort.id, tmp_path)
        assert (preview.matched, preview.samples, preview.unmatched) == (2, (3, 3), ())
        last = import_predictions(store, cohort.id, tmp_path, judge="last")
        mean = import_predictions(store, cohort.id, tmp_path, judge="mean")
        assert (last.done, last.failed, last.source, last.class_names) == (2, 0, "imported", ("foreground",))
        judged_last, judged_mean = unit_table(store, last.id), unit_table(store, mean.id)
        assert judged_last.metrics["dice"].tolist() == [1.0, 1.0]
        # Two of three epochs have the first 16 pixels, one of three the rest: 2 * 16 / (16 + 32).
        assert judged_mean.metrics["dice"].tolist() == pytest.approx([2 / 3, 2 / 3])
        for table in (judged_last, judged_mean):
            assert table.confidence["pairwise_dice"].tolist() == pytest.approx([2 / 9, 2 / 9])
            assert table.name == ("001", "002")

    def test_same_files_make_the_same_run(self, tmp_path: Path, store: Store) -> None:
        cohort = add_cohort(store, make_folders(tmp_path))
        runs = [import_predictions(store, cohort.id, tmp_path).id for _ in range(2)]
        assert runs[0] == runs[1]
        assert len(store.runs(cohort.id)) == 1

    def test_the_analysis_can_be_opened_and_says_that_it_was_imported(
        self, tmp_path: Path, store: Store
    ) -> None:
        from core.pipeline import stored_outcome

        cohort = add_cohort(store, make_folders(tmp_path))
        run = import_predictions(store, cohort.id, tmp_path, judge="majority")
        key = unit_table(store, run.id).analysis_key[0]
        outcome = stored_outcome(store, key or "")
        assert outcome is not None and outcome.overlap is not None
        made_by = outcome.analysis.made_by
        assert (made_by.imported, made_by.config.model_id, made_by.samples) == (True, "imported", 3)
        assert outcome.overlap.whole.dice == pytest.approx(2 / 3)

    def test_pictures_of_slices_are_put_together(self, tmp_path: Path, store: Store) -> None:
        for number in (9, 10):
            save(tmp_path / "d" / "p" / f"p_{number}.tif", grey(number))
            save(tmp_path / "d" / "p" / f"p_{number}_mask.tif", square(number - 8))
            for fold in (0, 1):
                save(tmp_path / "f" / f"fold{fold}" / f"p_{number}.png", square(number - 8 + fold))
        cohort = add_cohort(store, tmp_path / "d")
        run = import_predictions(store, cohort.id, tmp_path / "f", judge="last")
        slices = unit_table(store, run.id, "slice")
        assert (cohort.layout, run.done, slices.slice.tolist()) == ("lgg", 1, [0, 1])
        # The last fold draws a row too many: 2 * 8 / (8 + 16), 2 * 16 / (16 + 24).
        assert slices.metrics["dice"].tolist() == pytest.approx([2 / 3, 4 / 5])

    def test_nnunet_from_data_set_to_softmax(self, tmp_path: Path, store: Store) -> None:
        affine = np.diag([-1.0, -1.0, 2.0, 1.0])
        labels = np.zeros((6, 5, 4), np.uint8)
        labels[1:3, 1:3, 1], labels[4, 4, 2] = 1, 2
        for folder in ("imagesTr", "labelsTr"):
            (tmp_path / "d" / folder).mkdir(parents=True)
        for channel in (0, 1):
            values = np.arange(120, dtype=np.int16).reshape(6, 5, 4) * np.int16(channel + 1)
            nib.save(nib.Nifti1Image(values, affine), tmp_path / f"d/imagesTr/a_000{channel}.nii.gz")
        nib.save(nib.Nifti1Image(labels, affine), tmp_path / "d/labelsTr/a.nii.gz")
        facts = {"channel_names": {"0": "FLAIR", "1": "T1"}, "labels": {"background": 0, "x": 1, "y": 2}}
        (tmp_path / "d" / "dataset.json").write_text(json.dumps(facts))
        cohort = add_cohort(store, tmp_path / "d")
        (item,) = store.cohort_items(cohort.id)
        case = store.case(item.case_id or "")
        assert case is not None and case.image.channel_names == ("FLAIR", "T1")
        assert (cohort.layout, cohort.class_names) == ("nnunet", ("x", "y"))
        softmax = np.stack([k == labels.T for k in range(3)]) * np.float32(0.7) + np.float32(0.1)
        (tmp_path / "p").mkdir()
        np.savez(tmp_path / "p" / "a.npz", probabilities=softmax.astype(np.float16))
        run = import_predictions(store, cohort.id, tmp_path / "p")
        table = unit_table(store, run.id)
        assert run.class_names == ("x", "y")
        assert table.metrics["dice"].tolist() == [1.0]

    def test_one_hard_mask_has_no_confidence(self, tmp_path: Path, store: Store) -> None:
        cohort = add_cohort(store, make_pairs(tmp_path / "d", 1))
        save(tmp_path / "p" / "case0.png", square(2))
        run = import_predictions(store, cohort.id, tmp_path / "p")
        table = unit_table(store, run.id)
        assert table.metrics["dice"].tolist() == pytest.approx([2 * 16 / 48])
        assert all(np.isnan(values).all() for values in table.confidence.values())
        analysis = store.analysis(table.analysis_key[0] or "")
        assert analysis is not None
        notes = {score.key: score.note for score in analysis.scores}
        assert "neighbours" in notes.pop("neighbour_dice")
        assert set(notes.values()) == {ONE_MASK}

    def test_probabilities_of_one_file_have_a_confidence(self, tmp_path: Path, store: Store) -> None:
        cohort = add_cohort(store, make_pairs(tmp_path / "d", 1))
        prob = np.where(square(4) > 0, 0.9, 0.1).astype(np.float32)
        (tmp_path / "p").mkdir()
        np.savez(tmp_path / "p" / "case0.npz", probabilities=np.stack([1 - prob, prob])[:, None])
        run = import_predictions(store, cohort.id, tmp_path / "p")
        table = unit_table(store, run.id)
        assert table.metrics["dice"].tolist() == [1.0]
        # 2 * 32 * 0.9 / (32 + 32 * 0.9 + 224 * 0.1), to the 16 bits that are kept
        assert table.confidence["expected_dice"].tolist() == pytest.approx([57.6 / 83.2], abs=1e-4)

    def test_what_does_not_fit_or_is_missing_is_listed(self, tmp_path: Path, store: Store) -> None:
        cohort = add_cohort(store, make_pairs(tmp_path / "d", 4))
        save(tmp_path / "p" / "case0.png", square(4))
        save(tmp_path / "p" / "case1.png", square(4)[:8])
        save(tmp_path / "p" / "case2_mask.png", square(4))
        save(tmp_path / "p" / "stranger.png", square(4))
        assert [each.name for each in preview_predictions(store, cohort.id, tmp_path / "p").refused] == [
            "stranger.png"
        ]
        run = import_predictions(store, cohort.id, tmp_path / "p")
        failures = {each.name: each.sentence for each in store.run_failures(run.id)}
        assert (run.done, run.failed) == (1, 3)
        assert "does not fit the case" in failures["case1"]
        assert "The reference itself" in failures["case2"]
        assert failures["case3"] == "No prediction was given for this case."

    def test_a_right_prediction_called_like_its_reference_counts(self, tmp_path: Path, store: Store) -> None:
        for k, mask in enumerate((square(4), square(0))):
            save(tmp_path / "d" / "images" / f"c{k}.png", grey(k))
            save(tmp_path / "d" / "masks" / f"c{k}.png", mask)
            save(tmp_path / "p" / f"c{k}.png", mask)
        cohort = add_cohort(store, tmp_path / "d")
        run = import_predictions(store, cohort.id, tmp_path / "p")
        assert unit_table(store, run.id).metrics["dice"].tolist() == [1.0, 1.0]
        wrong = import_predictions(store, cohort.id, tmp_path / "d" / "masks", "the references")
        assert "The reference itself" in store.run_failures(wrong.id)[0].sentence

    def test_a_table_may_name_the_files(self, tmp_path: Path, store: Store) -> None:
        cohort = add_cohort(store, make_pairs(tmp_path / "d", 2))
        save(tmp_path / "p" / "x1.png", square(2))
        save(tmp_path / "p" / "x2.png", square(4))
        rows = "case,prediction\ncase0,x1.png;x2.png\ncase1,../d/case1_mask.png\nother,x1.png\n"
        (tmp_path / "p" / "t.csv").write_text(rows)
        preview = preview_predictions(store, cohort.id, tmp_path / "p" / "t.csv")
        assert (preview.matched, preview.samples, preview.unmatched) == (1, (2, 2), ("case1",))
        assert [each.name for each in preview.refused] == ["../d/case1_mask.png", "other"]
        run = import_predictions(store, cohort.id, tmp_path / "p" / "t.csv", judge="last")
        assert unit_table(store, run.id).metrics["dice"].tolist() == [1.0]
        (tmp_path / "p" / "t.csv").write_text("case,confidence\ncase0,1\n")
        with pytest.raises(InputProblem, match="columns case and prediction"):
            import_predictions(store, cohort.id, tmp_path / "p" / "t.csv")

    def test_no_file_of_any_case_is_one_message(self, tmp_path: Path, store: Store) -> None:
        cohort = add_cohort(store, make_pairs(tmp_path / "d", 1))
        save(tmp_path / "p" / "stranger.png", square(4))
        with pytest.raises(InputProblem, match="such as case0"):
            import_predictions(store, cohort.id, tmp_path / "p")


class TestTables:
    def write(self, path: Path, *rows: tuple[object, ...]) -> Path:
        with path.open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)
        return path

    def make_classes(self, folder: Path) -> Path:
        for k, each in enumerate(("normal", "normal", "normal", "viral", "viral", "viral")):
            save(folder / each / f"00{k}.png", grey(k))
        return folder

    def test_class_probabilities_for_the_cases_of_a_cohort(self, tmp_path: Path, store: Store) -> None:
        cohort = add_cohort(store, self.make_classes(tmp_path / "d"))
        table = self.write(
            tmp_path / "t.csv",
            ("case", "prob_viral", "normal"),
            ("normal/000", 0.25, 0.75),
            ("003", "0.5", "0.5"),
        )
        run = import_predictions(store, cohort.id, table)
        assert (run.task, run.class_names, run.done, run.failed) == (
            "classification",
            ("normal", "viral"),
            2,
            4,
        )
        found = unit_table(store, run.id)
        assert found.name == ("normal/000", "viral/003")
        assert found.prob is not None and found.prob.tolist() == [[0.75, 0.25], [0.5, 0.5]]
        assert found.label is not None and found.label.tolist() == [[True, False], [False, True]]
        assert found.confidence["max_softmax"].tolist() == [0.75, 0.5]
        outcome = stored_classification(store, found.analysis_key[0] or "")
        assert outcome is not None and outcome.classification.predicted == ("normal",)

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ((("case", "prob_normal"), ("normal/000", 1)), "prob_viral"),
            ((("case", "normal", "viral"), ("normal/000", 0.5, 0.6)), "add up to 1"),
            ((("case", "normal", "viral"), ("normal/000", "x", 0.6)), "numbers from 0 to 1"),
            ((("case", "normal", "viral"), ("000", 1, 0), ("000", 1, 0)), "twice"),
            ((("case", "normal", "viral"), ("0", 1, 0)), "No row belongs"),
        ],
    )
    def test_wrong_tables_are_one_message(
        self, tmp_path: Path, store: Store, rows: tuple[tuple[object, ...], ...], message: str
    ) -> None:
        cohort = add_cohort(store, self.make_classes(tmp_path / "d"))
        with pytest.raises(InputProblem, match=message):
            import_predictions(store, cohort.id, self.write(tmp_path / "t.csv", *rows))
        assert store.runs(cohort.id) == ()

    def test_a_table_alone_becomes_a_cohort_without_images(self, tmp_path: Path, store: Store) -> None:
        head = ("case", "confidence", "risk", "group")
        rows = [head, ("001", 0.9, 0, "p"), ("NA", 0.2, 1, "p"), ("1E5", 0.4, 0.5, "q")]
        path = self.write(tmp_path / "t.csv", *rows)
        assert holds_predictions(path)
        cohort, run = add_table(store, path)
        assert (cohort.layout, cohort.items, cohort.groups, run.done) == ("table", 3, 2, 3)
        table = unit_table(store, run.id)
        assert table.name == ("001", "NA", "1E5")
        assert table.confidence["confidence"].tolist() == [0.9, 0.2, 0.4]
        assert table.metrics["risk"].tolist() == [0.0, 1.0, 0.5]
        assert table.case_id == (None, None, None)

    def test_a_table_of_class_probabilities_brings_its_labels(self, tmp_path: Path, store: Store) -> None:
        path = self.write(
            tmp_path / "t.csv",
            ("case", "label", "prob_a", "prob_b"),
            ("1", "a", 0.9, 0.1),
            ("2", "a", 0.3, 0.7),
        )
        cohort, run = add_table(store, path, "mine")
        table = unit_table(store, run.id)
        assert (cohort.name, cohort.task, cohort.class_names) == ("mine", "classification", ("a", "b"))
        assert store.cohort_items(cohort.id)[0].labels == ("a",)
        assert table.prob is not None and table.prob.tolist() == [[0.9, 0.1], [0.3, 0.7]]


class TestCommands:
    def run(self, *arguments: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(main, arguments)
        return done.exit_code, done.stdout, done.stderr

    def test_add_list_show_import_remove(self, tmp_path: Path, home: Path) -> None:
        folder = str(make_folders(tmp_path / "cells"))
        code, out, _ = self.run("cohort", "add", folder, "--json")
        added = json.loads(out)
        assert (code, added["name"], added["items"], added["layout"]) == (0, "cells", 2, "folders")
        code, out, _ = self.run("cohort", "list", "--json")
        assert [each["id"] for each in json.loads(out)] == [added["id"]]
        code, out, _ = self.run("import-predictions", "cells", folder, "--judge", "last", "--json")
        run = json.loads(out)
        assert (code, run["done"], run["failures"]) == (0, 2, [])
        code, out, _ = self.run("cohort", "show", "cells", "--json")
        shown = json.loads(out)
        assert [each["name"] for each in shown["cases"]] == ["001", "002"]
        assert [each["id"] for each in shown["runs"]] == [run["id"]]
        code, out, _ = self.run("cohort", "remove", added["id"][:8])
        assert (code, out) == (0, "cells was removed with 2 of its 2 cases\n")
        assert self.run("cohort", "list") == (0, "", "")

    def test_preview_writes_nothing(self, tmp_path: Path, home: Path) -> None:
        code, out, err = self.run("cohort", "preview", str(make_pairs(tmp_path / "d")))
        assert code == 0
        assert out.startswith("pairs: 3 images with a mask of the same name")
        assert "not lgg: " in err
        assert list(home.iterdir()) == []

    @pytest.mark.parametrize(
        "arguments",
        [
            ("add", "/nothing/there"),
            ("show", "unknown"),
            ("remove", "unknown"),
            ("preview", ".", "--layout", "x"),
        ],
    )
    def test_bad_input_is_exit_code_2_and_one_message(self, home: Path, arguments: tuple[str, ...]) -> None:
        code, out, err = self.run("cohort", *arguments)
        assert (code, out) == (2, "")
        assert len(err.strip().splitlines()) == 1

    def test_names_cannot_steer_the_terminal(self, tmp_path: Path, home: Path) -> None:
        make_pairs(tmp_path / "d", 1)
        save(tmp_path / "d" / "\x1b[31mred\u202e.png", grey(5))
        _, out, err = self.run("cohort", "add", str(tmp_path / "d"))
        assert "red" in err
        assert not {"\x1b", "\u202e"} & set(out + err)


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
