"""Campaigns on pages: the band above other lists, their own list, and a page for each. Pure but for `shown`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wachhund.alerts.campaigns_in_hand import in_hand
from wachhund.ledger import Ledger
from wachhund.web.live_page import LivePage, Slot
from wachhund.web.moments import clock
from wachhund.web.robot_text import clipped, visible
from wachhund.web.said import Said, known, say

IN_THE_BAND = 5
BAND_S = 86_400.0  # so long after its last sign one stands above the lists
ROWS_A_PAGE = 100
_WHO_CHARACTERS = 80


@dataclass(frozen=True)
class RobotRow:
    """What a campaign did on one robot. `robot`: its name; `last_t`: None while a session goes on."""

    robot: str
    first_t: float
    last_t: float | None
    sessions: int
    incidents: Sequence[str]


@dataclass(frozen=True)
class CampaignView:
    """One campaign's page. `sessions`: with the robot's name; `more_sessions`: how many are not listed."""

    campaign: Mapping[str, Any]
    robots: Sequence[RobotRow]
    sessions: Sequence[Mapping[str, Any]]
    more_sessions: int
    live: LivePage


def who_said(who: str) -> str:
    """Who it is, as people read it."""
    kind, _, name = who.partition(":")
    if kind == "relay":
        return say("somebody through %(relay)s", relay=clipped(name, _WHO_CHARACTERS))
    if kind == "tunnel":
        tunnel, _, address = name.partition(":")
        return say("%(address)s in %(tunnel)s", address=visible(address), tunnel=clipped(tunnel, 40))
    return clipped(name if kind == "lan" else who, _WHO_CHARACTERS)


def sentence(campaign: Mapping[str, Any]) -> Said:
    """What the band says."""
    who, n = who_said(str(campaign["who"])), int(campaign["robots_count"])
    if campaign["goes_on"]:
        return say("%(who)s is on %(n)s robots, and nobody allowed it", who=who, n=n)
    return say("%(who)s was on %(n)s robots, and nobody had allowed it", who=who, n=n)


def band(ledger: Ledger, now: float) -> list[dict[str, Any]]:
    """The campaigns that stand above other lists: lately, and in nobody's hand. Raises LedgerError."""
    found = ledger.campaigns.going_on(now - BAND_S, 2 * IN_THE_BAND)
    return [one for one in found if not in_hand(ledger, one, now)][:IN_THE_BAND]


def with_band(page: LivePage, found: Sequence[Mapping[str, Any]]) -> LivePage:
    """The page, and the band."""
    if not page.address:
        return page
    slots = {f"campaign:{one['id']}": Slot(sentence(one), tone="bad") for one in found}
    rows = {"campaigns": tuple(str(one["id"]) for one in found)}
    return replace(page, slots={**page.slots, **slots}, rows={**page.rows, **rows})


def campaign_view(
    campaign: Mapping[str, Any], robots: Sequence[Mapping[str, Any]], names: Mapping[str, str], now: float
) -> CampaignView:
    """The page. `names`: of robots, by id."""
    identity, last_t = str(campaign["id"]), float(campaign["last_t"])
    listed = [RobotRow(**{**row, "robot": names.get(row["robot"], row["robot"])}) for row in robots]
    goes_on = bool(campaign["goes_on"])
    slots = {
        f"campaign:{identity}": Slot(sentence(campaign), tone="bad"),
        f"campaign:{identity}:on": Slot(say("going on") if goes_on else say("over"), "bad" if goes_on else "open"),
        f"campaign:{identity}:level": Slot(known(str(campaign["level"]))),
        f"campaign:{identity}:last": Slot(clock(last_t, now), t=last_t),
        f"campaign:{identity}:robots": Slot(str(len(listed))),
        f"campaign:{identity}:sessions": Slot(str(campaign["sessions_count"])),
    }
    live = LivePage(
        f"/live/campaigns/{identity}", slots,
        {"campaign-robots": tuple(row.robot for row in listed)},
    )  # fmt: skip
    told = [
        {**one, "robot": names.get(str(one["robot"]), str(one["robot"])), "address": _address(one)}
        for one in campaign["sessions"]
    ]
    return CampaignView(campaign, listed, told, int(campaign["sessions_count"]) - len(told), live)


def _address(session: Mapping[str, Any]) -> str:
    return next((str(hop["address"]) for hop in session.get("origin") or () if hop.get("hop") == "address"), "")


def shown(ledger: Ledger, identity: str, now: float) -> CampaignView | None:
    """One campaign's page; None when there is none of that name. Raises LedgerError."""
    campaign = ledger.campaigns.one(identity)
    if campaign is None:
        return None
    names = {robot.id: robot.name for robot in ledger.robots()}
    return campaign_view(campaign, ledger.campaigns.robots(str(campaign["id"])), names, now)
