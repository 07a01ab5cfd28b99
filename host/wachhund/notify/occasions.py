"""What is told beside incidents: the daily DRILL, one that did not come, an authorisation that is nearly over."""

from collections.abc import Sequence

from wachhund.ledger import notify_queue, notify_targets
from wachhund.ledger.authorisation_records import DAY_S, VALID, Authorisation
from wachhund.ledger.notify_records import DRILL, DRILL_MISSING, ENDS, Drilled
from wachhund.ledger.notifying import Notifying, robot_names, steady_since
from wachhund.notify import wording
from wachhund.notify.deciding import put

DRILL_EVERY_S = DAY_S  # of robot time that the agent runs
DRILL_SLACK_S = 3_600.0  # a robot that spoke all the time, and is so late: somebody is told
DRILL_TOLD_S = 20 * 3_600.0  # between two DRILLs for a target: one a day, though robots make them at all hours
DRILL_GATHER_S = 60.0
FRESH_S = 300.0  # evidence that is so old is of a robot that is silent now, which is told by other means
ENDS_SOON_S = DAY_S


def write_drills(notifying: Notifying, t: float, page: str) -> int:
    """One DRILL a day to each target that wants it, about the robots whose drills came since the last."""
    with notifying.writing() as connection:
        drills = notify_queue.drills(connection)
        targets = [one for one in notify_targets.all_targets(connection) if one.drills]
        if not drills or not targets:
            return 0
        names = robot_names(connection)
        written = 0
        for target in targets:
            came = [one for one in drills if one.t > max(target.drilled_t, target.made_t - DAY_S)]
            early = t - target.drilled_t < DRILL_TOLD_S or (came and t - min(one.t for one in came) < DRILL_GATHER_S)
            if not came or early:
                continue
            robots = [names.get(one.robot, one.robot) for one in came]
            put(
                connection, target, DRILL, wording.of_drill(robots, came[0].incident, t, page), t,
                [one.incident for one in came],
            )  # fmt: skip
            notify_targets.change(connection, target.id, drilled_t=t)
            written += 1
    if written:
        notifying.ring()
    return written


def missing_drills(notifying: Notifying, t: float) -> list[tuple[Drilled, str]]:
    """Robots that drilled before, spoke without a pause since, and whose next drill is overdue; with their names.

    A robot that was off, or out of reach, began to speak anew, and counts from there.
    """
    with notifying.reading() as connection:
        drills = notify_queue.drills(connection)
        steady = steady_since(connection, [one.robot for one in drills])
        names = robot_names(connection)
    late_s = DRILL_EVERY_S + DRILL_SLACK_S
    found = []
    for one in drills:
        since_t, last_t = steady.get(one.robot, (t, 0.0))
        if one.robot in names and t - last_t <= FRESH_S and t - max(one.t, since_t) > late_s:
            found.append((one, names[one.robot]))
    return found


def write_missing_drills(notifying: Notifying, t: float, page: str) -> int:
    """Tell every target, once, that drills did not come: this is about the way of alerts itself."""
    new = [(one, name) for one, name in missing_drills(notifying, t) if one.missed_t is None]
    if not new:
        return 0
    with notifying.writing() as connection:
        targets = notify_targets.all_targets(connection)
        message = wording.of_missing_drills([(name, one.t) for one, name in new], t, page)
        for target in targets:
            put(connection, target, DRILL_MISSING, message, t)
        if targets:  # as long as nobody can be told, nobody was
            notify_queue.note_missed(connection, [one.robot for one, _ in new], t)
    notifying.ring()
    return len(targets)


def write_endings(notifying: Notifying, authorisations: Sequence[Authorisation], t: float, page: str) -> int:
    """Tell who has a route that an authorisation is over in a day. One that lasts no longer than that is not told."""
    soon = [
        one
        for one in authorisations
        if one.state(t) == VALID and one.until_t - t <= ENDS_SOON_S < one.until_t - max(one.from_t, one.made_t)
    ]
    if not soon:
        return 0
    written = 0
    with notifying.writing() as connection:
        names = robot_names(connection)
        routed = {route.target for route in notify_targets.all_routes(connection) if route.after_s == 0}
        targets = [one for one in notify_targets.all_targets(connection) if one.id in routed]
        for one in soon:
            robots = None if one.robots is None else [names.get(robot, robot) for robot in one.robots]
            message = wording.of_ending(one.id, one.who, robots, one.until_t, t, page)
            for target in targets:
                # Its name is what it is about: it is written once, also after a restart.
                identity = f"msg_ends_{one.id}_{int(one.until_t)}_{target.id}"
                written += put(connection, target, ENDS, message, t, identity=identity)
    if written:
        notifying.ring()
    return written
