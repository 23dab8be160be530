"""ONNX graphs from users: what comes in, what is refused before anything runs, and what they then say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from core.config import EstimatorConfig
from core.errors import InferenceProblem, ModelProblem
from core.inference import open_predictor, possible_estimators
from core.models import ModelRecord, OnnxArchitecture, get_model
from core.models.importer import import_onnx, preview_model
from core.models.onnx_file import check_graph
from core.pipeline.models import add_model
from core.types import Geometry, Image
from tests.core.models.onnx_graphs import BIAS, SIZE, WEIGHT, graph, write

POINT = EstimatorConfig(kind="point")


def silent(share: float, sentence: str) -> None:
    assert sentence


def image(values: np.ndarray) -> Image:
    geometry = Geometry(None, None, "unknown", "assumed", None, values.shape[1:], (0, 1, 2), (False,) * 3)
    return Image(values, geometry, ("intensity",), None, "float32", (0.0, 1.0))


def ramp() -> np.ndarray:
    return np.linspace(0.0, 1.0, SIZE * SIZE, dtype=np.float32).reshape(1, 1, SIZE, SIZE)


def ask(record: ModelRecord, estimator: EstimatorConfig = POINT) -> list[np.ndarray]:
    predictor = open_predictor(record, device="cpu")
    stream = predictor.stream(image(ramp()), (0,), estimator, "key", silent)
    return [prob for each in stream for prob in each.samples]


def scaled_ramp() -> np.ndarray:
    from core.models.preprocess import scale_intensity

    return scale_intensity(ramp())[:, 0]


def test_a_graph_answers_by_its_own_arithmetic(home: Path, tmp_path: Path) -> None:
    record = add_model(*write(tmp_path, graph()))
    assert record == get_model("my-graph")
    assert record.folder == home / "models" / "my-graph"
    assert record.architecture == OnnxArchitecture(in_channels=1, classes=1, opset=17)
    (prob,) = ask(record)
    np.testing.assert_allclose(prob, 1 / (1 + np.exp(4.0 - 8.0 * scaled_ramp())), atol=1e-6)


def test_the_stored_graph_is_the_users_byte_for_byte(home: Path, tmp_path: Path) -> None:
    path, config = write(tmp_path, graph())
    assert add_model(path, config).weight_file(0).read_bytes() == path.read_bytes()


def test_preprocessing_of_the_configuration_is_applied(home: Path, tmp_path: Path) -> None:
    record = add_model(*write(tmp_path, graph(), preprocessing={"mean": [0.5], "std": [0.25]}))
    (prob,) = ask(record)
    logits = 8.0 * (scaled_ramp() - 0.5) / 0.25 - 4.0
    np.testing.assert_allclose(prob, 1 / (1 + np.exp(-logits)), atol=1e-6)


def test_softmax_leaves_the_background_out(home: Path, tmp_path: Path) -> None:
    weight = np.array([0.0, 2.0, -2.0], dtype=np.float32).reshape(3, 1, 1, 1)
    record = add_model(
        *write(
            tmp_path,
            graph(weight, np.zeros(3, dtype=np.float32)),
            class_names=["bright", "dark"],
            activation="softmax",
        )
    )
    (prob,) = ask(record)
    x = scaled_ramp()[0].astype(np.float64)
    total = 1 + np.exp(2 * x) + np.exp(-2 * x)
    np.testing.assert_allclose(prob, np.stack([np.exp(2 * x), np.exp(-2 * x)]) / total, atol=1e-6)


def test_a_graph_with_its_own_activation_is_not_activated_twice(home: Path, tmp_path: Path) -> None:
    ending = graph(more=[helper.make_node("Sigmoid", ["logits"], ["prob"])], result="prob")
    with pytest.raises(ModelProblem, match="applies the activation itself"):
        add_model(*write(tmp_path, ending))
    record = add_model(*write(tmp_path, ending, output="probabilities"))
    (prob,) = ask(record)
    np.testing.assert_allclose(prob, 1 / (1 + np.exp(4.0 - 8.0 * scaled_ramp())), atol=1e-6)


def test_logits_called_probabilities_are_refused_by_the_trial(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelProblem, match="does not yield probabilities"):
        add_model(*write(tmp_path, graph(), output="probabilities"))
    assert not list((home / "models").iterdir())


@pytest.mark.parametrize("dims", [(1, 1, SIZE, SIZE), (3, 1, SIZE, SIZE), ("n", 1, SIZE, SIZE)])
def test_fixed_batch_and_size_are_kept_to(home: Path, tmp_path: Path, dims: tuple[int | str, ...]) -> None:
    record = add_model(*write(tmp_path, graph(dims=dims)))
    assert isinstance(record.architecture, OnnxArchitecture)
    assert record.architecture.batch == (dims[0] if isinstance(dims[0], int) else 1)
    (prob,) = ask(record)
    np.testing.assert_allclose(prob, 1 / (1 + np.exp(4.0 - 8.0 * scaled_ramp())), atol=1e-6)


def test_point_and_symmetries_are_possible_and_dropout_says_why_not(home: Path, tmp_path: Path) -> None:
    record = add_model(*write(tmp_path, graph()))
    assert [spec.key for spec in possible_estimators(record)] == ["tta", "point"]
    answers = ask(record, EstimatorConfig(kind="tta"))
    assert len(answers) == 8
    # A 1x1 convolution turns with the picture: all eight agree.
    np.testing.assert_allclose(answers, np.broadcast_to(answers[0], (8, 1, SIZE, SIZE)), atol=1e-6)
    with pytest.raises(ModelProblem, match="dropout is removed on export"):
        ask(record, EstimatorConfig(kind="mc-dropout"))


def test_a_graph_runs_on_onnx_runtime_only(home: Path, tmp_path: Path) -> None:
    record = add_model(*write(tmp_path, graph()))
    for asked in ({"backend": "torch"}, {"device": "cuda"}, {"precision": "mixed"}):
        with pytest.raises(InferenceProblem, match="ONNX graph"):
            open_predictor(record, **asked)


def test_no_torch_is_loaded_to_run_a_graph(home: Path, tmp_path: Path) -> None:
    add_model(*write(tmp_path, graph()))
    code = (
        "import sys, numpy as np\n"
        "from core.models import get_model\n"
        "from core.inference import open_predictor\n"
        "from core.config import EstimatorConfig\n"
        "from core.types import Image, Geometry\n"
        "v = np.linspace(0, 1, 1024, dtype=np.float32).reshape(1, 1, 32, 32)\n"
        "g = Geometry(None, None, 'unknown', 'assumed', None, (1, 32, 32), (0, 1, 2), (False,) * 3)\n"
        "image = Image(v, g, ('i',), None, 'float32', (0.0, 1.0))\n"
        "p = open_predictor(get_model('my-graph'), device='cpu')\n"
        "for s in p.stream(image, (0,), EstimatorConfig(kind='tta'), 'k', lambda *a: None): list(s.samples)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("False", 0), done.stderr


def test_a_classifier_comes_in_as_a_graph(home: Path, tmp_path: Path) -> None:
    pooled = [helper.make_node("ReduceMean", ["logits"], ["mean"], axes=[2, 3], keepdims=0)]
    weight = np.array([4.0, -4.0], dtype=np.float32).reshape(2, 1, 1, 1)
    model = graph(weight, np.zeros(2, dtype=np.float32), more=pooled, result="mean", out=("batch", 2))
    record = add_model(
        *write(tmp_path, model, task="classification", class_names=["bright", "dark"], activation="softmax")
    )
    assert [spec.key for spec in possible_estimators(record)] == ["point"]
    found = open_predictor(record, device="cpu").classify(image(ramp()), (0,), POINT, "key", silent)
    mean = float(scaled_ramp().mean())
    assert found.prob[0, 0] == pytest.approx(1 / (1 + np.exp(-8.0 * mean)), abs=1e-5)
    assert found.saliency is None


def test_a_preview_counts_and_keeps_nothing(home: Path, tmp_path: Path) -> None:
    found = preview_model(*write(tmp_path, graph()))
    assert (found.format, found.weights, found.record.title) == ("ONNX graph", 2, "My graph")
    assert not (home / "models").exists()


def external() -> onnx.ModelProto:
    model = graph()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return model


def second_input() -> onnx.ModelProto:
    model = graph()
    model.graph.input.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, [1]))
    return model


def branch() -> onnx.ModelProto:
    inner = helper.make_graph(
        [helper.make_node("Identity", ["logits"], ["inner"])],
        "inner",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)],
    )
    true = numpy_helper.from_array(np.array(True), "true")
    model = graph(
        more=[helper.make_node("If", ["true"], ["y"], then_branch=inner, else_branch=inner)], result="y"
    )
    model.graph.initializer.append(true)
    return model


def damaged_weight() -> onnx.ModelProto:
    model = graph()
    model.graph.initializer[0].dims[0] = 2**40
    return model


def not_a_number() -> onnx.ModelProto:
    return graph(np.full((1, 1, 1, 1), np.nan, dtype=np.float32))


def blow_up() -> onnx.ModelProto:
    model = graph(
        more=[
            helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
            helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
            helper.make_node("Add", ["logits", "sum"], ["y"]),
        ],
        result="y",
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array([2**20, 2**20]), "shape"))
    return model


def foreign_operator() -> onnx.ModelProto:
    node = helper.make_node("Gelu", ["logits"], ["y"], domain="com.microsoft")
    return graph(more=[node], result="y")


def random_operator() -> onnx.ModelProto:
    nodes = [
        helper.make_node("RandomNormalLike", ["logits"], ["noise"]),
        helper.make_node("Add", ["logits", "noise"], ["y"]),
    ]
    return graph(more=nodes, result="y")


@pytest.mark.parametrize(
    ("model", "what"),
    [
        (b"", "not an ONNX file|empty"),
        (b"GIF89a" + bytes(50), "not an ONNX file|empty"),
        (external(), "weights in another file"),
        (second_input(), "2 inputs"),
        (branch(), "loops or branches"),
        (damaged_weight(), "damaged|not valid"),
        (not_a_number(), "NaN"),
        (blow_up(), "too much memory"),
        (foreign_operator(), "not standard"),
        (random_operator(), "random numbers"),
        (graph(dims=("n", 1, 48, 48)), "another size"),
        (graph(dims=("n", "c", "h", "w")), "free number of input channels|does not fit|not valid"),
        (graph(dims=(100, 1, SIZE, SIZE)), "fixed batch"),
        (graph(kind=TensorProto.DOUBLE), "another form|not valid|does not fit"),
        (graph(more=[helper.make_node("GlobalMaxPool", ["logits"], ["y"])], result="y", out=("n", 1, 1, 1)),
         "another size"),
        (graph(np.zeros((1, 2, 1, 1), dtype=np.float32), dims=("n", 2, "h", "w")), "channels must name"),
    ],
)  # fmt: skip
def test_a_graph_that_cannot_be_trusted_is_refused_by_name_and_leaves_nothing(
    home: Path, tmp_path: Path, model: onnx.ModelProto | bytes, what: str
) -> None:
    with pytest.raises(ModelProblem) as caught:
        import_onnx(*write(tmp_path, model))
    problem = caught.value
    assert re.search(what, problem.sentence), problem.sentence
    assert problem.file and problem.found and problem.expected and problem.fix
    assert not (home / "models").exists()


def test_external_data_is_never_opened(home: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(WEIGHT.tobytes() + BIAS.tobytes())
    model = external()
    model.graph.initializer[0].external_data[0].value = "secret"
    with pytest.raises(ModelProblem, match="weights in another file"):
        import_onnx(*write(tmp_path, model))


def test_a_changed_graph_is_not_run(home: Path, tmp_path: Path) -> None:
    record = add_model(*write(tmp_path, graph()))
    record.weight_file(0).write_bytes(graph(2 * WEIGHT).SerializeToString())
    with pytest.raises(ModelProblem, match="changed"):
        ask(record.model_copy(update={"title": "other"}))


def test_torch_says_that_a_graph_is_not_for_it(home: Path, tmp_path: Path) -> None:
    from core.models.weights import load_any_member

    with pytest.raises(ModelProblem, match="ONNX graph"):
        load_any_member(add_model(*write(tmp_path, graph())), 0)


def test_number_type_that_onnx_does_not_know_is_refused() -> None:
    model = graph()
    model.graph.initializer[0].data_type = 127
    with pytest.raises(ModelProblem):
        check_graph(model.SerializeToString(), "m.onnx", SIZE, "segmentation")
