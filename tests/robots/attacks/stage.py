"""One scene on a robot of its own: the agent looks, the scene is acted, the judge hears all of it while it happens."""

import compileall
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.robots.attacks.draw import Draw
from tests.robots.attacks.inside import Inside
from tests.robots.attacks.judging import Incident, LiveJudge, judged
from tests.robots.attacks.scene import Scene
from tests.robots.go1 import Go1, leftovers
from tests.waiting import until

_ROOT = Path(__file__).resolve().parents[3]
_AGENT = "/usr/local/wachhund"  # on the robot
_STATE = f"{_AGENT}/state"  # by it an agent knows how the one before ended
_AWAKE_SECONDS, _TOLD_SECONDS, _END_SECONDS = 30.0, 20.0, 20.0
_NUMBER_SECONDS = 0.1
_MOST_STARTS = 5  # of the agent in one scene; more would be a fault of its own
# After the last act each sense has looked once more: the slowest that a scene needs looks each 2 s.
_SETTLE_SECONDS = 2.5
_PREFIX = "corpus-"


@dataclass(frozen=True)
class Outcome:
    """`lines`: what the agent told of the robot. `live`, `again`: incidents while it happened, and of the lines."""

    lines: bytes
    live: list[Incident]
    again: list[Incident]


class Watch:
    """An agent on the Pi, started anew when it dies as systemd would; its lines go to a judge and into a file."""

    def __init__(self, robot: Go1, folder: Path, scene: Scene) -> None:
        self._robot = robot
        self.file = folder / "told.jsonl"
        self._inside = Inside(self._was_started)
        self._ending = False
        self._awake: set[str] = set()
        self._seen: set[str] = set()
        self._failed: list[BaseException] = []
        self._judge = LiveJudge(folder, scene)
        self._install()
        self._agent = self._start()
        self._reader = threading.Thread(target=self._read, name="agent's lines", daemon=True)
        self._reader.start()
        until(self._is_ready, _AWAKE_SECONDS, "the senses are awake")

    def _install(self) -> None:
        """The agent and an interpreter lie in the robot's own files, so no path of this machine is told."""
        place = self._robot.pi.root / _AGENT[1:]
        for package in ("wachhund_agent", "wachhund_evidence"):
            source = _ROOT / "agent" / package
            compileall.compile_dir(source, quiet=2)  # as an installer does: no start of an agent compiles it anew
            shutil.copytree(source, place / package)
        shutil.copy(Path(sys.executable).resolve(), place / "python")

    def _start(self) -> "subprocess.Popen[bytes]":
        library = str(sysconfig.get_config_var("LIBDIR") or "")
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONHOME": sys.base_prefix,
            "PYTHONPATH": f"{_AGENT}:{sysconfig.get_path('platlib')}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LD_LIBRARY_PATH": library,
        }
        command = [f"{_AGENT}/python", "-m", "wachhund_agent", "observe", "--state", _STATE]
        return self._robot.pi.popen(command, stdout=subprocess.PIPE, env=environment, cwd="/")

    def _read(self) -> None:
        try:
            with self.file.open("wb") as out:
                for _ in range(_MOST_STARTS):
                    assert self._agent.stdout is not None
                    for line in self._agent.stdout:
                        self._take(line, out)
                    if self._ending:
                        return
                    self._agent = self._start()
            raise AssertionError(f"the agent ended {_MOST_STARTS} times")
        except BaseException as error:  # noqa: BLE001  handed to whoever ends the watch
            self._failed.append(error)

    def _take(self, line: bytes, out: Any) -> None:
        if not line.endswith(b"\n"):
            return  # cut off by a kill
        fact = self._inside.take(json.loads(line))
        if fact is None:
            return
        kept = json.dumps(fact, separators=(",", ":")).encode() + b"\n"
        out.write(kept)
        out.flush()
        self._judge.tell(kept)
        if fact["kind"] in ("coverage", "config.state"):
            self._awake.add(fact.get("name", "coverage"))
        elif fact["kind"] == "process.start":
            self._seen.update(fact.get("argv") or ())

    def _is_ready(self) -> bool:
        # What changes before the agent has seen all files once is no change to it.
        return {"coverage", "persistence-baseline"} <= self._awake or bool(self._failed)

    def _was_started(self, pid: int, parent: int | None) -> bool:
        # Nobody can say the parent of one that is gone before it was looked at.
        if parent not in (None, os.getpid()):
            return False
        # Whoever starts a process learns its number a moment after the kernel tells of it.
        deadline = time.monotonic() + _NUMBER_SECONDS
        while parent is not None and pid not in self._robot.pi.started and time.monotonic() < deadline:
            time.sleep(0.001)
        return pid in self._robot.pi.started

    def catch_up(self) -> None:
        """Return when everything that has happened is told."""
        mark = secrets.token_hex(4)
        # It lives until it was looked at: of a program that is gone nobody can say whose it was (inside.py).
        newest = self._robot.pi.popen(["sh", "-c", ": $0; read -r until_told", mark], cwd="/", stdin=subprocess.PIPE)
        with newest:  # its end closes what it reads from
            until(lambda: mark in self._seen or self._failed, _TOLD_SECONDS, "the agent tells of the newest program")

    def end(self) -> list[Incident]:
        """The incidents that were raised while it happened."""
        self._ending = True
        self._agent.send_signal(signal.SIGINT)
        self._reader.join(_END_SECONDS)
        assert not self._reader.is_alive(), "the agent does not end"
        if self._failed:
            raise self._failed[0]
        return self._judge.end()

    def kill(self) -> None:
        self._ending = True
        self._judge.kill()


def play(scene: Scene, seed: int) -> Outcome:
    """Act a scene out. Raises AssertionError when it could not be."""
    _remove_stale()
    draw = Draw(seed, scene.name)
    folder = Path(tempfile.gettempdir()) / f"{_PREFIX}{leftovers.new_tag()}"
    folder.mkdir()
    here = Path.cwd()
    os.chdir("/")  # where programs of the robot find themselves
    try:
        with Go1(folder / "robot", enrolled=scene.enrolled) as robot:
            if scene.before is not None:
                scene.before(robot, draw)
            watch = Watch(robot, folder, scene)
            try:
                robot.start_noise()
                watch.catch_up()
                scene.act(robot, draw)
                time.sleep(_SETTLE_SECONDS)
                watch.catch_up()
                live = watch.end()
            finally:
                watch.kill()
            return Outcome(watch.file.read_bytes(), live, judged(watch.file, scene))
    finally:
        os.chdir(here)
        shutil.rmtree(folder, ignore_errors=True)


def _remove_stale() -> None:
    """Folders of runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}{leftovers.PREFIX}-*"):
        if leftovers.is_stale(folder.name.removeprefix(_PREFIX)):
            shutil.rmtree(folder, ignore_errors=True)
