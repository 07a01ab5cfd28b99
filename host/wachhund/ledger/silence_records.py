"""A silence, as it stands on record: what nobody is told of for a while. Incidents are made and shown all the same.

Times: host time in seconds since the epoch.
"""

from dataclasses import dataclass
from typing import Any

from wachhund_evidence import MisuseError

DAY_S = 86_400.0
LONGEST_S = 30 * DAY_S
LONGEST_CRITICAL_S = 4 * 3_600.0  # one that also holds back what is critical
UNMATCHED_S = DAY_S  # so long without a match, and one that is to end itself then does
MAX_VALID = 500  # that are not over yet: each is held against each incident
MAX_NAMED = 100  # robots, rules, surfaces, origins of one

# What is done to one. The last two are the host's.
MADE, ENDED, UNUSED, CLOCK = "made", "ended", "unused", "clock"
PLANNED, VALID, PAST, TAKEN_BACK = "planned", "valid", "past", "ended"
IN_THE_WAY = frozenset({PLANNED, VALID})


@dataclass(frozen=True)
class Silence:
    """Whose messages are held back. Each list: None for any; an incident has to lie within all of them, wholly.

    `robots`: ids. `rules`: names of rules, as an incident lists them; `kinds`: of incidents; `surfaces`; `sources`:
    networks. `critical`: also what is critical. `maintenance`: somebody works on these robots, and their pages say so.
    `ends_unused`: it ends itself after a day without a match. `matched_t`: the last match; None for none yet.
    """

    id: str
    robots: tuple[str, ...] | None
    rules: tuple[str, ...] | None
    kinds: tuple[str, ...] | None
    surfaces: tuple[str, ...] | None
    sources: tuple[str, ...] | None
    critical: bool
    maintenance: bool
    ends_unused: bool
    from_t: float
    until_t: float
    why: str
    author: str
    made_t: float
    ended_by: str | None = None
    ended_why: str | None = None
    matched_t: float | None = None

    def ends_t(self, now: float) -> float:
        """When it ends, as the clock is now. It never lasts longer from now on than it was made for: a clock that was
        set back would else prolong it."""
        return self.until_t if self.ended_by is not None else min(self.until_t, now + self.length_s)

    @property
    def length_s(self) -> float:
        """For how long it was made, in seconds."""
        return self.until_t - self.from_t

    def state(self, t: float) -> str:
        """What it is at that time: planned, valid, past or ended."""
        if self.ended_by is not None:
            return TAKEN_BACK
        if t >= self.until_t:
            return PAST
        # One that held from its making on holds also when the clock was set back to before that.
        return VALID if t >= self.from_t or self.from_t <= self.made_t else PLANNED

    def to_json(self) -> dict[str, Any]:
        """As people's programs read it: `null` for any."""
        lists = ("robots", "rules", "kinds", "surfaces", "sources")
        told = {name: None if vars(self)[name] is None else list(vars(self)[name]) for name in lists}
        return {**vars(self), **told}


@dataclass(frozen=True)
class SilenceAct:
    """Something was done to a silence."""

    number: int
    silence: str
    act: str
    t: float
    by: str
    why: str


def check_span(wanted: Silence) -> None:
    """Raises MisuseError for one that is over before it begins, or lasts too long."""
    if wanted.until_t <= max(wanted.from_t, wanted.made_t):
        raise MisuseError("until: is over already, or before its beginning: give a later end")
    if wanted.critical and wanted.length_s > LONGEST_CRITICAL_S:
        raise MisuseError(
            f"until: what also holds back critical incidents lasts {LONGEST_CRITICAL_S / 3600:.0f} hours at most: give "
            "an earlier end, or let critical ones through"
        )
    if wanted.length_s > LONGEST_S:
        raise MisuseError(f"until: {LONGEST_S / DAY_S:.0f} days are the longest: make a new one then")
