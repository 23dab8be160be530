"""Second Look's computations: reading, inference with uncertainty, error detection, store."""

__version__ = "0.4.0"
