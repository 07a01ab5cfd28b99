"""Faults of a whole cluster from a seed: `python -m tests.cluster_faults --rounds 200 --seed 1` (root; some 40 min).

Robots tell what real ones told, attacks among it, while one part after the other is killed or cut off: a node, a
worker, PostgreSQL, the wire of a node or of a worker. After each round everything that was sent must be receipted. At
the end each token is in the ledger once, and each incident is as an undisturbed judge tells it.
"""

import argparse
import json
import random
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.cluster_faults import checking
from tests.cluster_faults.ground import NODES, WORKERS, Ground
from tests.cluster_faults.robots import Robot, Robots
from tests.robots.attacks import recordings
from tests.robots.running_host import register
from tests.robots.scripted import ScriptedRobot
from tests.waiting import until
from wachhund.fleet.credentials import robot_identity
from wachhund_evidence import observation_from_line, private_key_pem, thumbprint

KINDS = ("kill node", "kill worker", "kill postgres", "cut node", "cut worker")
PATIENCE_S = 180.0


def _inflict(ground: Ground, kind: str, draw: random.Random) -> tuple[str, Callable[[], None]]:
    """Do it. Returns what it was, and how it ends."""
    if kind == "kill node":
        node = draw.choice(NODES)
        ground.kill(node)
        return f"{kind} {node}", lambda: ground.start(node)
    if kind == "kill worker":
        worker = draw.choice(WORKERS)
        ground.kill(worker)
        return f"{kind} {worker}", lambda: ground.start(worker)
    if kind == "kill postgres":
        ground.postgres.kill()
        return kind, ground.postgres.start
    cut = draw.choice(NODES) if kind == "cut node" else "w2"
    ground.cut(cut)
    return f"{kind} {cut}", lambda: ground.mend(cut)


def _make(ground: Ground, count: int, draw: random.Random) -> list[Robot]:
    """Registered robots, each with a recorded scene of its own to tell."""
    scenes = sorted(path.name.removesuffix(".jsonl.xz") for path in recordings.path("stock").parent.glob("*.jsonl.xz"))
    made = []
    for number, scene in enumerate(draw.sample(scenes, count)):
        robot = ScriptedRobot()
        config = register(ground.data, f"r{number}-{scene}", robot, 1)
        told = [observation_from_line(line) for line in recordings.read(scene)[1].splitlines()[1:]]
        tls, doors = _tls(ground, config["robot"], robot), ground.doors()
        own = random.Random(draw.getrandbits(64))
        made.append(Robot(config, robot, ground.keys.key.public_key(), tls, doors, told, own))
    return made


def _tls(ground: Ground, robot: str, scripted: ScriptedRobot) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ground.authority.certificate)
    identity = robot_identity(robot, thumbprint(scripted.key.public_key()))
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        certificate = ground.authority.issue(identity, scripted.key.public_key()).encode("ascii")
        file.write(private_key_pem(scripted.key) + certificate)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _rounds(ground: Ground, robots: Robots, args: argparse.Namespace, draw: random.Random) -> dict[str, list[float]]:
    """Play them. Returns by kind how long it took from a fault's end until everything was receipted."""
    took: dict[str, list[float]] = {}
    for number in range(args.rounds):
        kind = args.only or draw.choice(KINDS)
        what, end = _inflict(ground, kind, draw)
        until_t = time.monotonic() + draw.uniform(0.3, 8.0 if "cut" in kind else 4.0)
        while time.monotonic() < until_t:
            robots.have_each(lambda robot: robot.say(draw.randint(1, 6)))
            time.sleep(draw.uniform(0.2, 1.0))
        end()
        ended = time.monotonic()
        robots.have_each(lambda robot: robot.say(1))
        until(lambda: not robots.waiting, PATIENCE_S, f"round {number}, {what}: all is receipted", 0.05)
        took.setdefault(kind, []).append(time.monotonic() - ended)
        held, made = checking.tokens_held(ground.ledger), sum(robot.robot.seq for robot in robots.all)
        if held != made:
            raise AssertionError(f"round {number}, {what}: {made} tokens were receipted, and {held} are in the ledger")
        print(f"{number + 1:4} {what:16} {took[kind][-1]:6.1f} s  {held} tokens", flush=True)
    return took


def main() -> int:
    """Play, and check. Exit status 1 when something is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster_faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--robots", type=int, default=12)
    parser.add_argument("--lanes", type=int, default=6)
    parser.add_argument("--only", choices=KINDS)
    args = parser.parse_args()
    draw = random.Random(args.seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="whcf-") as folder, Ground(Path(folder) / "data", args.lanes) as ground:
        made = _make(ground, args.robots, draw)
        with Robots(made) as robots:
            took = _rounds(ground, robots, args, draw)
            until(lambda: ground.ledger.unjudged()[0] == 0, PATIENCE_S, "all is judged", 0.2)
        for kind, seconds in sorted(took.items()):
            typical, most = statistics.median(seconds), max(seconds)
            print(f"{kind}: {len(seconds)} rounds, all receipted after {typical:.1f} s (median), {most:.1f} s (most)")
        return _told(ground, made, args, time.monotonic() - began)


def _told(ground: Ground, robots: list[Robot], args: argparse.Namespace, seconds: float) -> int:
    """Check everything, and print what came of it. Returns the exit status."""
    told, seen, verdicts = checking.wrong_verdicts(ground.ledger)
    unreadable = [f"{name}: a traceback in its log" for name in (*NODES, *WORKERS) if "Traceback" in ground.said(name)]
    wrong = [*checking.wrong_tokens(ground.ledger, robots), *verdicts, *unreadable]
    total = checking.tokens_held(ground.ledger)
    print(f"{args.rounds} rounds, seed {args.seed}, {seconds:.0f} s: {total} tokens, {told} incidents, {seen} sessions")
    for line in wrong[:40]:
        print(f"WRONG: {line}")
    print(json.dumps({"rounds": args.rounds, "seed": args.seed, "tokens": total, "incidents": told, "sessions": seen,
                      "wrong": len(wrong)}))  # fmt: skip
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
