"""`python -m core`: one JSON document on stdout, messages on stderr, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.cli import main
from core.models.registry import write_record
from tests.core.inference.conftest import make_record
from tests.core.test_pipeline import mask_png, png


@pytest.fixture
def slice_file(home: Path, tmp_path: Path) -> Path:
    folder = home / "models" / "tiny"
    folder.mkdir(parents=True)
    write_record(make_record(folder), folder)
    path = tmp_path / "slice.png"
    path.write_bytes(png(1).data)
    (tmp_path / "mask.png").write_bytes(mask_png().data)
    return path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def test_analyse_prints_one_json_document_with_the_agreed_fields(slice_file: Path) -> None:
    done = call(
        "analyse", slice_file, "--model", "tiny", "--reference", slice_file.with_name("mask.png"), "--json"
    )
    assert done.exit_code == 0, done.stderr
    record = json.loads(done.stdout)
    wanted = {
        "case",
        "model",
        "estimator",
        "verdict",
        "flags",
        "scores",
        "metrics",
        "cached",
        "seconds",
        "key",
    }
    assert wanted <= set(record)
    assert record["verdict"] in {"consistent", "review"}
    assert all({"cause", "slice", "measured", "limit"} <= set(flag) for flag in record["flags"])
    assert {"dice", "jaccard", "boundary_f1_2px", "slices"} <= set(record["metrics"])


def test_second_analyse_is_cached(slice_file: Path) -> None:
    runs = [json.loads(call("analyse", slice_file, "--model", "tiny", "--json").stdout) for _ in range(2)]
    assert [each["cached"] for each in runs] == [False, True]
    assert runs[0]["key"] == runs[1]["key"]


def test_analyse_writes_mask_overlay_and_json(slice_file: Path, tmp_path: Path) -> None:
    done = call("analyse", slice_file, "--model", "tiny", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".json", ".png", ".png"]


def test_a_folder_that_cannot_be_written_is_one_message(slice_file: Path) -> None:
    done = call("analyse", slice_file, "--model", "tiny", "--out", slice_file / "below-a-file")
    assert (done.exit_code, "cannot be written" in done.stderr) == (2, True)


def test_point_estimator_is_taken_on_request(slice_file: Path) -> None:
    done = call("analyse", slice_file, "--model", "tiny", "--estimator", "point", "--json")
    record = json.loads(done.stdout)
    assert (record["estimator"], record["scores"]["pairwise_dice"]) == ("point", None)


def test_bad_input_is_one_message_and_exit_code_2(slice_file: Path) -> None:
    bad = slice_file.with_name("bad.png")
    bad.write_bytes(b"not an image")
    done = call("analyse", bad, "--model", "tiny")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert all(part in done.stderr for part in ("bad.png", "Found:", "Expected:", "To fix:"))


def test_inspect_prints_one_object_per_path_and_fails_if_any_was_refused(slice_file: Path) -> None:
    bad = slice_file.with_name("bad.png")
    bad.write_bytes(b"\x89PNG\r\n\x1a\n")
    done = call("inspect", slice_file, bad, "--json")
    good, refused = (json.loads(line) for line in done.stdout.splitlines())
    assert done.exit_code == 2
    assert (good["ok"], refused["ok"]) == (True, False)
    assert set(refused["problem"]) == {"what", "found", "expected", "fix"}


def test_inspect_of_good_files_exits_0(slice_file: Path) -> None:
    assert call("inspect", slice_file).exit_code == 0


def test_wrong_usage_exits_2(home: Path) -> None:
    assert call("analyse").exit_code == 2
    for wrong in (
        ("--estimator", "guess"),
        ("--volume", -1),
        ("--series", -1),
        ("--samples", 1),
        ("--seed", -1),
    ):
        done = call("analyse", "x.png", *wrong)
        assert (done.exit_code, wrong[0] in done.stderr) == (2, True)


def test_models_list_shows_shipped_and_own(slice_file: Path) -> None:
    records = json.loads(call("models", "list", "--json").stdout)
    assert {"lgg-unet", "lgg-segformer", "tiny"} <= {each["id"] for each in records}


def test_store_info_and_verify(slice_file: Path) -> None:
    call("analyse", slice_file, "--model", "tiny")
    info = json.loads(call("store", "info", "--json").stdout)
    assert (info["cases"], info["analyses"]) == (1, 1)
    report = call("store", "verify", "--json")
    assert (report.exit_code, json.loads(report.stdout)["ok"]) == (0, True)


def test_train_is_a_command(home: Path) -> None:
    assert "segmenter" in call("train", "--help").stdout
