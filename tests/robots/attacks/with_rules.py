"""Imported by the process that scenes' processes are forks of: our rules are read once, for all of them."""

from tests.robots.attacks import results
from wachhund.judge.rule_loading import load_rules

__all__ = ["results"]

load_rules()
