"""Receipts: the first at once, then one a second at most, and never for what is not committed."""

from pathlib import Path

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.fleet.host_key_change import rotate
from wachhund.intake.receipts import ReceiptSchedule
from wachhund.ledger import Held, LedgerError, Standing
from wachhund.web.standing import presence
from wachhund_evidence import ZERO_HASH, ReceiptClaims, nonce_time, read_receipt, thumbprint, token_hash
from wachhund_evidence.succession import Pinned, read_trusted


def standing(robot: str, seq: int, chain: str = "c") -> Standing:
    return Standing(robot, chain, seq, seq, "h", seq, "s", "new")


def test_the_first_receipt_is_due_at_once_and_the_next_a_second_later() -> None:
    """A robot waits for the nonce in it; a flood of tokens must not become a flood of receipts."""
    schedule = ReceiptSchedule()
    assert schedule.wait(10.0) is None
    schedule.note(standing("a", 1))
    assert schedule.wait(10.0) == 0.0
    assert [one.standing.seq for one in schedule.due(10.0)] == [1]
    schedule.note(standing("a", 2))
    schedule.note(standing("a", 3))
    assert schedule.due(10.5) == []
    assert schedule.wait(10.5) == 0.5
    assert [one.standing.seq for one in schedule.due(11.0)] == [3]
    assert schedule.due(99.0) == []


def test_one_robots_receipts_do_not_hold_up_anothers() -> None:
    """Each robot has its own second."""
    schedule = ReceiptSchedule()
    schedule.note(standing("a", 1))
    schedule.due(10.0)
    schedule.note(standing("a", 2))
    schedule.note(standing("b", 1))
    assert [one.standing.robot for one in schedule.due(10.1)] == ["b"]


def test_two_chains_of_a_robot_each_get_their_receipt_in_turn() -> None:
    """After a new chain the old one's last tokens may still be on their way."""
    schedule = ReceiptSchedule()
    schedule.note(standing("a", 7, "old"))
    schedule.note(standing("a", 1, "new"))
    assert [one.standing.chain for one in schedule.due(10.0)] == ["old"]
    assert [one.standing.chain for one in schedule.due(11.0)] == ["new"]


def receipt(bench: HostBench, robot: ScriptedRobot, mono: float) -> ReceiptClaims:
    """The receipt that is due at `mono`."""
    ((_, message),) = bench.intake.due_receipts(mono, mono)
    key = bench.keys.key.public_key()
    return read_receipt(message.decode("ascii"), {thumbprint(key): key}, robot.ueid)


def test_a_receipt_names_what_is_held_beyond_a_hole(bench: HostBench) -> None:
    """Else a robot could keep only 32 tokens on their way behind each one that was lost."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    for _ in range(20):
        robot.heartbeat()
    bench.take(row, *(robot.made[seq] for seq in (1, 3, 4, 9, 10, 11, 20)))
    claims = receipt(bench, robot, 0.0)
    assert (claims.seq, claims.held) == (1, ((3, 4), (9, 11), (20, 20)))
    bench.take(row, robot.made[2], robot.made[8])
    claims = receipt(bench, robot, 1.0)
    assert (claims.seq, claims.head, claims.held) == (4, token_hash(robot.made[4]), ((8, 11), (20, 20)))
    bench.take(row, *robot.made.values())
    claims = receipt(bench, robot, 2.0)
    assert (claims.seq, claims.held) == (20, ())


def test_of_many_ranges_those_of_what_came_are_told_first_and_the_rest_follows(
    bench: HostBench,
) -> None:
    """What is on its way must be told, each once; with room left, the lowest, where the robot's backlog goes on."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    for _ in range(100):
        robot.heartbeat()
    numbers = list(range(3, 100, 2))
    bench.take(row, *(robot.made[seq] for seq in numbers[:20]))
    told = [first for mono in (0.0, 1.0) for first, _ in receipt(bench, robot, mono).held]
    assert set(told) == set(numbers[:20]) and told[:16] == numbers[4:20]
    assert bench.intake.due_receipts(2.0, 2.0) == [], "and then it is told"
    bench.take(row, robot.made[61])
    claims = receipt(bench, robot, 3.0)
    assert [first for first, _ in claims.held] == [*numbers[:15], 61]
    bench.take(row, robot.made[3])
    assert (61, 61) not in receipt(bench, robot, 4.0).held, "a duplicate of the lowest asks about the lowest"
    bench.take(row, robot.made[61])
    assert (61, 61) in receipt(bench, robot, 5.0).held, "a duplicate is answered"


