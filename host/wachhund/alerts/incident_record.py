"""From the ledger to an incident's document: what stands beside it is gathered here, for page and command."""

from collections.abc import Mapping
from typing import Any

from wachhund import __version__
from wachhund.alerts.looks import goes_on
from wachhund.alerts.ringing import ringing, silenced
from wachhund.exports.record import Beside, Record, record
from wachhund.judge.wording import moment
from wachhund.ledger import Ledger, Robot
from wachhund.ledger.handling_records import ASSIGN, CLOSE, CLOSED, COMMENT, IncidentAct
from wachhund.ledger.notify_records import DEAD, DELIVERED, WAITING, WITHDRAWN, Message
from wachhund_evidence import MisuseError

_DONE = {"acknowledge": "acknowledged it", CLOSE: "closed it", "reopen": "opened it again", COMMENT: "wrote"}
_STATES = {DELIVERED: "taken", DEAD: "given up", WAITING: "waiting", WITHDRAWN: "withdrawn"}


def incident_record(ledger: Ledger, incident: Mapping[str, Any], now: float) -> Record:
    """The document of an incident of the ledger, as of `now` (host time)."""
    identity, robot_id = str(incident["id"]), str(incident.get("robot"))
    robot = _robot(ledger, robot_id)
    life, silences = ledger.handling.life(identity), ledger.silencing.valid(now)
    stands, held = ringing(incident, life, silences, now), silenced(incident, silences, now)
    return record(
        incident,
        Beside(
            robot=robot_id if robot is None else robot.name,
            robot_id=robot_id,
            kid=None if robot is None else robot.kid,
            going_on=_going_on(incident, stands.standing.state),
            state=stands.standing.state,
            because=stands.standing.because,
            owner=stands.owner,
            held=None if held is None else f"held back by {held.by} of {held.who}: {held.why}",
            done=[_done(act) for act in ledger.handling.acts(identity)],
            told=[_told(message) for message in ledger.notifying.told_of(identity)],
            made_t=now,
            version=__version__,
        ),
    )


def _robot(ledger: Ledger, robot_id: str) -> Robot | None:
    try:
        return ledger.robot(robot_id)
    except MisuseError:
        return None


def _going_on(incident: Mapping[str, Any], state: str) -> str:
    """As far as anybody sees. What is about evidence or agent has no sessions."""
    if incident.get("kind") in ("monitor", "drill"):
        return "a drill: nothing happens" if incident.get("kind") == "drill" else "as the robot's proof says"
    if state != CLOSED and goes_on(incident):
        return "yes"
    return "no open session is seen" if incident.get("sessions") else "no session was seen yet"


def _told(message: Message) -> str:
    when = message.ended_t if message.state == DELIVERED and message.ended_t is not None else message.made_t
    words = f": {message.words}" if message.words else ""
    return f"{moment(when)}: {message.target_name}, {_STATES.get(message.state, message.state)}{words}"


def _done(act: IncidentAct) -> tuple[str, float, str, str]:
    what = f"assigned it to {act.detail or 'nobody'}" if act.act == ASSIGN else _DONE.get(act.act, act.act)
    if act.act == CLOSE:
        what += f" ({act.detail})"
    return act.by, act.t, what, act.text
