"""Logins, and those that failed, as a robot told them, each field of its type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wachhund.judge.typed import End, end, text, whole


@dataclass(slots=True)
class LoginFact:
    """A `login.start`."""

    user: str | None
    flow: str | None
    source: End | None


@dataclass(slots=True)
class FailedLoginsFact:
    """A `login.failed`."""

    service: str
    source: End | None
    count: int
    unknown_users: int


def read_login(fields: Mapping[str, Any]) -> LoginFact:
    """A `login.start`. Raises UnreadableFact."""
    return LoginFact(text(fields, "user"), text(fields, "flow"), end(fields, "from"))


def read_failed_logins(fields: Mapping[str, Any]) -> FailedLoginsFact:
    """A `login.failed`. Raises UnreadableFact."""
    return FailedLoginsFact(
        text(fields, "service") or "?",
        end(fields, "from"),
        whole(fields, "count") or 0,
        whole(fields, "unknown_users") or 0,
    )
