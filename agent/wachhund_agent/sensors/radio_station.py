"""Who is on the robot's own access point, by its radio: also who takes no address from dnsmasq, or brings his own.

Source: the kernel's wireless stack (nl80211), which tells each station as it joins and leaves; nothing is open while
this machine has no wireless interface.
"""

from pathlib import Path
from typing import Callable, Dict, List, Optional, Set, Tuple

from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.nl80211 import StationRecord, Wireless
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation, clip, text

STATIONS_KEPT = 256
NAME_BYTES = 64
_SENSOR = "radio-stations/nl80211"
_RADIOS = Path("/sys/class/ieee80211")  # there when the kernel's wireless stack is

_Station = Tuple[int, str]  # interface, hardware address


class RadioStationSense(Sense):
    """Kinds: `station.join`, `station.leave`, with the interface and without an address or name, which leases tell."""

    name = "radio-stations"
    interval_s = 5.0

    def __init__(self, wireless: Callable[[], Wireless] = Wireless, radios: Path = _RADIOS) -> None:
        self._make_wireless, self._radios = wireless, radios
        self._wireless: Optional[Wireless] = None
        self._why: Optional[str] = None
        self._here: Set[_Station] = set()
        self._names: Dict[int, str] = {}
        self._lost = self._dropped = 0

    def start(self, mono: float) -> List[Observation]:
        return self._open(mono)

    def fds(self) -> List[int]:
        return [] if self._wireless is None else [self._wireless.fd]

    def look(self, mono: float) -> List[Observation]:
        if self._wireless is None:
            return self._open(mono)
        try:
            found = [told for record in self._wireless.read() for told in self._take(record, mono)]
            if self._wireless.lost != self._lost:
                self._lost = self._wireless.lost
                found += self._list(mono, existing=False)
        except KernelError as error:
            self.close()
            self._why = str(error)
            return []
        return found

    def coverage(self) -> Coverage:
        if self._wireless is not None:
            return Coverage("nl80211", "event", None, self._dropped)
        if self._why is None:
            return Coverage("nl80211", "event", None, self._dropped, "this machine has no radio: nobody can join it")
        why = "{}: who is on the access point is known by leases only".format(self._why)
        return Coverage("nl80211", "blind", None, self._dropped, why)

    def close(self) -> None:
        if self._wireless is not None:
            self._wireless.close()
            self._wireless = None

    def _open(self, mono: float) -> List[Observation]:
        if not self._radios.is_dir():
            self._why = None
            return []
        try:
            self._wireless, self._why = self._make_wireless(), None
            self._lost = self._wireless.lost
            return self._list(mono, existing=True)
        except KernelError as error:
            self.close()
            self._why = str(error)
            return []

    def _list(self, mono: float, existing: bool) -> List[Observation]:
        """Who is there now, against what is known: at first, and when events were lost."""
        if self._wireless is None:
            return []
        self._names = self._wireless.access_points()
        now = {(one.ifindex, one.hardware): one for ifindex in self._names for one in self._wireless.stations(ifindex)}
        left = [StationRecord(*station, True) for station in sorted(self._here - set(now))]
        records = [*left, *(now[station] for station in sorted(now))]
        return [told for record in records for told in self._take(record, mono, existing)]

    def _take(self, record: StationRecord, mono: float, existing: bool = False) -> List[Observation]:
        station = (record.ifindex, record.hardware)
        if record.gone:
            if station not in self._here:
                return []
            self._here.discard(station)
            return [self._observation("station.leave", station, mono, False)]
        if station in self._here or not self._is_access_point(record.ifindex):
            return []
        if len(self._here) >= STATIONS_KEPT:
            self._dropped += 1
            return []
        self._here.add(station)
        return [self._observation("station.join", station, mono, existing)]

    def _is_access_point(self, ifindex: int) -> bool:
        """As a client of somebody else's, the robot has that one's access point for a station too."""
        if ifindex not in self._names and self._wireless is not None:
            self._names = self._wireless.access_points()
        return ifindex in self._names

    def _observation(self, kind: str, station: _Station, mono: float, existing: bool) -> Observation:
        fields: Dict[str, object] = {
            "address": None,
            "hardware": station[1],
            "name": None,
            "interface": clip(text(self._names.get(station[0], "")), NAME_BYTES)[0] or None,
        }
        if existing:
            fields["existing"] = True
        return Observation(kind, wall(mono), mono, _SENSOR, fields)
