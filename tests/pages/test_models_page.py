"""Models: what there is, where it came from and how it was split; adding and removing one's own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from streamlit.testing.v1 import AppTest

from core.errors import ModelProblem
from core.models import every_model, get_model, list_models
from core.models.build import build_network
from core.models.records import ArchitectureConfig
from core.pipeline.models import ONNX_TEMPLATE, TEMPLATE, add_model, known_models, preview_upload
from core.types import NamedBytes
from pages.ui import models, resources
from pages.ui.text import safe_text
from tests.core.models.onnx_graphs import CONFIG, graph, write
from tests.pages.conftest import Bench

Text = Callable[[AppTest], str]
PAGE = "pages/models.py"


def upload(app: AppTest, weights: tuple[str, bytes], config: object) -> AppTest:
    app.get("file_uploader")[0].upload(*weights, "application/octet-stream")
    text = config if isinstance(config, str) else json.dumps(config)
    app.get("file_uploader")[1].upload("mine.json", text.encode(), "application/json")
    return app.run()


def settle() -> None:
    for status in resources.cohort_jobs().recent():
        resources.cohort_jobs().wait(status.id, 60)


def test_every_model_is_listed_and_the_default_one_is_shown_in_full(bench: Bench, text: Text) -> None:
    app = bench.open(PAGE)
    shown = text(app)
    assert app.title[0].value == "What can answer, and where did it come from?"
    assert f"{len(every_model())} models" in app.markdown[0].value
    for record in every_model():
        assert safe_text(record.title, 90) in shown
    facts = app.table[0].value
    said = dict(zip(facts["What"], facts["Answer"], strict=True))
    assert "50 patients in 5 folds" in said["How it was split"]
    assert "2 networks never saw" in said["How it was split"]
    assert "CC BY" in said["Licence"]
    digests = set(app.dataframe[0].value["SHA-256"])
    assert digests == {each.sha256 for each in get_model("lgg-unet").members}


def test_another_model_is_shown_at_its_button_and_address(bench: Bench, text: Text) -> None:
    app = bench.open(PAGE)
    app.button(key="show_model_lgg-segformer").click().run()
    assert app.query_params["shown"] == "lgg-segformer"
    assert "Ensemble, because it is a single network" in text(app)
    again = bench.open(PAGE, shown="lgg-segformer")
    assert again.button(key="show_model_lgg-segformer").disabled


def test_a_shipped_card_is_rendered_and_a_users_card_is_not(bench: Bench, text: Text, tmp_path: Path) -> None:
    record = add_model(*write(tmp_path, graph()))
    (record.folder / "CARD.md").write_text("# Mine\n![spy](http://example.org/x.png)\n", encoding="utf-8")
    app = bench.open(PAGE, shown="my-graph")
    assert "spy" not in text(app)
    assert any("![spy](http://example.org/x.png)" in each.value for each in app.text)
    assert "Out of fold" in text(bench.open(PAGE, shown="lgg-unet"))


def test_hostile_words_of_a_users_model_are_escaped(bench: Bench, text: Text, tmp_path: Path) -> None:
    add_model(*write(tmp_path, graph(), title="![x](http://example.org)", source="<img src=x>"))
    app = bench.open(PAGE, shown="my-graph")
    assert "![x](http" not in text(app)
    assert all("<img" not in cell.replace("\\<", "") for cell in app.table[0].value["Answer"])


def test_an_onnx_graph_is_previewed_added_and_shown(bench: Bench, text: Text) -> None:
    app = upload(bench.open(PAGE), ("mine.onnx", graph().SerializeToString()), CONFIG)
    assert "ONNX graph with 2 numbers" in text(app)
    assert "my-graph" not in {each.id for each in list_models()}
    app.button(key="add_model").click().run()
    settle()
    app.run()
    assert "my-graph" in {each.id for each in list_models()}
    assert "dropout is removed from a graph on export" in text(app)
    assert "came without a description" in str(list(app.table[0].value["Answer"]))


def test_weights_are_previewed_with_the_template(bench: Bench, text: Text) -> None:
    stated = json.loads(TEMPLATE)
    net = build_network(ArchitectureConfig.model_validate(stated["architecture"]))
    names = {
        ("segmentation_head.0." + name.removeprefix("head.") if name.startswith("head.") else name): value
        for name, value in net.state_dict().items()
    }
    weights = save({name: torch.zeros_like(value) for name, value in names.items()})
    app = upload(bench.open(PAGE), ("mine.safetensors", weights), stated)
    assert "Names, shapes and fields fit together" in text(app)
    assert not app.error


@pytest.mark.parametrize(
    ("weights", "config", "found"),
    [
        (("mine.onnx", b"GIF89a"), CONFIG, "ONNX"),
        (("mine.onnx", b""), CONFIG, "graph is empty|ONNX"),
        (("mine.safetensors", b"\x10"), json.loads(TEMPLATE), "damaged"),
        (("mine.onnx", b"x"), "{", "configuration"),
        (("mine.onnx", b"x"), {**CONFIG, "title": 3}, "configuration"),
    ],
)
def test_what_cannot_come_in_is_refused_in_words(
    bench: Bench, text: Text, weights: tuple[str, bytes], config: object, found: str
) -> None:
    app = upload(bench.open(PAGE), weights, config)
    assert app.error and re.search(found, text(app))
    assert safe_text("mine.") in text(app)
    assert not [each for each in app.button if each.key == "add_model"]


def test_an_ending_that_the_browser_let_through_is_refused() -> None:
    with pytest.raises(ModelProblem, match="not a weight file"):
        preview_upload(NamedBytes("mine.pkl", b"x"), NamedBytes("mine.json", b"{}"))


def test_one_file_alone_waits_for_the_other(bench: Bench, text: Text) -> None:
    assert "Waiting for the network and its configuration" in text(bench.open(PAGE))


def test_templates_are_understood() -> None:
    from core.models.import_config import CheckpointConfig, OnnxConfig

    assert CheckpointConfig.model_validate_json(TEMPLATE).id == "my-model"
    assert OnnxConfig.model_validate_json(ONNX_TEMPLATE).output == "logits"


def test_only_own_models_can_be_removed_and_only_when_asked_again(
    bench: Bench, text: Text, tmp_path: Path
) -> None:
    add_model(*write(tmp_path, graph()))
    app = bench.open(PAGE, shown="my-graph")
    keys = [each.key for each in app.button]
    assert "remove_model_my-graph" in keys
    assert "remove_model_lgg-unet" not in keys
    app.button(key="remove_model_my-graph").click().run()
    assert "my-graph" not in {each.id for each in list_models()}
    assert not app.exception


def test_a_damaged_model_is_named_beside_the_others_and_can_be_removed(
    bench: Bench, text: Text, tmp_path: Path
) -> None:
    record = add_model(*write(tmp_path, graph()))
    (record.folder / "model.json").write_text("{}", encoding="utf-8")
    app = bench.open(PAGE)
    assert app.error
    assert "model file cannot be used" in text(app)
    assert safe_text(known_models().records[0].title, 90) in text(app)
    app.button(key="remove_model_my-graph").click().run()
    assert not record.folder.exists()
    assert not app.error


def test_a_folder_that_cannot_be_written_is_said(
    bench: Bench, text: Text, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add_model(*write(tmp_path, graph()))
    monkeypatch.setattr(models, "models_writable", lambda: False)
    app = bench.open(PAGE)
    assert "cannot be written" in app.warning[0].value
    assert all(each.disabled for each in app.get("file_uploader"))


def test_without_any_model_the_page_says_what_to_do(
    bench: Bench, text: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.models.registry import FoundModels

    monkeypatch.setattr(models, "known_models", lambda: FoundModels((), ()))
    app = bench.open(PAGE)
    assert app.markdown[0].value.startswith("Nothing yet.")
    assert not app.error and not app.exception
