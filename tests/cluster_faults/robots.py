"""Robots that go on as an agent does: what no receipt covers is sent again; who finds a node gone tries another."""

import asyncio
import contextlib
import itertools
import random
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tests.robots.scripted import ScriptedRobot
from wachhund.demo.crowd_wire import Account, CrowdWire, NotLetIn
from wachhund_evidence import Observation, pack_message, read_receipt, thumbprint

_AGAIN_S = 4.0  # after which what was not receipted is sent again
_CONNECT_S = 6.0
_PAUSE_S = 0.3


class Robot:
    """One robot. Everything but `waiting` belongs to the loop's thread."""

    def __init__(
        self, config: dict[str, str], robot: ScriptedRobot, host_key: Any, tls: ssl.SSLContext | None,
        doors: Sequence[tuple[str, int]], tells: Sequence[Observation], draw: random.Random,
    ) -> None:  # fmt: skip
        self.id, self.robot, self._tls, self._draw = config["robot"], robot, tls, draw
        self._account = Account(config["client_id"], config["username"], config["password"])
        self._host_keys = {thumbprint(host_key): host_key}
        self._doors = draw.sample(list(doors), len(doors))
        self._tells = itertools.cycle(tells)
        self.pending: dict[int, tuple[bytes, float]] = {}  # by number: the message, and when it was sent last
        self.sent: dict[int, float] = {}
        self.took: list[float] = []
        self._wire: CrowdWire | None = None

    async def live(self) -> None:
        """Come in, listen, and come in again."""
        for host, port in itertools.cycle(self._doors):
            with contextlib.suppress(OSError, EOFError, NotLetIn, TimeoutError, ssl.SSLError):
                async with asyncio.timeout(_CONNECT_S):
                    topic = f"wachhund/1/{self.id}/receipt"
                    self._wire = await CrowdWire.connect(port, self._account, topic, self._tls, host)
                await self._listen(self._wire)
            wire, self._wire = self._wire, None
            if wire is not None:
                wire.close()
            await asyncio.sleep(_PAUSE_S)

    async def _listen(self, wire: CrowdWire) -> None:
        sending = asyncio.create_task(self._send_again(wire))
        try:
            while True:
                claims = read_receipt((await wire.hear()).decode(), self._host_keys, self.robot.ueid)
                self.robot.nonce = claims.nonce
                covered = [
                    seq for seq in self.pending
                    if seq <= claims.seq or any(first <= seq <= last for first, last in claims.held)
                ]  # fmt: skip
                now = time.monotonic()
                for seq in covered:
                    del self.pending[seq]
                    self.took.append(now - self.sent[seq])
        finally:
            sending.cancel()

    async def _send_again(self, wire: CrowdWire) -> None:
        """A node that takes nothing, or loses it, is left: no agent believes in a wire that brings no receipts."""
        while True:
            now = time.monotonic()
            late = [seq for seq, (_, at) in self.pending.items() if now - at > _AGAIN_S]
            for seq in late[:32]:
                await self._send(wire, seq)
            if any(now - self.sent[seq] > 4 * _AGAIN_S for seq in late):
                oldest = min(self.sent[seq] for seq in late)
                if now - oldest > 4 * _AGAIN_S and self._draw.random() < 0.1:
                    wire.close()
            await asyncio.sleep(0.5)

    async def _send(self, wire: CrowdWire, seq: int) -> None:
        message = self.pending[seq][0]
        self.pending[seq] = message, time.monotonic()
        with contextlib.suppress(OSError, EOFError):
            await wire.send(f"wachhund/1/{self.id}/evidence", message)

    async def say(self, observations: int) -> None:
        """The next token, kept until it is receipted."""
        told = [next(self._tells) for _ in range(observations)]
        token = self.robot.token(*(self.robot.saw(one.kind, **one.fields) for one in told))
        seq = self.robot.seq
        self.sent[seq] = time.monotonic()
        self.pending[seq] = pack_message(token), self.sent[seq]
        if self._wire is not None:
            await self._send(self._wire, seq)


class Robots:
    """All of them, in a loop of its own thread. Use it as a context."""

    def __init__(self, robots: Sequence[Robot]) -> None:
        self.all = robots
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="robots", daemon=True)

    def __enter__(self) -> "Robots":
        self._thread.start()
        self._lives = [asyncio.run_coroutine_threadsafe(robot.live(), self._loop) for robot in self.all]
        return self

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def have_each(self, act: Callable[[Robot], Coroutine[Any, Any, None]]) -> None:
        """Have each robot do something. Returns when all have."""

        async def all_of_them() -> None:
            await asyncio.gather(*(act(robot) for robot in self.all))

        asyncio.run_coroutine_threadsafe(all_of_them(), self._loop).result(60)

    @property
    def waiting(self) -> int:
        """How many tokens no receipt covers yet."""
        return sum(len(robot.pending) for robot in self.all)
