"""The pages. Each is asked from the ledger as it is now, and is complete without a script."""

import time

from fastapi import APIRouter, Request
from starlette.responses import Response

from wachhund.ledger import Ledger
from wachhund.notify.repairs import repairs
from wachhund.people.roles import Right
from wachhund.web import facts, handing_on, live_pages
from wachhund.web.acting import needs
from wachhund.web.campaign_view import band, with_band
from wachhund.web.day_strip import draw_day
from wachhund.web.evidence_list import ROBOTS_OFFERED, evidence_list
from wachhund.web.failures import missing
from wachhund.web.fleet_board import FleetBoard
from wachhund.web.fleet_query import FACETS
from wachhund.web.fleet_view import SORTS
from wachhund.web.keeping_view import keeping_view
from wachhund.web.paper import render
from wachhund.web.robot_view import RobotView
from wachhund.web.said import say
from wachhund.web.silence_marks import marked

router = APIRouter(include_in_schema=False)

NOBODY = ""  # under which the ledger counts what was refused of no robot


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


def _strip(robot: RobotView, now: float) -> str:
    return draw_day(robot.first_t, robot.unobserved, [*robot.now_sessions, *robot.past_sessions], now)


@router.get("/")
@needs(Right.SEE, say="the fleet")
def fleet(request: Request, q: str = "", sort: str = "worst", page: int = 1) -> Response:
    """Which robots need me now, and may I trust the calm of the others?"""
    now = time.time()
    board: FleetBoard = request.app.state.fleet
    view = board.view(
        q[: live_pages.MAX_QUERY_CHARACTERS], min(page, live_pages.MAX_PAGE), now, sort if sort in SORTS else "worst"
    )
    only = strip = None
    live = view.live
    if view.total == 1 and not view.terms:
        only = facts.show_robot(_ledger(request), view.rows[0].name, now)
    if only is not None:
        # One robot: its page stands in full below the sentence, and changes with it.
        strip = _strip(only, now)
        live = live_pages.both(view.live, only.live)
    live = marked(live, _ledger(request), (row.name for row in view.rows), now)
    campaigns = band(_ledger(request), now)
    live = with_band(live, campaigns)
    strangers = facts.refused_of(_ledger(request), NOBODY)
    return render(
        request, "fleet.html", live=live, now=now, view=view, only=only, strip=strip, alone=True, strangers=strangers,
        campaigns=campaigns,
        repairs=repairs(_ledger(request).notifying, now), facets=FACETS, sorts=SORTS,
    )  # fmt: skip


@router.get("/robots/{name:path}")
@needs(Right.SEE, say="a robot")
def robot(request: Request, name: str) -> Response:
    """Who controls or looks through it now, by which way, was it allowed, and can I believe this?"""
    now = time.time()
    view = facts.show_robot(_ledger(request), name, now)
    if view is None:
        return missing(request, say("No robot of that name"), say("The Fleet page lists all that there are."))
    live = marked(view.live, _ledger(request), (name,), now)
    return render(request, "robot.html", live=live, now=now, robot=view, strip=_strip(view, now), alone=False)


@router.get("/evidence")
@needs(Right.SEE, say="a robot's evidence")
def evidence_of(request: Request, robot: str = "", before: int | None = None) -> Response:
    """Prove it to someone who trusts neither the robot nor us: whose evidence, and does each piece stand?"""
    ledger = _ledger(request)
    names = [one.name for one in ledger.robots()]
    chosen = robot or (names[0] if len(names) == 1 else "")
    view = evidence_list(ledger, chosen, before) if chosen else None
    if chosen and view is None:
        return missing(request, say("No robot of that name"), say("The Fleet page lists all that there are."))
    offer = handing_on.offer(request, time.time()) if view is not None else None
    more = max(0, len(names) - ROBOTS_OFFERED)
    return render(
        request, "evidence_list.html", view=view, names=names[:ROBOTS_OFFERED], more=more, handing_on=offer
    )  # fmt: skip


@router.get("/evidence/{name:path}/{chain}/{seq}")
@needs(Right.SEE, say="a piece of evidence, checked")
def evidence(request: Request, name: str, chain: str, seq: int, items: str = "") -> Response:
    """One token, checked again at this moment."""
    pointed = frozenset(int(item) for item in items.split(",")[:2000] if item.isascii() and item.isdecimal())
    view = facts.show_evidence(_ledger(request), name, chain, seq, pointed) if 0 < seq < 2**53 else None
    if view is not None:
        return render(request, "evidence.html", view=view, handing_on=handing_on.offer(request, view.token.received_t))
    erased = facts.show_erased(_ledger(request), name, chain, seq) if 0 < seq < 2**53 else None
    if erased is None:
        return missing(request, say("No such evidence here"), say("It never arrived."))
    return render(request, "erased.html", name=name, token=erased)


@router.get("/keeping")
@needs(Right.SEE, say="how long evidence is kept")
def keeping(request: Request) -> Response:
    """How long is evidence kept, what is held, and what was forgotten by whom and why?"""
    view = keeping_view(_ledger(request), request.app.state.keeping)
    return render(request, "keeping.html", view=view)
