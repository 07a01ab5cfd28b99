"""From the event to the alert in the ledger: a tunnel known by name, and a session through a relay known by nothing.

A real host, a real agent, real programs. The relay's visitor comes from another network namespace where that is
allowed.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.figure import Figure
from tests.robots.living import Living
from tests.waiting import until
from wachhund.demo.children import Children
from wachhund.demo.scene import Scene
from wachhund.demo.world import World, build
from wachhund.ledger import Ledger

LOOK_S = 0.01
TRIAL_S = 60.0
AT_ONCE = 4  # relay scenes side by side, each with stock noise of its own


def _wait(found: Callable[[], bool], seconds: float = TRIAL_S) -> float | None:
    """When a condition first held (monotonic seconds), or None."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found():
            return time.monotonic()
        time.sleep(LOOK_S)
    return None


def _tunnels(ledger: Ledger, folder: Path, trials: int) -> tuple[list[float], int]:
    """Start a program with a vendor tunnel's name again and again; each start is told in the incident's evidence."""
    client = folder / "csclient"
    shutil.copy("/bin/sleep", client)
    took, missed = [], 0
    for trial in range(trials):
        before = _matches(ledger)
        start = time.monotonic()
        child = subprocess.Popen([str(client), f"30.{trial:05d}"])
        at = _wait(lambda before=before: _matches(ledger) > before, 10)  # type: ignore[misc]
        child.kill()
        child.wait()
        if at is None:
            missed += 1
        else:
            took.append(at - start)
    return took, missed


def _matches(ledger: Ledger) -> int:
    """How many facts the tunnel incidents rest on; each start adds one."""
    return sum(len(incident["evidence"]) for incident in ledger.incidents(limit=500) if incident["kind"] == "tunnel")


class _Relays:
    """Scenes played side by side; the times of each are collected when it is over."""

    def __init__(self, ledger: Ledger, children: Children, world: World, folder: Path) -> None:
        self._ledger, self._children, self._world, self._folder = ledger, children, world, folder
        self._lock = threading.Lock()
        self.suspected: list[float] = []
        self.certain: list[float] = []
        self.missed = 0

    def _level(self, exe: str) -> str | None:
        name = json.dumps(exe)[1:-1]
        levels = [
            incident["level"]
            for incident in self._ledger.incidents(limit=500)
            if name in json.dumps(incident["origin"])
        ]
        return max(levels, key=("informational", "low", "medium", "high", "critical").index) if levels else None

    def play(self, number: int) -> None:
        scene = Scene(self._children, self._world, self._folder / f"scene-{number}")
        scene.begin()
        scene.dial()
        exe = str(scene.cast().relay_exe)
        entered = scene.enter()
        suspected = _wait(lambda: self._level(exe) is not None)
        certain = _wait(lambda: self._level(exe) in ("high", "critical"))
        fourth = None
        deadline = time.monotonic() + TRIAL_S
        while fourth is None and time.monotonic() < deadline:
            fourth = scene.fourth_kilobyte()
            time.sleep(LOOK_S)
        scene.leave()
        with self._lock:
            if suspected is None or certain is None or fourth is None:
                self.missed += 1
                return
            self.suspected.append(suspected - entered)
            self.certain.append(certain - fourth)


def run(quick: bool) -> list[Figure]:
    trials = 8 if quick else 200
    with tempfile.TemporaryDirectory(prefix="wachhund-bench-") as name:
        folder = Path(name)
        with Living(folder) as living:
            ledger = living.ledger()
            living.start_agent()
            until(lambda: ledger.newest(living.robot) is not None, 30, "the first evidence has come")
            named, named_missed = _tunnels(ledger, folder, trials)
            with Children(folder / "actors") as children:
                world = build(children)
                relays = _Relays(ledger, children, world, folder)
                for first in range(0, trials, AT_ONCE):
                    threads = [
                        threading.Thread(target=relays.play, args=(number,))
                        for number in range(first, min(trials, first + AT_ONCE))
                    ]
                    for thread in threads:
                        thread.start()
                    for thread in threads:
                        thread.join()
                    print(f"  {first + len(threads)} of {trials} relays", file=sys.stderr, flush=True)
            ledger.close()
    where = f"world: {world.kind}; {AT_ONCE} at once"
    return [
        Figure("alert-time", "named tunnel: start to alert", "s", tuple(named), "median < 1", f"{named_missed} missed"),
        Figure("alert-time", "relay: inner connection to suspicion", "s", tuple(relays.suspected), "< 1", where),
        Figure(
            "alert-time", "relay: 4th kilobyte to certainty (below 0: before it)", "s", tuple(relays.certain), "< 5",
            f"{relays.missed} missed; {where}",
        ),
    ]  # fmt: skip
