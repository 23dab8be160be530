"""What the shipped model and the shape rules make of the sample cohort."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cohort import make_sample, sample_cases
from core.detector import GOOD_DICE
from core.pipeline import Outcome, analyse
from core.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """Every sample, analysed once with the default settings."""
    with Store.open(Path(tmp_path_factory.mktemp("home"))) as store:
        found = {}
        for spec in sample_cases():
            case = make_sample(spec.key)
            store.put_case(case)
            found[spec.key] = analyse(store, case)
        yield found


def of_group(outcomes: dict[str, Outcome], group: str) -> list[Outcome]:
    return [outcomes[spec.key] for spec in sample_cases() if spec.group == group]


def dice(outcome: Outcome) -> float:
    assert outcome.overlap is not None
    return outcome.overlap.whole.dice


def causes(outcome: Outcome) -> set[str]:
    return {flag.cause for flag in outcome.verdict.flags}


def test_ordinary_lesions_look_consistent_and_are_outlined_well(outcomes: dict[str, Outcome]) -> None:
    ordinary = of_group(outcomes, "ordinary")
    assert set().union(*(causes(each) for each in ordinary)) <= {"quality"}
    assert sum(each.verdict.answer == "review" for each in ordinary) <= 1
    assert min(dice(each) for each in ordinary) > 0.7


def test_slice_of_an_ordinary_lesion_is_of_low_quality_only_where_it_failed(
    outcomes: dict[str, Outcome],
) -> None:
    for each in of_group(outcomes, "ordinary"):
        assert each.overlap is not None
        for flag in each.verdict.flags:
            assert flag.slice is not None
            assert each.overlap.slices[flag.slice].dice <= GOOD_DICE


def test_network_sees_half_a_lesion_and_spots_outlined_as_one(outcomes: dict[str, Outcome]) -> None:
    for key in ("cystic", "white-matter-spots", "volume-spots"):
        assert "quality" in causes(outcomes[key])
        assert dice(outcomes[key]) < 0.5


def test_heads_without_a_lesion_are_empty_and_ask_for_a_look(outcomes: dict[str, Outcome]) -> None:
    for each in of_group(outcomes, "no lesion"):
        assert each.analysis.empty
        assert [flag.rule for flag in each.verdict.flags] == ["nothing-found"]


def test_hard_cases_fire_every_cause_of_the_shape_rules(outcomes: dict[str, Outcome]) -> None:
    fired = set().union(*(causes(each) for each in of_group(outcomes, "hard")))
    assert fired >= {"area", "shape", "fragmentation", "spurious", "empty", "jump"}


def test_the_model_fails_on_several_hard_cases_and_most_failures_are_caught(
    outcomes: dict[str, Outcome],
) -> None:
    failed = [each for each in of_group(outcomes, "hard") if dice(each) < 0.7]
    caught = [each for each in failed if each.verdict.answer == "review"]
    assert len(failed) >= 6
    assert len(caught) >= 0.8 * len(failed)


def test_drawn_heads_pass_as_brains_unless_they_are_spoilt(outcomes: dict[str, Outcome]) -> None:
    foreign = {key for key, each in outcomes.items() if "ood" in causes(each)}
    assert foreign <= {spec.key for spec in sample_cases() if spec.group == "hard"}
    assert "noise" in foreign
    assert len(foreign) <= 3


@pytest.mark.parametrize(
    ("key", "cause"),
    [
        ("huge", "area"),
        ("thin-curved", "shape"),
        ("multifocal", "fragmentation"),
        ("faint", "empty"),
        ("volume-dropout", "empty"),
        ("volume-satellite", "fragmentation"),
    ],
)
def test_case_drawn_for_a_rule_fires_it(outcomes: dict[str, Outcome], key: str, cause: str) -> None:
    assert cause in causes(outcomes[key])
