"""The intake's thread: whatever fails in one turn, the next one comes, and that is told."""

from collections.abc import Sequence

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from tests.waiting import until
from wachhund.intake.service import IntakeService
from wachhund.ledger import LedgerRefused, Standing, VerifiedToken
from wachhund_evidence import pack_message


class NoWire:
    """Nothing comes by it; what goes is kept."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def publish(self, topic: str, message: bytes) -> None:
        self.sent.append(topic)


def test_an_intake_that_fails_says_so_and_goes_on(bench: HostBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that took nothing in any more would look calm."""
    robot, wire = ScriptedRobot(), NoWire()
    row = bench.add("go1", robot)
    service = IntakeService(bench.ledger, bench.roster, bench.keys, lambda offer: wire)
    service.start()
    try:
        with monkeypatch.context() as broken:

            def fails(*_: object) -> None:
                raise ZeroDivisionError

            broken.setattr(service._links, "store", fails)
            until(lambda: service.fault is not None, 20, "it says so")
            assert service.fault == "the intake fails (ZeroDivisionError); it is tried again"
        until(lambda: service.fault is None, 20, "it works again")
        service.offer(f"wachhund/1/{row.id}/evidence", pack_message(robot.heartbeat()))
        until(lambda: wire.sent, 20, "a receipt")
    finally:
        service.stop()


def test_a_token_that_the_ledger_refuses_is_no_fault_of_those_beside_it(
    bench: HostBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also right after the ledger was away."""
    bad, good = ScriptedRobot(), ScriptedRobot()
    tokens = [bench.verified(bench.add(name, robot), robot.heartbeat()) for name, robot in (("a", bad), ("b", good))]
    took = bench.ledger.commit

    def commit(batch: Sequence[VerifiedToken]) -> list[Standing]:
        if any(token.claims.chain == bad.chain for token in batch):
            raise LedgerRefused("ledger: it does not fit")
        return took(batch)

    monkeypatch.setattr(bench.ledger, "commit", commit)
    bench.intake.fault = "ledger: away"
    assert [standing.chain for standing in bench.intake.commit(tokens)] == [good.chain]
    assert bench.intake.fault is None
