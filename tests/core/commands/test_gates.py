"""Gates of the commands: what they read, when they fail, which code they leave with."""

from __future__ import annotations

import math

import click
import pytest
from click.testing import CliRunner

from core.commands.gates import Gate, check_known, fail_on, failed_gates, leave_if_failed, parse_gate
from core.errors import SettingsProblem


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("dice<0.8", Gate("dice", "<", 0.8)),
        ("dice:large cell >= .5", Gate("dice:large cell", ">=", 0.5)),
        (" ece > 1e-1 ", Gate("ece", ">", 0.1)),
        ("volume_error_ml<=-2", Gate("volume_error_ml", "<=", -2.0)),
    ],
)
def test_gate_is_read(text: str, gate: Gate) -> None:
    assert parse_gate(text) == gate
    assert parse_gate(gate.text) == gate


@pytest.mark.parametrize("text", ["", "dice", "dice<", "<0.8", "dice=0.8", "dice<high", "dice<nan", "a<b<1"])
def test_other_forms_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingsProblem, match="--fail-on"):
        parse_gate(text)


def test_gate_fails_when_its_condition_holds_or_the_value_is_undefined() -> None:
    gate = Gate("dice", "<", 0.8)
    assert [gate.fails(each) for each in (0.79, 0.8, 0.9, math.nan, None)] == [True, False, False, True, True]


def test_sentences_name_the_value() -> None:
    gates = (Gate("dice", "<", 0.8), Gate("ece", ">", 0.1), Gate("hd95_mm", ">", 5))
    assert failed_gates(gates, {"dice": 0.75, "ece": 0.05, "hd95_mm": None}) == (
        "gate not met: dice<0.8 (dice is 0.75)",
        "gate not met: hd95_mm>5 (hd95_mm is undefined)",
    )


def test_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsProblem, match="dice, ece"):
        check_known((Gate("dise", "<", 0.8),), ("dice", "ece"))


@pytest.mark.parametrize(("condition", "code"), [("dice<0.8", 3), ("dice<0.7", 0)])
def test_command_leaves_with_code_three_after_its_output(condition: str, code: int) -> None:
    @click.command()
    @fail_on
    def command(gates: tuple[Gate, ...]) -> None:
        click.echo("result")
        leave_if_failed(gates, {"dice": 0.75})

    done = CliRunner().invoke(command, ["--fail-on", condition])
    assert (done.exit_code, done.stdout) == (code, "result\n")
    assert ("gate not met" in done.stderr) == (code == 3)
