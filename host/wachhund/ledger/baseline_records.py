"""What is usual on a robot, as a person accepted it: programs, destinations, listeners, cameras, volume.

Times: host time in seconds since the epoch. Texts are the robot's: they are compared and shown, never run.
"""

from dataclasses import dataclass
from typing import Any

# So much one baseline holds: a stock robot has some 60 programs, 10 destinations, 30 listeners. All of it lies in the
# judge's memory and is written with its mind.
MAX_PROGRAMS = 1_000
MAX_DESTINATIONS = 1_000
MAX_LISTENERS = 500
MAX_VIEWS = 100
MAX_HASHES = 8  # of one file, in the span that was learned: upgrades
MAX_ADDRESSES = 32  # behind one name
MAX_TEXT_CHARS = 4_096  # of a path or name: as long as Linux lets a path be
MAX_BODY_BYTES = 1024 * 1024

ACCEPTED, ENDED = "accepted", "ended"
STANDING, REPLACED = "standing", "replaced"


@dataclass(frozen=True)
class UsualProgram:
    """A program that ran: its file, and the script that an interpreter runs. Hashes: SHA-256 in hex, as far as told."""

    exe: str | None
    script: str | None
    exe_hashes: tuple[str, ...]
    script_hashes: tuple[str, ...]
    starts: int
    first_t: float
    last_t: float


@dataclass(frozen=True)
class UsualDestination:
    """Where a program called on the internet. `place`: a name that the robot looked up, or an address.

    `addresses`: those that were seen behind a name. `out_a_day`: bytes sent there on the day with most.
    """

    exe: str | None
    script: str | None
    place: str
    addresses: tuple[str, ...]
    proto: str
    port: int
    connections: int
    out_a_day: int
    first_t: float
    last_t: float


@dataclass(frozen=True)
class UsualListener:
    """Where a program listens. `port` None: any that the kernel gives, one of those that nobody chose."""

    exe: str | None
    script: str | None
    proto: str
    port: int | None
    scope: str | None
    opened: int


@dataclass(frozen=True)
class UsualView:
    """A camera or microphone that a program of the robot opens."""

    exe: str | None
    script: str | None
    camera: str
    opened: int


@dataclass(frozen=True)
class Usual:
    """What was learned. `median_out`, `largest_out`: bytes to the internet a day (UTC), of `days` days."""

    programs: tuple[UsualProgram, ...] = ()
    destinations: tuple[UsualDestination, ...] = ()
    listeners: tuple[UsualListener, ...] = ()
    views: tuple[UsualView, ...] = ()
    days: int = 0
    median_out: int = 0
    largest_out: int = 0


@dataclass(frozen=True)
class Baseline:
    """What is usual on a robot (its id), as `author` accepted it at `made_t`, from what was seen from `since_t` until
    `until_t`. `limited`: its destinations are the only ones. `ended_by`, `ended_why`: who ended it.
    """

    id: str
    robot: str
    since_t: float
    until_t: float
    limited: bool
    usual: Usual
    why: str
    author: str
    made_t: float
    ended_by: str | None = None
    ended_why: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As people's programs read it, without what it holds: how much that is."""
        held = self.usual
        return {
            "id": self.id, "robot": self.robot, "since_t": self.since_t, "until_t": self.until_t,
            "limited": self.limited, "programs": len(held.programs), "destinations": len(held.destinations),
            "listeners": len(held.listeners), "views": len(held.views), "largest_out": held.largest_out,
            "why": self.why, "author": self.author, "made_t": self.made_t, "ended_by": self.ended_by,
            "ended_why": self.ended_why,
        }  # fmt: skip


@dataclass(frozen=True)
class BaselineAct:
    """A baseline was accepted (the one before it of that robot counts no more), or ended; it is then as `became` says.

    `after`, `after_fault`: as in AuthorisationAct; `number` is of the same row of numbers.
    """

    number: int
    act: str
    t: float
    by: str
    why: str
    after: int
    after_fault: int
    became: Baseline
