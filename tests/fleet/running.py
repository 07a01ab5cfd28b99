"""A whole run: the fleet's processes, looks at the ledger and at what the host's processes cost."""

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fleet import exactness, figures, plan
from tests.fleet.measuring import Meter
from tests.fleet.plan import Plan, Robot
from tests.fleet.watching import IncidentWatch

Say = Callable[[str], None]
_MORE_S = 300.0  # for parts that are late with their results
_FOUND_S = 30.0  # for incidents, after all receipts


class PartFailed(Exception):
    """A process of the fleet ended before its time."""


@dataclass
class Part:
    """One process of the fleet. `seconds`: what it told each second."""

    process: "subprocess.Popen[str]"
    out: Path
    told: "queue.Queue[dict[str, Any] | None]" = field(default_factory=queue.Queue)
    seconds: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self.read, daemon=True)
        self._reader.start()

    def end(self) -> None:
        """Wait for its end, and let go of what it was spoken to by."""
        self.process.wait()
        self._reader.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # it may have gone with a word of ours unread
                    stream.close()

    def read(self) -> None:
        """Take its lines to their end."""
        if self.process.stdout is not None:
            for line in self.process.stdout:
                said = json.loads(line)
                if "second" in said:
                    self.seconds.append(said["second"])
                else:
                    self.told.put(said)
        self.told.put(None)

    def wait(self, word: str, timeout: float) -> Any:
        """The next thing it says of that name. Raises PartFailed."""
        until = time.monotonic() + timeout
        while True:
            try:
                said = self.told.get(timeout=max(0.1, until - time.monotonic()))
            except queue.Empty:
                raise PartFailed(f"a part of the fleet did not say {word!r} within {timeout:g} s") from None
            if said is None:
                raise PartFailed(f"a part of the fleet ended with {self.process.wait()} before it said {word!r}")
            if word in said:
                return said[word]

    def go(self) -> None:
        """Begin."""
        if self.process.stdin is not None:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()


@contextlib.contextmanager
def parts_of(folder: Path, given: Plan, robots: Sequence[Robot], processes: int) -> Iterator[list[Part]]:
    """The fleet's processes, gone when the block ends. `folder`: for their files."""
    given.write(folder / "plan.json")
    parts = []
    try:
        for place in range(processes):
            mine, out = folder / f"robots-{place}.jsonl", folder / f"tokens-{place}.bin"
            plan.write_robots(mine, robots[place::processes])
            command = [sys.executable, "-m", "tests.fleet", "part", str(folder / "plan.json"), str(mine), str(out)]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            parts.append(Part(process, out))
        yield parts
    finally:
        for part in parts:
            if part.process.poll() is None:
                part.process.terminate()
        for part in parts:
            part.end()


def run(
    folder: Path,
    ledger: Path,
    given: Plan,
    robots: Sequence[Robot],
    *,
    processes: int = 1,
    pids: Mapping[str, int] | None = None,
    trees: Mapping[str, int] | None = None,
    say: Say = lambda line: None,
) -> dict[str, Any]:
    """Play a plan against a host that serves, and hold the ledger against what was sent.

    `folder`: for the fleet's files. `pids`, `trees`: whose memory and CPU are measured. Raises PartFailed, LedgerError.
    """
    ids = {robot.number: robot.id for robot in robots}
    scenes = {ids[one.number]: one.scene for one in given.attacks}
    since, began_t = exactness.newest_token(ledger), time.time()
    with parts_of(folder, given, robots, processes) as parts, IncidentWatch(ledger, scenes) as watch:
        came = [part.wait("in", given.join_s + given.connect_patience_s + _MORE_S) for part in parts]
        say(f"{sum(one['connected'] for one in came)} of {len(robots)} robots are in")
        meter = Meter(pids or {}, trees or {})
        began = time.monotonic()
        for part in parts:
            part.go()
        _play_phases(parts, given, meter, say)
        results = [part.wait("result", given.end_patience_s + _MORE_S) for part in parts]
        used = meter.told(time.monotonic() - began)
        until = time.monotonic() + _FOUND_S
        while not watch.is_done and time.monotonic() < until:
            time.sleep(0.1)
    exact = exactness.checked(ledger, [part.out for part in parts], ids, since)
    silent = {ids[number] for number in given.silent}
    groups = {"silent": silent, "others": set(ids.values()) - silent - set(scenes)}
    # A goodbye is none of an agent, which says that it stops: it would look like one who is silenced.
    others = exactness.incidents_of(ledger, groups, began_t, min(one["left_t"] for one in results))
    files, seconds = [part.out for part in parts], [part.seconds for part in parts]
    return figures.of_run(given, came, results, seconds, files, used, watch, exact, others)


def _play_phases(parts: Sequence[Part], given: Plan, meter: Meter, say: Say) -> None:
    for name, seconds in given.phases:
        for part in parts:
            part.wait("begun", _MORE_S)
        say(f"begun {name}")
        until = time.monotonic() + seconds
        while time.monotonic() < until and all(part.process.poll() is None for part in parts):
            time.sleep(min(1.0, max(0.0, until - time.monotonic())))
            meter.look()
