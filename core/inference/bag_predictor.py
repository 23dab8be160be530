"""The door to bag models: an opened one that judges the bags of a volume. Torch loads on first use."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.config import EstimatorConfig
from core.errors import ModelProblem
from core.inference.estimators import SamplePlan, plan_samples
from core.inference.on_machine import OnMachine, WhatRan
from core.inference.pictures import Pictures
from core.inference.settings import RunSettings, bag_settings
from core.models.mil_records import BagRecord, bags_of
from core.types import BagSamples, Image, Progress

if TYPE_CHECKING:
    from core.inference.bag_run import OpenedBagNet

MAX_OPEN = 2
_OPEN: OrderedDict[tuple[object, ...], BagPredictor] = OrderedDict()
_OPEN_LOCK = threading.Lock()


def open_bag_predictor(
    record: BagRecord, *, device: str = "auto", backend: str = "auto", precision: str = "float32"
) -> BagPredictor:
    """The predictor for a bag model, shared by everyone in this process who asks for the same.

    Networks are opened on first use, not here, and run in torch. Raises InferenceProblem for settings that
    a bag model or this machine does not have.
    """
    settings = bag_settings(device, backend, precision)
    key = (record, settings)
    with _OPEN_LOCK:
        predictor = _OPEN.pop(key, None) or BagPredictor(record, settings)
        _OPEN[key] = predictor
        while len(_OPEN) > MAX_OPEN:
            _OPEN.popitem(last=False)
    return predictor


class BagPredictor(OnMachine):
    """A bag model ready to be asked; safe to use from several threads."""

    def __init__(self, record: BagRecord, settings: RunSettings) -> None:
        super().__init__(settings)
        self.record = record
        self._members: dict[int, OpenedBagNet] = {}
        self._lock = threading.Lock()

    def ran(self, plan: SamplePlan) -> WhatRan:
        """What the networks of a plan run on: the same for every plan."""
        return WhatRan(self.settings.backend, self.settings.chunk, None, ())

    def plan(self, estimator: EstimatorConfig, may_ask: tuple[int, ...] | None = None) -> SamplePlan:
        """What this estimator will do. Raises ModelProblem, with the reason, when the model cannot do it."""
        return plan_samples(self.record, estimator, may_ask)

    def prepare(
        self, estimator: EstimatorConfig, progress: Progress, may_ask: tuple[int, ...] | None = None
    ) -> None:
        """Open the networks that this estimator needs, so that the first case does not wait for them."""
        wanted = self.plan(estimator, may_ask).member_indices
        for place, index in enumerate(wanted):
            progress(0.0, f"Opening network {place + 1} of {len(wanted)}")
            self._member(index)

    def judge(
        self,
        image: Image,
        channels: tuple[int, ...],
        estimator: EstimatorConfig,
        seed_key: str,
        progress: Progress,
        *,
        may_ask: tuple[int, ...] | None = None,
        bags: Sequence[range] | None = None,
    ) -> tuple[BagSamples, ...]:
        """The bags of a volume, in order of their slices, each with all draws of the estimator.

        channels: for each input channel of the model, the image channel that feeds it. bags: slices of each,
        None: those of the evaluation, the same ones every time. Every slice is encoded once per network and
        variant, whatever the number of bags and of dropout samples. seed_key: identifies the case; the same
        key, weights and seed give the same draws. Raises ModelProblem for channels or bags that do not fit.
        """
        from core.inference.bag_run import bag_samples

        chosen = bags_of(image.slices, self.record.bag_size) if bags is None else tuple(bags)
        _check(chosen, image.slices, self.record)
        plan = self.plan(estimator, may_ask)
        self.prepare(estimator, progress, may_ask)
        members = {index: self._member(index) for index in plan.member_indices}
        pictures = Pictures(image, channels, self.record)
        return bag_samples(pictures, chosen, plan, members, estimator, seed_key, progress)

    def _member(self, index: int) -> OpenedBagNet:
        from core.inference.bag_run import open_bag_member

        with self._lock:
            if index not in self._members:
                self._members[index] = open_bag_member(self.record, index, self.settings)
            return self._members[index]


def _check(bags: Sequence[range], slices: int, record: BagRecord) -> None:
    wrong = [each for each in bags if not each or each[0] < 0 or each[-1] >= slices or each.step != 1]
    if not bags or wrong:
        raise ModelProblem(
            "These slices make no bag",
            file=record.id,
            found=f"slices {wrong[0].start} to {wrong[0].stop - 1}" if wrong else "no bag",
            expected=f"neighbouring slices within 0 to {slices - 1}",
            fix="choose slices of the volume, or leave the choice out",
        )
