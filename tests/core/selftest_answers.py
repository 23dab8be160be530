"""Makes what the self-test compares answers with: `python -m tests.core.selftest_answers`.

Run it on the machine on which the models were tested, after a change that is meant to change their answers.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.metadata import version

from core.cohort import sample_cases
from core.config import EstimatorKind
from core.inference import possible_estimators
from core.inference.devices import machine_class
from core.models.mil_records import list_bag_models
from core.models.registry import SHIPPED_FOLDER, list_models, promptless
from core.selftest.answers import give
from core.selftest.expected import ANSWERS, AnswerList
from core.store import Store

DEFAULT_MODEL = "lgg-unet"
FEW = ("frontal-left", "healthy-young", "faint")
VOLUME = "volume-frontal"
LIBRARIES = ("torch", "onnxruntime", "numpy", "opencv-python-headless")


def wanted() -> Iterator[tuple[str, EstimatorKind, str]]:
    """(model, estimator, sample): the default model on every sample, and every estimator on a few.

    A bag model is asked about the volume.
    """
    everything = [each.key for each in sample_cases()]
    for record in promptless(list_models(own=SHIPPED_FOLDER)):
        kinds = [each.key for each in possible_estimators(record)]
        for number, kind in enumerate(kinds):
            whole = record.id == DEFAULT_MODEL and number == 0
            for sample in everything if whole else FEW:
                yield record.id, kind, sample
    for bags in list_bag_models(own=SHIPPED_FOLDER):
        for each in possible_estimators(bags):
            yield bags.id, each.key, VOLUME


if __name__ == "__main__":
    with Store.open(mode="memory") as store:
        answers = tuple(give(store, *each) for each in wanted())
    versions = tuple((name, version(name)) for name in LIBRARIES)
    found = AnswerList(machine=machine_class(), versions=versions, answers=answers)
    ANSWERS.write_text(json.dumps(json.loads(found.model_dump_json())) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(answers)} answers, {ANSWERS.stat().st_size:,} bytes\n")
