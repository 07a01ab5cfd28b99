"""From a signed event to its incident in the ledger, with one robot and with many that tell of their noise meanwhile.

Real: keys, signatures, connections, `wachhund serve` with its broker, intake, durable ledger and judge, observations
that an agent told of the stock robot. Not real: the robots are sockets of one program, which shares the machine's cores
with the host, and their loopback carries no TLS; what the robot's own senses take is in `alert-time`.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.scratch import scratch
from tests.fleet import registering
from tests.fleet.plan import Plan, Robot
from tests.fleet.running import parts_of
from tests.robots.living import Living
from tests.robots.scripted import OverMqtt, ScriptedRobot
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import Ledger

LOOK_S = 0.005
TRIAL_S = 60.0
BETWEEN_S = 0.4
# An agent's token under the stock noise, and how often (see day-of-noise).
EVERY_S, IN_A_TOKEN = 10.0, 13
_SEED = "incident-time"
_COME_S = 300.0  # for a thousand to come in, and to settle


def _registered(living: Living, number: int) -> list[Robot]:
    registering.register(living.data, _SEED, number)
    return registering.enlisted(living.data, _SEED, number)


@contextmanager
def _noise(living: Living, fleet: list[Robot]) -> Iterator[None]:
    """The others at work, each with its own connection, until the block ends."""
    if not fleet:
        yield
        return
    host_key = HostKeys.load_or_create(DataFolder(living.data)).public_pem
    phases = [("settle", 2 * EVERY_S), ("measured", 24 * 3600.0)]
    plan = Plan(_SEED, host_key, [("127.0.0.1", living.broker)], phases, every_s=EVERY_S, in_a_token=IN_A_TOKEN)
    with parts_of(living.folder, plan, fleet, 1) as (part,):
        part.wait("in", _COME_S)
        part.go()
        for _ in phases:
            part.wait("begun", _COME_S)
        yield


def _facts(ledger: Ledger, robot: str) -> int:
    """How many facts the robot's incidents rest on; each event adds one."""
    return sum(len(piece["items"]) for one in ledger.incidents(robot) for piece in one["evidence"])


def _trial(ledger: Ledger, over: OverMqtt, number: int) -> float | None:
    """Seconds from signing a vendor tunnel's start to its place in an incident; None when it does not come."""
    before = _facts(ledger, over.id)
    fields = {
        "puid": f"{number}-9", "pid": 1000 + number, "ppid": 1, "exe": "/usr/local/zhexi/cloudsail/csclient",
        "argv": ["csclient", str(number)], "cwd": "/", "user": "root", "parent_exe": None, "ancestry": [],
    }  # fmt: skip
    start = time.monotonic()
    over.send(over.robot.token(over.robot.saw("process.start", **fields)))
    while time.monotonic() < start + TRIAL_S:
        if _facts(ledger, over.id) > before:
            return time.monotonic() - start
        time.sleep(LOOK_S)
    return None


def _measured(folder: Path, robots: int, trials: int) -> Figure:
    with Living(folder, serves=False) as living:
        *fleet, own = _registered(living, robots)
        living.start_host()
        with closing(living.ledger()) as ledger, _noise(living, fleet):
            keys = HostKeys.load_or_create(DataFolder(living.data))
            robot = ScriptedRobot(own.nonce, key=registering.key_of(_SEED, own.number))
            config = {
                "robot": own.id, "broker": f"mqtt://127.0.0.1:{living.broker}", "client_id": own.client_id,
                "username": own.id, "password": own.password,
            }  # fmt: skip
            over = OverMqtt(robot, config, keys.key.public_key())
            began, first = time.monotonic(), ledger.last_observation()
            took = []
            for number in range(trials):
                took.append(_trial(ledger, over, number))
                time.sleep(BETWEEN_S)
            rate = (ledger.last_observation() - first) / (time.monotonic() - began)
            over.close()
    came = tuple(one for one in took if one is not None)
    note = f"{trials - len(came)} missed; {rate:.0f} observations/s came in"
    return Figure("incident-time", f"{robots} robots: signed event to incident", "s", came, "< 1 with 1,000", note)


def run(quick: bool) -> list[Figure]:
    figures = []
    for robots in (1, 20) if quick else (1, 100, 1_000):
        # The working directory, not /tmp, which often is memory: syncs to disk are a part of it.
        with scratch() as folder:
            figures.append(_measured(folder, robots, 5 if quick else 100))
            print(f"  {robots} robots", file=sys.stderr, flush=True)
    return figures
