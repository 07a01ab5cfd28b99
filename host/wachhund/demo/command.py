"""`wachhund demo`: a host, an agent on this very machine, and a scene; did the host say what happened?"""

import argparse
import contextlib
import json
import math
import os
import shutil
import signal
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from wachhund.demo import backstage, crowd, telling
from wachhund.demo import world as worlds
from wachhund.demo.children import Child, ChildError, Children
from wachhund.demo.crowd import MOST_ROBOTS
from wachhund.demo.outcome import compare, is_certain
from wachhund.demo.robot_scene import ROBOTS, RobotScene, start_stage
from wachhund.demo.scene import Scene
from wachhund.demo.watching import LOOK_SECONDS, Watching
from wachhund.ledger import Ledger
from wachhund_evidence import MisuseError

DEFAULT_SECONDS = 40
LEAST_SECONDS, MOST_SECONDS = 20, 3600
HEARD_SECONDS = 30.0  # from the agent's start to its first evidence in the ledger
STOCK_SHARE, IDLE_SHARE = 0.1, 0.2  # of the seconds: only noise; then the program dials out and idles
ENCORE_SHARE = 0.15  # before each thing that is played beside the visit
VISIT_SECONDS = 600  # how long the visitor stays when nobody gave an end: time to look at the page
LEAVE_SECONDS = 3.0  # before the end the visitor says bye, so that the end of a session is seen as well

Say = Callable[[str], None]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `demo` to the command line."""
    parser = subparsers.add_parser(
        "demo",
        help="play a scene on this machine and show what the host says about it",
        description="Starts a host and an agent on this machine, then plays a scene with real processes and sockets: "
        "stock noise; a program that no rule knows dials out and idles; somebody comes in through it and uses a "
        "service that listens on loopback only. Ctrl-C ends everything.",
    )
    parser.add_argument(
        "--robot",
        choices=ROBOTS,
        help="play it on a stand-in for that robot instead, with its real daemons (root, from a clone)",
    )
    parser.add_argument(
        "--robots",
        type=_crowd,
        metavar="N",
        help=f"fill the fleet with N simulated robots instead (1 to {MOST_ROBOTS}), whose keys, tokens and connections "
        "are real",
    )
    parser.add_argument(
        "--seconds",
        type=_seconds,
        metavar="N",
        help=f"play the scene in N seconds ({LEAST_SECONDS} to {MOST_SECONDS}) and end; without it the page stays "
        "until Ctrl-C",
    )
    parser.add_argument("--no-browser", action="store_true", help="print the page's address, open no browser")
    parser.add_argument(
        "--json",
        action="store_true",
        help="incidents and, last, the measured times as JSON lines on standard output; words go to standard error",
    )
    parser.add_argument(
        "--data", metavar="DIR", type=Path, help="keep everything in DIR (default: a folder that is removed)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Play it. Returns 0 when the incident came with the right pid and address and accused nobody else, else 1."""
    say: Say = _to_stderr if arguments.json else _to_stdout
    with contextlib.ExitStack() as stack:
        stack.enter_context(_termination())
        folder = stack.enter_context(_folder(arguments.data))
        children = stack.enter_context(Children(folder / "logs"))
        try:
            if arguments.robots is not None:
                return _play_crowd(arguments, say, folder, children)
            return _play(arguments, say, folder, children, stack)
        except ChildError as error:
            if arguments.json:
                _print_json({"demo": "failed", "why": [str(error)]})
            raise


