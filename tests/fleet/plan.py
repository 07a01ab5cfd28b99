"""What a fleet is to do, as its processes are told it: one JSON file."""

import dataclasses
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fleet import scenes
from tests.fleet.scenes import Attack

YEARS_S = 365.25 * 86_400.0
SILENT_AFTER = 0.3  # share of the run after which silent robots say nothing any more
NOISE, HEARTBEATS = "noise", "heartbeats"


@dataclass(frozen=True)
class Robot:
    """A robot of the roll: the `number` by which its key is drawn, its account, and the host's first challenge."""

    number: int
    id: str
    client_id: str
    password: str
    nonce: str


@dataclass(frozen=True)
class Plan:
    """Times are seconds from the moment at which all are in.

    `brokers`: (host, port), of which each robot tries one after the other, beginning with one of its own. `tls`: the
    folder of `authority.pem` and of one NUMBER.pem a robot, with its key and certificate; None: in clear. `direct`: a
    NATS address into which tokens go past the brokers' MQTT door.
    `phases`: (name, seconds). `every_s`: between two tokens of one robot. `load`: NOISE, of which each token holds
    `in_a_token` observations, or HEARTBEATS. `clocks`: wrong clocks by number (see `wrong_clock`). `storms`: when all
    connections are cut. `silent`: the numbers of robots that stop to speak at `silent_at_s`, the odd ones also gone.
    `journal`: tokens that a robot holds without a receipt; then it makes no more. `join_s`: over which they come in.
    """

    seed: str
    host_key: str
    brokers: Sequence[tuple[str, int]]
    phases: Sequence[tuple[str, float]]
    tls: str | None = None
    direct: str | None = None
    every_s: float = 10.0
    load: str = NOISE
    in_a_token: int = 13
    attacks: Sequence[Attack] = ()
    clocks: dict[int, str] = field(default_factory=dict)
    storms: Sequence[float] = ()
    silent: Sequence[int] = ()
    silent_at_s: float = 0.0
    journal: int = 32
    join_s: float = 0.0
    connect_patience_s: float = 120.0
    end_patience_s: float = 60.0

    @property
    def seconds(self) -> float:
        """How long it speaks."""
        return sum(seconds for _, seconds in self.phases)

    def write(self, path: Path) -> None:
        """For `read`."""
        path.write_text(json.dumps(dataclasses.asdict(self)))


def write_robots(path: Path, robots: Sequence[Robot]) -> None:
    """For `read_robots`; who reads the file can come in as any of them."""
    path.touch(mode=0o600)
    path.write_text("".join(json.dumps(dataclasses.astuple(robot)) + "\n" for robot in robots))


def read_robots(path: Path) -> list[Robot]:
    """What `write_robots` wrote."""
    with path.open() as lines:
        return [Robot(*json.loads(line)) for line in lines]


def read(path: Path) -> Plan:
    """What `Plan.write` wrote."""
    told: dict[str, Any] = json.loads(path.read_text())
    told["attacks"] = [Attack(**one) for one in told["attacks"]]
    told["clocks"] = {int(number): what for number, what in told["clocks"].items()}
    told["brokers"] = [(host, port) for host, port in told["brokers"]]
    return Plan(**told)


def drawn_attacks(seed: str, robots: int, number: int, seconds: float, clocks: dict[int, str]) -> list[Attack]:
    """So many attacks by robots and at moments that the seed chooses; robots with wrong clocks have their share.

    They begin late enough for the fleet to have settled, and early enough for all of each to be told.
    """
    rng = random.Random(f"{seed} attacks")
    off = rng.sample(sorted(clocks), min(len(clocks), number // 3))
    right = rng.sample([n for n in range(robots) if n not in clocks], number - len(off))
    chosen = sorted(off + right)
    rng.shuffle(chosen)
    told = scenes.judged_well(rng.sample(scenes.NAMES, min(len(scenes.NAMES), 2 * number + 5)), number)
    first = min(15.0, seconds / 6)
    last = max(first, seconds - max(one.seconds for one in told) - 5.0) if told else first
    return [
        scenes.Attack(n, round(rng.uniform(first, last), 3), one.scene, one.first, one.whole)
        for n, one in zip(chosen, (told * (number // max(1, len(told)) + 1))[:number], strict=True)
    ]


def drawn_clocks(seed: str, robots: int, number: int) -> dict[int, str]:
    """So many wrong clocks: years behind, years ahead, at 1970, or jumping."""
    rng = random.Random(f"{seed} clocks")
    kinds = ("behind", "ahead", "1970", "jumping")
    return {n: kinds[place % len(kinds)] for place, n in enumerate(rng.sample(range(robots), number))}


def wrong_clock(kind: str, seed: str, number: int, now: float) -> float:
    """What a robot's wall clock shows at `now`: years off, or another year every 20 s."""
    rng = random.Random(f"{seed} clock {number}")
    if kind == "1970":
        return now % YEARS_S
    if kind == "jumping":
        rng = random.Random(f"{seed} clock {number} {now // 20}")
        return now + rng.uniform(-8.0, 8.0) * YEARS_S
    return now + rng.uniform(1.0, 8.0) * YEARS_S * (1 if kind == "ahead" else -1)
