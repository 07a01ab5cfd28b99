"""From the ledger to what pages show: the only place where this room asks the ledger about robots."""

from collections.abc import Mapping
from typing import Any

from wachhund.ledger import CurrentState, Ledger, Rejection, Robot, StoredToken
from wachhund.ledger.fleet_look import OPEN_STATES
from wachhund.ledger.keeping_records import ErasedToken
from wachhund.web import standing
from wachhund.web.coverage_said import Sensors, dropped, recently_dropped, said_sensors, statements_of
from wachhund.web.evidence_view import EvidenceView, evidence_view
from wachhund.web.fleet_view import RobotStanding
from wachhund.web.integrity_view import IntegrityView, fault_card, integrity_view
from wachhund.web.not_closed import not_closed
from wachhund.web.robot_standing import Known, gravity, stand, version_word
from wachhund.web.robot_view import DAY_S, ROWS_OF_A_LIST, RobotView, WitnessCard, robot_view

_OPEN_INCIDENTS = 100  # of one robot, in its row and on its page


def sensors_of(ledger: Ledger, robot: Robot, state: CurrentState, now: float) -> Sensors | None:
    """What the robot's sensors see now, with `recently_dropped` where events were lost."""
    sensors = said_sensors(state.coverage.observation.fields if state.coverage else None)
    if sensors is None or not any(dropped(sensor) for sensor in sensors.values()):
        return sensors
    for name, count in recently_dropped(statements_of(ledger, robot.id), now).items():
        if name in sensors:
            sensors[name]["recently_dropped"] = count
    return sensors


def people_names(ledger: Ledger) -> list[str]:
    """Of those who may log in: whom an incident can be assigned to."""
    return [person.name for person in ledger.people.all() if person.disabled_t is None]


def _open_incidents(ledger: Ledger, robot: str) -> list[Mapping[str, Any]]:
    found = [one for state in OPEN_STATES for one in ledger.incidents(robot, state, limit=_OPEN_INCIDENTS)]
    return sorted(not_closed(ledger, found), key=gravity)


def _standing(ledger: Ledger, robot: Robot, state: CurrentState, sensors: Sensors | None, now: float) -> RobotStanding:
    seen = standing.coverage(sensors, state.coverage.received_t if state.coverage else None)
    version = version_word(state.started.observation.fields.get("version")) if state.started else None
    known = Known(
        robot.id, robot.name, robot.state, robot.created_t, ledger.newest(robot.id), ledger.faults(robot.id),
        ledger.link(robot.id), seen, version, ledger.sessions(robot.id, open_only=True, limit=ROWS_OF_A_LIST),
        _open_incidents(ledger, robot.id), ledger.labels.of(robot.id),
    )  # fmt: skip
    return stand(known, now)


def robot_standing(ledger: Ledger, robot: Robot, now: float) -> RobotStanding:
    """One robot as the fleet sees it."""
    state = ledger.current_state(robot.id)
    return _standing(ledger, robot, state, sensors_of(ledger, robot, state, now), now)


def show_robot(ledger: Ledger, name: str, now: float) -> RobotView | None:
    """One robot's page; None when there is none of that name."""
    robot = ledger.robot_by_name(name)
    if robot is None:
        return None
    state = ledger.current_state(robot.id)
    sensors = sensors_of(ledger, robot, state, now)
    here = _standing(ledger, robot, state, sensors, now)
    past = [one for one in ledger.sessions(robot.id, limit=3 * ROWS_OF_A_LIST) if one.get("last_t") is not None]
    return robot_view(
        robot,
        here,
        [*here.sessions, *past],
        state,
        sensors,
        ledger.chain_line(robot.id),
        ledger.unobserved(robot.id, now - DAY_S, now),
        refused_of(ledger, robot.id),
        show_integrity(ledger, robot),
        now,
        show_witness(ledger, robot),
    )


def show_witness(ledger: Ledger, robot: Robot) -> WitnessCard | None:
    """The robot's hardware witness; None where none is registered."""
    witness = next((one for one in ledger.witnesses.of_robot(robot.id) if one.ended_t is None), None)
    return None if witness is None else WitnessCard(witness, ledger.witnesses.stand(witness.kid))


def refused_of(ledger: Ledger, robot: str) -> list[Rejection]:
    """What was refused of a robot (its id), or of nobody (an empty text), by reason."""
    return [one for (of, _), one in sorted(ledger.rejections().items()) if of == robot]


def show_integrity(ledger: Ledger, robot: Robot) -> IntegrityView:
    """The faults of its evidence with the tokens that show them, and what is odd and no fault."""
    integrity = ledger.integrity
    cards = [
        fault_card(fault, integrity.since(fault), [integrity.text(robot.id, seen) for seen in fault.tokens])
        for fault in integrity.all(robot.id)
    ]
    return integrity_view(cards, integrity.remarks(robot.id))


def robot_names(ledger: Ledger) -> dict[str, str]:
    """Name by id."""
    return {robot.id: robot.name for robot in ledger.robots()}


def named(incident: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The incident with the robot's name, as people and other programs read it; the ledger keeps its id."""
    robot = incident.get("robot")
    return {**incident, "robot": names.get(robot, robot) if isinstance(robot, str) else None}


def show_evidence(
    ledger: Ledger, name: str, chain: str, seq: int, items: frozenset[int] = frozenset()
) -> EvidenceView | None:
    """One token, checked again now; None when there is none."""
    robot = ledger.robot_by_name(name)
    token = ledger.token(robot.id, chain, seq) if robot is not None else None
    if robot is None or token is None:
        return None
    earlier: StoredToken | ErasedToken | None = None
    if token.earlier_seq is not None:
        before = robot.id, chain, token.earlier_seq
        earlier = ledger.token(*before) or ledger.keeping.erased_token(*before)
    return evidence_view(robot, ledger.robot_keys(robot.id), token, earlier, items)


def show_erased(ledger: Ledger, name: str, chain: str, seq: int) -> ErasedToken | None:
    """What is left of a token whose text was erased; None when there is nothing of it."""
    robot = ledger.robot_by_name(name)
    return None if robot is None else ledger.keeping.erased_token(robot.id, chain, seq)
