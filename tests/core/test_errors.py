"""What a log may hold of an error that nobody foresaw."""

from __future__ import annotations

from core.errors import InputProblem, trace_of


def fail() -> None:
    try:
        raise KeyError("patient 12")
    except KeyError as missing:
        raise RuntimeError("secret.nii of patient 12") from missing


def test_trace_holds_types_and_frames_of_error_and_cause_and_none_of_their_words() -> None:
    try:
        fail()
    except RuntimeError as error:
        found = trace_of(error)
    assert "patient" not in found and "secret" not in found
    first, caused = found.split("caused by ")
    assert first.startswith("builtins.RuntimeError\n")
    assert caused.startswith("builtins.KeyError\n")
    assert f"{__file__}, line " in caused and ", in fail" in caused


def test_trace_of_an_error_that_was_never_raised_is_its_type() -> None:
    assert trace_of(ValueError("secret")) == "builtins.ValueError"


def test_no_full_stop_is_doubled() -> None:
    problem = InputProblem("It went wrong", found="One.", expected="two.", fix="count again.")
    assert problem.sentence == "It went wrong. Found: One. Expected: two. To fix: count again."
