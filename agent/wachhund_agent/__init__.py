"""The agent: observes a robot, signs what it saw, and keeps it until the host holds it."""

__version__ = "0.1.0"
