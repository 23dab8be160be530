"""Logs that Lightning and MLflow really wrote, and exports as Weights & Biases and MLflow give them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.audit import Study, read_study, read_study_paths
from core.errors import InputProblem
from core.types import NamedBytes

ROOT = Path(__file__).resolve().parents[3]

LIGHTNING = """
import sys, logging, warnings
warnings.simplefilter("ignore")
import torch
import lightning.pytorch as pl
from lightning.pytorch.loggers import CSVLogger

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

class Tiny(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)
    def loss(self, batch):
        x, y = batch
        return torch.nn.functional.binary_cross_entropy_with_logits(self.layer(x)[:, 0], y)
    def training_step(self, batch, _):
        loss = self.loss(batch)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss
    def validation_step(self, batch, _):
        self.log("val_loss", self.loss(batch))
        self.log("val/attention_entropy", torch.tensor(0.5 + 0.1 * self.current_epoch))
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)

x = torch.linspace(-1, 1, 32)[:, None].repeat(1, 2)
data = torch.utils.data.TensorDataset(x, (x[:, 0] > 0).float())
for fold in range(2):
    loader = torch.utils.data.DataLoader(data, batch_size=8)
    trainer = pl.Trainer(max_epochs=3, accelerator="cpu", logger=CSVLogger(sys.argv[1], name="cv"),
                         enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
                         log_every_n_steps=1)
    trainer.fit(Tiny(), loader, loader)
"""
MLFLOW = """
import sys, mlflow, torch
mlflow.set_tracking_uri("file://" + sys.argv[1])
mlflow.set_experiment("cv")
for fold in range(2):
    layer, x = torch.nn.Linear(1, 1), torch.linspace(-1, 1, 16)[:, None]
    optimiser = torch.optim.SGD(layer.parameters(), 0.1)
    with mlflow.start_run(run_name=f"net, fold {fold}"):
        for epoch in range(4):
            loss = ((layer(x) - 2 * x) ** 2).mean()
            optimiser.zero_grad(); loss.backward(); optimiser.step()
            mlflow.log_metrics({"train_loss": loss.item(), "val/auc": 0.5 + epoch / 10}, step=epoch)
    run = mlflow.last_active_run().info.run_id
history = mlflow.MlflowClient().get_metric_history(run, "val/auc")
import json
print(json.dumps([dict(each) for each in history]))
"""


def written_by(code: str, folder: Path) -> str:
    """Run a training in a process of its own, as these libraries change global state."""
    env = os.environ | {"MLFLOW_ALLOW_FILE_STORE": "true", "PYTHONPATH": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, env=env, cwd=folder,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def shapes(study: Study) -> dict[str, dict[tuple[str, str], int]]:
    return {
        fold.name: {(each.split, each.key): len(each.values) for each in fold.curves} for fold in study.folds
    }


@pytest.mark.slow
def test_log_of_lightning_is_read(tmp_path: Path) -> None:
    written_by(LIGHTNING, tmp_path)
    files = sorted(tmp_path.rglob("metrics.csv"))
    assert len(files) == 2
    study = read_study_paths(files)
    assert shapes(study) == {k: {("train", "loss"): 3, ("validation", "loss"): 3} for k in ("0", "1")}
    assert [each.epoch for each in study.folds[0].attention] == [0, 1, 2]
    assert [each.entropy for each in study.folds[0].attention] == pytest.approx([0.5, 0.6, 0.7])
    losses = study.folds[0].curve("train", "loss")
    assert losses is not None and losses.values[-1] < losses.values[0]
    # The folder at once gives the same folds.
    assert shapes(read_study_paths([tmp_path])) == shapes(study)


@pytest.mark.slow
def test_store_and_history_of_mlflow_are_read(tmp_path: Path) -> None:
    history = written_by(MLFLOW, tmp_path)
    study = read_study_paths([tmp_path])
    assert shapes(study) == {k: {("train", "loss"): 4, ("validation", "auc"): 4} for k in ("0", "1")}
    curve = study.folds[0].curve("validation", "auc")
    assert curve is not None and curve.values == pytest.approx((0.5, 0.6, 0.7, 0.8))
    exported = read_study([NamedBytes("fold_1.json", history.splitlines()[-1].encode())])
    assert shapes(exported) == {"1": {("validation", "auc"): 4}}


def test_history_of_mlflow_as_csv_and_rest_answer() -> None:
    rows = (
        "run_id,key,value,step,timestamp\nfold_0,val_loss,0.9,0,1\n"
        "fold_0,val_loss,0.8,1,2\nfold_1,val_loss,0.7,0,3\n"
    )
    assert shapes(read_study([NamedBytes("h.csv", rows.encode())])) == {
        "0": {("validation", "loss"): 2},
        "1": {("validation", "loss"): 1},
    }
    answer = {"metrics": [{"key": "val_loss", "value": 0.5, "step": 0, "timestamp": 1}]}
    study = read_study([NamedBytes("fold 3.json", json.dumps(answer).encode())])
    assert shapes(study) == {"3": {("validation", "loss"): 1}}


def test_history_of_weights_and_biases() -> None:
    rows = (
        "_step,_runtime,epoch,train_loss,val_loss\n1,1.5,0,0.9,\n2,2.5,0,,0.8\n3,3.5,1,0.5,\n4,4.5,1,,0.6\n"
    )
    expected = {"2": {("train", "loss"): 2, ("validation", "loss"): 2}}
    assert shapes(read_study([NamedBytes("fold-2.csv", rows.encode())])) == expected
    lines = (
        '{"_step": 0, "epoch": 0, "val_loss": 0.8}\n'
        '{"_step": 1, "epoch": 1, "val_loss": NaN}\n{"_step": 2, "cpu": 3}\n'
    )
    study = read_study([NamedBytes("fold-2.jsonl", lines.encode())])
    assert shapes(study) == {"2": {("validation", "loss"): 1}}


def test_chart_export_of_weights_and_biases_holds_several_runs() -> None:
    rows = (
        '"Step","cv-fold0 - val_loss","cv-fold0 - val_loss__MIN","cv-fold0 - val_loss__MAX",'
        '"cv-fold1 - val_loss"\n'
        "0,0.9,0.9,0.9,0.8\n1,0.7,0.7,0.7,0.6\n"
    )
    study = read_study([NamedBytes("wandb_export.csv", rows.encode())])
    assert shapes(study) == {k: {("validation", "loss"): 2} for k in ("0", "1")}


def test_log_without_a_known_metric_is_refused_with_its_names() -> None:
    with pytest.raises(InputProblem, match="metrics called colour"):
        read_study([NamedBytes("metrics.csv", b"epoch,step,colour\n0,1,0.5\n")])


def test_log_of_a_fold_a_second_time_is_refused() -> None:
    log = b"epoch,val_loss\n0,0.5\n1,0.4\n"
    with pytest.raises(InputProblem, match="curves of fold 1 a second time"):
        read_study([NamedBytes("a/fold_1/metrics.csv", log), NamedBytes("b/fold_1/metrics.csv", log)])


def test_our_own_training_logs_are_read() -> None:
    study = read_study_paths(sorted((ROOT / "assets" / "models" / "lgg-unet").glob("log_*.csv")))
    assert list(shapes(study)) == ["0", "1", "2", "3", "4"]
    assert all(("validation", "loss") in each for each in shapes(study).values())
