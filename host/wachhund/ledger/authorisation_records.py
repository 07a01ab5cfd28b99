"""What operators allow, as it stands on record: an authorisation, and each act that made or ended one.

Times: host time in seconds since the epoch.
"""

from dataclasses import dataclass
from typing import Any

from wachhund_evidence import MisuseError

DAY_S = 86_400.0
LONGEST_S = 30 * DAY_S  # longer than that nobody remembers why
MAX_VALID = 1_000  # that are not over yet: each is held against each session
MAX_NAMED = 100  # robots, surfaces or sources that one authorisation names

# What is done to one. The last two are the host's: it noticed that the time had come.
MADE, ENDED, BEGAN, OVER = "made", "ended", "began", "over"
PLANNED, VALID, PAST, WITHDRAWN = "planned", "valid", "past", "withdrawn"
MAY_BE_ENDED = frozenset({PLANNED, VALID})


@dataclass(frozen=True)
class Authorisation:
    """An operator's statement that sessions are wanted.

    `who`: whose sessions they are, and who answers for them. `robots`: ids; None for all. `surfaces`: of detection.md's
    list; None for all; none at all: only that the carrier is there. `sources`: networks (an address is one of its own)
    in their canonical text; None for any. `carrier`: `lan`, `internet`, `relay`, a tunnel's name; None for any.
    `until_t`: its end, or when it was withdrawn. `author`: who made it, at `made_t`. `ended_by` and `ended_why`: who
    withdrew it.
    """

    id: str
    who: str
    robots: tuple[str, ...] | None
    surfaces: tuple[str, ...] | None
    sources: tuple[str, ...] | None
    carrier: str | None
    from_t: float
    until_t: float
    why: str
    author: str
    made_t: float
    ended_by: str | None = None
    ended_why: str | None = None

    def state(self, t: float) -> str:
        """What it is at that time: planned, valid, past or withdrawn."""
        if self.ended_by is not None:
            return WITHDRAWN
        return PLANNED if t < self.from_t else VALID if t <= self.until_t else PAST

    def to_json(self) -> dict[str, Any]:
        """As people's programs read it: `null` for all, or any."""
        return {
            "id": self.id, "who": self.who, "robots": _listed(self.robots), "surfaces": _listed(self.surfaces),
            "from": _listed(self.sources), "carrier": self.carrier, "from_t": self.from_t, "until_t": self.until_t,
            "why": self.why, "author": self.author, "made_t": self.made_t, "ended_by": self.ended_by,
            "ended_why": self.ended_why,
        }  # fmt: skip


@dataclass(frozen=True)
class AuthorisationAct:
    """Something was done to an authorisation, which is then as `became` says.

    `after` and `after_fault`: the last observation and the last fault that the ledger held then. That is the act's
    place among them, so that judging again says the same.
    """

    number: int
    act: str
    t: float
    by: str
    why: str
    after: int
    after_fault: int
    became: Authorisation


def check_span(wanted: Authorisation) -> None:
    """Raises MisuseError for one that is over before it begins, or lasts too long."""
    if wanted.until_t <= max(wanted.from_t, wanted.made_t):
        raise MisuseError("--until: is over already, or before its beginning: give a later end")
    if wanted.until_t - wanted.from_t > LONGEST_S:
        raise MisuseError(f"--until: {LONGEST_S / DAY_S:.0f} days are the longest: make a new one then")


def _listed(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)
