"""A cross-validation in which nothing is wrong, with every figure computed by scikit-learn."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score, roc_auc_score

from core.types import NamedBytes

CLASSES = ["benign", "malignant"]
Json = dict[str, Any]


@dataclass
class Made:
    """A study while it is made: faults change it, then it is written to files.

    rows: (fold, case, group, label, logit, digest). figures of `document` are plain numbers until written.
    """

    rng: np.random.Generator
    digits: int
    rows: list[list[Any]] = field(default_factory=list)
    document: Json = field(default_factory=dict)
    logs: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    with_cases: bool = True

    def fold(self, k: int) -> Json:
        """The reported entry of a fold."""
        found: Json = self.document["folds"][k]
        return found

    def own(self, k: int) -> list[list[Any]]:
        """Rows of a fold."""
        return [row for row in self.rows if row[0] == str(k)]

    def files(self) -> list[NamedBytes]:
        """The study as a person would hand it in: reported results, predictions, one log per fold."""
        text = json.dumps(_rounded(self.document, self.digits))
        files = [NamedBytes("reported.json", _unquoted(text).encode())]
        if self.with_cases:
            lines = ["fold,case,group,label,prob,digest"]
            for fold, case, group, label, logit, digest in self.rows:
                lines.append(f"{fold},{case},{group},{label},{1 / (1 + np.exp(-logit)):.6f},{digest}")
            named = "\n".join(lines) + "\n"
            files.append(NamedBytes("cases.csv", _named(named).encode()))
        for fold, curves in self.logs.items():
            names = list(curves)
            body = [",".join(["epoch", *names])]
            body += [
                ",".join([str(epoch), *(f"{curves[name][epoch]:.7g}" for name in names)])
                for epoch in range(len(curves[names[0]]))
            ]
            files.append(NamedBytes(f"fold_{fold}/metrics.csv", "\n".join(body).encode()))
        return files


def clean_study(seed: int, **wanted: Any) -> Made:
    """A study of random size and quality. wanted: folds, separation, mil, equal,
    per_fold "few", share "rare"."""
    rng = np.random.default_rng(seed)
    made = Made(rng, digits=int(rng.integers(3, 5)))
    folds = int(wanted.get("folds", rng.choice([3, 5, 5, 10])))
    per_fold = int(rng.integers(60, 150) if folds < 10 else rng.integers(40, 100))
    per_fold = int(rng.integers(8, 21)) if wanted.get("per_fold") == "few" else per_fold
    share = float(rng.uniform(0.03, 0.17) if wanted.get("share") == "rare" else rng.uniform(0.35, 0.65))
    separation = float(wanted.get("separation", rng.uniform(1.6, 2.8)))
    for k in range(folds):
        more = 0 if wanted.get("equal") else int(rng.integers(0, 6))
        _cases(made, k, per_fold + more, share, separation)
    mil = bool(wanted.get("mil", rng.random() < 0.5))
    made.document = {"title": f"synthetic {seed}", "classes": CLASSES, "f1": "macro", "weights": "final",
                     "mil": mil, "folds": [{"fold": k} for k in range(folds)]}  # fmt: skip
    epochs = int(rng.integers(30, 81))
    for k in range(folds):
        made.logs[str(k)] = _curves(rng, epochs, mil)
    report(made)
    return made


def report(made: Made) -> None:
    """Write every reported figure anew from the rows, and the summary from the folds."""
    for k, entry in enumerate(made.document["folds"]):
        rows = made.own(k)
        label, logit = np.array([row[3] for row in rows]), np.array([row[4] for row in rows])
        predicted = (logit > 0).astype(int)
        entry["counts"] = {name: int((label == c).sum()) for c, name in enumerate(CLASSES)}
        entry["confusion"] = confusion_matrix(label, predicted, labels=[0, 1]).tolist()
        entry["scores"] = {
            "auc": float(roc_auc_score(label, logit)), "accuracy": float(accuracy_score(label, predicted)),
            "f1": float(f1_score(label, predicted, average="macro")),
            "sensitivity": float(recall_score(label, predicted)),
        }  # fmt: skip
        curve = np.array(made.logs[str(k)]["val_auc"])
        moved = np.clip(curve + entry["scores"]["auc"] - curve[-8:].mean(), 0.0, 1.0)
        made.logs[str(k)]["val_auc"] = [*moved[:-1].tolist(), entry["scores"]["auc"]]
    summarise(made)


def summarise(made: Made) -> None:
    """Mean and SD of the folds, either divisor."""
    less = int(made.rng.integers(0, 2))
    made.document["summary"] = {
        key: {"mean": float(np.mean(values)), "sd": float(np.std(values, ddof=less))}
        for key in ("auc", "accuracy", "f1")
        if (values := [entry["scores"][key] for entry in made.document["folds"]])
    }


def _cases(made: Made, k: int, n: int, share: float, separation: float) -> None:
    rng = made.rng
    label = (rng.random(n) < share).astype(int)
    label[:4] = [0, 1, 0, 1]
    # Two normal distributions of one width: this logit is calibrated when both classes are as frequent.
    logit = separation * (rng.normal(0, 1, n) + separation * (label - 0.5)) + np.log(share / (1 - share))
    group = 0
    for place in range(n):
        group += int(rng.random() < 0.7)
        made.rows.append([str(k), f"c{k}-{place}", f"p{k}-{group}", int(label[place]), float(logit[place]),
                          f"{rng.integers(2**63):016x}"])  # fmt: skip


def _curves(rng: np.random.Generator, epochs: int, mil: bool) -> dict[str, list[float]]:
    t = np.arange(epochs)
    pace = epochs / rng.uniform(6, 15)
    floor, noise = rng.uniform(0.25, 0.5), rng.uniform(0.003, 0.02)
    fall = np.exp(-t / pace)
    late = np.clip(t / epochs - 0.5, 0, None) * rng.uniform(0, 0.08)
    train = floor * rng.uniform(0.75, 1.0) + (0.75 - floor) * fall + rng.normal(0, noise / 2, epochs)
    validation = floor * (1 + late) + (0.75 - floor) * fall + rng.normal(0, noise, epochs)
    auc = np.clip(0.9 - 0.35 * fall + rng.normal(0, rng.uniform(0.003, 0.015), epochs), 0, 1)
    curves = {"train_loss": train.tolist(), "val_loss": validation.tolist(), "val_auc": auc.tolist()}
    if mil:
        level = rng.uniform(0.45, 0.9)
        entropy = np.clip(1 - (1 - level) * (1 - fall) + rng.normal(0, 0.01, epochs), 0.05, 1)
        curves["val_attention_normalised_entropy"] = entropy.tolist()
        curves["val_attention_top1"] = np.clip(0.6 * (1 - entropy) + 0.05, 0, 1).tolist()
    return curves


def _rounded(value: Any, digits: int) -> Any:
    """Floats as text with a fixed number of digits, so that trailing zeros are written."""
    if isinstance(value, dict):
        return {key: _rounded(each, digits) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each, digits) for each in value]
    return f"\u00a4{value:.{digits}f}\u00a4" if isinstance(value, float) else value


def _unquoted(text: str) -> str:
    return text.replace('"\\u00a4', "").replace('\\u00a4"', "")


def _named(text: str) -> str:
    """Class names instead of 0 and 1, and one column per class."""
    lines = text.splitlines()
    found = [f"fold,case,group,label,prob_{CLASSES[0]},prob_{CLASSES[1]},digest"]
    for line in lines[1:]:
        fold, case, group, label, prob, digest = line.split(",")
        found.append(f"{fold},{case},{group},{CLASSES[int(label)]},{1 - float(prob):.6f},{prob},{digest}")
    return "\n".join(found) + "\n"
