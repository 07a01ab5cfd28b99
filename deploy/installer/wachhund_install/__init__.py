"""Puts the agent onto a robot and takes it away again. Standard library of Python 3.7 only; runs from the bundle."""
