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

from tests.fleet import registering
from tests.fleet.figures import took_by_phase
from tests.fleet.plan import HEARTBEATS, Plan, Robot
from tests.fleet.running import parts_of
from tests.robots.running_host import RunningHost
from wachhund.ledger import Rejection
from wachhund_evidence import private_key_pem

_RATE = 1000  # messages a second, or as many as get through
_SETTLE_S = 3.0  # after a flood, before the next rest
_SEED = "flood"
_PATIENCE_S = 180.0  # for all to come in, and for what is on its way at the end


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


def _enlisted(host: RunningHost, folder: Path, number: int) -> tuple[list[Robot], str | None]:
    """Robots on the roll, and the folder of what they show by TLS."""
    registering.register(host.data.path, _SEED, number)
    robots = registering.enlisted(host.data.path, _SEED, number)
    if host.authority is None:
        return robots, None
    registering.write_certificates(folder / "tls", host.authority, _SEED, robots)
    return robots, str(folder / "tls")


def _order_of(robot: Robot, tls: str | None) -> dict[str, Any]:
    """What the flooder needs to come in as one of them."""
    return {
        "robot": robot.id, "client_id": robot.client_id, "username": robot.id, "password": robot.password,
        "nonce": robot.nonce, "key": private_key_pem(registering.key_of(_SEED, robot.number)).decode(),
        "pem": f"{tls}/{robot.number}.pem" if tls else None,
    }  # fmt: skip


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
    enlisted, shown = _enlisted(host, folder, robots)
    flooders, fleet = enlisted[: len(floods)], enlisted[len(floods) :]
    by_name = {flood.name: (flood, own) for flood, own in zip(floods, flooders, strict=True)}
    phases = [("settle", every_s)]
    for name in by_name:
        phases += [(before(name), seconds), (name, seconds), (f"after {name}", _SETTLE_S)]
    doors = [("127.0.0.1", host.port)]
    plan = Plan(_SEED, host.keys.public_pem, doors, phases, tls=shown, every_s=every_s, load=HEARTBEATS)
    there = {"port": host.port, "ca": host.authority.certificate if host.authority else None}
    sent: dict[str, dict[str, Any]] = {}
    with host, parts_of(folder, plan, fleet, 1) as (part,):
        part.wait("in", _PATIENCE_S)
        part.go()
        names = iter(phases)
        for name, lasts in names:
            part.wait("begun", _PATIENCE_S + seconds)
            if name not in by_name:
                continue
            flood, own = by_name[name]
            order = {**_order_of(own, shown), **there, "kind": flood.kind, "qos": flood.qos, "rate": _RATE}
            began = _cpu(host)
            with _flooding(folder, order) as result:
                part.wait("begun", _PATIENCE_S + lasts)
            next(names)  # the rest behind it has begun
            spent = [now - then for now, then in zip(_cpu(host), began, strict=True)]
            sent[name] = {**result, "cpu": spent}
        found = part.wait("result", _PATIENCE_S)
        took = [sorted(one) for one in took_by_phase([part.out], len(phases))[0]]
        time.sleep(1.5)  # counts of what was refused are written once a second
        refused, states = host.refused(), {robot.state for robot in host.ledger.robots()}
    mine = {own.id: name for name, (_, own) in by_name.items()}
    told: dict[str, dict[str, Rejection]] = {name: {} for name in by_name}
    for (robot, reason), one in refused.items():
        if robot in mine:
            told[mine[robot]][reason] = one
    harmed = {place: one.count for place, one in refused.items() if place[0] and place[0] not in mine}
    by_phase = {name: one for (name, _), one in zip(phases, took, strict=True)}
    lost = sum(found["lost_connections"].values())
    return Played(by_phase, sent, found["unanswered"], lost, harmed, told, states)
