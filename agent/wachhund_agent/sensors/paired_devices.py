"""Which Bluetooth devices bluetoothd remembers: the folders of its storage, read at first and when one changed."""

from pathlib import Path
from typing import Dict, List, Optional, Set, Tuple

from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.sensors.folder_watches import FolderWatches
from wachhund_evidence import Observation, clip, text

STORAGE = Path("/var/lib/bluetooth")
DEVICES_KEPT = 256
ADDRESS_BYTES = 17  # as a text

_Device = Tuple[str, str]  # address of the controller, and of the device


class PairedDevices:
    """Kind: `bluetooth.pair`. Keys lie in these folders: no file in them is opened."""

    def __init__(self, storage: Path) -> None:
        self._storage = storage
        self._watches: Optional[FolderWatches] = None
        self._known: Optional[Set[_Device]] = None
        self._stale = True  # the folder has to be read

    @property
    def readable(self) -> bool:
        """Whether there is such a folder."""
        return self._known is not None

    def start(self, mono: float) -> List[Observation]:
        try:
            self._watches = FolderWatches()
        except KernelError:
            self._watches = None  # then the folder is read at each look
        return self.look(mono)

    def look(self, mono: float) -> List[Observation]:
        """What changed since the last look."""
        if self._watches is None or self._watches.heard():
            self._stale = True
        if not self._stale:
            return []
        self._stale = False
        if self._watches is not None:
            self._watches.begin()
            self._watches.cover(str(self._storage / "*" / "*" / "info"))
            self._watches.end()
        now = {(path.parent.parent.name, path.parent.name) for path in self._storage.glob("*/*/info")}
        before = self._known
        self._known = set(sorted(now)[:DEVICES_KEPT]) if now or self._storage.is_dir() else None
        kept, were = self._known or set(), before or set()
        return [
            _observation(device, change, before is None, mono)
            for change, devices in (("kept", kept - were), ("removed", were - kept))
            for device in sorted(devices)
        ]

    def close(self) -> None:
        if self._watches is not None:
            self._watches.close()
            self._watches = None


def _observation(device: _Device, change: str, existing: bool, mono: float) -> Observation:
    adapter, address = (clip(text(name), ADDRESS_BYTES)[0] for name in device)
    fields: Dict[str, object] = {"adapter": adapter, "address": address, "transport": None, "change": change}
    if existing:
        fields["existing"] = True
    return Observation("bluetooth.pair", wall(mono), mono, "bluetooth/storage", fields)
