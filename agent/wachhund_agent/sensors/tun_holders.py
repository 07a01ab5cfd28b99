"""Who holds each tun and tap interface: behind a tunnel is the program that reads its packets.

The kernel tells of an interface, never of its holder, so it is looked for among all open files: when an interface came
or changed, a few times more since daemons fork after they made it, and when a holder is no more.
"""

from typing import Callable, Dict, Iterable, List, Optional, Set

from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.tun_files import TunFiles, tun_files
from wachhund_agent.sensors.flow import Owner

KINDS = ("tun", "tap")
SHOWN = 4  # of one interface
LOOK_S = 1.0  # between two looks, however many interfaces change; the further ones of an interface are rarer
LOOKS = 4  # at an interface after it changed
CHECK_S = 5.0

Holders = Optional[List[Owner]]


class _Held:
    __slots__ = ("holders", "left", "next_look")

    def __init__(self, mono: float) -> None:
        self.holders: Holders = None
        self.left, self.next_look = LOOKS, mono


class TunHolders:
    """Bounded by the interfaces that are asked for. `who`: names a process by its pid."""

    def __init__(self, who: Callable[[int], Optional[Owner]], files: Callable[[], TunFiles] = tun_files) -> None:
        self._who, self._files = who, files
        self._held: Dict[str, _Held] = {}
        self._next_look = self._next_check = 0.0

    def of(self, name: str) -> Holders:
        """Who holds an interface; None when nobody is found and not all could be looked into."""
        held = self._held.get(name)
        return None if held is None else held.holders

    def changed(self, names: Iterable[str], mono: float) -> None:
        """Something of these interfaces is another than before."""
        for name in names:
            held = self._held.get(name)
            if held is not None:
                held.left, held.next_look = LOOKS, mono

    def look(self, names: Set[str], mono: float) -> bool:
        """Look for the holders of those of these interfaces that are due. Returns whether any is held by others now."""
        self._held = {name: held for name, held in self._held.items() if name in names}
        for name in names:
            if name not in self._held:
                self._held[name] = _Held(mono)
        if mono >= self._next_check:
            self._next_check = mono + CHECK_S
            self.changed([name for name, held in self._held.items() if _has_gone(held.holders)], mono)
        due = [held for held in self._held.values() if held.left and mono >= held.next_look]
        if not due or mono < self._next_look:
            return False
        self._next_look = mono + LOOK_S
        for held in due:
            held.left -= 1
            held.next_look = mono + LOOK_S * 2 ** (LOOKS - held.left)
        found, news = self._files(), False
        for name, held in self._held.items():
            owners = [self._who(pid) for pid in sorted(found.holders.get(name, ()))]
            holders: Holders = [owner for owner in owners if owner is not None][:SHOWN]
            if not holders and not found.is_whole:
                holders = None
            news = news or holders != held.holders
            held.holders = holders
        return news


def _has_gone(holders: Holders) -> bool:
    for owner in holders or ():
        stat = procfs.stat(owner.pid)
        if stat is None or procfs.puid(owner.pid, stat.start_ticks) != owner.puid:
            return True
    return False


def shown(holders: Holders) -> Optional[List[Dict[str, object]]]:
    """The field `holders` of a `link.change`."""
    if holders is None:
        return None
    return [{"puid": one.puid, "pid": one.pid, "exe": one.exe, "user": one.user} for one in holders]
