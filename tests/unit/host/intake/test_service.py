"""The intake's thread: whatever fails in one turn, the next one comes, and that is told."""

import functools
import threading
from collections.abc import Sequence

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from tests.waiting import until
from wachhund.intake.service import IntakeService
from wachhund.ledger import LedgerError, LedgerRefused, NotLetIn, Standing, VerifiedToken
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


@pytest.mark.parametrize("one", [True, False], ids=["alone", "beside others"])
@pytest.mark.parametrize("why", ["revoked", "broken"])
def test_what_no_try_will_bring_in_is_not_tried_for_good(
    bench: HostBench, monkeypatch: pytest.MonkeyPatch, why: str, one: bool
) -> None:
    """It waited while the ledger was away: kept for longer, it would keep all others out."""
    robots = [ScriptedRobot() for _ in range(1 if one else 3)]
    rows = [bench.add(f"r{number}", robot) for number, robot in enumerate(robots)]
    tokens = [bench.verified(row, robot.heartbeat()) for row, robot in zip(rows, robots, strict=True)]
    took = bench.ledger.commit

    def commit(batch: Sequence[VerifiedToken]) -> list[Standing]:
        mine = [token for token in batch if token.robot == rows[0].id]
        if mine and why == "revoked":
            raise NotLetIn({(token.robot, token.claims.ueid): why for token in mine})
        if mine:
            raise ValueError
        return took(batch)

    monkeypatch.setattr(bench.ledger, "commit", commit)
    bench.intake.fault = "ledger: away"
    assert {standing.robot for standing in bench.intake.commit(tokens)} == {row.id for row in rows[1:]}
    assert bench.intake.fault is None


def test_what_the_ledger_did_not_take_is_tried_again_before_what_came_later(
    bench: HostBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without being sent again, and in the order in which it came; then it is settled, once."""
    robot, wire, settled, took = ScriptedRobot(), NoWire(), list[str](), bench.ledger.commit
    row = bench.add("go1", robot)
    topic, tried = f"wachhund/1/{row.id}/evidence", threading.Event()

    def away(batch: Sequence[VerifiedToken]) -> list[Standing]:
        tried.set()
        raise LedgerError("ledger: away")

    service = IntakeService(bench.ledger, bench.roster, bench.keys, lambda offer: wire)
    monkeypatch.setattr(bench.ledger, "commit", away)
    service.start()
    try:
        service.offer(topic, pack_message(robot.heartbeat()), settled=lambda: settled.append("first"))
        assert tried.wait(20)
        for number in range(20):
            settles = functools.partial(settled.append, str(number))
            service.offer(topic, pack_message(robot.heartbeat()), settled=settles)
        until(lambda: service.fault == "ledger: away", 20, "it says so")
        assert settled == []
        monkeypatch.setattr(bench.ledger, "commit", took)
        until(lambda: len(settled) == 21, 20, "all is settled")
        assert settled == ["first", *map(str, range(20))]
        assert bench.ledger.held(row.id, robot.chain, (), 9).seq == 21 and service.fault is None
    finally:
        service.stop()


def test_an_intake_whose_ledger_is_away_ends_all_the_same(bench: HostBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not committed is not settled: whoever brought it keeps it."""
    robot, settled, tried = ScriptedRobot(), list[str](), threading.Event()
    row = bench.add("go1", robot)

    def away(batch: Sequence[VerifiedToken]) -> list[Standing]:
        tried.set()
        raise LedgerError("ledger: away")

    monkeypatch.setattr(bench.ledger, "commit", away)
    service = IntakeService(bench.ledger, bench.roster, bench.keys, lambda offer: NoWire())
    service.start()
    for _ in range(3):
        service.offer(
            f"wachhund/1/{row.id}/evidence", pack_message(robot.heartbeat()), settled=lambda: settled.append("")
        )
    assert tried.wait(20)
    service.stop()
    assert settled == []


def test_what_waits_of_robots_that_another_takes_care_of_is_left_to_him(
    bench: HostBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the ledger did not take and what is behind it: none of it is settled, and it is in nobody's way."""
    mine, theirs, settled, took = ScriptedRobot(), ScriptedRobot(), list[str](), bench.ledger.commit
    rows = {robot: bench.add(name, robot) for name, robot in (("mine", mine), ("theirs", theirs))}
    tried = threading.Event()

    def away(batch: Sequence[VerifiedToken]) -> list[Standing]:
        tried.set()
        raise LedgerError("ledger: away")

    service = IntakeService(bench.ledger, bench.roster, bench.keys, lambda offer: NoWire())
    monkeypatch.setattr(bench.ledger, "commit", away)
    service.start()
    try:
        for robot in (theirs, mine, theirs, mine):
            settles = functools.partial(settled.append, rows[robot].name)
            service.offer(f"wachhund/1/{rows[robot].id}/evidence", pack_message(robot.heartbeat()), settled=settles)
            assert tried.wait(20)
        service.take_care_of(lambda robot: robot == rows[mine].id)
        monkeypatch.setattr(bench.ledger, "commit", took)
        until(lambda: len(settled) == 2, 20, "mine is settled")
    finally:
        service.stop()
    assert settled == ["mine", "mine"]
    assert [len(bench.ledger.observations_after(0, 9, rows[robot].id)) for robot in (mine, theirs)] == [2, 0]