def _play(arguments: argparse.Namespace, say: Say, folder: Path, children: Children, stack: ExitStack) -> int:
    seconds = float(arguments.seconds or DEFAULT_SECONDS)
    data = folder / "host"
    scene: Scene | RobotScene | None = None
    if arguments.robot is not None:
        # Before the host: where there can be no robot, nothing else needs to start.
        stage, standing = start_stage(children, arguments.robot, folder / "robot")
        scene = RobotScene(stage, standing)
        say(f"robot: pid {stage.pid}")
    host = backstage.start_host(children, data)
    say(f"host: {host.login or host.page}")
    if scene is None:
        scene = Scene(children, worlds.build(children), folder / "scene")
    world = scene.world
    say(telling.world(world))
    broker = f"mqtt://127.0.0.1:{host.broker_port}"
    if world.kind in ("user", "go1"):
        from wachhund.demo.bridge import Bridge

        door = backstage.socket_path(folder)
        stack.enter_context(Bridge(door, "127.0.0.1", host.broker_port))
        broker = f"unix:{door}"
    agent = backstage.start_agent(children, world, host, data, folder / "agent", broker)
    say(f"agent: pid {agent.pid}")
    ledger = Ledger.open(data / "ledger.sqlite")
    stack.callback(ledger.close)
    watching = Watching(ledger)

    said: set[str] = set()

    def watch(until: Callable[[], bool], limit: float) -> None:
        """Look at the ledger until something holds or `limit` seconds pass; fail at once when somebody has gone."""
        end = time.monotonic() + limit
        while True:
            for line in map(telling.incident, watching.look()):
                if line not in said:  # an incident grows more often than its title
                    said.add(line)
                    say(line)
            if until() or time.monotonic() >= end:
                return
            for child in (agent, host.child):
                if child.ended():
                    raise child.failure()
            gone = scene.failed()
            if gone is not None:
                raise gone
            time.sleep(LOOK_SECONDS)

    watch(lambda: watching.heard is not None, HEARD_SECONDS)
    if watching.heard is None:
        raise ChildError(f"demo: agent: nothing of it reached the host in {HEARD_SECONDS:g} s: see {agent.log}")
    if not arguments.no_browser and any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")):
        # Without a screen the standard library would take a text browser, and the terminal with it.
        webbrowser.open(host.login or host.page)
    start = time.monotonic()
    say("scene: stock noise")
    scene.begin()
    watch(_never, seconds * STOCK_SHARE)
    say(telling.coverage(watching.coverage))
    say(f"scene: {scene.dials}")
    scene.dial()
    watch(_never, seconds * IDLE_SHARE)
    say(f"scene: {scene.enters}")
    entered = scene.enter()
    kilobytes: list[float] = []

    def worked_enough() -> bool:
        moment = None if kilobytes else scene.fourth_kilobyte()
        if moment is not None:
            kilobytes.append(moment)
        return False

    for act in scene.encores:
        watch(worked_enough, seconds * ENCORE_SHARE)
        say(f"scene: {act.words}")
        act.play()
    watch(worked_enough, start + seconds - LEAVE_SECONDS - time.monotonic())
    if arguments.seconds is not None:
        scene.leave()
    watch(_never, start + seconds - time.monotonic())

    cast = scene.cast()
    outcome = compare(watching.incidents(), cast, frozenset({os.getpid()}), watching.witnesses, world.has_outside)
    suspected = watching.first_naming(cast.relay_pid, entered)
    certain = watching.first_naming(cast.relay_pid, entered, is_certain)
    times = {
        "suspected": _between(entered, suspected),
        "certain": _between(entered, certain),
        "certain_after_4_kilobytes": _between(kilobytes[0] if kilobytes else None, certain),
    }
    summary = {
        "demo": "failed" if outcome.why else "passed",
        "why": list(outcome.why),
        "world": world.kind,
        "world_why": world.why,
        "coverage": watching.coverage,
        "pid": cast.relay_pid,
        "exe": cast.relay_exe,
        "address": cast.outside_address,
        "seconds": times,
        "visitors": scene.known_visitors(watching.kept),
        "other_incidents": [incident.get("id") for incident in outcome.others],
    }
    if arguments.json:
        for incident in watching.incidents():
            _print_json(dict(incident))
        _print_json(summary)
    else:
        for line in telling.ending(outcome, summary):
            say(line)
    if arguments.seconds is None:
        _stay(say, scene, host, agent)
    return 1 if outcome.why else 0


def _play_crowd(arguments: argparse.Namespace, say: Say, folder: Path, children: Children) -> int:
    """A host and many simulated robots, for `--seconds` or until Ctrl-C. Returns 0."""
    data = folder / "host"
    # Before the host: its broker looks for new robots only now and then, and these come in at once.
    members = crowd.register(data, arguments.robots)
    host = backstage.start_host(children, data)
    say(f"host: {host.login or host.page}")
    if not arguments.no_browser and any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")):
        webbrowser.open(host.login or host.page)
    end = math.inf if arguments.seconds is None else time.monotonic() + arguments.seconds

    def is_over() -> bool:
        return time.monotonic() >= end or host.child.ended()

    with contextlib.suppress(KeyboardInterrupt):
        crowd.play(members, data, host.broker_port, is_over, say)
    if host.child.ended():
        raise host.child.failure()
    return 0


def _stay(say: Say, scene: Scene | RobotScene, host: backstage.Host, agent: Child) -> None:
    """Keep host, agent and visitor for whoever looks at the page, until Ctrl-C. The visitor leaves in the end."""
    say(f"The page stays at {host.page} and the visitor stays {VISIT_SECONDS / 60:g} minutes. Ctrl-C ends everything.")
    leaves = time.monotonic() + VISIT_SECONDS
    try:
        while not (host.child.ended() or agent.ended()):
            if time.monotonic() >= leaves:
                scene.leave()
                leaves = math.inf
            time.sleep(1)
    except KeyboardInterrupt:
        return
    raise (host.child if host.child.ended() else agent).failure()


def _between(event: float | None, alert: float | None) -> float | None:
    """Seconds from event to alert; negative when the alert did not need the event; None when either is missing."""
    return None if event is None or alert is None else round(alert - event, 3)


def _never() -> bool:
    return False


def _crowd(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= MOST_ROBOTS:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and {MOST_ROBOTS}")
    return int(text)


def _seconds(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if not LEAST_SECONDS <= value <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{value} is not between {LEAST_SECONDS} and {MOST_SECONDS}")
    return value


@contextlib.contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    """The folder of this run: a new one that is removed, or the one that was asked for."""
    if wanted is None:
        made = Path(tempfile.mkdtemp(prefix="wachhund-demo-"))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return
    try:
        wanted.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise MisuseError(f"demo: {wanted}: {error.strerror}: name a folder that can be made") from error
    yield wanted.resolve()


@contextlib.contextmanager
def _termination() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo as Ctrl-C does: with everything put away."""

    def leave(number: int, frame: FrameType | None) -> None:
        for again in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(again, signal.SIG_IGN)  # we are on our way out: nothing may interrupt the putting away
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _to_stdout(text: str) -> None:
    print(text, flush=True)


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, separators=(",", ":"), ensure_ascii=True), flush=True)
