"""Cohorts from files to store and back, and the commands."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from core.cli import main
from core.errors import Cancelled, InputProblem
from core.pipeline.cohorts import add_cohort, preview_cohort, remove_cohort
from core.pipeline.imported_analysis import class_levels_of
from core.store import Store
from core.types import NamedBytes
from tests.core.cohort_files import SIDE, grey, make_folders, make_pairs, save, square


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open(mode="memory") as opened:
        yield opened


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

    def test_predictions_of_which_none_fits_end_with_2(self, tmp_path: Path, home: Path) -> None:
        assert self.run("cohort", "add", str(make_pairs(tmp_path / "d", 1)))[0] == 0
        save(tmp_path / "p" / "case0.png", square(4)[:8])
        code, out, err = self.run("import-predictions", "d", str(tmp_path / "p"))
        assert (code, out.split(",")[0]) == (2, "p")
        assert "does not fit the case" in err
        code, out, _ = self.run("cohort", "remove", "d", "--json")
        assert (code, json.loads(out)["removed_cases"]) == (0, 1)

    def test_a_name_cannot_break_the_one_line_of_a_message(self, tmp_path: Path, home: Path) -> None:
        self.run("cohort", "add", str(make_pairs(tmp_path / "d", 1)), "--name", "a\n\x1b[31mb")
        code, _, err = self.run("coverage", "nothing")
        assert (code, err.count("\n"), "\x1b" in err) == (2, 1, False)

    def test_a_name_that_two_cohorts_have_removes_neither(self, tmp_path: Path, home: Path) -> None:
        for count in (1, 2):
            folder = str(make_pairs(tmp_path / str(count), count))
            self.run("cohort", "add", folder, "--name", "twins")
        code, _, err = self.run("cohort", "remove", "twins")
        assert (code, "2 called 'twins'" in err) == (2, True)
        ids = [each["id"] for each in json.loads(self.run("cohort", "list", "--json")[1])]
        assert self.run("cohort", "remove", ids[0][:8])[0] == 0
        assert self.run("cohort", "remove", "twins")[0] == 0

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
