"""From the ledger to what pages show: the only place where this room asks the ledger about robots."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from wachhund.alerts.life import standing as standing_of
from wachhund.ledger import CurrentState, Ledger, Rejection, Robot, StoredToken
from wachhund.ledger.handling_records import CLOSED
from wachhund.ledger.keeping_records import ErasedToken
from wachhund.web import standing
from wachhund.web.evidence_view import EvidenceView, evidence_view
from wachhund.web.fleet_view import FleetView, RobotStanding, fleet_view
from wachhund.web.integrity_view import IntegrityView, fault_card, integrity_view
from wachhund.web.robot_view import DAY_S, ROWS_OF_A_LIST, RobotView, WitnessCard, robot_view

Sensors = dict[str, dict[str, Any]]

# Statements of coverage looked back through for lost events: one comes at most every few seconds.
_STATEMENTS = 200
_OPEN_INCIDENTS = 100  # of one robot, in its row and on its page
_OPEN_STATES = ("open", "acknowledged")


def said_sensors(statement: Mapping[str, Any] | None) -> Sensors | None:
    """The sensors of a coverage statement. What is not shaped as one is left out: robots send what they like."""
    said = statement.get("sensors") if statement is not None else None
    if not isinstance(said, Mapping):
        return None
    return {str(name): dict(sensor) for name, sensor in said.items() if isinstance(sensor, Mapping)}


def _dropped(sensor: Mapping[str, Any] | None) -> int:
    value = sensor.get("dropped") if sensor is not None else None
    return value if type(value) is int and value > 0 else 0


def recently_dropped(statements: Sequence[tuple[float, Sensors]], now: float) -> dict[str, int]:
    """Events lost per sensor in the last DROPPED_S, from coverage statements (host time, sensors), oldest first.

    `dropped` counts since the agent started, so it falls back to zero with each start.
    """
    lost: dict[str, int] = {}
    before: Sensors = {}
    for host_t, sensors in statements:
        for name, sensor in sensors.items():
            count, earlier = _dropped(sensor), _dropped(before.get(name))
            if host_t >= now - standing.DROPPED_S:
                lost[name] = lost.get(name, 0) + (count - earlier if count >= earlier else count)
        before = sensors
    return {name: count for name, count in lost.items() if count}


def sensors_of(ledger: Ledger, robot: Robot, state: CurrentState, now: float) -> Sensors | None:
    """What the robot's sensors see now, with `recently_dropped` where events were lost."""
    sensors = said_sensors(state.coverage.observation.fields if state.coverage else None)
    if sensors is None or not any(_dropped(sensor) for sensor in sensors.values()):
        return sensors
    told = ledger.newest_observations(robot.id, _STATEMENTS, kinds=("coverage",))
    statements = [(one.host_t, said_sensors(one.observation.fields) or {}) for one in reversed(told)]
    for name, count in recently_dropped(statements, now).items():
        if name in sensors:
            sensors[name]["recently_dropped"] = count
    return sensors


def not_closed(ledger: Ledger, incidents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of these incidents that nobody has closed, or that came back since."""
    now, lives = time.time(), ledger.handling.lives([str(one["id"]) for one in incidents])
    known = [(one, lives.get(str(one["id"]))) for one in incidents]
    return [one for one, life in known if life is None or standing_of(one, life, now).state != CLOSED]


def _open_incidents(ledger: Ledger, robot: str) -> list[dict[str, Any]]:
    found = [one for state in _OPEN_STATES for one in ledger.incidents(robot, state, limit=_OPEN_INCIDENTS)]
    found = not_closed(ledger, found)
    return sorted(found, key=_gravity)


def _gravity(incident: Mapping[str, Any]) -> tuple[int, float]:
    levels = ("critical", "high", "medium", "low", "informational")
    level = incident.get("level")
    return (levels.index(level) if level in levels else len(levels), -float(incident["last_t"]))


def _version(state: CurrentState) -> str | None:
    version = state.started.observation.fields.get("version") if state.started else None
    return f"agent {version}" if isinstance(version, str) else None


def _standing(ledger: Ledger, robot: Robot, state: CurrentState, sensors: Sensors | None, now: float) -> RobotStanding:
    newest = ledger.newest(robot.id)
    proven = standing.proof(newest, ledger.faults(robot.id), robot.created_t, now, robot.state)
    proof = standing.as_connected(proven, newest, ledger.link(robot.id))
    said = standing.coverage(sensors, state.coverage.received_t if state.coverage else None)
    coverage = standing.as_last_said(said, proof)
    sessions = ledger.sessions(robot.id, open_only=True, limit=ROWS_OF_A_LIST)
    return RobotStanding(
        robot.name, proof, standing.control(sessions, proof, coverage), coverage,
        newest.received_t if newest else None, _version(state), sessions, _open_incidents(ledger, robot.id),
    )  # fmt: skip


def robot_standing(ledger: Ledger, robot: Robot, now: float) -> RobotStanding:
    """One robot as the fleet sees it."""
    state = ledger.current_state(robot.id)
    return _standing(ledger, robot, state, sensors_of(ledger, robot, state, now), now)


def show_fleet(ledger: Ledger, query: str, page: int, now: float) -> FleetView:
    """The fleet page."""
    return fleet_view([robot_standing(ledger, robot, now) for robot in ledger.robots()], query, page, now)


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
