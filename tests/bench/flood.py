"""Whether one robot slows another: latency of the others (publish to receipt) before, and while one of them floods.

Real keys, real connections by TLS with client certificates, a real broker, intake and ledger. Each kind of flood is
another robot's, at 1,000 messages a second or as many as it gets through.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.figure import Figure
from tests.robots.running_host import RunningHost
from tests.robots.scripted import ScriptedRobot
from wachhund.fleet.credentials import robot_identity
from wachhund_evidence import private_key_pem, thumbprint

KINDS = (("bad", 1), ("bad", 0), ("huge", 0), ("oversize", 1), ("beyond", 1), ("elsewhere", 0), ("heavy", 1))
_RATE = 1000


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
    host.roster.refresh()
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


def measure(folder: Path, robots: int, seconds: float, every_s: float, tls: bool = True) -> list[Figure]:
    """Latencies of all but the flooding robots: at rest, and during each kind of flood."""
    figures: list[Figure] = []
    host = RunningHost(folder / "data", tls=tls)
    configs = _registered(host, folder, robots)
    flooders, fleet = configs[: len(KINDS)], configs[len(KINDS) :]
    names = [f"{kind}, QoS {qos}" for kind, qos in KINDS]
    phases = [("settle", every_s), ("at rest", seconds)]
    for name in names:
        phases += [(name, seconds), (f"after {name}", 3.0)]
    plan = {
        "port": host.broker.port, "ca": host.authority.certificate if host.authority else None,
        "host_key": host.keys.public_pem, "robots": fleet, "phases": phases, "every_s": every_s,
    }  # fmt: skip
    (folder / "fleet.json").write_text(json.dumps(plan))
    sent: dict[str, dict[str, Any]] = {}
    with host:
        command = [sys.executable, "-m", "tests.robots.fleet", str(folder / "fleet.json")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            lines = iter(child.stdout.readline, "")
            line = next(lines)
            while line.startswith("begun"):
                phase = line[6:].strip()
                if phase in names:
                    kind, qos = KINDS[names.index(phase)]
                    own = flooders[names.index(phase)]
                    order = {**own, "kind": kind, "qos": qos, "rate": _RATE, "port": plan["port"], "ca": plan["ca"]}
                    cpu = _cpu(host)
                    with _flooding(folder, order) as result:
                        line = next(lines)
                    sent[phase] = {**result, "cpu": [now - then for now, then in zip(_cpu(host), cpu, strict=True)]}
                else:
                    line = next(lines)
            found = json.loads(line)
        time.sleep(1.5)
        refused = host.refused()
    flooding = {own["robot"] for own in flooders}
    harmed = {place: one.count for place, one in refused.items() if place[0] and place[0] not in flooding}
    for name in ("at rest", *names):
        took = tuple(1000 * one for one in found["took"][name])
        note = ""
        if name in sent:
            one = sent[name]
            host_cpu, broker_cpu = (100 * spent / one["seconds"] for spent in one["cpu"])
            note = (
                f"{one['sent']} messages, {one['bytes'] / 1e6:.0f} MB got out in {one['connected_s']:.1f} of "
                f"{one['seconds']:.0f} s; CPU host {host_cpu:.0f} %, broker {broker_cpu:.0f} %"
            )
        figures.append(Figure("flood", f"{len(fleet)} others, {name}", "ms", took, note=note))
    lost = found["unanswered"] + found["disconnected"] + sum(harmed.values())
    figures.append(Figure("flood", "others' tokens without receipt, connections lost, refusals", "", (lost,), "0"))
    return figures


def _cpu(host: RunningHost) -> tuple[float, float]:
    """Seconds of CPU that the broker and we ourselves, who are the host, have used."""
    pid = host.broker.pid
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time(), (int(words[11]) + int(words[12])) / 100


def run(quick: bool) -> list[Figure]:
    """500 robots, of which seven flood, one after another."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        return measure(Path(folder), robots=50 if quick else 500, seconds=6.0 if quick else 20.0, every_s=5.0)
