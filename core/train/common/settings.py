"""Settings that every kind of training has; each kind adds its own and gives the rest its defaults."""

from __future__ import annotations

from typing import Self

from core.config import Frozen


class About(Frozen):
    """What the model file says in words; none of it changes the weights."""

    title: str
    description: str
    licence: str
    source: str
    volume: str


class TrainingSettings(Frozen):
    """Members, folds and the course of one run.

    members: for each member, the folds that it never sees. early_share: share of the epochs that run at the
    smaller early size. ema_decay: of the moving average of the weights, reached after a short start.
    """

    id: str
    about: About
    members: tuple[tuple[int, ...], ...]
    folds: int = 5
    seed: int = 2024
    epochs: int
    batch_size: int
    size: int = 128
    early_size: int = 96
    early_share: float
    learning_rate: float
    weight_decay: float
    warmup_steps: int
    final_lr_share: float = 0.01
    gradient_limit: float = 2.0
    ema_decay: float

    def size_of(self, epoch: int) -> int:
        """Side of the training pictures in an epoch, in pixels."""
        return self.early_size if epoch < self.early_share * self.epochs else self.size

    def split_runs(self, field: str, second: Frozen | None) -> tuple[Self, ...]:
        """The settings of each run; the second goes on from the saved weights of the first.

        field: name of the setting that holds `second`, which lists what differs in the second run.
        """
        first = self.model_copy(update={field: None})
        if second is None:
            return (first,)
        changes = dict(second) | {"early_share": 0.0, "seed": self.seed + 1}
        return first, first.model_copy(update=changes)
