"""Did the host say what happened? Compares incidents with the cast, which nobody told it.

Pure: incidents and observations in, an outcome out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wachhund.demo.scene import Cast

Incident = Mapping[str, Any]
CERTAIN_LEVELS = ("high", "critical")
MAX_REMEMBERED = 500_000  # evidence items: several hours of stock noise; beyond it an old item accuses nobody


@dataclass(frozen=True)
class Outcome:
    """`scene` is the incident that tells the scene, if any. `why` is empty when the demo passed."""

    scene: Incident | None
    certain: bool
    others: tuple[Incident, ...]
    why: tuple[str, ...]


class Witnesses:
    """Remembers which processes each evidence item speaks of, and who their ancestors are."""

    def __init__(self) -> None:
        self._speaks_of: dict[tuple[str, int, int], int] = {}
        self._parent: dict[int, int] = {}

    def note(self, chain: str, seq: int, item: int, fields: Mapping[str, Any]) -> None:
        """One stored observation."""
        pid, parent = fields.get("pid"), fields.get("ppid")
        if not isinstance(pid, int):
            return
        if len(self._speaks_of) < MAX_REMEMBERED:
            self._speaks_of[chain, seq, item] = pid
        if isinstance(parent, int) and len(self._parent) < MAX_REMEMBERED:
            self._parent[pid] = parent

    def accused_by(self, incident: Incident) -> frozenset[int]:
        """Every process that an incident names: in its chains of origin and in the evidence that it points at."""
        named = {hop.get("pid") for hop in hops(incident) if hop.get("hop") == "process"}
        for evidence in incident.get("evidence", ()):
            for item in evidence.get("items", ()):
                named.add(self._speaks_of.get((evidence.get("chain"), evidence.get("seq"), item)))
        return frozenset(pid for pid in named if isinstance(pid, int))

    def descends_from(self, pid: int, ancestors: frozenset[int]) -> bool:
        """Whether a process is one of `ancestors` or was started below one."""
        seen: set[int] = set()
        while pid not in seen:
            if pid in ancestors:
                return True
            seen.add(pid)
            pid = self._parent.get(pid, pid)
        return False


def hops(incident: Incident) -> list[Mapping[str, Any]]:
    """Every hop of every chain of origin in an incident."""
    chains: list[Sequence[Mapping[str, Any]]] = [incident.get("origin") or ()]
    chains += [session.get("origin") or () for session in incident.get("sessions") or ()]
    return [hop for chain in chains for hop in chain]


def names_relay(incident: Incident, pid: int) -> bool:
    """Whether the incident's chain goes through this process."""
    return any(hop.get("hop") == "process" and hop.get("pid") == pid for hop in hops(incident))


def names_session(incident: Incident, cast: Cast) -> bool:
    """Whether a session of the incident uses the visitor's surface and came through the program that dialled out."""
    return any(
        session.get("surface") == cast.surface
        and any(hop.get("pid") == cast.relay_pid for hop in session.get("origin") or ())
        for session in incident.get("sessions") or ()
    )


def is_certain(incident: Incident) -> bool:
    """Whether the host is sure enough to wake somebody."""
    return incident.get("level") in CERTAIN_LEVELS


def compare(
    incidents: Iterable[Incident], cast: Cast, ours: frozenset[int], witnesses: Witnesses, has_outside: bool
) -> Outcome:
    """Hold the incidents against the cast. `ours`: what the demo runs beside the scene, which must not be accused."""
    told: Incident | None = None
    others: list[Incident] = []
    why: list[str] = []
    bystanders = cast.stock_pids | ours
    guests = frozenset({cast.relay_pid, cast.console_pid})
    for incident in incidents:
        if names_relay(incident, cast.relay_pid):
            told = incident if told is None or is_certain(incident) else told
        else:
            others.append(incident)
        why += [
            f"incident {incident.get('id')} accuses pid {pid}, which only belongs to the scene's noise"
            for pid in sorted(witnesses.accused_by(incident))
            if not witnesses.descends_from(pid, guests) and witnesses.descends_from(pid, bystanders)
        ]
    if told is None:
        why.insert(0, f"no incident names pid {cast.relay_pid} ({cast.relay_exe})")
        return Outcome(None, False, tuple(others), tuple(why))
    if has_outside and not any(hop.get("address") == cast.outside_address for hop in hops(told)):
        why.append(f"the incident does not name {cast.outside_address}, where the visitor came from")
    if has_outside and not is_certain(told):
        why.append(f"the incident stayed {told.get('level')}: the visit was never certain")
    if cast.surface is not None and not names_session(told, cast):
        why.append(f"the incident names no session by {cast.surface} through pid {cast.relay_pid}")
    return Outcome(told, is_certain(told), tuple(others), tuple(why))
