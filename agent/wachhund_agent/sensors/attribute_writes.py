"""Counts what each Bluetooth connection writes to each attribute, and says what that is as far as it is known."""

from typing import Callable, Dict, List, Optional, Sequence, Tuple

from wachhund_agent.kernel.clock import wall
from wachhund_agent.sensors.gatt import Write
from wachhund_agent.sensors.provisioning import Provisioning, SetUpReader
from wachhund_evidence import Observation

COUNTS_KEPT = 256  # attributes written to at once
EVERY_S = 10.0  # between two words on writes that go on
_SUBSCRIPTION = "2902"

Link = Tuple[int, int]  # controller, and its number of the connection


class _Count:
    """What was written to one attribute by one side since the last word on it."""

    __slots__ = ("bytes", "count", "due", "first", "kinds", "largest", "last", "shell")

    def __init__(self, due: float) -> None:
        self.due = due
        self.first = self.last = 0.0
        self.clear()

    def clear(self) -> None:
        self.count = self.bytes = self.largest = self.shell = 0
        self.kinds: Dict[str, int] = {}


class AttributeWrites:
    """Kind: `bluetooth.write`. `address_of`: of a connection. `name_of`: of one of a controller's attributes.

    `dropped`: writes for which there was no room.
    """

    def __init__(
        self,
        known: Sequence[Provisioning],
        address_of: Callable[[Link], Optional[str]],
        name_of: Callable[[int, int], Optional[str]],
    ) -> None:
        self.dropped = 0
        self._known = {one.characteristic.lower(): one for one in known}
        self._readers = {one.characteristic.lower(): SetUpReader(one.word) for one in known}
        self._address_of, self._name_of = address_of, name_of
        self._counts: Dict[Tuple[Link, int], _Count] = {}

    def take(self, link: Link, write: Write, mono: float) -> None:
        """Count one."""
        count = self._counts.get((link, write.handle))
        if count is None:
            if len(self._counts) >= COUNTS_KEPT:
                self.dropped += 1
                return
            count = self._counts[link, write.handle] = _Count(mono)
        name = self._name_of(link[0], write.handle)
        if not count.count:
            count.first = mono
        count.last = mono
        count.count += 1
        count.bytes += write.size
        count.largest = max(count.largest, write.size)
        kind = "subscription" if name == _SUBSCRIPTION else "value"
        reader = self._readers.get(name or "")
        if reader is not None:
            kind, shell = reader.read(write.size, write.head)
            count.shell += shell
        count.kinds[kind] = count.kinds.get(kind, 0) + 1

    def due(self, mono: float) -> List[Observation]:
        """The first word on what began, and a further one each 10 s while it goes on."""
        found = []
        for key, count in list(self._counts.items()):
            if mono < count.due:
                continue
            if count.count:
                found.append(self._observation(*key, count, mono))
                count.clear()
                count.due = mono + EVERY_S
            elif mono - count.last > EVERY_S:
                del self._counts[key]
        return found

    def ended(self, link: Link, mono: float) -> List[Observation]:
        """The last word on a connection's writes; its address must still be known."""
        found = []
        for key in [key for key in self._counts if key[0] == link]:
            count = self._counts.pop(key)
            if count.count:
                found.append(self._observation(*key, count, mono))
        return found

    def _observation(self, link: Link, attribute: int, count: _Count, mono: float) -> Observation:
        name = self._name_of(link[0], attribute)
        known = self._known.get(name or "")
        fields: Dict[str, object] = {
            "adapter": "hci{}".format(link[0]),
            "address": self._address_of(link),
            "attribute": attribute,
            "characteristic": name,
            "what": None if known is None else known.what,
            "count": count.count,
            "bytes": count.bytes,
            "largest": count.largest,
            "kinds": dict(count.kinds),
            "shell_characters": None if known is None or not known.word else count.shell,
            "first_mono": round(count.first, 3),
            "last_mono": round(count.last, 3),
        }
        return Observation("bluetooth.write", wall(mono), mono, "bluetooth/hci", fields)
