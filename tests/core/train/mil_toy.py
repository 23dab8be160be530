"""Settings that train a tiny bag network on the packed toy patients in a second."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.models.mil_records import BagArchitecture
from core.train.common.settings import About
from core.train.mil.config import MilConfig
from core.train.mil.data import BagData, Volume

TINY = BagArchitecture(
    backbone="resnet18", depths=(1, 1, 1, 1), dims=(8, 8, 16, 16), attention_width=4, head_dropout=0.1
)


class TinyConfig(MilConfig):
    """The same settings with a smaller network."""

    @property
    def architecture(self) -> BagArchitecture:
        return TINY.model_copy(
            update={
                "attention": self.attention,
                "top_k": self.top_k,
                "stochastic_depth": self.stochastic_depth,
            }
        )


def toy_config(**changes: Any) -> TinyConfig:
    fields: dict[str, Any] = {
        "id": "toy-bags",
        "about": About(title="Toy", description="A toy.", licence="none", source="made up", volume="slabs"),
        "source": "lgg-slab",
        "class_names": ("no tumour", "tumour"),
        "members": ((0,), (1,)),
        "folds": 2,
        "epochs": 2,
        "batch_size": 4,
        "size": 32,
        "early_size": 32,
        "bag_low": 2,
        "bag_high": 3,
        "bag_size": 2,
        "bags_per_epoch": 12,
        "warmup_steps": 2,
        "learning_rate": 0.01,
        "ema_decay": 0.5,
        "bf16": False,
        "plot_every": 2,
    }
    return TinyConfig(**{**fields, **changes})


def toy_data(marks: tuple[str, ...], labels: tuple[int | None, ...] | None = None) -> BagData:
    """Volumes whose slices are marked where the text has an x; marked slices are brighter.

    labels: of the volumes; None: slabs have labels of their own.
    """
    own = labels or (None,) * len(marks)
    volumes, first = [], 0
    for number, (each, label) in enumerate(zip(marks, own, strict=True)):
        volumes.append(Volume(f"p{number}", first, len(each), label))
        first += len(each)
    holds = np.array([letter == "x" for each in marks for letter in each])
    pictures = np.random.default_rng(0).random((first, 3, 32, 32)) * 0.3
    pictures[holds, 1, 8:20, 8:20] += 1.0
    kind = "slab" if labels is None else "volume"
    return BagData(pictures.astype(np.float16), tuple(volumes), holds, kind, ("no", "yes"))
