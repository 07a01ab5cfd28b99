"""Authorisations from a file, for judging without a host: as `wachhund authorise list --all --json` prints them."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wachhund.judge.authorisations import SURFACES, parsed_network
from wachhund.ledger import Authorisation, AuthorisationAct
from wachhund.ledger.authorisation_records import MADE, MAX_NAMED, MAX_VALID

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_TEXT_CHARS = 1_000


class NotGiven(ValueError):
    """A file does not hold what it should, or something that is none. The text names where."""


def told_in(path: Path) -> Any:
    """What a file of JSON says; None when it is none, or too large. Raises OSError."""
    with path.open("rb") as stream:
        body = stream.read(MAX_FILE_BYTES + 1)
    try:
        return json.loads(body) if len(body) <= MAX_FILE_BYTES else None
    except (ValueError, RecursionError):
        return None


def acts_in(path: Path) -> list[AuthorisationAct]:
    """Each as it was made, in the order of making. Robots are left out: lines of observations name none.

    Raises NotGiven, OSError.
    """
    whole = told_in(path)
    told = whole.get("authorisations") if isinstance(whole, dict) else None
    if not isinstance(told, list) or len(told) > MAX_VALID:
        raise NotGiven("holds no list of authorisations: give what `wachhund authorise list --all --json` printed")
    made = []
    for number, one in enumerate(told, 1):
        try:
            made.append(_read(one))
        except (KeyError, TypeError, ValueError) as error:
            raise NotGiven(f"authorisation {number}: {' '.join(str(error).split())}: not as it was printed") from None
    made.sort(key=lambda one: one.made_t)
    return [
        AuthorisationAct(number, MADE, one.made_t, one.author, one.why, 0, 0, one) for number, one in enumerate(made, 1)
    ]


def _read(one: Any) -> Authorisation:
    surfaces, sources = _listed(one["surfaces"], _surface), _listed(one["from"], lambda text: str(parsed_network(text)))
    return Authorisation(
        _text(one["id"]), _text(one["who"]), None, surfaces, sources, _text_or_none(one["carrier"]),
        _time(one["from_t"]), _time(one["until_t"]), _text(one["why"]), _text(one["author"]), _time(one["made_t"]),
        _text_or_none(one["ended_by"]), _text_or_none(one["ended_why"]),
    )  # fmt: skip


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_TEXT_CHARS:
        raise ValueError("a text is missing, or no text")
    return value


def _time(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError("a time is missing, or no number")
    return float(value)


def _surface(text: str) -> str:
    if text not in SURFACES:
        raise ValueError(f"{text!r} is no surface")
    return text


def _listed(value: Any, read: Callable[[str], str]) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MAX_NAMED:
        raise ValueError("a list is missing, or no list")
    return tuple(read(_text(one)) for one in value)
