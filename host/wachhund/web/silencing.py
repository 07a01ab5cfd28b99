"""Silencing, for pages and programs alike: who may make and end a silence, and with which words."""

from collections.abc import Mapping

from fastapi import Request

from wachhund.ledger import Ledger
from wachhund.ledger.silence_records import Silence
from wachhund.people.roles import Right
from wachhund.web.acting import Asker, asker, require
from wachhund.web.facts import robot_names
from wachhund_evidence import MisuseError

_MAX_WHY_CHARS = 500


def may(one: Asker, names: Mapping[str, str], silence: Silence) -> bool:
    """Whether somebody may make or end it: it is about robots of theirs only. `names`: of robots, by id."""
    if silence.robots is None:
        return all(one.may(Right.ACT, name) for name in names.values())
    return all(one.may(Right.ACT, names.get(robot)) for robot in silence.robots)


def require_robots(request: Request, ledger: Ledger, silence: Silence) -> None:
    """That the person may make or end it. Raises Refused."""
    who, names = asker(request), robot_names(ledger)
    if not may(who, names, silence):
        require(request, Right.ACT, next((name for name in names.values() if not who.may(Right.ACT, name)), None))


def known(ledger: Ledger, identity: str) -> Silence | None:
    """The silence of an id."""
    return next((one for one in ledger.silencing.all() if one.id == identity), None)


def why_said(text: str) -> str:
    """The reason of an end. Raises MisuseError."""
    words = text.strip()
    if not words or not words.isprintable() or len(words) > _MAX_WHY_CHARS:
        raise MisuseError(f"why: give a reason in 1 to {_MAX_WHY_CHARS} printable characters: it stays on record")
    return words
