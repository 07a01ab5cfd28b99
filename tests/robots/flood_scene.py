"""A fleet at work on a real host, of which one robot after another floods: for a bench, and small for a test."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.robots.running_host import RunningHost
from tests.robots.scripted import ScriptedRobot
from wachhund.fleet.credentials import robot_identity
from wachhund.ledger import Rejection
from wachhund_evidence import private_key_pem, thumbprint

_RATE = 1000  # messages a second, or as many as get through
_SETTLE_S = 3.0  # after a flood, before the next rest


@dataclass(frozen=True)
class Flood:
    """What one robot sends (tests.robots.flooder) and with which QoS."""

    kind: str
    qos: int

    @property
    def name(self) -> str:
        return f"{self.kind}, QoS {self.qos}"


@dataclass(frozen=True)
class Played:
    """`took`: seconds from publish to receipt of the others, by phase: a flood, or the rest before it.

    `sent`: what each flooder got out, and CPU seconds of host and broker meanwhile. `unanswered`, `disconnected`: of
    the others; `harmed`: what was refused of them. `refused`: of the flooders, by name of the flood and reason.
    `states`: of all robots at the end.
    """

    took: dict[str, list[float]]
    sent: dict[str, dict[str, Any]]
    unanswered: int
    disconnected: int
    harmed: dict[tuple[str, str], int]
    refused: dict[str, dict[str, Rejection]]
    states: set[str]


def before(name: str) -> str:
    """The phase of rest before a flood."""
    return f"before {name}"


def _registered(host: RunningHost, folder: Path, number: int) -> list[dict[str, Any]]:
    """Robots on the roll, each with what it needs to come in."""
    made = []
    for place in range(number):
        robot = ScriptedRobot()
        config: dict[str, Any] = dict(host.register(f"robot-{place}", robot))
        pem = None
        key = private_key_pem(robot.key)
        if host.authority is not None:
            pem = folder / f"{place}.pem"
            identity = robot_identity(config["robot"], thumbprint(robot.key.public_key()))
            pem.write_bytes(key + host.authority.issue(identity, robot.key.public_key()).encode("ascii"))
        made.append({**config, "key": key.decode(), "pem": str(pem) if pem else None})
    return made


@contextmanager
def _flooding(folder: Path, plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A flooder at work; what it sent is in the result after the block."""
    path = folder / "flooder.json"
    path.write_text(json.dumps(plan))
    command = [sys.executable, "-m", "tests.robots.flooder", str(path)]
    result: dict[str, Any] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        yield result
        said, _ = child.communicate(b"end\n", timeout=60)
        result.update(json.loads(said))


def _cpu(host: RunningHost) -> tuple[float, float]:
    """Seconds of CPU that we ourselves, who are the host, and the broker have used."""
    words = Path(f"/proc/{host.broker.pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time(), (int(words[11]) + int(words[12])) / 100


def play(
    folder: Path, robots: int, floods: Sequence[Flood], seconds: float, every_s: float, tls: bool = True
) -> Played:
    """Each of `robots` says something every `every_s`; each flood lasts `seconds`, after as long a rest.

    They are compared in pairs, because what else the machine does changes from minute to minute.
    """
    host = RunningHost(folder / "data", tls=tls)
    configs = _registered(host, folder, robots)
    flooders, fleet = configs[: len(floods)], configs[len(floods) :]
    by_name = {flood.name: (flood, own) for flood, own in zip(floods, flooders, strict=True)}
    phases = [("settle", every_s)]
    for name in by_name:
        phases += [(before(name), seconds), (name, seconds), (f"after {name}", _SETTLE_S)]
    plan = {
        "port": host.port, "ca": host.authority.certificate if host.authority else None,
        "host_key": host.keys.public_pem, "robots": fleet, "phases": phases, "every_s": every_s,
    }  # fmt: skip
    (folder / "fleet.json").write_text(json.dumps(plan))
    sent: dict[str, dict[str, Any]] = {}
    with host:
        command = [sys.executable, "-m", "tests.robots.fleet", str(folder / "fleet.json")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            if child.stdout is None:
                raise AssertionError("no output to read")
            line = child.stdout.readline()
            while line.startswith("begun"):
                name = line[6:].strip()
                if name not in by_name:
                    line = child.stdout.readline()
                    continue
                flood, own = by_name[name]
                order = {**own, "kind": flood.kind, "qos": flood.qos, "rate": _RATE}
                began = _cpu(host)
                with _flooding(folder, {**order, "port": plan["port"], "ca": plan["ca"]}) as result:
                    line = child.stdout.readline()
                spent = [now - then for now, then in zip(_cpu(host), began, strict=True)]
                sent[name] = {**result, "cpu": spent}
            found = json.loads(line)
        time.sleep(1.5)  # counts of what was refused are written once a second
        refused, states = host.refused(), {robot.state for robot in host.ledger.robots()}
    mine = {own["robot"]: name for name, (_, own) in by_name.items()}
    told: dict[str, dict[str, Rejection]] = {name: {} for name in by_name}
    for (robot, reason), one in refused.items():
        if robot in mine:
            told[mine[robot]][reason] = one
    harmed = {place: one.count for place, one in refused.items() if place[0] and place[0] not in mine}
    return Played(found["took"], sent, found["unanswered"], found["disconnected"], harmed, told, states)
