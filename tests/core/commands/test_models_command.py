"""`models`: shown, added, asked and removed on the command line; what a removed model leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from click.testing import CliRunner, Result

from core.cli import main
from core.config import AnalysisConfig
from core.pipeline import stored_outcome
from core.store import Store
from tests.core.models.onnx_graphs import SIZE, graph, write
from tests.pages.conftest import make_analysis, make_case


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def test_a_shipped_model_is_shown_with_its_split_and_its_reasons(home: Path) -> None:
    facts = json.loads(run("models", "show", "lgg-segformer", "--json").stdout)
    assert (facts["origin"], facts["task"]) == ("shipped", "segmentation")
    assert (home / "models").exists() is False
    assert sum(facts["patients"]) == 50
    assert facts["bytes"] == sum(each["bytes"] for each in facts["members"]) > 1_000_000
    assert {each["key"] for each in facts["impossible"]} >= {"ensemble"}
    words = run("models", "show", "lgg-segformer").stdout
    assert "it is a single network" in words and facts["members"][0]["sha256"] in words


def test_a_graph_is_added_listed_asked_and_removed(home: Path, tmp_path: Path) -> None:
    path, config = write(tmp_path, graph())
    added = json.loads(run("models", "add", path, "--config", config, "--json").stdout)
    assert (added["id"], added["architecture"]["kind"]) == ("my-graph", "onnx")
    assert "my-graph" in run("models", "list").stdout
    picture = tmp_path / "half.png"
    pixels = np.zeros((SIZE, SIZE), dtype=np.uint8)
    pixels[:, SIZE // 2 :] = 255
    cv2.imwrite(str(picture), pixels)
    asked = run("analyse", picture, "--model", "my-graph", "--json")
    assert asked.exit_code == 0, asked.output
    record = json.loads(asked.stdout)
    assert (record["model"], record["estimator"]) == ("my-graph", "tta")
    assert record["made_by"]["backend"] == "onnxruntime"
    assert json.loads(run("models", "remove", "my-graph", "--json").stdout) == {"removed": "my-graph"}
    assert "my-graph" not in run("models", "list").stdout


def test_shipped_and_unknown_models_are_not_removed(home: Path) -> None:
    shipped = run("models", "remove", "lgg-unet")
    assert shipped.exit_code == 2
    assert "came with the program and stays" in shipped.stderr
    assert run("models", "show", "lgg-unet").exit_code == 0
    assert "There is no such model" in run("models", "remove", "../../etc").stderr


def test_a_refusal_names_file_found_expected_and_fix(home: Path, tmp_path: Path) -> None:
    path, config = write(tmp_path, b"not a graph")
    done = run("models", "add", path, "--config", config)
    assert done.exit_code == 2
    for part in ("mine.onnx", "Found:", "Expected:", "To fix:"):
        assert part in done.stderr


def test_results_of_a_removed_model_can_still_be_opened(home: Path) -> None:
    with Store.open(mode="memory") as store:
        case = make_case()
        store.put_case(case)
        analysis = make_analysis(case, AnalysisConfig(model_id="gone"))
        store.put_analysis(analysis)
        found = stored_outcome(store, analysis.made_by.key)
        assert found is not None and found.analysis.made_by.config.model_id == "gone"