def test_a_receipt_that_the_ledger_cannot_tell_yet_is_sent_when_it_can(
    bench: HostBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that is locked for a moment must not end the intake, nor leave a robot without an answer."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    robot.heartbeat()
    bench.take(row, robot.heartbeat())

    def locked(*_: object) -> Held:
        raise LedgerError("ledger: another program has held it for 10 s: end that program")

    with monkeypatch.context() as broken:
        broken.setattr(bench.ledger, "held", locked)
        assert bench.intake.due_receipts(0.0, 0.0) == []
    assert receipt(bench, robot, 1.0).held == ((2, 2),)


def test_a_receipt_names_what_is_committed_and_what_was_seen(bench: HostBench) -> None:
    """`seq` and `head` are of the whole run from 1; `seen` is the token that just came, duplicate or not."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    for _ in range(5):
        robot.heartbeat()
    bench.take(row, robot.made[1], robot.made[2], robot.made[4])
    ((topic, message),) = bench.intake.due_receipts(0.0, 1_700_000_000.0)
    assert topic == f"wachhund/1/{row.id}/receipt"
    key = bench.keys.key.public_key()
    claims = read_receipt(message.decode("ascii"), {thumbprint(key): key}, robot.ueid)
    assert (claims.chain, claims.seq, claims.head) == (robot.chain, 2, token_hash(robot.made[2]))
    assert claims.seen == token_hash(robot.made[4])
    assert nonce_time(bench.keys.nonce_secret, robot.ueid, claims.nonce) == 1_700_000_000_000_000
    bench.take(row, robot.made[1])
    ((_, message),) = bench.intake.due_receipts(1.0, 1_700_000_001.0)
    assert read_receipt(message.decode("ascii"), {thumbprint(key): key}, robot.ueid).seen == token_hash(robot.made[1])


def test_a_chain_of_which_only_later_numbers_came_is_receipted_up_to_zero(bench: HostBench) -> None:
    """The robot learns that we live, gets its nonce, and drops nothing."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    robot.heartbeat()
    (stands,) = bench.take(row, robot.heartbeat())
    assert (stands.seq, stands.head) == (0, ZERO_HASH)
    assert len(bench.intake.due_receipts(0.0, 1.0)) == 1


@pytest.mark.of_the_file
def test_what_the_ledger_did_not_take_is_not_receipted(bench: HostBench) -> None:
    """A receipt before durability would make the robot drop what only it holds."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    bench.ledger.close()
    bench.data.ledger.chmod(0o600)
    for path in bench.data.path.glob("ledger.sqlite-*"):
        path.unlink()
    bench.data.ledger.write_bytes(b"not a database, and long enough to be looked at " * 100)
    assert bench.take(row, robot.heartbeat()) == []
    assert bench.intake.due_receipts(0.0, 1.0) == []
    assert bench.intake.fault is not None and "damaged" in bench.intake.fault


def test_a_nonce_of_nobodys_proves_no_freshness_and_is_no_reason_to_refuse(bench: HostBench) -> None:
    """A host that lost its secret must still be able to empty its robots' journals."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    bench.take(row, robot.heartbeat())
    newest = bench.ledger.newest(row.id)
    assert newest is not None and newest.nonce_t is None and newest.fresh_t is None
    robot.nonce = bench.nonce(robot, 999_970.0)
    bench.take(row, robot.heartbeat())
    newest = bench.ledger.newest(row.id)
    assert newest is not None and newest.nonce_t == 999_970.0 and newest.fresh_t == 1_000_000.0


def test_evidence_with_an_old_nonce_is_kept_and_is_not_fresh(bench: HostBench) -> None:
    """A backlog of a month is a wide bracket, not a fault; a replayed hour is no sign of life."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    robot.nonce = bench.nonce(robot, 1_000_000.0 - 61.0)
    assert bench.take(row, robot.heartbeat())[0].became == "new"
    newest = bench.ledger.newest(row.id)
    assert newest is not None and newest.fresh_t is None and newest.received_t == 1_000_000.0


def test_a_host_whose_clock_was_set_back_does_not_take_silence_for_presence(bench: HostBench) -> None:
    """What it heard last seems to come from the future, and a nonce from there would look fresh for years."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    robot.nonce = bench.nonce(robot, 999_990.0)
    bench.take(row, robot.token(robot.saw("heartbeat", queue=1)))
    assert presence(bench.ledger.newest(row.id), 0.0, 500_000.0).word == "late"
    bench.take(row, robot.token(robot.saw("heartbeat", queue=2)), t=500_001.0)
    newest = bench.ledger.newest(row.id)
    assert newest is not None and (newest.received_t, newest.fresh_t) == (500_001.0, None)
    assert presence(newest, 0.0, 500_002.0).word == "late", "that nonce may be of any age"
    robot.nonce = bench.nonce(robot, 500_002.0)
    bench.take(row, robot.token(robot.saw("heartbeat", queue=3)), t=500_003.0)
    assert presence(bench.ledger.newest(row.id), 0.0, 500_004.0).word == "verified"
    beat = bench.ledger.current_state(row.id).heartbeat
    assert beat is not None and beat.observation.fields["queue"] == 3, "the present is what came last"


def receipted(bench: HostBench, robot: ScriptedRobot, at: float) -> ReceiptClaims:
    ((_, message),) = bench.intake.due_receipts(at, 1_700_000_000.0 + at)
    return read_receipt(message.decode("ascii"), {bench.keys.kid: bench.keys.key.public_key()}, robot.ueid)


def test_a_changed_host_key_is_proven_until_the_robot_says_that_it_believes_it(bench: HostBench) -> None:
    """Not a second longer: the statements are a third of the receipt. And again when it has fallen back."""
    robot, old = ScriptedRobot(), Pinned(bench.keys.key.public_key())
    row = bench.add("go1", robot)
    bench.take(row, robot.heartbeat())
    assert receipted(bench, robot, 0.0).next == ()
    bench.close()
    new = rotate(bench.data, 1.0)
    again = HostBench(bench.data.path)
    again.take(row, robot.heartbeat())
    ((_, message),) = again.intake.due_receipts(0.0, 1_700_000_000.0)
    claims, pinned = read_trusted(message.decode("ascii"), old, robot.ueid)
    assert len(claims.next) == 1 and thumbprint(pinned.key) == new
    old_kid = thumbprint(old.key)
    for at, (told, statements) in enumerate([(old_kid, 1), (new, 0), ("somebody's", 1), (new, 0), (7, 1)], 10):
        again.take(row, robot.token(robot.saw("host.key", kid=told, was=None)))
        assert len(receipted(again, robot, float(at)).next) == statements, told
    again.take(row, robot.token(robot.saw("host.key", kid=new, was=None)))
    assert receipted(again, robot, 90.0).next == ()
    again.close()
    later = HostBench(bench.data.path)
    later.take(row, robot.heartbeat())
    assert receipted(later, robot, 0.0).next == (), "a host that starts again knows it from the ledger"
    later.close()


def test_a_receipt_of_before_a_change_is_still_the_hosts_own_word(tmp_path: Path) -> None:
    """The robot shows it when the host lost evidence: also when the host signs with another key by then."""
    bench = HostBench(tmp_path / "host")
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    bench.take(row, robot.heartbeat())
    ((_, message),) = bench.intake.due_receipts(0.0, 1_700_000_000.0)
    bench.close()
    rotate(bench.data, 1.0)
    again = HostBench(bench.data.path)
    shown = again.verified(row, robot.token(receipt=message.decode("ascii"))).receipt
    assert shown is not None and shown.seq == 1
    for lie in ("a.b.c", message.decode("ascii")[:-4] + "AAAA", "x" * 9999):
        assert again.verified(row, robot.token(receipt=lie)).receipt is None
    again.close()
