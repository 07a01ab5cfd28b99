"""Regular expressions in linear time (RE2), for pySigma as for our own asking. What is wrong with one is said by us:
RE2 itself writes it to standard error, in the rule's own characters.
"""

import re
from typing import Any

import re2  # type: ignore[import-untyped]
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine

_FLAGS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s"}


class NotLinear(ValueError):
    """An expression that RE2 does not take. The text is RE2's reason."""


def compiled(pattern: str) -> Any:
    """An expression that can be searched for. Raises NotLinear."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        told = error.args[0] if error.args else "not an expression"
        raise NotLinear(told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)) from None


class _Engine(RegexEngine):
    """RE2 as pySigma asks for it."""

    def compile(self, pattern: str, flags: int = 0) -> Any:
        letters = "".join(letter for flag, letter in _FLAGS.items() if flags & flag)
        return compiled(f"(?{letters}){pattern}" if letters else pattern)

    @property
    def error(self) -> type[Exception]:
        return NotLinear


POLICY = SigmaPolicy(regex_engine=_Engine())
