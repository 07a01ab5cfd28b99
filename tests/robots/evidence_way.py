"""How evidence comes from the robots into the ledger of a host of the tests: here is the only place that knows.

A host is one process with its broker, or (tests/robots/engine.py) a cluster of nodes with workers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tests.robots.engine import ON_CLUSTER
from tests.robots.ports import free_port
from wachhund.broker import Broker
from wachhund.fleet.authority import Authority
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.held_off import HeldOff
from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.refused import Rejections
from wachhund.fleet.roster import Roster
from wachhund.intake.mqtt import Wire
from wachhund.intake.quota import Quota
from wachhund.intake.service import IntakeService
from wachhund.ledger import Ledger


@dataclass(frozen=True)
class Parts:
    """What a host of the tests is made of, whichever way evidence comes in."""

    data: DataFolder
    ledger: Ledger
    roster: Roster
    keys: HostKeys
    authority: Authority | None
    rejections: Rejections
    held_off: HeldOff
    quota: Quota | None


class EvidenceWay(Protocol):
    """Start once, stop once. Between them robots connect to `port` by MQTT, and what they send gets into the ledger."""

    @property
    def port(self) -> int:
        """Where robots connect."""

    def start(self) -> None:
        """Returns when robots can connect."""

    def stop(self) -> None:
        """Take nothing more; what came is committed. Returns when all processes and threads of it are gone."""


class OneProcess:
    """The embedded broker, and an intake beside it: `wachhund serve`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.broker = Broker(
            parts.data, parts.roster, port=free_port(), authority=parts.authority, rejections=parts.rejections,
            held_off=parts.held_off,
        )  # fmt: skip

    @property
    def port(self) -> int:
        return self.broker.port

    def start(self) -> None:
        self.broker.start()
        parts = self._parts
        self.intake = IntakeService(
            parts.ledger, parts.roster, parts.keys, self._wire, parts.quota, parts.rejections, parts.held_off
        )
        self.intake.start()

    def stop(self) -> None:
        self.intake.stop()
        self.broker.stop()

    def _wire(self, on_evidence: Callable[[str, bytes], None]) -> Wire:
        return Wire(self.broker.access(), on_evidence)


def way_of(parts: Parts) -> EvidenceWay:
    """The way that this run of tests asks for."""
    if ON_CLUSTER:
        from tests.robots.cluster_way import NodesAndWorker

        return NodesAndWorker(parts)
    return OneProcess(parts)
