"""Allowing, for pages and programs alike: what was typed, held against what the person may act on and what stands."""

import time
from collections.abc import Sequence

from fastapi import Request

from wachhund.authorise import overlapping
from wachhund.authorise.drawing_up import Typed, Unfit, draw_up
from wachhund.ledger import Authorisation, Ledger
from wachhund.people.roles import Right
from wachhund.web import facts
from wachhund.web.acting import asker, require

_EVERY_ROBOT = ""  # a name that only who may act on all robots may act on


def drafted(request: Request, ledger: Ledger, typed: Typed) -> Authorisation:
    """The authorisation, on no record yet. Raises Unfit with what is wrong, Refused for robots of others."""
    now = time.time()
    one = draw_up(typed, ledger.robot, asker(request).who, now)
    require_robots(request, ledger, one.robots)
    same = overlapping.already_allowed_by(one, ledger.authorisations.all(), now)
    if same is not None:
        raise Unfit({"until": f"{same.id} of {same.who} allows all of this already, for as long: give a later end, or "
                              "use that one"})  # fmt: skip
    return one


def require_robots(request: Request, ledger: Ledger, robots: Sequence[str] | None) -> None:
    """That the person may act on all of them (ids; None: on every one). Raises Refused."""
    names = facts.robot_names(ledger)
    for robot in [_EVERY_ROBOT] if robots is None else [names.get(robot, _EVERY_ROBOT) for robot in robots]:
        require(request, Right.ACT, robot)


def known(ledger: Ledger, identity: str) -> Authorisation | None:
    """The authorisation of an id."""
    return next((one for one in ledger.authorisations.all() if one.id == identity), None)
