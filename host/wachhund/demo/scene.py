"""The scene: stock noise, then a program that no rule knows dials out and idles, then somebody comes in through it.

Only the scene knows who plays what. `cast()` tells it, and the demo asks for it after the incidents are in.
"""

import os
import secrets
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wachhund.demo.children import Child, ChildError, Children
from wachhund.demo.world import World

ACTORS = Path(__file__).parent / "actors"
WATCH_PAUSE = 0.2  # seconds, as in the vendor's loop: some 20 to 40 processes a second
FACT_SECONDS = 15.0  # for an actor to say that it is ready


@dataclass(frozen=True)
class Cast:
    """Who played what: process ids of this machine, and the address of the outside.

    `console_pid`: the service that the visitor uses; what it starts belongs to the visit. `surface`: what kind of
    service that is, where the host has a word for it.
    """

    relay_pid: int
    relay_exe: str
    console_pid: int
    console_port: int
    outside_address: str
    stock_pids: frozenset[int]
    surface: str | None = None


@dataclass(frozen=True)
class Act:
    """One step of a scene: what is said of it, and what does it."""

    words: str
    play: Callable[[], None]


class Scene:
    """The actors, in the order in which they come on. Each step waits until its actors say that they are ready.

    `encores`: what else is played while the visitor is there.
    """

    dials = "a program that no rule knows dials out and idles"
    enters = "somebody comes in through it and uses a service that listens on loopback only"
    encores: tuple[Act, ...] = ()

    def __init__(self, children: Children, world: World, folder: Path) -> None:
        self._children, self.world, self._folder = children, world, folder
        self._stock: list[Child] = []
        self._program = folder / _name_no_rule_knows()
        self.outsider: Child | None = None
        self.console: Child | None = None
        self.relay: Child | None = None
        self._meeting_port = self._console_port = 0

    def begin(self) -> None:
        """Stock noise: the watch loop, local web traffic, telemetry to the outside, and a console on loopback."""
        self.outsider = self._start("outsider", self.world.outside, self.world.outside_address, _seed())
        listening = self.outsider.fact(FACT_SECONDS)
        self._meeting_port = int(listening["port"])
        self.console = self._start("console", self.world.robot)
        self._console_port = int(self.console.fact(FACT_SECONDS)["port"])
        page = self._stock_role("page")
        port = page.fact(FACT_SECONDS)["port"]
        self._stock_role("reader", str(port))
        self._stock_role("watch", str(WATCH_PAUSE))
        self._stock_role("telemetry", self.world.outside_address, str(listening["telemetry_port"]))

    def dial(self) -> None:
        """The program with the unknown name starts, dials out, and then does nothing."""
        script = self._program.with_suffix(".dat")
        self._folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ACTORS / "relay.py", script)
        program, environment = _interpreter_named(self._program)
        self.relay = self._children.start(
            "unknown-program",
            (program, "-S", str(script), self.world.outside_address, str(self._meeting_port)),
            inside=self.world.robot,
            environment=environment,
        )
        self.relay.fact(FACT_SECONDS)
        self._expect(self.outsider, "called")

    def enter(self) -> float:
        """Somebody comes in through it and uses the console. Returns when the console accepted (monotonic seconds)."""
        if self.outsider is None or self.console is None:
            raise ChildError("demo: scene: nobody can come in before the scene has begun")
        self.outsider.say(f"enter {self._console_port}")
        return self._expect(self.console, "accepted")

    def leave(self) -> None:
        """Whoever came in says bye."""
        if self.outsider is not None and not self.outsider.ended():
            self.outsider.say("leave")

    def failed(self) -> ChildError | None:
        """Why the scene cannot go on: an actor that is gone, in words."""
        for child in (self.outsider, self.console, self.relay, *self._stock):
            if child is not None and child.ended():
                return child.failure()
        return None

    def fourth_kilobyte(self) -> float | None:
        """When the console had sent its 4,096th byte (monotonic seconds); None when it has not said so by now."""
        waiting = self.console.facts_waiting() if self.console is not None else []
        return next((float(fact["mono"]) for fact in waiting if fact["fact"] == "fourth kilobyte"), None)

    def known_visitors(self, kept: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, bool]:
        """Of those who look or drive: who the host knows. Nobody does so here."""
        return {}

    def cast(self) -> Cast:
        """Who played what. Raises ChildError before everybody has come on."""
        if self.relay is None or self.console is None or self.outsider is None:
            raise ChildError("demo: scene: not everybody has come on")
        return Cast(
            relay_pid=self.relay.pid,
            relay_exe=str(self._program),
            console_pid=self.console.pid,
            console_port=self._console_port,
            outside_address=self.world.outside_address,
            stock_pids=frozenset(child.pid for child in (*self._stock, self.outsider)),
        )

    def _start(self, actor: str, inside: tuple[str, ...], *arguments: str) -> Child:
        argv = (sys.executable, str(ACTORS / f"{actor}.py"), *arguments)
        return self._children.start(actor, argv, inside=inside)

    def _stock_role(self, role: str, *arguments: str) -> Child:
        argv = (sys.executable, str(ACTORS / "stock.py"), role, *arguments)
        child = self._children.start(f"stock-{role}", argv, inside=self.world.robot)
        self._stock.append(child)
        return child

    @staticmethod
    def _expect(child: Child | None, name: str) -> float:
        if child is None:
            raise ChildError(f"demo: scene: nobody is there to say {name!r}")
        fact = child.fact(FACT_SECONDS)
        if fact.get("fact") != name:
            raise ChildError(f"demo: {child.name}: said {fact}, expected {name!r}")
        return float(fact["mono"])


def _seed() -> str:
    return str(secrets.randbelow(2**31))


def _name_no_rule_knows() -> str:
    """Seven letters drawn anew each time: three syllables and an end, so that people can say it."""
    syllables = [secrets.choice("bdfgjklmnprstvz") + secrets.choice("aeiou") for _ in range(3)]
    return "".join(syllables) + secrets.choice("dkmnrst")


def _interpreter_named(path: Path) -> tuple[str, dict[str, str]]:
    """A copy of this Python under another name, and the environment it needs; this Python itself if a copy cannot run.

    With a copy the kernel knows the program by the unknown name; a script would be known by its interpreter.
    """
    library = str(sysconfig.get_config_var("LIBDIR") or "")
    environment = {
        "PYTHONHOME": sys.base_prefix,
        "LD_LIBRARY_PATH": ":".join(part for part in (os.environ.get("LD_LIBRARY_PATH"), library) if part),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copy(Path(sys.executable).resolve(), path)
        tried = subprocess.run(  # noqa: S603 - our own file
            (str(path), "-S", "-c", "import socket, select, threading"),
            env={**os.environ, **environment},
            capture_output=True,
            timeout=20,
            check=False,
        )
        if tried.returncode == 0:
            return str(path), environment
    except (OSError, subprocess.TimeoutExpired):
        pass  # a folder mounted noexec, or an interpreter that only runs where it was installed
    return sys.executable, {}
