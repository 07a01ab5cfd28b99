"""What programs did, counted and bounded: what is beyond a bound is counted as left out, in words for a person."""

from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from wachhund.judge.programs import NOT_TOLD, Program
from wachhund.judge.reading_flows import FlowFact
from wachhund.judge.reading_listeners import ListenFact
from wachhund.judge.usual import GIVEN_PORTS
from wachhund.ledger import Usual
from wachhund.ledger.baseline_records import (
    MAX_ADDRESSES,
    MAX_DESTINATIONS,
    MAX_HASHES,
    MAX_LISTENERS,
    MAX_PROGRAMS,
    MAX_TEXT_CHARS,
    MAX_VIEWS,
    UsualDestination,
    UsualListener,
    UsualProgram,
    UsualView,
)

MAX_DAYS = 400

Key = tuple[str | None, str | None]


@dataclass
class _Ran:
    starts: int = 0
    first_t: float | None = None
    last_t: float | None = None
    exe_hashes: dict[str, None] = field(default_factory=dict)
    script_hashes: dict[str, None] = field(default_factory=dict)


@dataclass
class _Called:
    first_t: float
    last_t: float
    addresses: dict[str, None] = field(default_factory=dict)
    connections: int = 0
    day: int = 0
    out: int = 0  # of that day
    out_a_day: int = 0


class Tally:
    """`left_out`: what was beyond a bound -> how often it was told."""

    def __init__(self) -> None:
        self._ran: dict[Key, _Ran] = {}
        self._last_of: dict[str, Key] = {}
        self._called: dict[tuple[Key, str, str, int], _Called] = {}
        self._doors: Counter[tuple[Key, str, int | None, str | None]] = Counter()
        self._views: Counter[tuple[Key, str]] = Counter()
        self._days: dict[int, int] = {}
        self.left_out: Counter[str] = Counter()

    def program(self, program: Program, t: float | None, starts: int) -> None:
        """A program is there; it started so often at `t`."""
        if program.exe is None or not self._is_short(*program.key):
            return
        ran = self._ran.get(program.key)
        if ran is None:
            if len(self._ran) >= MAX_PROGRAMS:
                self.left_out[f"more than {MAX_PROGRAMS} programs"] += 1
                return
            ran = self._ran[program.key] = _Ran()
            self._last_of[program.exe] = program.key
        ran.starts += starts
        if t is not None:
            ran.first_t = t if ran.first_t is None else min(t, ran.first_t)
            ran.last_t = t if ran.last_t is None else max(t, ran.last_t)
        for held, told in ((ran.exe_hashes, program.exe_hashes), (ran.script_hashes, program.script_hashes)):
            for sha256 in told:
                if sha256 != NOT_TOLD and sha256 not in held:
                    if len(held) >= MAX_HASHES:
                        self.left_out[f"more than {MAX_HASHES} versions of one file"] += 1
                    else:
                        held[sha256] = None

    def repeated(self, exe: str, t: float, count: int) -> None:
        """Starts that were only counted. What script they ran is not told: the one that was told of last."""
        key = self._last_of.get(exe)
        if key is None:
            self.program(Program(exe, None, (), ()), t, count)
        else:
            ran = self._ran[key]
            ran.starts += count
            ran.last_t = t if ran.last_t is None else max(t, ran.last_t)

    def destination(self, program: Program, told: FlowFact, t: float, counts: bool, day: int, more: int) -> None:
        """A program called somebody on the internet, or sent so many bytes more there."""
        address, port = told.remote or ("?", 0)
        place = (told.name or address).lower()
        if not self._is_short(*program.key, place, address, told.proto):
            return
        key = (program.key, place, told.proto or "tcp", port)
        called = self._called.get(key)
        if called is None:
            if len(self._called) >= MAX_DESTINATIONS:
                self.left_out[f"more than {MAX_DESTINATIONS} destinations"] += 1
                return
            called = self._called[key] = _Called(t, t)
        called.first_t, called.last_t = min(t, called.first_t), max(t, called.last_t)
        called.connections += counts
        if told.name and len(called.addresses) < MAX_ADDRESSES:
            called.addresses[address] = None
        if day > called.day:
            called.day, called.out = day, 0
        called.out += more
        called.out_a_day = max(called.out, called.out_a_day)

    def listener(self, program: Program, told: ListenFact) -> None:
        """A program listens. By a datagram port that the kernel gave it only gets answers."""
        port = told.local[1] if told.local[1] not in GIVEN_PORTS else None
        if (port is None and told.proto == "udp") or not self._is_short(*program.key, told.scope, told.proto):
            return
        key = (program.key, told.proto or "tcp", port, told.scope)
        self._count(self._doors, key, MAX_LISTENERS, "listeners")

    def view(self, program: Program, camera: str, opens: bool) -> None:
        """A program of the robot has a camera or microphone open."""
        if self._is_short(*program.key, camera):
            self._count(self._views, (program.key, camera), MAX_VIEWS, "cameras", int(opens))

    def seen_on(self, day: int) -> None:
        """Something was told of a day (since the epoch, UTC)."""
        if len(self._days) < MAX_DAYS:
            self._days.setdefault(day, 0)

    def sent(self, day: int, more: int) -> None:
        """So many bytes more went to the internet on a day."""
        if day in self._days:
            self._days[day] += more

    def _count(self, counted: Counter[Any], key: Any, bound: int, what: str, times: int = 1) -> None:
        if key not in counted and len(counted) >= bound:
            self.left_out[f"more than {bound} {what}"] += 1
        else:
            counted[key] += times

    def _is_short(self, *texts: str | None) -> bool:
        if any(text is not None and len(text) > MAX_TEXT_CHARS for text in texts):
            self.left_out[f"names of more than {MAX_TEXT_CHARS} characters"] += 1
            return False
        return True

    def usual(self) -> Usual:
        """All of it, in order of names."""
        programs, destinations = [], []
        for key, ran in sorted(self._ran.items(), key=_by_name):
            hashes = tuple(sorted(ran.exe_hashes)), tuple(sorted(ran.script_hashes))
            programs.append(UsualProgram(*key, *hashes, ran.starts, ran.first_t or 0.0, ran.last_t or 0.0))
        for (key, place, proto, port), called in sorted(self._called.items(), key=_by_name):
            addresses, counts = tuple(sorted(called.addresses)), (called.connections, called.out_a_day)
            span = called.first_t, called.last_t
            destinations.append(UsualDestination(*key, place, addresses, proto, port, *counts, *span))
        doors = sorted(self._doors.items(), key=_by_name)
        views = sorted(self._views.items(), key=_by_name)
        sent = list(self._days.values()) or [0]
        return Usual(
            tuple(programs),
            tuple(destinations),
            tuple(UsualListener(*key, proto, port, scope, opened) for (key, proto, port, scope), opened in doors),
            tuple(UsualView(*key, camera, opened) for (key, camera), opened in views),
            len(self._days),
            int(median(sent)),
            max(sent),
        )


def _by_name(item: tuple[object, object]) -> str:
    return repr(item[0])
