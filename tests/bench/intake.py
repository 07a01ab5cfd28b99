"""Heartbeats verified, durably committed and receipted per second, by batch, and Ed25519 alone beside it."""

import time

from tests.bench.figure import Figure
from tests.bench.scratch import scratch
from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.intake.waiting import Message
from wachhund_evidence import base64url, pack_message

_ROBOTS = 64


def _ed25519(robot: ScriptedRobot, token: str, each: int) -> float:
    """Signatures verified per second, and nothing else."""
    public = robot.key.public_key()
    signed, signature = token.rsplit(".", 1)
    message, raw = signed.encode(), base64url.decode(signature)
    start = time.process_time()
    for _ in range(each):
        public.verify(raw, message)
    return each / (time.process_time() - start)


def run(quick: bool) -> list[Figure]:
    """Messages of 64 robots in turn, as a fleet sends them; timed from the message to the signed receipts.

    "and core" is by CPU time of this process, so that what else runs on the machine counts little.
    """
    figures = []
    # The working directory, not /tmp, which often is memory: the sync to disk is what is measured.
    with scratch() as folder:
        bench = HostBench(folder / "data")
        robots = [ScriptedRobot() for _ in range(_ROBOTS)]
        rows = [bench.add(f"robot-{number}", robot) for number, robot in enumerate(robots)]
        now = 0.0
        for batch in (1, 32, 512):
            rounds = (3 if quick else 15) if batch > 1 else (50 if quick else 200)
            wall, core, raw = [], [], []
            for _ in range(rounds):
                tokens = [robots[n % _ROBOTS].heartbeat() for n in range(batch)]
                messages = [
                    Message(rows[n % _ROBOTS].id, pack_message(token), time.time()) for n, token in enumerate(tokens)
                ]
                now += 1.0  # so that each of these robots is owed a receipt again
                start, spent = time.perf_counter(), time.process_time()
                standings = bench.take_messages(messages)
                receipts = bench.intake.due_receipts(now, time.time())
                wall.append(batch / (time.perf_counter() - start))
                core.append(batch / (time.process_time() - spent))
                if len(standings) != batch or len(receipts) != min(batch, _ROBOTS):
                    raise RuntimeError("the intake refused its own benchmark")
                if batch > 1:
                    raw.append(_ed25519(robots[0], robots[0].made[robots[0].seq], 500))
            name = f"verified, stored and receipted, {batch} a batch"
            figures.append(Figure("intake", name, "1/s", tuple(wall)))
            if batch > 1:
                ratios = tuple(100 * ours / limit for ours, limit in zip(core, raw, strict=True))
                figures += [
                    Figure("intake", f"{name}, and core", "1/s", tuple(core)),
                    Figure("intake", "Ed25519 alone, and core", "1/s", tuple(raw), note="beside it, in the same run"),
                    Figure("intake", f"{name}: of Ed25519 alone", "%", ratios),
                ]
        bench.close()
    return figures
