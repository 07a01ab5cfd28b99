"""An accepted baseline from a file, for judging without a host: as `wachhund baseline show ROBOT --accepted --json`
prints it."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wachhund.judge.given import NotGiven, told_in
from wachhund.judge.usual import Accepted, accepted_of
from wachhund.ledger import Baseline, Usual
from wachhund.ledger.baseline_records import (
    MAX_ADDRESSES,
    MAX_DESTINATIONS,
    MAX_HASHES,
    MAX_LISTENERS,
    MAX_PROGRAMS,
    MAX_TEXT_CHARS,
    MAX_VIEWS,
    UsualDestination,
    UsualListener,
    UsualProgram,
    UsualView,
)

_KEYS = frozenset({"baseline", "usual"})  # what was only learned has others beside them

_Reader = Callable[[Any], Any]


def usual_in(path: Path) -> Accepted:
    """What a file holds, ready to be judged by. Raises NotGiven, OSError."""
    told = told_in(path)
    if not isinstance(told, dict) or told.keys() != _KEYS or not isinstance(told["baseline"], dict):
        raise NotGiven("holds no accepted baseline: give what `wachhund baseline show ROBOT --accepted --json` printed")
    part = "baseline"
    try:
        act = _fields(told["baseline"], _ACT)
        part = "usual"
        usual = told["usual"]
        held: dict[str, Any] = {}
        for part, (kind, readers, bound) in _LISTS.items():
            held[part] = tuple(kind(**_fields(one, readers)) for one in _list(usual[part], bound))
        part = "volume"
        whole = Usual(**held, **_fields({name: usual[name] for name in _VOLUME}, _VOLUME))
    except (KeyError, TypeError, ValueError) as error:
        raise NotGiven(f"{part}: {' '.join(str(error).split())}: not as it was printed") from None
    return accepted_of(Baseline(robot="", usual=whole, why="", **act))


def _fields(told: Any, readers: Mapping[str, _Reader]) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise ValueError("an entry is no object")
    made = {}
    for name, read in readers.items():
        try:
            made[name] = read(told[name])
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return made


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_TEXT_CHARS:
        raise ValueError("a text is missing, or no text")
    return value


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _list(value: Any, bound: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > bound:
        raise ValueError(f"no list, or one of more than {bound}")
    return value


def _texts(bound: int) -> _Reader:
    return lambda value: tuple(map(_text, _list(value, bound)))


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("no whole number from 0")
    return value


def _port(value: Any) -> int:
    if _count(value) > 65_535:
        raise ValueError("no port")
    return int(value)


def _port_or_none(value: Any) -> int | None:
    return None if value is None else _port(value)


def _time(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError("a time is missing, or no number")
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


_ACT: dict[str, _Reader] = {
    "id": _text, "since_t": _time, "until_t": _time, "limited": _flag, "author": _text, "made_t": _time,
}  # fmt: skip
_WHOSE: dict[str, _Reader] = {"exe": _text_or_none, "script": _text_or_none}
_LISTS: dict[str, tuple[type[Any], dict[str, _Reader], int]] = {
    "programs": (
        UsualProgram,
        {**_WHOSE, "exe_hashes": _texts(MAX_HASHES), "script_hashes": _texts(MAX_HASHES), "starts": _count,
         "first_t": _time, "last_t": _time},
        MAX_PROGRAMS,
    ),
    "destinations": (
        UsualDestination,
        {**_WHOSE, "place": _text, "addresses": _texts(MAX_ADDRESSES), "proto": _text, "port": _port,
         "connections": _count, "out_a_day": _count, "first_t": _time, "last_t": _time},
        MAX_DESTINATIONS,
    ),
    "listeners": (
        UsualListener,
        {**_WHOSE, "proto": _text, "port": _port_or_none, "scope": _text_or_none, "opened": _count},
        MAX_LISTENERS,
    ),
    "views": (UsualView, {**_WHOSE, "camera": _text, "opened": _count}, MAX_VIEWS),
}  # fmt: skip
_VOLUME: dict[str, _Reader] = {"days": _count, "median_out": _count, "largest_out": _count}
