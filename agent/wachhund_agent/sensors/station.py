"""Stations: who is on the robot's own access point, from dnsmasq's leases (dnsmasq(8), --dhcp-leasefile)."""

from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence

from wachhund_agent.kernel.clock import wall
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation, clip, text

STATIONS_KEPT = 256
LEASES_BYTES = 64 * 1024


class Station(NamedTuple):
    """One lease. `address`: what it was given. `name`: what it calls itself, or None."""

    address: str
    hardware: str
    name: Optional[str]


def parse_leases(data: bytes) -> List[Station]:
    """The leases of a file; a line that is none is passed over."""
    stations: List[Station] = []
    for line in data[:LEASES_BYTES].split(b"\n"):
        parts = line.split()
        if len(parts) < 4 or not parts[0].isdigit() or len(stations) >= STATIONS_KEPT:
            continue
        hardware, address, name = (clip(text(part), 256)[0] for part in parts[1:4])
        stations.append(Station(address, hardware, None if name == "*" else name))
    return stations


class StationSense(Sense):
    """Kinds: `station.join`, `station.leave`. A lease outlives a visit: `leave` is when it ran out or was returned."""

    name = "stations"
    interval_s = 2.0

    def __init__(self, leases: Sequence[Path]) -> None:
        self._leases = list(leases)
        self._here: Dict[str, Station] = {}
        self._stamps: Dict[Path, object] = {}
        self._readable: List[Path] = []

    def start(self, mono: float) -> List[Observation]:
        return self._told(mono, existing=True)

    def look(self, mono: float) -> List[Observation]:
        return self._told(mono, existing=False)

    def coverage(self) -> Coverage:
        if not self._leases:
            return Coverage("dnsmasq", "poll", self.interval_s, 0, "the profile names no lease file")
        if not self._readable:
            return Coverage(
                "dnsmasq", "poll", self.interval_s, 0, "no lease file yet: who joined the access point is not seen"
            )
        return Coverage("dnsmasq", "poll", self.interval_s, 0)

    def close(self) -> None:
        """Nothing is kept open."""

    def _told(self, mono: float, existing: bool) -> List[Observation]:
        stamps = {path: self._stamp(path) for path in self._leases}
        self._readable = [path for path, stamp in stamps.items() if stamp is not None]
        if stamps == self._stamps:
            return []
        self._stamps = dict(stamps)
        now: Dict[str, Station] = {}
        for path in self._readable:
            try:
                with path.open("rb") as file:
                    stations = parse_leases(file.read(LEASES_BYTES))
            except OSError:
                continue
            now.update((station.hardware, station) for station in stations[: STATIONS_KEPT - len(now)])
        found = []
        for hardware, station in self._here.items():
            if now.get(hardware) != station:
                found.append(self._observation("station.leave", station, mono, False))
        for hardware, station in now.items():
            if self._here.get(hardware) != station:
                found.append(self._observation("station.join", station, mono, existing))
        self._here = now
        return found

    @staticmethod
    def _stamp(path: Path) -> Optional[object]:
        try:
            status = path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    @staticmethod
    def _observation(kind: str, station: Station, mono: float, existing: bool) -> Observation:
        fields: Dict[str, object] = {"address": station.address, "hardware": station.hardware, "name": station.name}
        if existing:
            fields["existing"] = True
        return Observation(kind, wall(mono), mono, "stations/dnsmasq", fields)
