"""`python -m tests.bench.day_of_noise`: a day of the stock robot's noise, judged with all packs, its alerts counted.

First the real agent looks at the stand-in Go1 for some minutes (as root): its noise at real speed, and the vendor's
tunnel, which dials its cloud and is used by nobody. What it told is told again until a day is full: times are moved,
counters of what goes on grow on, and what began in those minutes (processes, connections) begins anew each time, by
another id. What happens once a day only is not in it. `--from FILE` takes what was kept before (`--keep`).

Exit status: 0 when every alert is about the vendor's tunnel, else 1.
"""

import argparse
import json
import lzma
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.rules import SIGMA
from tests.robots.attacks.acting import linger
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.scene import Scene
from tests.robots.attacks.stage import play
from tests.robots.go1 import Go1, visits
from wachhund.judge.engine import Judge
from wachhund.judge.fact import Fact, LineRef
from wachhund.judge.rule_loading import BUILT_IN, load_rules
from wachhund_evidence import Observation, observation_from_line

DAY_S = 86_400.0
SETTLE_S = 45.0  # the agent's first look at everything, with hashes of all programs: told once
BATCH = 1_000
TUNNEL, PROGRAM = "CloudSail", "csclient"
_TIMES = ("first_mono", "last_mono", "from_mono", "to_mono")
_COUNTERS = ("bytes_in", "bytes_out", "duration_s")
_BEGUN = {"process.start": "puid", "flow.open": "flow"}


def recorded(minutes: float) -> bytes:
    """What the agent tells of so many minutes, and of the beginning before them."""

    def act(robot: Go1, _draw: Draw) -> None:
        with visits.vendor_tunnel(robot, PROGRAM):
            linger(SETTLE_S + 60 * minutes)

    return play(Scene("day", 0, "the stock robot with the vendor's tunnel, and nobody there", act, None), 1).lines


@dataclass(frozen=True)
class Recorded:
    """`beginning`: told once. `turn`: told again and again, `length` seconds each. `begun`: ids that are new in it.
    `grows`: by how much a counter of what was there before grows in a turn, by id and name.
    """

    beginning: list[Observation]
    turn: list[Observation]
    length: float
    begun: frozenset[str]
    grows: dict[tuple[str, str], float]


def cut(lines: bytes) -> Recorded:
    """Take a recording apart. Raises ValueError for one that is too short."""
    told = [observation_from_line(line) for line in lines.splitlines()]
    start = told[0].mono + SETTLE_S
    beginning, turn = [one for one in told if one.mono < start], [one for one in told if one.mono >= start]
    if not turn:
        raise ValueError(f"a recording must be longer than {SETTLE_S:g} s")
    begun = frozenset(
        str(one.fields[_BEGUN[one.kind]]) for one in turn if one.kind in _BEGUN and not one.fields.get("existing")
    )
    seen: dict[tuple[str, str], list[float]] = {}
    for one in turn:
        for name in _COUNTERS:
            value, flow = one.fields.get(name), one.fields.get("flow")
            if isinstance(value, int | float) and isinstance(flow, str) and flow not in begun:
                seen.setdefault((flow, name), []).append(value)
    grows = {key: values[-1] - values[0] for key, values in seen.items()}
    return Recorded(beginning, turn, turn[-1].mono - start + 1.0, begun, grows)


def day(of: Recorded, seconds: float) -> Iterator[Observation]:
    """Everything that is told in so many seconds, in its order."""
    yield from of.beginning
    for number in range(int(seconds / of.length) + 1):
        names = {name: f"{name}.{number}" for name in of.begun}
        for one in of.turn:
            shift = number * of.length
            fields = _renamed(one.fields, names)
            for name in _TIMES:
                if isinstance(fields.get(name), int | float):
                    fields[name] += shift
            for name in _COUNTERS:
                grown = of.grows.get((str(fields.get("flow")), name))
                if grown is not None and isinstance(fields.get(name), int | float):
                    fields[name] += type(fields[name])(number * grown)
            yield Observation(one.kind, one.t + shift, one.mono + shift, one.sensor, fields)


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, dict):
        return {name: _renamed(one, names) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(one, names) for one in value]
    return value


def judged(of: Recorded, seconds: float) -> dict[str, Any]:
    """Figures of a day, and its incidents in their last form."""
    packs = (BUILT_IN, *([SIGMA] if SIGMA.is_dir() else []))
    rules = load_rules(packs).rules
    judge = Judge(rules)
    incidents: dict[str, dict[str, Any]] = {}
    kinds: Counter[str] = Counter()
    facts: list[Fact] = []
    began = time.process_time()
    unreadable = number = 0

    def feed() -> None:
        nonlocal unreadable
        said = judge.feed(facts)
        unreadable += len(said.unreadable)
        incidents.update((one["id"], one) for one in said.incidents)
        facts.clear()

    for number, one in enumerate(day(of, seconds), start=1):
        kinds[one.kind] += 1
        facts.append(Fact(None, one.t, None, LineRef(number), one))
        if len(facts) == BATCH:
            feed()
    feed()
    incidents.update((one["id"], one) for one in judge.finish().incidents)
    spent = time.process_time() - began
    return {
        "hours": seconds / 3600,
        "recorded_s": round(of.length, 1),
        "observations": number,
        "unreadable": unreadable,
        "by_kind_of_observation": dict(kinds.most_common()),
        "programs_started": sum(
            one.fields.get("count", 1) for one in of.turn if one.kind in ("process.start", "process.repeat")
        ) / of.length * seconds,
        "rules": len(rules),
        "cpu_s": round(spent, 1),
        "alerts": [
            {name: one[name] for name in ("kind", "level", "title", "tunnel", "state", "rules")}
            for one in incidents.values()
        ],
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.day_of_noise", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the agent looks (default 10)")
    parser.add_argument("--hours", type=float, default=24.0, help="how much is judged (default 24)")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep what the agent told (xz)")
    parser.add_argument("--from", dest="kept", type=Path, metavar="FILE", help="judge what was kept; needs no root")
    parser.add_argument(
        "--out", type=Path, default=Path("build/day-of-noise.json"), help="where the figures go as JSON"
    )
    asked = parser.parse_args()
    lines = lzma.decompress(asked.kept.read_bytes()) if asked.kept else recorded(asked.minutes)
    if asked.keep:
        asked.keep.write_bytes(lzma.compress(lines))
    figures = judged(cut(lines), asked.hours * 3600)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps({name: value for name, value in figures.items() if name != "alerts"}, indent=1))
    by_kind = Counter((one["kind"], one["level"], one["title"]) for one in figures["alerts"])
    for (kind, level, title), count in by_kind.most_common():
        print(f"{count:6}  {kind}  {level}  {title}")
    undeserved = [one for one in figures["alerts"] if one["tunnel"] != TUNNEL]
    print(f"{len(figures['alerts'])} alerts in {asked.hours:g} h; {len(undeserved)} of them not about {TUNNEL}")
    return 1 if undeserved else 0


if __name__ == "__main__":
    sys.exit(main())
