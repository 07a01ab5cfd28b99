"""What robots said of their own sight, read with suspicion: robots send what they like."""

from collections.abc import Mapping, Sequence
from typing import Any

from wachhund.ledger import Ledger
from wachhund.web import standing

Sensors = dict[str, dict[str, Any]]

# Statements of coverage looked back through for lost events: one comes at most every few seconds.
_STATEMENTS = 200


def said_sensors(statement: Mapping[str, Any] | None) -> Sensors | None:
    """The sensors of a coverage statement. What is not shaped as one is left out."""
    said = statement.get("sensors") if statement is not None else None
    if not isinstance(said, Mapping):
        return None
    return {str(name): dict(sensor) for name, sensor in said.items() if isinstance(sensor, Mapping)}


def dropped(sensor: Mapping[str, Any] | None) -> int:
    """How many events a sensor says that it lost since its agent started."""
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
            count, earlier = dropped(sensor), dropped(before.get(name))
            if host_t >= now - standing.DROPPED_S:
                lost[name] = lost.get(name, 0) + (count - earlier if count >= earlier else count)
        before = sensors
    return {name: count for name, count in lost.items() if count}


def statements_of(ledger: Ledger, robot: str) -> list[tuple[float, Sensors]]:
    """The newest coverage statements of a robot (its id): host time and sensors, oldest first."""
    told = ledger.newest_observations(robot, _STATEMENTS, kinds=("coverage",))
    return [(one.host_t, said_sensors(one.observation.fields) or {}) for one in reversed(told)]
