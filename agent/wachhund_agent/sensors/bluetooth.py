"""Bluetooth: who connects to this robot, who pairs with it, and what is written by which it is set up or driven.

Source: the kernel's monitor channel, which shows each connection and each write before any program has it; beside it,
or in its place, the folder where bluetoothd remembers who is paired. Values are counted and named by their kind and
never kept. Not heard: a controller that a program drives by itself, past the kernel (HCI user channel of a USB stick
taken from it), and advertising.
"""

from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from wachhund_agent.kernel import hci_monitor
from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.hci_monitor import Frame, HciMonitor
from wachhund_agent.sensors import gatt, hci
from wachhund_agent.sensors.attribute_writes import AttributeWrites, Link
from wachhund_agent.sensors.paired_devices import STORAGE, PairedDevices
from wachhund_agent.sensors.provisioning import Provisioning
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation

LINKS_KEPT = 64  # connections at once; a controller holds some ten
FRAMES_A_LOOK = 512
BUSY_FRAMES = 16  # in one look: a stream, which is read each second instead of at each packet
BUSY_S, QUIET_S = 1.0, 5.0
_SENSOR = "bluetooth/hci"


class _Link:
    """A connection. `pairing`: one was asked for since it was last encrypted."""

    __slots__ = ("address", "direction", "pairing", "since", "transport")

    def __init__(self, address: str, transport: str, direction: Optional[str], since: float) -> None:
        self.address, self.transport, self.direction, self.since = address, transport, direction, since
        self.pairing = False


