"""From texts that a person gave, at the command line or in a form, to an authorisation; or what is wrong, by field."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from wachhund.authorise.drafting import (
    begin_of,
    carrier_of,
    end_of,
    robots_of,
    sources_of,
    surfaces_of,
    who_of,
)
from wachhund.keeping.arguments import MAX_WHY_CHARS
from wachhund.keeping.moments import parse_moment
from wachhund.ledger import Authorisation, Robot
from wachhund.ledger.authorisation_records import check_span
from wachhund_evidence import MisuseError

_OPTION = re.compile(r"--(robot|surface|from|carrier|begin|until|who|why): ")
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Typed:
    """What was typed. `until`: empty for the usual length. `begin`: empty for now.

    `since_t`: when the session began that it is about, host time: it begins with that, as far as it may last so long.
    """

    robots: tuple[str, ...] = ()
    surfaces: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    carrier: str = ""
    until: str = ""
    who: str = ""
    why: str = ""
    begin: str = ""
    since_t: float | None = None


class Unfit(MisuseError):
    """Something typed is not fit. `fields`: what is wrong, by option without its dashes; the first is the text."""

    def __init__(self, fields: dict[str, str]) -> None:
        name, text = next(iter(fields.items()))
        super().__init__(f"--{name}: {text}")
        self.fields = fields


def why_said(text: str) -> str:
    """A reason. Raises MisuseError."""
    why = text.strip()
    if not why or not why.isprintable() or len(why) > MAX_WHY_CHARS:
        raise MisuseError(f"--why: give a reason in 1 to {MAX_WHY_CHARS} printable characters: it stays on record")
    return why


def draw_up(typed: Typed, find: Callable[[str], Robot], author: str, now: float) -> Authorisation:
    """The authorisation, checked, on no record yet. `now`: host time. Raises Unfit with all that is wrong."""
    wrong: dict[str, str] = {}

    def part(field: str, make: Callable[[], _Made], otherwise: _Made) -> _Made:
        try:
            return make()
        except MisuseError as error:
            found = _OPTION.match(str(error))
            name = found[1] if found else field
            wrong.setdefault(name, _OPTION.sub("", str(error), count=1))
            return otherwise

    for name, given in (("robot", typed.robots), ("surface", typed.surfaces), ("from", typed.sources)):
        if not given:
            wrong[name] = "say at least one, or that it is all of them"
    nothing: tuple[str, ...] | None = ()
    robots = part("robot", lambda: robots_of(typed.robots, find), nothing)
    surfaces = part("surface", lambda: surfaces_of(typed.surfaces), nothing)
    sources = part("from", lambda: sources_of(typed.sources), nothing)
    carrier = part("carrier", lambda: carrier_of(typed.carrier), None)
    who = part("who", lambda: who_of(typed.who), "")
    why = part("why", lambda: why_said(typed.why), "")
    begin_t = part("begin", lambda: parse_moment(typed.begin, "--begin") if typed.begin else now, now)
    until_t = part("until", lambda: end_of(typed.until or None, now if typed.since_t is not None else begin_t), now)
    if typed.since_t is not None:
        begin_t = min(now, begin_of(typed.since_t, until_t))
    if not wrong and surfaces == () and carrier is None:
        wrong["surface"] = "none: allows only that a carrier is there: name it with --carrier"
    one = Authorisation("", who, robots, surfaces, sources, carrier, begin_t, until_t, why, author, now)
    if "until" not in wrong and "begin" not in wrong:
        part("until", lambda: check_span(one), None)
    if wrong:
        raise Unfit(wrong)
    return one
