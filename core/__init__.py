"""Second Look's computations: reading, inference with uncertainty, error detection, store."""

__version__ = "0.5.0"
