"""What of an agent's lines is about its robot.

The stand-in shares the kernel and the numbers of processes with the machine, and the agent rightly tells of all that it
can see: the machine's other processes too. A robot alone on its board has none of them. So they are left out, from the
lines that are judged live as from those that are kept: a process is the robot's when the stage started it there, or
when one that is the robot's did. Of what the stage started nobody on the robot is the parent.
"""

from collections.abc import Callable
from typing import Any

Fact = dict[str, Any]
_LOOPBACK = ("127.0.0.1", "::1")
_ENTRY = "/nsenter"  # how the stage itself gets in


class Inside:
    """Takes the lines of one agent, or of several one after the other, in their order.

    `was_started`: whether the stage started a process on the robot, given the process and its parent.
    """

    def __init__(self, was_started: Callable[[int, int | None], bool]) -> None:
        self._was_started = was_started
        self._pids: set[int] = set()
        self._puids: set[str] = set()
        self._repeated: dict[tuple[object, ...], object] = {}  # and what started it, as it was told
        self._programs: set[object] = set()
        self._readers: dict[str, Callable[[Fact], Fact | None]] = {
            "process.start": self._started,
            "process.exit": self._ended,
            "process.image": self._of_a_known_process,
            "process.repeat": self._ran_again,
            "login.start": self._login,
            "login.end": self._login,
        }

    def take(self, fact: Fact) -> Fact | None:
        """The line as a robot of its own would have told it, or None."""
        reader = self._readers.get(fact["kind"], self._other)
        return reader(fact)

    def _started(self, fact: Fact) -> Fact | None:
        pid, ppid = fact["pid"], fact["ppid"]
        ancestry = self._own_ancestors(fact.get("ancestry") or [])
        inherited = bool(ancestry) or ppid in self._pids
        # On a busy machine its arguments are read just before, and its file just after it became somebody else.
        entering = str(fact.get("exe")).endswith(_ENTRY) or (fact.get("argv") or [""])[0] == _ENTRY[1:]
        if entering or not (inherited or self._was_started(pid, ppid)):
            self._pids.discard(pid)  # the number may have been one of the robot's before
            return None
        self._pids.add(pid)
        self._puids.add(fact["puid"])
        kept = {**fact, "ancestry": ancestry}
        if not inherited:
            kept |= {"ppid": None, "parent_exe": None}
        self._repeated[_what_ran(fact)] = kept["parent_exe"]
        self._programs.add(fact.get("exe"))
        return kept

    def _ran_again(self, fact: Fact) -> Fact | None:
        what, parent = _what_ran(fact), fact.get("parent_exe")
        if what not in self._repeated:
            return None
        return fact if parent in self._programs else {**fact, "parent_exe": self._repeated[what]}

    def _own_ancestors(self, ancestry: list[list[Any]]) -> list[list[Any]]:
        # Up to the farthest that is known: between may be a shell's forks, which start no program.
        known = [place for place, (pid, _) in enumerate(ancestry) if pid in self._pids]
        return ancestry[: known[-1] + 1] if known else []

    def _of_a_known_process(self, fact: Fact) -> Fact | None:
        return fact if fact["puid"] in self._puids else None

    def _ended(self, fact: Fact) -> Fact | None:
        if fact["puid"] not in self._puids:
            return None
        self._pids.discard(fact["pid"])
        return fact

    def _login(self, fact: Fact) -> Fact | None:
        # What titles of processes tell is of the whole machine; logs and records are the robot's own files.
        if fact["sensor"].endswith("/proc") and fact["puid"] not in self._puids:
            return None
        return self._other(fact)

    def _other(self, fact: Fact) -> Fact | None:
        peer = fact.get("peer")
        here = fact.get("scope") in ("loopback", "robot") or str((fact.get("from") or [""])[0]) in _LOOPBACK
        here = here or peer is None or peer.get("puid") in self._puids
        return fact if here else {**fact, "peer": None}  # the process at the other end of a cable of the stage


def _what_ran(fact: Fact) -> tuple[object, ...]:
    return fact.get("exe"), tuple(fact.get("argv") or ()), fact.get("user")
