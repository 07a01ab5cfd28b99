"""What a scene of the corpus is: who does what, and what must be told of it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.robots.attacks.draw import Draw
from tests.robots.go1 import Go1

Act = Callable[[Go1, Draw], None]
KINDS = ("tunnel", "relay", "remote-viewing", "remote-control", "intrusion", "persistence", "posture", "monitor")
LEVELS = ("informational", "low", "medium", "high", "critical")
SURFACES = ("ssh", "shell", "desktop", "web", "mqtt", "udp", "ros", "camera", "microphone", "update")
GROUPS = {
    0: "look-alikes",
    1: "tunnels",
    2: "processes",
    3: "cameras",
    4: "login and control",
    5: "persistence",
    6: "posture",
    7: "the monitor",
}


@dataclass(frozen=True)
class Story:
    """The one incident that must come of an attack.

    `least`, `most`: its level lies between. `surfaces`: each is the surface of a session of it. `origin`: texts that
    stand in one of its origins in this order, from the outside inwards (addresses, programs, services, accounts).
    `title`: words that it holds, in any case. `attack`: techniques of ATT&CK that it names, among others; of a
    sub-technique, at least its technique. In `origin` and `title`, `{path[NAME]}` and so on stand for what was drawn
    (`Draw.filled`).
    """

    kind: str
    least: str
    surfaces: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()
    most: str = "critical"

    def __post_init__(self) -> None:
        assert self.kind in KINDS and {self.least, self.most} <= set(LEVELS), self
        assert set(self.surfaces) <= set(SURFACES), self


@dataclass(frozen=True)
class Authorised:
    """What an operator allowed beforehand.

    `source`: address or network from which they come. `carrier`: what brings them (`lan`, `internet`, or a tunnel's
    name).
    """

    who: str
    surfaces: tuple[str, ...]
    source: str
    carrier: str
    why: str


@dataclass(frozen=True)
class Scene:
    """`group`: of detection.md, 0 for a look-alike. `expected`: None means that nothing may be told.

    `act` plays it on a robot on which an agent already looks; `before`, if there is one, prepares the robot before the
    agent does. `enrolled`: the vendor's cloud knows the robot.
    """

    name: str
    group: int
    sentence: str
    act: Act
    expected: Story | None
    authorised: tuple[Authorised, ...] = ()
    before: Act | None = None
    enrolled: bool = False

    def __post_init__(self) -> None:
        assert self.group in GROUPS and (self.group == 0) == (self.expected is None), self.name
