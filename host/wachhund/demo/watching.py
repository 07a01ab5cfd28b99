"""What the host knows while the scene is played, read from its ledger, with the time at which each step was seen."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wachhund.demo.outcome import Incident, Witnesses, names_relay
from wachhund.ledger import Ledger

LOOK_SECONDS = 0.05  # between two looks: the resolution of the measured times
MAX_HISTORY = 10_000  # changes of incidents remembered: the scene makes some tens
BATCH = 2000  # observations read at a time
KEPT_KINDS = ("camera.open", "control")  # who looked through the robot, who drove it
MAX_KEPT = 1000  # of them: the scene makes some ten


@dataclass
class Watching:
    """Reads new observations and incidents, and remembers when each incident came or changed."""

    ledger: Ledger
    witnesses: Witnesses = field(default_factory=Witnesses)
    coverage: dict[str, Any] = field(default_factory=dict)
    heard: float | None = None
    kept: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    _standing: dict[str, Incident] = field(default_factory=dict)
    _history: list[tuple[float, Incident]] = field(default_factory=list)
    _cursor: int = 0

    def look(self) -> list[Incident]:
        """Everything new. Returns the incidents that are new or have changed since the last look."""
        while True:
            batch = self.ledger.observations_after(self._cursor, BATCH)
            for stored in batch:
                self._cursor = stored.id
                self.heard = self.heard or time.monotonic()
                self.witnesses.note(stored.chain, stored.seq, stored.item, stored.observation.fields)
                if stored.observation.kind in KEPT_KINDS and len(self.kept) < MAX_KEPT:
                    self.kept.append((stored.observation.kind, stored.observation.fields))
                if stored.observation.kind == "coverage":
                    self.coverage.update(_sensors(stored.observation.fields))
            if len(batch) < BATCH:
                break
        fresh: list[Incident] = []
        for incident in self.ledger.incidents():
            if self._standing.get(str(incident["id"])) != incident:
                self._standing[str(incident["id"])] = incident
                if len(self._history) < MAX_HISTORY:
                    self._history.append((time.monotonic(), incident))
                fresh.append(incident)
        return fresh

    def incidents(self) -> list[Incident]:
        """The incidents as they stand now."""
        return list(self._standing.values())

    def first_naming(self, pid: int, since: float, test: Callable[[Incident], bool] = lambda _: True) -> float | None:
        """When an incident naming this process first passed `test`: monotonic seconds, not before `since`."""
        moments = (
            when for when, incident in self._history if when >= since and names_relay(incident, pid) and test(incident)
        )
        return next(moments, None)


def _sensors(fields: Mapping[str, Any]) -> dict[str, str]:
    """sensor -> how it looks ("event", "poll", "blind"), from one coverage observation."""
    sensors = fields.get("sensors", fields)
    return {
        str(name): str(said["state"]) for name, said in sensors.items() if isinstance(said, Mapping) and "state" in said
    }
