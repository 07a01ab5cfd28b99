"""From the ledger to the checklist of a robot on its way in."""

import time
from urllib.parse import quote

from wachhund.ledger import Ledger, invited
from wachhund.web.coverage_said import said_sensors
from wachhund.web.enrol_view import EVENT_KINDS, Checklist, Facts, checklist

UNDER_WAY_S = 7 * 86400.0  # invitations that are older are not shown as under way
MAX_UNDER_WAY = 2000


def show_checklist(ledger: Ledger, name: str, now: float | None = None) -> Checklist | None:
    """The checklist of that name; None when nobody was invited or registered under it."""
    now = time.time() if now is None else now
    with ledger.moment() as connection:
        invitation = invited.newest_of(connection, name)
    robot = ledger.robot_by_name(name)
    if invitation is None and robot is None:
        return None
    address = f"/live/enrol/{quote(name, safe='')}"
    if robot is None:
        return checklist(name, Facts(invitation, None, "", None, None, None, None), None, address, now)
    state = ledger.current_state(robot.id)
    events = ledger.newest_observations(robot.id, 1, kinds=EVENT_KINDS)
    facts = Facts(
        invitation, robot, _words(ledger, robot.id), ledger.link(robot.id), ledger.newest(robot.id), state,
        events[0] if events else None,
    )  # fmt: skip
    sensors = said_sensors(state.coverage.observation.fields) if state.coverage else None
    return checklist(name, facts, sensors, address, now)


def _words(ledger: Ledger, robot: str) -> str:
    """The six words that the host drew when the key came; empty for a robot that was registered by its key."""
    for act in reversed(ledger.robot_acts(robot)):
        _, found, words = act.detail.partition(", words: ")
        if found and act.by == "the robot itself":
            return words
    return ""


def under_way(ledger: Ledger, now: float) -> list[Checklist]:
    """Those who were invited in the last days, in the order of their invitations, until they are enrolled."""
    with ledger.moment() as connection:
        names = [one.name for one in invited.since(connection, now - UNDER_WAY_S, MAX_UNDER_WAY)]
    found = (show_checklist(ledger, name, now) for name in names)
    return [one for one in found if one is not None and not one.is_enrolled]
