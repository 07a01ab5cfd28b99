"""Many robots in one process, with real keys and real connections: `python -m tests.robots.fleet PLAN`.

Each sends a heartbeat, or what a robot once told, every few seconds, and waits for the receipt that names it. PLAN is a
JSON file (see Plan); what was measured is printed as one JSON object at the end, and "begun PHASE" on a line of its own
when a phase begins.
"""

import asyncio
import itertools
import json
import random
import ssl
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.robots.scripted import ScriptedRobot
from wachhund.demo.crowd_wire import Account, CrowdWire
from wachhund_evidence import (
    Observation,
    load_private_key_pem,
    load_public_key_pem,
    observation_from_line,
    pack_message,
    read_receipt,
    thumbprint,
)

_PATIENCE_S = 60.0  # for a receipt; whoever waited longer is counted as unanswered


@dataclass(frozen=True)
class Plan:
    """`robots`: configurations as `wachhund robots add` writes them, with `key` (PEM) and `pem` (a file with key and
    certificate; null in clear). `phases`: (name, seconds) in order. `every_s`: between two tokens of one robot.
    `told`: a file of observations, of which each token holds the next `in_a_token`, as if of now; null for heartbeats.
    """

    port: int
    ca: str | None
    host_key: str
    robots: list[dict[str, Any]]
    phases: list[tuple[str, float]]
    every_s: float
    told: str | None = None
    in_a_token: int = 1


class Member:
    """One robot of the fleet."""

    def __init__(self, plan: Plan, config: dict[str, Any], told: Sequence[Observation]) -> None:
        self._plan, self._config, self._told = plan, config, itertools.cycle(told)
        self._robot = ScriptedRobot(config["nonce"], key=load_private_key_pem(config["key"].encode()))
        host_key = load_public_key_pem(plan.host_key.encode())
        self._host_keys = {thumbprint(host_key): host_key}
        self._waiting: dict[int, tuple[str, float]] = {}  # by number: the phase, and when it was sent
        self.took: dict[str, list[float]] = {name: [] for name, _ in plan.phases}
        self.lost = 0

    async def connect(self) -> None:
        """Come in, and ask for receipts."""
        context = None
        if self._config["pem"] is not None:
            context = ssl.create_default_context(cadata=self._plan.ca)
            context.load_cert_chain(self._config["pem"])
        account = Account(*(self._config[name] for name in ("client_id", "username", "password")))
        topic = f"wachhund/1/{self._config['robot']}/receipt"
        self._wire = await CrowdWire.connect(self._plan.port, account, topic, context)

    async def listen(self) -> None:
        """Take receipts until the connection ends."""
        while True:
            receipt = await self._wire.hear()
            now = time.perf_counter()
            claims = read_receipt(receipt.decode(), self._host_keys, self._robot.ueid)
            self._robot.nonce = claims.nonce
            for seq in [seq for seq in self._waiting if seq <= claims.seq]:
                name, sent = self._waiting.pop(seq)
                self.took[name].append(now - sent)

    async def speak(self, phase: list[str]) -> None:
        """A token every so often, beginning at a moment of its own."""
        every = self._plan.every_s
        await asyncio.sleep(random.uniform(0, every))
        topic = f"wachhund/1/{self._config['robot']}/evidence"
        while phase:
            began = time.perf_counter()
            token = self._token()
            self._robot.made.clear()
            self._waiting[self._robot.seq] = (phase[0], time.perf_counter())
            await self._wire.send(topic, pack_message(token))
            await asyncio.sleep(max(0.0, every - (time.perf_counter() - began)))

    def _token(self) -> str:
        if self._plan.told is None:
            return self._robot.heartbeat()
        next_ones = list(itertools.islice(self._told, self._plan.in_a_token))
        return self._robot.token(*(self._robot.saw(one.kind, **one.fields) for one in next_ones))

    async def end(self) -> None:
        """Wait for what is still on its way."""
        until = time.perf_counter() + _PATIENCE_S
        while self._waiting and time.perf_counter() < until:
            await asyncio.sleep(0.05)
        self.lost = len(self._waiting)
        self._wire.close()


async def _play(plan: Plan) -> dict[str, Any]:
    told = []
    if plan.told is not None:
        told = [observation_from_line(line) for line in Path(plan.told).read_bytes().splitlines()]
    members = [Member(plan, config, told) for config in plan.robots]
    for start in range(0, len(members), 20):
        await asyncio.gather(*(member.connect() for member in members[start : start + 20]))
    phase = [plan.phases[0][0]]
    listening = [asyncio.create_task(member.listen()) for member in members]
    speaking = [asyncio.create_task(member.speak(phase)) for member in members]
    for name, seconds in plan.phases:
        phase[0] = name
        print(f"begun {name}", flush=True)
        await asyncio.sleep(seconds)
    phase.clear()
    await asyncio.gather(*speaking)
    broken = sum(task.done() for task in listening)
    await asyncio.gather(*(member.end() for member in members))
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    took = {name: sorted(one for member in members for one in member.took[name]) for name, _ in plan.phases}
    return {"took": took, "unanswered": sum(member.lost for member in members), "disconnected": broken}


def main() -> int:
    """Read the plan, play it, print what came of it."""
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text()))
    print(json.dumps(asyncio.run(_play(plan))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
