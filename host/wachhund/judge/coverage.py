"""What a robot could not see, in words: from its own `coverage` facts and from what it never said."""

import math
from collections.abc import Mapping
from typing import Any

from wachhund.judge.wording import seconds, shown

MAX_SENSORS = 32

# They read counters that never fall, or what lasts: between two looks nothing is lost.
SAMPLING = frozenset(
    {
        "relay",
        "watcher",
        "control-ports",
        "posture",
        "stations",
        "camera-view",
        "camera-stream",
        "desktop",
        "login",
        "control-mqtt",
    }
)


class CoverageState:
    """The newest `coverage` of a robot."""

    HELD = ("_sensors", "_words")  # what a mind holds of it

    def __init__(self) -> None:
        self._sensors: dict[str, Mapping[str, Any]] | None = None
        self._words: tuple[str, ...] | None = None

    def told(self, fields: Mapping[str, Any]) -> None:
        """Take a `coverage` observation."""
        sensors = fields.get("sensors")
        if isinstance(sensors, dict):
            self._sensors = {
                str(name): sensor for name, sensor in list(sensors.items())[:MAX_SENSORS] if isinstance(sensor, dict)
            }
            self._words = None

    def sensors(self) -> dict[str, Mapping[str, Any]] | None:
        """The senses by name, as they were told last; None before that."""
        return self._sensors

    def blind_spots(self) -> tuple[str, ...]:
        """One sentence for each thing that was not, or not wholly, looked at."""
        if self._words is None:
            self._words = self._worded()
        return self._words

    def _worded(self) -> tuple[str, ...]:
        if self._sensors is None:
            return ("The robot has not said what its sensors can see.",)
        made = []
        for name in sorted(self._sensors):
            sensor = self._sensors[name]
            word, why = shown(name), sensor.get("why")
            because = f": {shown(why)}" if isinstance(why, str) and why else ""
            state = sensor.get("state")
            if state == "blind":
                made.append(f"The {word} sensor is blind{because}.")
            elif state == "event" or name in SAMPLING:
                if because:
                    made.append(f"The {word} sensor says{because}.")
            elif state == "poll":
                every = sensor.get("interval_s")
                length = f" every {seconds(every)}" if isinstance(every, (int, float)) and math.isfinite(every) else ""
                made.append(f"The {word} sensor looks only{length}; what lived shorter was not seen{because}.")
            else:
                made.append(f"The {word} sensor is in a state that this host does not know.")
            dropped = sensor.get("dropped")
            if isinstance(dropped, int) and dropped > 0:
                made.append(f"The {word} sensor lost {dropped} events since the agent's start.")
        return tuple(made)
