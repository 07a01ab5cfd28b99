"""Who takes part in DDS, and so in ROS 2: participants announce themselves to a multicast group, which is heard here.

Source: a packet socket with a filter in the kernel that keeps announcements only; nothing is sent and no group joined.
Not heard: participants that were given one another's addresses instead (discovery servers, peers by unicast), those
that share memory only, and IPv6. What they say to one another is not read.
"""

from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.packet_tap import PacketTap, rtps_announcements
from wachhund_agent.sensors import rtps
from wachhund_agent.sensors.flow import Endpoint
from wachhund_agent.sensors.packet import parse_packet
from wachhund_agent.sensors.scope import HERE, Scopes
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation

SNAP_BYTES = 640  # an announcement is some 300 bytes; those that list every address are longer
PACKETS_A_LOOK = 512
PARTICIPANTS_KEPT = 256
NEW_A_LOOK = 16  # told one by one; who makes up more than that is counted
LEASE_S, LONGEST_LEASE_S = 100.0, 300.0  # 100 s is what the specification proposes
_SENSOR = "dds/packet"

_Key = Tuple[int, str]  # domain, prefix of the GUID


class _Participant(NamedTuple):
    """`source`: where its announcements come from. `until`: when its silence means that it is gone."""

    vendor: str
    source: Endpoint
    here: bool
    until: float


class DdsSense(Sense):
    """Kinds: `config.state` (dds-participant), and `control` for one of another machine, each once."""

    name = "dds"
    interval_s = 5.0

    def __init__(self, scopes: Optional[Scopes] = None, tap: Callable[[], PacketTap] = lambda: _tap()) -> None:
        self._scopes, self._make_tap = scopes or Scopes(), tap
        self._tap: Optional[PacketTap] = None
        self._why: Optional[str] = None
        self._here: Dict[_Key, _Participant] = {}
        self._dropped = 0

    def start(self, mono: float) -> List[Observation]:
        self._scopes.refresh(mono)
        self._open()
        return []

    def look(self, mono: float) -> List[Observation]:
        if self._tap is None:
            self._open()
            return []
        self._scopes.refresh(mono)
        found: List[Observation] = []
        new = 0
        for captured in self._tap.read(PACKETS_A_LOOK):
            packet = parse_packet(captured.data, captured.ethertype)
            domain = None if packet is None else rtps.domain_of(packet.target[1])
            if packet is None or domain is None:
                continue
            said = rtps.parse_announcement(captured.data[packet.payload :])
            if said is not None:
                told = self._take((domain, said.prefix), said, packet.source, new < NEW_A_LOOK, mono)
                new += bool(told) and not said.leaves
                found += told
        for key, one in list(self._here.items()):
            if mono > one.until:
                found.append(self._state(key, self._here.pop(key), False, mono))
        return found

    def coverage(self) -> Coverage:
        if self._tap is None:
            why = "{}: participants of ROS 2 and DDS are not seen; it needs CAP_NET_RAW".format(self._why)
            return Coverage("packet", "blind", self.interval_s, self._dropped, why)
        why = "heard are announcements by IPv4 multicast; a network card may keep back those of other machines"
        return Coverage("packet", "event", self.interval_s, self._dropped + self._tap.dropped, why)

    def close(self) -> None:
        if self._tap is not None:
            self._tap.close()
            self._tap = None

    def _open(self) -> None:
        try:
            self._tap, self._why = self._make_tap(), None
        except KernelError as error:
            self._why = str(error)

    def _take(
        self, key: _Key, said: rtps.Announcement, source: Endpoint, may_tell: bool, mono: float
    ) -> List[Observation]:
        known = self._here.get(key)
        if said.leaves:
            return [] if known is None else [self._state(key, self._here.pop(key), False, mono)]
        lease = LEASE_S if said.lease_s is None else said.lease_s
        until = mono + min(max(lease, self.interval_s * 2), LONGEST_LEASE_S)
        if known is not None and known.source[0] == source[0]:
            self._here[key] = known._replace(until=until)
            return []
        if known is None and (len(self._here) >= PARTICIPANTS_KEPT or not may_tell):
            self._dropped += 1
            return []
        here = self._scopes.of(source[0]) in HERE
        if known is not None and (here or not known.here):
            # A participant announces itself from each of its machine's addresses.
            self._here[key] = known._replace(until=until)
            return []
        one = self._here[key] = _Participant(said.vendor, source, here, until)
        found = [self._state(key, one, True, mono)]
        if not here:
            fields: Dict[str, object] = {
                "surface": "ros",
                "what": "DDS participant ({}), domain {}".format(one.vendor, key[0]),
                "meaning": "control",
                "client": list(source),
                "participant": key[1],
            }
            found.append(Observation("control", wall(mono), mono, _SENSOR, fields))
        return found

    @staticmethod
    def _state(key: _Key, one: _Participant, value: bool, mono: float) -> Observation:
        fields: Dict[str, object] = {
            "name": "dds-participant",
            "what": key[1],
            "value": value,
            "vendor": one.vendor,
            "domain": key[0],
            "address": one.source[0],
            "here": one.here,
        }
        return Observation("config.state", wall(mono), mono, _SENSOR, fields)


def _tap() -> PacketTap:
    return PacketTap(rtps_announcements(SNAP_BYTES), SNAP_BYTES)
