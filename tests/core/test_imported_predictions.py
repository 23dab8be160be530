"""Predictions made elsewhere: pictures, volumes and tables that belong to a cohort, or are one."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from core.errors import InputProblem
from core.pipeline.classify import stored_classification
from core.pipeline.cohorts import add_cohort, holds_predictions
from core.pipeline.imported import import_predictions, preview_predictions
from core.pipeline.imported_analysis import ONE_MASK
from core.pipeline.prediction_tables import add_table
from core.pipeline.runs import unit_table
from core.store import Store
from tests.core.cohort_files import grey, make_folders, make_pairs, save, square


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open(mode="memory") as opened:
        yield opened


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
