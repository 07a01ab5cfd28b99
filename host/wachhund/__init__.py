"""The host: verifies, remembers and judges what robots saw."""

__version__ = "0.1.0"
