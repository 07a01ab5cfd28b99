"""What a host lost itself: shown by its own receipts, and by nothing else; and it stays."""

import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.ledger import LedgerError, Robot
from wachhund.ledger.opening import database_of
from wachhund_evidence import ZERO_HASH, ReceiptClaims, make_nonce, sign_receipt, token_hash


def receipt(bench: HostBench, robot: ScriptedRobot, seq: int, *held: tuple[int, int]) -> ReceiptClaims:
    """What this host would have signed when it held so much of the robot's present chain."""
    head = token_hash(robot.made[seq]) if seq in robot.made else ZERO_HASH
    nonce = make_nonce(bench.keys.nonce_secret, robot.ueid, 1_000_000)
    return ReceiptClaims(robot.ueid, robot.chain, seq, head, held, ZERO_HASH, nonce, 1)


def shown(bench: HostBench, row: Robot, robot: ScriptedRobot, claims: ReceiptClaims) -> list[str]:
    """The robot shows a receipt of ours. Returns the faults that there are then."""
    bench.take(row, robot.token(robot.saw("heartbeat"), receipt=sign_receipt(claims, bench.keys.key)))
    return [fault.what for fault in bench.ledger.faults(row.id)]


@pytest.fixture
def robot() -> ScriptedRobot:
    """It made ten tokens; the host of these tests holds the first five, and 8."""
    made = ScriptedRobot()
    for _ in range(10):
        made.heartbeat()
    return made


@pytest.fixture
def row(bench: HostBench, robot: ScriptedRobot) -> Robot:
    made = bench.add("go1", robot)
    bench.take(made, *(robot.made[seq] for seq in (1, 2, 3, 4, 5, 8)))
    return made


def test_a_receipt_that_the_ledger_bears_out_is_no_loss(bench: HostBench, robot: ScriptedRobot, row: Robot) -> None:
    for claims in (
        receipt(bench, robot, 0),
        receipt(bench, robot, 4, (5, 5), (8, 8)),
        receipt(bench, robot, 5, (8, 8)),
    ):
        assert shown(bench, row, robot, claims) == []


@pytest.mark.parametrize(("seq", "held"), [(6, ()), (10, ()), (5, ((7, 8),)), (5, ((10, 10),)), (2, ((4, 6),))])
def test_a_receipt_beyond_the_ledger_is_a_loss_that_stays(
    bench: HostBench, robot: ScriptedRobot, row: Robot, seq: int, held: tuple[tuple[int, int], ...]
) -> None:
    """Also when the robot still holds all of it and sends it again."""
    assert shown(bench, row, robot, receipt(bench, robot, seq, *held)) == ["lost-by-host"]
    bench.take(row, *robot.made.values())
    (fault,) = bench.ledger.faults(row.id)
    assert "up to number 5" in fault.detail and fault.since_t == 1_000_000.0
    assert bench.ledger.gaps(row.id) == []


def test_what_is_sent_again_together_with_the_receipt_does_not_hide_the_loss(
    bench: HostBench, robot: ScriptedRobot, row: Robot
) -> None:
    """A host takes hundreds of tokens in one transaction."""
    before = list(robot.made.values())
    token = robot.token(robot.saw("heartbeat"), receipt=sign_receipt(receipt(bench, robot, 10), bench.keys.key))
    bench.take(row, token, *before)
    assert [fault.what for fault in bench.ledger.faults(row.id)] == ["lost-by-host"]


def test_a_ledger_that_was_altered_below_what_is_whole_is_found(
    bench: HostBench, robot: ScriptedRobot, row: Robot
) -> None:
    """The receipt names the hash of the token that was there."""
    assert shown(bench, row, robot, dataclasses.replace(receipt(bench, robot, 4), head=ZERO_HASH)) == ["lost-by-host"]


def test_a_chain_that_the_ledger_does_not_know_was_lost(bench: HostBench, robot: ScriptedRobot, row: Robot) -> None:
    before = dataclasses.replace(receipt(bench, robot, 5), chain="A" * 22)
    assert shown(bench, row, robot, before) == ["lost-by-host"]


def test_what_this_host_did_not_sign_for_this_robot_proves_nothing(
    bench: HostBench, robot: ScriptedRobot, row: Robot
) -> None:
    """Else a robot could make a host look careless. The token itself is taken."""
    beyond = receipt(bench, robot, 10)
    other = ScriptedRobot()
    for text_ in (
        "junk",
        sign_receipt(beyond, Ed25519PrivateKey.generate()),
        sign_receipt(dataclasses.replace(beyond, ueid=other.ueid), bench.keys.key),
        sign_receipt(beyond, bench.keys.key)[:-4] + "AAAA",
        robot.made[10],
    ):
        (standing,) = bench.take(row, robot.token(robot.saw("heartbeat"), receipt=text_))
        assert standing.became == "new"
    assert bench.ledger.faults(row.id) == []


def test_a_duplicate_shows_nothing_twice_and_a_robot_cannot_fill_the_ledger_with_receipts(
    bench: HostBench, robot: ScriptedRobot, row: Robot
) -> None:
    claims = receipt(bench, robot, 10)
    token = robot.token(robot.saw("heartbeat"), receipt=sign_receipt(claims, bench.keys.key))
    bench.take(row, token, token)
    bench.take(row, token)
    shown(bench, row, robot, claims)
    assert len(bench.ledger.faults(row.id)) == 1
    for seq in range(20, 150):
        shown(bench, row, robot, dataclasses.replace(claims, seq=seq))
    assert len(bench.ledger.faults(row.id)) == 1, "and an operator is asked once"
    database = database_of(bench.ledger.path)
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM lost_by_host")).scalar() == 100
    database.close()


@pytest.mark.parametrize("act", ["DELETE FROM lost_by_host", "UPDATE lost_by_host SET seq = 1"])
def test_that_something_was_lost_is_not_forgotten(bench: HostBench, robot: ScriptedRobot, row: Robot, act: str) -> None:
    shown(bench, row, robot, receipt(bench, robot, 10))
    database = database_of(bench.ledger.path)
    with pytest.raises(LedgerError, match="append-only"), database.writing() as connection:
        connection.execute(text(act))
    database.close()