class BluetoothSense(Sense):
    """Kinds: `bluetooth.connect`, `bluetooth.disconnect`, `bluetooth.pair`, `bluetooth.write`. `monitor`: for tests."""

    name = "bluetooth"
    interval_s = QUIET_S

    def __init__(
        self,
        known: Sequence[Provisioning],
        storage: Path = STORAGE,
        monitor: Callable[[], HciMonitor] = HciMonitor,
    ) -> None:
        self._make_monitor = monitor
        self._writes = AttributeWrites(known, self._address, self._name)
        self._paired = PairedDevices(storage)
        self._monitor: Optional[HciMonitor] = None
        self._why: Optional[str] = None
        self._frames = gatt.Reassembly()
        self._links: Dict[Link, _Link] = {}
        self._called: Dict[Tuple[int, str], float] = {}
        self._asked: Dict[Tuple[int, int], str] = {}
        self._names: Dict[int, Dict[int, str]] = {}
        self._dropped = 0

    def start(self, mono: float) -> List[Observation]:
        return self._open(mono) + self._paired.start(mono)

    def fds(self) -> List[int]:
        return [] if self._monitor is None or self.interval_s == BUSY_S else [self._monitor.fd]

    def look(self, mono: float) -> List[Observation]:
        found = self._open(mono) if self._monitor is None else []
        if self._monitor is not None:
            try:
                frames = self._monitor.read(FRAMES_A_LOOK)
            except KernelError as error:
                self._close_monitor(str(error))
                frames = []
            self.interval_s = BUSY_S if len(frames) >= BUSY_FRAMES else QUIET_S
            for frame in frames:
                found += self._take(frame, mono)
        return found + self._writes.due(mono) + self._paired.look(mono)

    def coverage(self) -> Coverage:
        dropped = self._dropped + self._writes.dropped + self._frames.broken
        if self._monitor is not None:
            return Coverage("hci", "event", None, dropped + self._monitor.dropped())
        if self._paired.readable:
            why = "{}: only who is paired is seen".format(self._why)
            return Coverage("storage", "poll", self.interval_s, dropped, why)
        return Coverage("hci", "blind", None, dropped, "{}: who comes by Bluetooth is not seen".format(self._why))

    def close(self) -> None:
        self._close_monitor(None)
        self._paired.close()

    def _open(self, mono: float) -> List[Observation]:
        try:
            self._monitor, self._why = self._make_monitor(), None
        except KernelError as error:
            self._why = str(error)
            return []
        found = []
        for one in hci_monitor.connections():
            transport, direction = "le" if one.is_le else "classic", "out" if one.out else "in"
            told = hci.Connected(one.handle, hci.address_text(one.address), "unknown", transport, direction)
            found += self._connected(one.controller, told, mono, existing=True)
        return found

    def _close_monitor(self, why: Optional[str]) -> None:
        if self._monitor is not None:
            self._dropped += self._monitor.dropped()
            self._monitor.close()
            self._monitor = None
        self._why = why
        self._links.clear()
        self._called.clear()
        self._asked.clear()
        self._names.clear()

    def _take(self, frame: Frame, mono: float) -> List[Observation]:
        if frame.opcode == hci_monitor.EVENT:
            return self._event(frame.controller, hci.parse_event(frame.data), mono)
        if frame.opcode in (hci_monitor.ACL_SENT, hci_monitor.ACL_RECEIVED):
            sent = frame.opcode == hci_monitor.ACL_SENT
            said = self._frames.feed(frame.controller, sent, frame.data)
            return [] if said is None else self._said(frame.controller, sent, *said, mono)
        if frame.opcode in (hci_monitor.DELETED_INDEX, hci_monitor.CLOSED_INDEX):
            return self._controller_gone(frame.controller, mono)
        return []

    def _event(self, index: int, told: Optional[hci.Told], mono: float) -> List[Observation]:
        if isinstance(told, hci.Requested):
            if len(self._called) >= LINKS_KEPT:
                self._called.pop(next(iter(self._called)))
            self._called[index, told.address] = mono
        elif isinstance(told, hci.Connected):
            return self._connected(index, told, mono)
        elif isinstance(told, hci.Disconnected):
            return self._ended(index, told.handle, told.reason, mono)
        elif isinstance(told, hci.Paired):
            return [self._pairing(index, told.address, "classic", mono)]
        elif isinstance(told, hci.Encrypted):
            link = self._links.get((index, told.handle))
            if link is not None and link.pairing:
                link.pairing = False
                return [self._pairing(index, link.address, link.transport, mono)]
        return []

    def _connected(self, index: int, told: hci.Connected, mono: float, existing: bool = False) -> List[Observation]:
        found = self._ended(index, told.handle, None, mono) if (index, told.handle) in self._links else []
        direction = told.direction
        if direction is None and told.transport == "classic":
            direction = "out" if self._called.pop((index, told.address), None) is None else "in"
        if len(self._links) >= LINKS_KEPT:
            self._dropped += 1
            return found
        self._links[index, told.handle] = _Link(told.address, told.transport, direction, mono)
        fields: Dict[str, object] = {
            "adapter": "hci{}".format(index),
            "address": told.address,
            "address_type": told.address_type,
            "transport": told.transport,
            "direction": direction,
        }
        if existing:
            fields["existing"] = True
        return [*found, Observation("bluetooth.connect", wall(mono), mono, _SENSOR, fields)]

    def _ended(self, index: int, handle: int, reason: Optional[int], mono: float) -> List[Observation]:
        found = self._writes.ended((index, handle), mono)
        self._frames.forget(index, handle)
        self._asked.pop((index, handle), None)
        link = self._links.pop((index, handle), None)
        if link is None:
            return found
        fields: Dict[str, object] = {
            "adapter": "hci{}".format(index),
            "address": link.address,
            "transport": link.transport,
            "direction": link.direction,
            "reason": reason,
            "duration_s": round(max(0.0, mono - link.since), 3),
        }
        return [*found, Observation("bluetooth.disconnect", wall(mono), mono, _SENSOR, fields)]

    def _controller_gone(self, index: int, mono: float) -> List[Observation]:
        found = []
        for key in [key for key in self._links if key[0] == index]:
            found += self._ended(*key, None, mono)
        self._frames.forget(index)
        self._names.pop(index, None)
        return found

    @staticmethod
    def _pairing(index: int, address: Optional[str], transport: str, mono: float) -> Observation:
        fields: Dict[str, object] = {
            "adapter": "hci{}".format(index),
            "address": address,
            "transport": transport,
            "change": "paired",
        }
        return Observation("bluetooth.pair", wall(mono), mono, _SENSOR, fields)

    def _said(self, index: int, sent: bool, handle: int, said: gatt.Said, mono: float) -> List[Observation]:
        if isinstance(said, gatt.Pairing):
            link = self._links.get((index, handle))
            if link is not None and said.code in (gatt.PAIRING_ASKED, gatt.PAIRING_FAILED):
                link.pairing = said.code == gatt.PAIRING_ASKED
        elif isinstance(said, gatt.Asked) and not sent and len(self._asked) < LINKS_KEPT:
            self._asked[index, handle] = said.kind
        elif isinstance(said, gatt.Named) and sent:
            if not said.declarations or self._asked.pop((index, handle), None) == gatt.CHARACTERISTIC:
                names = self._names.setdefault(index, {})
                if len(names) + len(said.names) <= gatt.NAMES_KEPT:
                    names.update(said.names)
        elif isinstance(said, gatt.Write) and not sent:
            self._writes.take((index, handle), said, mono)
        return []

    def _address(self, link: Link) -> Optional[str]:
        known = self._links.get(link)
        return None if known is None else known.address

    def _name(self, index: int, attribute: int) -> Optional[str]:
        return self._names.get(index, {}).get(attribute)
