"""The page of authorisations: what is allowed, by whom, what does it cover now, when does it end? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from wachhund.authorise.listing import NEVER_USED, SOON, TABS, Listed, names_of
from wachhund.ledger import Authorisation
from wachhund.ledger.authorisation_records import MAY_BE_ENDED
from wachhund.web.live_page import LivePage, Slot
from wachhund.web.robot_text import visible
from wachhund.web.said import say, say_n

ROWS_A_PAGE = 50
TITLES = {
    "active": say("Active"),
    "soon": say("Ends within a day"),
    "ended": say("Ended"),
    "never-used": say("Never used"),
}
_NO_SURFACE = say("no surface: only that the carrier is there")
_STATES = {"valid": say("valid"), "planned": say("planned"), "past": say("past"), "withdrawn": say("withdrawn")}
_TONES = {"valid": "good", "planned": "open", "past": "open", "withdrawn": "open"}


@dataclass(frozen=True)
class Scope:
    """What one is for, in words. `robots`: names, empty for all."""

    robots: Sequence[str]
    surfaces: str
    sources: str
    carrier: str


@dataclass(frozen=True)
class AuthorisationRow:
    """One in the list. `may_be_ended`: whether it goes on."""

    listed: Listed
    scope: Scope

    @property
    def may_be_ended(self) -> bool:
        return self.listed.state in MAY_BE_ENDED


@dataclass(frozen=True)
class AuthorisationsView:
    """One page of a tab. `counts`: how many stand under each."""

    rows: Sequence[AuthorisationRow]
    tab: str
    counts: Mapping[str, int]
    page: int
    pages: int
    live: LivePage


def scope_of(one: Authorisation, names: dict[str, str]) -> Scope:
    """What it is for."""
    return Scope(
        names_of(one.robots, names),
        say("all surfaces") if one.surfaces is None else ", ".join(one.surfaces) or _NO_SURFACE,
        say("any address") if one.sources is None else ", ".join(one.sources),
        say("straight, by no relay or tunnel") if one.carrier is None else visible(one.carrier),
    )


def covers_words(count: int) -> str:
    """How many sessions it covers now."""
    return say_n("%(n)s session now", "%(n)s sessions now", count) if count else say("nothing now")


def authorisations_view(
    found: Sequence[Listed], names: dict[str, str], tab: str, page: int, now: float
) -> AuthorisationsView:
    """A page of a tab. `found`: all that were ever made."""
    counts = {name: sum(one.is_in(name, now) for one in found) for name in TABS}
    pages = max(1, -(-counts[tab] // ROWS_A_PAGE))
    page = max(1, min(page, pages))
    mine = [one for one in found if one.is_in(tab, now)][(page - 1) * ROWS_A_PAGE : page * ROWS_A_PAGE]
    slots = {f"count:{name}": Slot(str(count)) for name, count in counts.items()}
    for each in mine:
        prefix = f"authorisation:{each.one.id}"
        slots[f"{prefix}:state"] = Slot(_STATES[each.state], tone=_TONES[each.state])
        slots[f"{prefix}:covers"] = Slot(covers_words(each.covers))
    address = "/live/authorisations?" + urlencode({"tab": tab, "page": page})
    live = LivePage(address, slots, {"authorisations": tuple(each.one.id for each in mine)})
    return AuthorisationsView([AuthorisationRow(each, scope_of(each.one, names)) for each in mine], tab, counts, page,
                              pages, live)  # fmt: skip


EMPTY = {
    "active": say("Nothing is allowed: every session alerts."),
    SOON: say("None ends within a day."),
    "ended": say("None has ended."),
    NEVER_USED: say("Each was used."),
}
