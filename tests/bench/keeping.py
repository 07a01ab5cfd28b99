"""What forgetting costs beside an intake at work, how much room it gives back, and how long a start of the judge takes.

The peer of forgetting is the same intake without it, in the same run, in turns.
"""

import time

from tests.bench.figure import Figure
from tests.bench.scratch import scratch
from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.intake.waiting import Message
from wachhund.judge.loop import JudgeLoop
from wachhund.judge.rule_loading import load_rules
from wachhund.keeping.keeper import Keeper
from wachhund.keeping.policy import Keep
from wachhund.ledger import Robot
from wachhund_evidence import Observation, pack_message

_OBSERVATIONS = 20  # in a token: the stock robot's noise makes some 20 a second
_YEAR_S = 365 * 86_400.0


def _noise(robot: ScriptedRobot, number: int) -> Observation:
    """What a stock robot tells: programs that start and end, connections that open and close."""
    owner = {"puid": "7-1", "pid": 7, "exe": "/opt/x/agentd", "user": "root"}
    ends = {"local": ["10.0.0.2", 40_000 + number % 20_000], "remote": ["203.0.113.7", 443]}
    flow = {
        "flow": f"f{number}",
        "proto": "tcp",
        "direction": "out",
        "scope": "internet",
        "peer": None,
        **owner,
        **ends,
    }
    kinds = (
        ("process.start", {"puid": f"{number}-1", "pid": number % 30_000, "ppid": 1, "exe": "/usr/bin/ps",
                           "argv": ["ps", "aux"], "user": "pi", "parent_exe": "/bin/sh", "existing": False}),
        ("process.exit", {"puid": f"{number - 1}-1", "exe": "/usr/bin/ps", "duration_s": 0.1}),
        ("flow.open", {**flow, "bytes_in": 0, "bytes_out": 0}),
        ("flow.close", {**flow, "flow": f"f{number - 1}", "bytes_in": 10, "bytes_out": 20}),
        ("process.repeat", {"exe": "/usr/bin/ps", "argv": ["ps"], "parent_exe": "/bin/sh", "user": "pi", "count": 7}),
    )  # fmt: skip
    kind, fields = kinds[number % len(kinds)]
    return robot.saw(kind, **fields)


def _fill(bench: HostBench, robot: ScriptedRobot, row: Robot, tokens: int, clock: list[float]) -> None:
    number = 0
    for first in range(0, tokens, 256):
        batch = []
        for _ in range(min(256, tokens - first)):
            clock[0] += 1.0
            seen = [_noise(robot, number + one) for one in range(_OBSERVATIONS)]
            number += _OBSERVATIONS
            batch.append(Message(row.id, pack_message(robot.token(*seen)), clock[0]))
        bench.take_messages(batch)


def _judged(bench: HostBench, observations: int) -> float:
    judge = JudgeLoop(bench.ledger, load_rules().rules)
    began = time.perf_counter()
    judge.start()
    while judge.cursor < observations:
        time.sleep(0.01)
    took = time.perf_counter() - began
    judge.stop(120)
    return took


def _commits(bench: HostBench, robot: ScriptedRobot, row: Robot, seconds: float) -> list[float]:
    """One token each 20 ms, as 50 robots send them; how long each took to be durable, in ms."""
    samples, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        message = Message(row.id, pack_message(robot.heartbeat()), time.time())
        began = time.perf_counter()
        bench.take_messages([message])
        samples.append(1000 * (time.perf_counter() - began))
        time.sleep(0.02)
    return samples


def run(quick: bool) -> list[Figure]:
    tokens, seconds, rounds = (2_000, 3.0, 1) if quick else (50_000, 15.0, 3)
    figures = []
    # The working directory, not /tmp, which often is memory: the sync to disk is what is measured.
    with scratch() as folder:
        bench = HostBench(folder / "data")
        clock = [time.time() - 2 * _YEAR_S]
        old, live = ScriptedRobot(clock=lambda: clock[0]), ScriptedRobot()
        old_row, live_row = bench.add("old", old), bench.add("live", live)
        _fill(bench, old, old_row, tokens, clock)
        observations = tokens * _OBSERVATIONS
        note = f"{observations} observations"
        first = _judged(bench, observations)
        again = [_judged(bench, observations) for _ in range(3)]
        figures += [
            Figure("keeping", "start of the judge: judging everything again", "s", (first,), note=note),
            Figure("keeping", "start of the judge: from what it had in mind", "s", tuple(again), "< 5", note),
        ]
        before = bench.ledger.keeping.room()
        alone, beside = [], []
        for _ in range(rounds):
            alone += _commits(bench, live, live_row, seconds)
            keeper = Keeper(bench.ledger, Keep(seconds=_YEAR_S))
            keeper.start()
            beside += _commits(bench, live, live_row, seconds)
            keeper.stop(60)
        figures.append(Figure("keeping", "commit of a token, nothing forgotten", "ms", tuple(alone)))
        figures.append(Figure("keeping", "commit of a token while forgetting", "ms", tuple(beside), "p99 < 100"))
        gone = sum(act.tokens for act in bench.ledger.keeping.erasures())
        figures.append(Figure("keeping", "tokens forgotten beside it", "1/s", (gone / (rounds * seconds),)))
        began = time.perf_counter()
        Keeper(bench.ledger, Keep(seconds=_YEAR_S)).round()
        figures.append(Figure("keeping", "the rest, with its rests", "s", (time.perf_counter() - began,)))
        after, mib = bench.ledger.keeping.room(), 1024**2
        size = bench.ledger.path.stat().st_size
        figures += [
            Figure("keeping", "ledger before", "MiB", (before.file / mib,), note=note),
            Figure("keeping", "ledger after", "MiB", (size / mib,), note="up to 16 MiB stay empty in it"),
            Figure("keeping", "left of a token: hash, link, who and why", "B", (_left(bench) / tokens,), "< 200"),
        ]
        began = time.perf_counter()
        bench.ledger.keeping.rewrite(time.time())
        figures.append(Figure("keeping", "writing the file anew", "s", (time.perf_counter() - began,),
                              note=f"{after.used / mib:.0f} MiB"))  # fmt: skip
        bench.close()
    return figures


def _left(bench: HostBench) -> float:
    """Bytes of the tables that hold what is left of erased tokens."""
    with bench.ledger.moment() as connection:
        query = "SELECT sum(pgsize) FROM dbstat WHERE name IN ('erased', 'erased_by_arrival')"
        return float(connection.exec_driver_sql(query).scalar() or 0)
