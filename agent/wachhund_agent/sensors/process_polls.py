"""What polls of /proc saw of each process: whether one is new, or has started another program in its place."""

from typing import Container, Dict, Iterable, List, NamedTuple, Optional

from wachhund_agent.kernel import procfs
from wachhund_agent.sensors.process_table import Known


class _Look(NamedTuple):
    """What a poll saw of a process. `young`: told at the last poll, so it may not have become what it will be."""

    comm: bytes
    exe: Optional[str]
    argv: int
    young: bool


class Polls:
    """Bounded by what runs. The process table can not say what is new: it also holds what others asked about."""

    def __init__(self) -> None:
        self._handled: Dict[int, str] = {}  # puid by pid
        self._looks: Dict[int, _Look] = {}

    def begin(self, known: Iterable[Known]) -> None:
        """From here on it is polled: these are known already."""
        self._looks.clear()
        self._handled = {one.pid: one.puid for one in known}

    def forget_but(self, running: Container[int]) -> None:
        """All but these have gone."""
        self._handled = {pid: puid for pid, puid in self._handled.items() if pid in running}
        self._looks = {pid: look for pid, look in self._looks.items() if pid in running}

    def is_news(self, pid: int, stat: procfs.Stat) -> bool:
        """Is it another process than the one that was handled, or does it run another program now?"""
        return self._handled.get(pid) != procfs.puid(pid, stat.start_ticks) or self._became_another(pid, stat)

    def handled(self, pid: int, stat: procfs.Stat) -> None:
        """Whatever was made of it, it is new no more."""
        self._handled[pid] = procfs.puid(pid, stat.start_ticks)

    def saw(self, pid: int, stat: procfs.Stat, exe: Optional[str], argv: Optional[List[bytes]], young: bool) -> None:
        """The program that it was said to run."""
        self._looks[pid] = _Look(stat.comm, exe, hash(tuple(argv or ())), young)

    def _became_another(self, pid: int, stat: procfs.Stat) -> bool:
        """Has a process that was told started another program in its place?

        Most do so in their first second, some change their name with it; one that does neither stays unseen.
        """
        look = self._looks.get(pid)
        if look is None or (not look.young and look.comm == stat.comm):
            return False
        exe, argv = procfs.exe(pid)[0], procfs.cmdline(pid)
        self.saw(pid, stat, exe, argv, young=False)
        return stat.state not in "ZX" and (exe, self._looks[pid].argv) != (look.exe, look.argv)
