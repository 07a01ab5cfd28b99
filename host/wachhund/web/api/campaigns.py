"""Campaigns: the same somebody on several robots at a time, and nobody allowed it."""

import time
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request

from wachhund.people.roles import Right
from wachhund.web import facts
from wachhund.web.acting import needs
from wachhund.web.api.asked import CampaignsAsked, Identity
from wachhund.web.api.cursors import Place, cursor, place
from wachhund.web.api.missing import NOT_FOUND, ledger_of
from wachhund.web.api.shapes import Campaign, CampaignHead, CampaignRobot, CampaignsPart, Session

router = APIRouter(tags=["incidents"])
_SAME = ("id", "who", "title", "level", "first_t", "last_t", "goes_on")


def _head(one: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: one[name] for name in _SAME}
    return {**told, "site": one["place"] or None, "robots": one["robots_count"], "sessions": one["sessions_count"]}


@router.get("/campaigns")
@needs(Right.SEE, say="campaigns")
def campaigns(request: Request, asked: Annotated[CampaignsAsked, Query()]) -> CampaignsPart:
    """A part of them, the newest beginnings first."""
    rows = ledger_of(request).campaigns.part(place(asked, asked.cursor), asked.limit + 1)
    shown = rows[: asked.limit]
    return CampaignsPart(
        t=time.time(),
        items=[CampaignHead(**_head(one)) for one in shown],
        next=cursor(asked, Place(shown[-1]["first_t"], shown[-1]["id"])) if len(rows) > asked.limit else None,
    )


@router.get("/campaigns/{identity}", responses=NOT_FOUND)
@needs(Right.SEE, say="a campaign")
def campaign(request: Request, identity: Identity) -> Campaign:
    """One of them, with what it did on each robot."""
    ledger = ledger_of(request)
    one = ledger.campaigns.one(identity)
    if one is None:
        raise HTTPException(404, "no campaign of that id")
    names = facts.robot_names(ledger)
    on = [
        CampaignRobot(**{**row, "robot": names.get(row["robot"], row["robot"])})
        for row in ledger.campaigns.robots(str(one["id"]))
    ]
    return Campaign(
        **_head(one), on=on, in_sessions=[Session(**facts.named(row, names)) for row in one["sessions"]],
        advice=one["advice"],
    )  # fmt: skip
