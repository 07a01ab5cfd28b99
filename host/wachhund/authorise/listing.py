"""Authorisations in lists for people: active, ending soon, ended, never used; and whose end is to be told."""

from collections.abc import Sequence
from dataclasses import dataclass

from wachhund.ledger import Authorisation, Ledger
from wachhund.ledger.authorisation_records import DAY_S, MAY_BE_ENDED, PLANNED, VALID
from wachhund.ledger.authorisation_uses import Use

SOON_S = DAY_S  # before its end
ACTIVE, SOON, ENDED, NEVER_USED = "active", "soon", "ended", "never-used"
TABS = (ACTIVE, SOON, ENDED, NEVER_USED)


@dataclass(frozen=True)
class Listed:
    """One with its state. `covers`: sessions that are open now; `last_used_t`: None for never, host time."""

    one: Authorisation
    state: str
    covers: int
    last_used_t: float | None

    def is_in(self, tab: str, now: float) -> bool:
        """Whether it stands under that tab."""
        going_on = self.state in MAY_BE_ENDED
        if tab == ACTIVE:
            return going_on
        if tab == SOON:
            return going_on and self.one.until_t - now <= SOON_S
        if tab == ENDED:
            return not going_on
        return self.state != PLANNED and self.last_used_t is None


def listed(ledger: Ledger, now: float) -> list[Listed]:
    """All that were ever made: those that go on first, the soonest end first; then the latest end first."""
    uses = ledger.authorisation_uses.all()
    found = [_listed(one, uses.get(one.id), now) for one in ledger.authorisations.all()]
    going_on = [one for one in found if one.state in MAY_BE_ENDED]
    over = [one for one in found if one.state not in MAY_BE_ENDED]
    return [
        *sorted(going_on, key=lambda each: (each.one.until_t, each.one.id)),
        *sorted(over, key=lambda each: (-each.one.until_t, each.one.id)),
    ]


def _listed(one: Authorisation, use: Use | None, now: float) -> Listed:
    covers = use.covers if use is not None else 0
    # Bounds of its use are those of its own time: a session may begin before it and go on after it.
    last_t = None if use is None else now if covers else min(now, one.until_t, max(use.last_t, one.from_t))
    return Listed(one, one.state(now), covers, last_t)


def to_tell_of(ledger: Ledger, now: float) -> list[Authorisation]:
    """Those that end within a day and whose end nobody was told of yet, the soonest first.

    Who sends it calls this, sends, and then `ledger.authorisation_tellings.note` with what was sent: a crash between
    tells twice and never not at all. One that lasts no longer than a day is told of by being made.
    """
    told = ledger.authorisation_tellings.told()
    return [each.one for each in listed(ledger, now) if _is_due(each, now) and each.one.id not in told]


def _is_due(each: Listed, now: float) -> bool:
    one = each.one
    return each.state == VALID and one.until_t - now <= SOON_S < one.until_t - max(one.from_t, one.made_t)


def names_of(ids: Sequence[str] | None, names: dict[str, str]) -> list[str]:
    """Names of the robots that it is for; empty for all."""
    return [] if ids is None else sorted(names.get(identity, identity) for identity in ids)
