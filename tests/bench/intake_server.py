"""Tokens verified, committed and receipted per second with the ledger on a PostgreSQL server, beside a file.

The server is of Debian's package with its defaults, once as it is (fsync on) and once with fsync off, on the disk of
the working directory; so is the file. All three take the same batches in turn.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.scratch import scratch
from tests.big_ledger.filling import told_in_recordings
from tests.robots.host_bench import HostBench
from tests.robots.ledger_place import name_server
from tests.robots.scripted import ScriptedRobot
from tests.robots.throw_away_postgres import ThrowAwayPostgres
from wachhund.intake.waiting import Message
from wachhund.ledger import Robot
from wachhund_evidence import Observation, pack_message

_ROBOTS = 64
_FILE, _DURABLE, _NOT = "a file", "a server", "a server with fsync off"
_BATCHES = ((1, 0), (32, 0), (512, 0), (30, 13))  # tokens, observations of each; 0: a heartbeat


@dataclass
class _Place:
    bench: HostBench
    robots: list[ScriptedRobot] = field(default_factory=list)
    rows: list[Robot] = field(default_factory=list)
    at: int = 0

    def enrol(self) -> None:
        self.robots = [ScriptedRobot() for _ in range(_ROBOTS)]
        self.rows = [self.bench.add(f"robot-{number}", robot) for number, robot in enumerate(self.robots)]


def _messages(place: _Place, tokens: int, observations: int, told: list[Observation]) -> list[Message]:
    made = []
    for number in range(tokens):
        robot = place.robots[number % _ROBOTS]
        if observations:
            part = told[place.at : place.at + observations]
            place.at = (place.at + observations) % (len(told) - observations)
            seen = [Observation(one.kind, robot.clock(), robot.mono, one.sensor, one.fields) for one in part]
            token = robot.token(*seen)
        else:
            token = robot.heartbeat()
        made.append(Message(place.rows[number % _ROBOTS].id, pack_message(token), time.time()))
    return made


def run(quick: bool) -> list[Figure]:
    """Timed from the messages to the signed receipts, by the wall: what a server or a disk lets wait is measured."""
    told = [one for scene in told_in_recordings() for one, _ in scene]
    figures = []
    with scratch() as folder:
        folder.chmod(0o755)
        servers = [ThrowAwayPostgres(folder, durable=True), ThrowAwayPostgres(folder, durable=True, fsync=False)]
        places = {_FILE: _Place(HostBench(folder / "file"))}
        for name, server in zip((_DURABLE, _NOT), servers, strict=True):
            data = folder / f"host-{name[-3:]}"
            data.mkdir(mode=0o700)
            name_server(Path(data) / "ledger.sqlite", server.database())
            places[name] = _Place(HostBench(data))
        now = 0.0
        try:
            for place in places.values():
                place.enrol()
            for tokens, observations in _BATCHES:
                rounds = (5 if quick else 30) if tokens > 1 else (30 if quick else 200)
                rates: dict[str, list[float]] = {name: [] for name in places}
                for _ in range(rounds):
                    now += 1.0
                    for name, place in places.items():
                        messages = _messages(place, tokens, observations, told)
                        began = time.perf_counter()
                        standings = place.bench.take_messages(messages)
                        place.bench.intake.due_receipts(now, time.time())
                        rates[name].append(tokens / (time.perf_counter() - began))
                        if len(standings) != tokens:
                            raise RuntimeError("the intake refused its own benchmark")
                what = f"{tokens} a batch" + (f" of {observations} observations" if observations else "")
                figures += [
                    Figure("intake-server", f"{what}, {name}", "1/s", tuple(all_)) for name, all_ in rates.items()
                ]
        finally:
            for place in places.values():
                place.bench.close()
            for server in servers:
                server.end()
    return figures
