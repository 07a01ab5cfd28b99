"""Fuzzing of everything that reads bytes which others wrote: `make fuzz` (coverage-guided, by atheris). Not a test."""
