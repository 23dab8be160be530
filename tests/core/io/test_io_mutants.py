"""The short version of `python -m tests.faults mutants`."""

from __future__ import annotations

import random

import pytest

from tests.faults.mutants import mutate_everything, mutated


@pytest.mark.slow
def test_mutants_are_loaded_or_refused_in_words() -> None:
    found = mutate_everything(600, seed=1)
    assert found.wrong == []
    assert sum(each.loaded + each.refused for each in found.kinds.values()) == 600
    assert sum(each.refused for each in found.kinds.values()) > 300


def test_same_seed_makes_the_same_mutants() -> None:
    body = bytes(range(256))
    assert mutated(body, random.Random(5)) == mutated(body, random.Random(5)) != body
