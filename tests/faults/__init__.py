"""Faults injected on purpose, at full length: `python -m tests.faults`. The tests run short versions."""
