"""An agent's worker, journal and uplink in this process, without senses: a test says what is observed.

What it uses is the agent's own code from the queue to the broker; only the answer to where the default route leads is
the test's.
"""

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.robots.living import Living
from tests.robots.running_host import RunningHost, register
from tests.robots.scripted import ScriptedRobot
from wachhund_agent.agent_run import Attesting, Queue, Worker
from wachhund_agent.attester import note
from wachhund_agent.config import Limits, load
from wachhund_agent.identity import load_key
from wachhund_agent.kernel import clock


class InnerAgent:
    """`path`: the configuration. `on_modem`: what the robot's default route is taken for."""

    def __init__(self, path: Path, key: Ed25519PrivateKey, limits: Limits) -> None:
        config = load(path)
        self.on_modem = False
        self.robot = config.robot
        self._queue = Queue(limits.queue_observations)
        self._parts = Attesting(config, key, limits, path)
        self.journal, self.uplink = self._parts.journal, self._parts.uplink
        self._worker = Worker(
            self._queue, self._parts.attester, self.journal, self.uplink, limits, lambda: self.on_modem
        )
        self._thread = threading.Thread(target=self._worker.run, name="attester", daemon=True)

    @classmethod
    def of(cls, living: Living, limits: Limits) -> Self:
        """In the place of the agent that belongs to a host of its own."""
        return cls(living.folder / "agent.json", load_key(living.folder / "agent.key"), limits)

    def __enter__(self) -> Self:
        self._thread.start()
        self.uplink.wire.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Raises what the worker failed with."""
        self._worker.stop()
        self._thread.join()
        self.uplink.wire.stop()
        self.journal.close()
        if self._worker.failure is not None:
            raise self._worker.failure

    def observe(self, kind: str, **fields: object) -> None:
        """As a sense would tell it."""
        self._queue.put([note(kind, fields, clock.mono())])


@contextlib.contextmanager
def inner_agent(host: RunningHost, folder: Path, limits: Limits) -> Iterator[InnerAgent]:
    """An agent that is registered with the host, at work."""
    scripted = ScriptedRobot()
    path = folder / "agent.json"
    path.write_text(json.dumps(register(host.data, "rex", scripted, host.port)))
    with InnerAgent(path, scripted.key, limits) as agent:
        yield agent
