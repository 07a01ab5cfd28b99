"""Faults of evidence: noticed from evidence alone, there until a person acknowledges them, and back when it goes on."""

import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from tests.robots.host_bench import HostBench
from tests.robots.ledger_place import beside, copy_data, ready
from tests.robots.scripted import ScriptedRobot, random_text
from wachhund.fleet.enrolling import account_of
from wachhund.intake.verify import GRACE_S
from wachhund.ledger import Fault, Invited, Ledger, Robot, RobotKey
from wachhund.ledger.evidence import MAX_FORKS
from wachhund.ledger.fault_kinds import FAULT_KINDS
from wachhund.ledger.noticing import MAX_OPEN
from wachhund_evidence import (
    COPIED,
    ROLLED_BACK,
    ZERO_HASH,
    MisuseError,
    ReceiptClaims,
    sign_receipt,
    token_hash,
)

T = 1_000_000.0


def whats(bench: HostBench, row: Robot) -> list[str]:
    return [fault.what for fault in bench.ledger.faults(row.id)]


def only(bench: HostBench, row: Robot) -> Fault:
    (fault,) = bench.ledger.faults(row.id)
    return fault


def answer(bench: HostBench, row: Robot, fault: str | None = None) -> list[Fault]:
    return bench.ledger.integrity.acknowledge(row.name, "alice", "looked into", fault)


def fork(bench: HostBench, row: Robot, robot: ScriptedRobot, seq: int, t: float = T) -> str:
    """Another token for a number that is held."""
    here, prev = robot.seq, robot.prev
    robot.rewind(seq - 1)
    text = robot.token(robot.saw("heartbeat", cpu_s=float(t)))
    bench.take(row, text, t=t)
    robot.seq, robot.prev = here, prev
    return text


def speak(bench: HostBench, row: Robot, robot: ScriptedRobot, t: float, nonce_t: float | None = None) -> str:
    """A heartbeat that arrives at `t`, under a nonce of `nonce_t`."""
    robot.nonce = bench.nonce(robot, t - 1.0 if nonce_t is None else nonce_t)
    text = robot.heartbeat()
    bench.take(row, text, t=t)
    return text


def speak_on(bench: HostBench, row: Robot, robot: ScriptedRobot, since: float, until: float) -> None:
    """Heartbeats without a pause."""
    while since < until:
        speak(bench, row, robot, since)
        since += 50.0
    speak(bench, row, robot, until)


# Sticky


def test_a_fault_stays_through_good_evidence_and_a_restart_until_it_is_acknowledged(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    """A copied key does not become whole by speaking on."""
    speak(bench, row, robot, T)
    fork(bench, row, robot, 1)
    for number in range(5):
        speak(bench, row, robot, T + 10 + number)
    fault = only(bench, row)
    again = Ledger.open(bench.ledger.path)
    assert again.faults(row.id) == [fault]
    again.close()
    assert (fault.what, fault.since_t, fault.acknowledged) == ("fork", T, None)
    assert answer(bench, row) == [fault] and whats(bench, row) == []
    (kept,) = bench.ledger.integrity.all(row.id)
    assert kept.acknowledged is not None and kept.id == fault.id
    assert (kept.acknowledged.by, kept.acknowledged.why) == ("alice", "looked into")


def test_what_goes_on_is_one_fault_and_a_new_one_after_it_was_acknowledged(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    """A thief who speaks each second must not fill the page, nor be silenced for good by one word."""
    for _ in range(5):
        speak(bench, row, robot, T)
    first = fork(bench, row, robot, 1, T + 1)
    fork(bench, row, robot, 2, T + 2)
    fault = only(bench, row)
    assert bench.ledger.integrity.since(fault) == "1 more such tokens came after it."
    answer(bench, row)
    bench.take(row, first, t=T + 3)
    assert whats(bench, row) == [], "the same token again is no news: anybody may play it again"
    fork(bench, row, robot, 3, T + 4)
    assert only(bench, row).id != fault.id and only(bench, row).since_t == T + 4
    assert [one.acknowledged is None for one in bench.ledger.integrity.all(row.id)] == [True, False]


def test_one_of_several_faults_is_acknowledged_by_its_id(bench: HostBench, row: Robot, robot: ScriptedRobot) -> None:
    speak(bench, row, robot, T)
    fork(bench, row, robot, 1)
    robot.new_chain()
    speak(bench, row, robot, T + 1)
    forked, lost = bench.ledger.faults(row.id)
    assert answer(bench, row, lost.id) == [lost] and whats(bench, row) == [forked.what]
    for fault, why in ((lost.id, "alice acknowledged it already"), ("ffffffffffff", "no such fault"), ("", "no such")):
        with pytest.raises(MisuseError, match=why):
            answer(bench, row, fault)
    assert len(answer(bench, row)) == 1
    with pytest.raises(MisuseError, match="no fault of its evidence is open"):
        answer(bench, row)


@pytest.mark.parametrize("why", ["", "   ", "two\nlines", "x" * 1001, "\x1b[2J"])
def test_an_acknowledgement_has_a_reason_that_can_be_read(
    bench: HostBench, row: Robot, robot: ScriptedRobot, why: str
) -> None:
    speak(bench, row, robot, T)
    fork(bench, row, robot, 1)
    with pytest.raises(MisuseError, match="--why"):
        bench.ledger.integrity.acknowledge("go1", "alice", why)
    assert whats(bench, row) == ["fork"]


def test_another_robots_fault_is_not_acknowledged_with_it(bench: HostBench, row: Robot, robot: ScriptedRobot) -> None:
    other = ScriptedRobot()
    there = bench.add("go2", other)
    for one, of in ((row, robot), (there, other)):
        speak(bench, one, of, T)
        fork(bench, one, of, 1)
    with pytest.raises(MisuseError, match="no such fault"):
        answer(bench, row, only(bench, there).id)
    answer(bench, row)
    assert whats(bench, there) == ["fork"]


def test_nothing_undoes_an_acknowledgement_or_a_fault(bench: HostBench, row: Robot, robot: ScriptedRobot) -> None:
    """Not even a program that goes around our code."""
    speak(bench, row, robot, T)
    fork(bench, row, robot, 1)
    answer(bench, row)
    for table in ("faults", "acknowledgements"):
        for act in (f"DELETE FROM {table}", f"UPDATE {table} SET robot = 'x'"):
            with pytest.raises(IntegrityError, match="stays on record"), beside(bench.ledger.path) as database:
                database.exec_driver_sql(act)


def test_the_same_evidence_has_the_same_faults_with_the_same_ids(
    bench: HostBench, row: Robot, robot: ScriptedRobot, tmp_path: Path
) -> None:
    """However it is cut into commits: incidents are found again by them."""
    for _ in range(3):
        robot.heartbeat()
    texts = [*robot.made.values()]
    robot.rewind(1)
    texts.append(robot.token(robot.saw("heartbeat", cpu_s=9.0)))
    robot.new_chain()
    texts.append(robot.heartbeat())
    bench.take(row, *texts)
    ledger = Ledger.open(ready(tmp_path / "again.sqlite"))
    ledger.add_robot(row)
    for text in texts:
        ledger.commit([bench.verified(row, text)])
    assert [fault.id for fault in ledger.faults(row.id)] == [fault.id for fault in bench.ledger.faults(row.id)]
    assert len(ledger.faults(row.id)) == 2
    ledger.close()


# What is no fault


def test_nothing_that_is_refused_touches_a_robots_state(bench: HostBench, row: Robot, robot: ScriptedRobot) -> None:
    """Junk, foreign signatures, other robots' tokens, altered and replayed ones: counted, and nothing else."""
    good = [speak(bench, row, robot, T + number) for number in range(3)]
    thief = ScriptedRobot()
    bench.add("thief", thief)
    noise: list[str | bytes] = [b"", b"\x78\x9c", b"a.b.c", thief.heartbeat(), robot.token(key=thief.key)]
    robot.rewind(3)
    noise += [robot.token(ueid=thief.ueid), *good, good[0][:-4] + "AAAA", good[2].replace(".", "..")]
    bench.take(row, *noise, t=T + 10)
    assert whats(bench, row) == [] and bench.ledger.unread((0, 0, 0), 10).faults == []
    assert sum(bench.refused().values()) >= 7


def test_evidence_that_a_robot_cannot_read_any_more_is_a_fault_though_nobody_knows_how_much_it_was(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    """Else whoever deletes what had not been sent would leave no trace but a line."""
    speak(bench, row, robot, T)
    robot.skip(3)
    gone = robot.saw("agent.gap", from_seq=2, to_seq=4, lost=None, reason="not in the journal any more")
    bench.take(row, robot.token(gone), t=T + 60)
    (fault,) = bench.ledger.faults(row.id)
    assert fault.what == "dropped" and "unknown" in fault.detail


def test_a_host_whose_clock_was_set_back_accuses_nobody_of_a_copied_key(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    """A late token of the chain before seems to be made after the new one began: only the host's clock says so."""
    speak(bench, row, robot, T - 7200)
    robot.nonce = bench.nonce(robot, T + 1)
    late = robot.heartbeat()
    robot.nonce = bench.nonce(robot, T + 2)
    bench.take(row, robot.heartbeat(), t=T + 3)
    robot.new_chain()
    bench.take(row, robot.heartbeat(), t=T - 3600)
    answer(bench, row)
    bench.take(row, late, t=T + 10)
    assert whats(bench, row) == []


def test_a_host_whose_clock_was_set_right_again_accuses_nobody_of_a_copied_key(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    """The present chain began while the clock was years behind, and seems older than the one before it."""
    speak(bench, row, robot, T)
    robot.new_chain()
    speak(bench, row, robot, T / 2)
    answer(bench, row)
    speak(bench, row, robot, T + 3600)
    assert whats(bench, row) == []


def test_a_boot_a_clock_step_and_the_skip_after_an_unclean_stop_are_no_faults(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    """Every board of this kind does all three whenever somebody pulls its battery."""
    speak(bench, row, robot, T)
    robot.boot()
    robot.skip(64)
    told = robot.token(
        robot.saw("agent.gap", from_seq=2, to_seq=65, lost=0, reason="numbers skipped after an unclean stop"),
        robot.saw("clock.step", by_s=86400.0),
    )
    bench.take(row, told, t=T + 60)
    assert whats(bench, row) == []


def test_a_backlog_in_any_order_is_not_two_who_sign(bench: HostBench, row: Robot, robot: ScriptedRobot) -> None:
    """What was made first may come last: its nonce is as old as it is."""
    robot.nonce = bench.nonce(robot, T)
    old = [robot.heartbeat() for _ in range(20)]
    robot.nonce = bench.nonce(robot, T + 3600)
    bench.take(row, robot.heartbeat(), t=T + 3601)
    for number, text in enumerate(reversed(old)):
        bench.take(row, text, t=T + 3602 + number)
    assert whats(bench, row) == []


def test_an_agent_that_starts_again_with_its_first_nonce_is_not_two_who_sign(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    speak(bench, row, robot, T, nonce_t=T - 1)
    speak(bench, row, robot, T + 100, nonce_t=T - 5000)
    speak(bench, row, robot, T + 101)
    assert whats(bench, row) == []


def test_a_host_clock_that_is_set_back_accuses_nobody(bench: HostBench, row: Robot, robot: ScriptedRobot) -> None:
    """Nonces of the hour that was taken back lie after everything that comes now."""
    robot.nonce = bench.nonce(robot, T + 3600)
    late = robot.heartbeat()
    bench.take(row, robot.heartbeat(), t=T + 1)
    bench.take(row, late, t=T + 2)
    assert whats(bench, row) == []


# Two who hold one key


def test_a_number_that_was_signed_after_a_higher_one_had_come_shows_a_second_signer(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    """There is no fork, and yet there are two."""
    speak(bench, row, robot, T)
    here, prev = robot.seq, robot.prev
    robot.skip(64)
    stolen = speak(bench, row, robot, T + 10)
    robot.seq, robot.prev = here, prev
    speak(bench, row, robot, T + 12, nonce_t=T + 9)
    assert whats(bench, row) == [], "it may have been on its way"
    mine = speak(bench, row, robot, T + 20, nonce_t=T + 18)
    fault = only(bench, row)
    assert fault.what == "two-signers" and fault.kind.level == "critical"
    assert [seen.seq for seen in fault.tokens] == [66, 3]
    assert [bench.ledger.integrity.text(row.id, seen) for seen in fault.tokens] == [stolen, mine]
    answer(bench, row)
    speak(bench, row, robot, T + 30)
    assert whats(bench, row) == ["two-signers"], "he is still there"


@pytest.mark.parametrize("lost", [None, 0, 7])
def test_a_number_that_comes_after_it_was_called_unused_shows_a_second_signer(
    bench: HostBench, row: Robot, robot: ScriptedRobot, lost: int | None
) -> None:
    """A thief's agent takes its start for one after a power cut and leaves 64 numbers out; the robot uses them.

    What was dropped from a full journal, or can't be read any more (None), may have been on its way, and what came
    before the word is no contradiction.
    """
    speak(bench, row, robot, T)
    mine = [robot.heartbeat() for _ in range(3)]
    here, prev = robot.seq, robot.prev
    bench.take(row, mine[0], t=T + 5)
    robot.skip(60)
    gap = robot.saw("agent.gap", from_seq=2, to_seq=64, lost=lost, reason="numbers skipped after an unclean stop")
    bench.take(row, robot.token(gap), mine[1], t=T + 10)
    faults = [one for one in whats(bench, row) if one == "two-signers"]
    assert faults == [], "at the same moment: nobody can say which was first"
    robot.seq, robot.prev = here, prev
    bench.take(row, mine[2], t=T + 11)
    found = [one for one in bench.ledger.faults(row.id) if one.what == "two-signers"]
    assert len(found) == (1 if lost == 0 else 0)
    if found:
        assert "came after number 65 had said that it was never used" in found[0].detail
        assert [seen.seq for seen in found[0].tokens] == [65, 4]


def test_a_chain_that_goes_on_after_the_next_one_began_shows_a_second_signer(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    """The robot read from its receipt that it was copied and began anew; the thief goes on with the old chain."""
    speak(bench, row, robot, T)
    thief = (robot.chain, robot.seq, robot.prev)
    robot.new_chain()
    speak(bench, row, robot, T + 10)
    answer(bench, row)
    robot.chain, robot.seq, robot.prev = thief
    speak(bench, row, robot, T + 12, nonce_t=T + 9)
    assert whats(bench, row) == []
    speak(bench, row, robot, T + 20, nonce_t=T + 18)
    assert whats(bench, row) == ["two-signers"]


def test_a_fork_shows_both_tokens_and_what_they_are(bench: HostBench, row: Robot, robot: ScriptedRobot) -> None:
    first = speak(bench, row, robot, T)
    second = fork(bench, row, robot, 1, T + 5)
    fault = only(bench, row)
    assert [bench.ledger.integrity.text(row.id, seen) for seen in fault.tokens] == [first, second]
    assert fault.detail.startswith("Two different tokens, both validly signed, bear number 1 of chain ")


def test_a_flood_of_forks_is_bounded_and_the_next_one_after_a_word_still_counts(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    speak(bench, row, robot, T)
    robot.rewind(0)
    texts = []
    for number in range(MAX_FORKS + 20):
        robot.seq = 0
        texts.append(robot.token(robot.saw("heartbeat", cpu_s=float(number))))
    bench.take(row, *texts)
    assert len(bench.ledger.faults(row.id)) == 1
    answer(bench, row)
    fork(bench, row, robot, 1, T + 99)
    fault = only(bench, row)
    assert bench.ledger.integrity.text(row.id, fault.tokens[1]) is not None
    with beside(bench.ledger.path) as database:
        assert database.exec_driver_sql("SELECT count(*) FROM forks").scalar() == MAX_FORKS + 1


# New chains


def begin(robot: ScriptedRobot, reason: str, before: object, number: object, prev: str = "") -> str:
    """The first token of a new chain as the agent makes it."""
    last = prev or robot.prev
    robot.new_chain()
    robot.prev = last
    fields = {"version": "0.1.0", "reason": reason, "chain_before": before, "seq_before": number}
    return robot.token(robot.saw("agent.start", **fields))


def test_a_memory_that_was_put_back_is_told_as_that_with_what_it_forgot(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    texts = [speak(bench, row, robot, T + number) for number in range(9)]
    before = robot.chain
    robot.rewind(4)
    forgot = fork(bench, row, robot, 5, T + 100)
    text = begin(robot, ROLLED_BACK, before, 5, token_hash(forgot))
    bench.take(row, text, t=T + 101)
    forked, back = bench.ledger.faults(row.id)
    assert (forked.what, back.what) == ("fork", "rollback")
    assert back.detail == (
        f"The robot knew chain {before[:8]} only to number 5, the ledger holds it to number 9: "
        f"so it began chain {robot.chain[:8]}."
    )
    assert [bench.ledger.integrity.text(row.id, seen) for seen in back.tokens] == [texts[8], text]


@pytest.mark.parametrize(
    ("reason", "number", "prev", "what"),
    [
        (ROLLED_BACK, 2, "own", "rollback"),
        (ROLLED_BACK, "nine", "own", "rollback"),
        (COPIED, 3, "unknown", "copied"),
        (COPIED, 70, "own", "rollback"),
        ("first start", None, ZERO_HASH, "journal-lost"),
        (ROLLED_BACK, 3, ZERO_HASH, "journal-lost"),
        ("something else", 2, "own", "rollback"),
        ("something else", 3, "last", "new-chain"),
        (None, None, "unknown", "new-chain"),
    ],
)
def test_what_a_new_chain_means_is_told_by_its_first_token_and_by_the_ledger(
    bench: HostBench, row: Robot, robot: ScriptedRobot, reason: str, number: object, prev: str, what: str
) -> None:
    """The robot's word is not taken for what the ledger can see itself."""
    for _ in range(3):
        speak(bench, row, robot, T)
    held = {"own": token_hash(robot.made[2]), "last": token_hash(robot.made[3]), "unknown": random_text(32)}
    bench.take(row, begin(robot, reason, robot.chain, number, held.get(prev, prev)), t=T + 9)
    assert only(bench, row).what == what


@pytest.mark.parametrize(
    "lie", [None, 7, -1, 2**53 - 1, 1.5, True, [], {}, [1], "", "x" * 4000, "\u202e", ROLLED_BACK], ids=repr
)
def test_whatever_a_robot_says_of_its_last_chain_its_evidence_gets_in(
    bench: HostBench, row: Robot, robot: ScriptedRobot, lie: object
) -> None:
    """A token that could not be stored would come again for ever."""
    speak(bench, row, robot, T)
    last = robot.prev
    robot.new_chain()
    robot.prev = last
    fields = dict.fromkeys(("reason", "chain_before", "seq_before", "clean", "version"), lie)
    (standing,) = bench.take(row, robot.token(robot.saw("agent.start", **fields)), t=T + 1)
    assert standing.became == "new" and only(bench, row).detail


def test_a_new_chain_whose_first_token_comes_later_is_told_when_it_comes(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    speak(bench, row, robot, T)
    first = begin(robot, ROLLED_BACK, robot.chain, 1)
    speak(bench, row, robot, T + 10)
    assert whats(bench, row) == []
    bench.take(row, first, t=T + 20)
    assert whats(bench, row) == ["rollback"]


def leave_out(robot: ScriptedRobot) -> str:
    """The robot's next token, as after a power cut before it kept one in an empty journal."""
    gap = {"from_seq": robot.seq + 1, "to_seq": robot.seq + 64, "lost": 0, "reason": "skipped", "until": robot.mono}
    robot.skip(64)
    robot.prev = ZERO_HASH
    return robot.token(robot.saw("agent.start", reason="after an unclean stop"), robot.saw("agent.gap", **gap))


@pytest.mark.parametrize("in_order", [True, False])
def test_a_lost_journal_is_told_once_also_where_the_new_chain_left_its_first_numbers_out(
    bench: HostBench, row: Robot, robot: ScriptedRobot, in_order: bool
) -> None:
    """Whoever deletes a journal and pulls the plug at once must not get away with it."""
    speak(bench, row, robot, T)
    old = robot.chain
    robot.new_chain()
    first = robot.heartbeat()
    robot.seq = 0
    begins, next_one = leave_out(robot), robot.heartbeat()
    for number, text in enumerate((begins, next_one) if in_order else (next_one, begins)):
        bench.take(row, text, t=T + 10 + number)
    fault = only(bench, row)
    assert (fault.what, [(seen.chain, seen.seq) for seen in fault.tokens]) == (
        "journal-lost",
        [(old, 1), (robot.chain, 65)],
    )
    answer(bench, row)
    bench.take(row, first, t=T + 20)
    assert "journal-lost" not in whats(bench, row), "somebody recorded number 1, and plays it later"


def test_what_names_no_token_before_it_begins_nothing_where_there_are_some_or_no_other_chain(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    """A robot that never was cut off before may leave numbers out as well; and a chain begins but once."""
    bench.take(row, leave_out(robot), t=T)
    assert whats(bench, row) == []
    chain = robot.chain
    robot.new_chain()
    speak(bench, row, robot, T + 10)
    answer(bench, row)
    robot.chain, robot.seq = chain, 65
    bench.take(row, leave_out(robot), t=T + 20)
    assert "journal-lost" not in whats(bench, row)


def give_key(bench: HostBench, row: Robot, robot: ScriptedRobot, purpose: str) -> ScriptedRobot:
    """The robot enrols with a new key; an agent with an empty journal."""
    new = ScriptedRobot()
    now = time.time()
    bench.ledger.invite(Invited(new.kid, row.id, row.name, purpose, now, now + 60), "alice")
    key = RobotKey(new.kid, "", new.ueid, new.public_pem.decode(), now, None)
    bench.ledger.enrol(new.kid, key, account_of(bench.keys, new.kid).password, "said")
    bench.roster.refresh()
    if purpose == "rotate":
        new.ueid = robot.ueid
    return new


@pytest.mark.parametrize("purpose", ["rotate", "replace"])
def test_a_board_that_was_installed_anew_with_a_new_key_is_the_same_robot_and_no_fault(
    bench: HostBench, row: Robot, robot: ScriptedRobot, purpose: str
) -> None:
    """An operator let that key in: there is nobody to ask. A second empty journal under it is another matter."""
    for number in range(3):
        speak(bench, row, robot, T + number)
    new = give_key(bench, row, robot, purpose)
    speak(bench, row, new, T + 100)
    speak(bench, row, new, T + 101)
    assert whats(bench, row) == [] and [one.id for one in bench.ledger.robots()] == [row.id]
    new.new_chain()
    speak(bench, row, new, T + 102)
    assert whats(bench, row) == ["journal-lost"]


# Missing evidence


def test_a_gap_that_is_filled_later_stays_told_and_says_so(bench: HostBench, row: Robot, robot: ScriptedRobot) -> None:
    """Ten minutes late is for a person to look at, and it did come."""
    speak(bench, row, robot, T)
    missing = [robot.heartbeat(), robot.heartbeat()]
    speak_on(bench, row, robot, T + 10, T + 700)
    fault = only(bench, row)
    assert fault.detail.startswith("Numbers 2 to 3 of chain ") and [seen.seq for seen in fault.tokens] == [1, 4]
    bench.take(row, *missing, t=T + 800)
    assert only(bench, row) == fault
    assert bench.ledger.integrity.since(fault) == "2 of these 2 have come since."


def test_an_acknowledged_gap_is_not_noticed_again_and_the_next_one_is(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    """Also when a part of it comes late, and the rest looks like a new hole; and after a restart of the host."""
    speak(bench, row, robot, T)
    hidden = [robot.heartbeat() for _ in range(5)]
    speak_on(bench, row, robot, T + 10, T + 700)
    assert [fault.what for fault in answer(bench, row)] == ["gap"]
    bench.take(row, hidden[2], t=T + 710)
    speak_on(bench, row, robot, T + 720, T + 2000)
    assert whats(bench, row) == []
    again = Ledger.open(bench.ledger.path)
    robot.nonce = bench.nonce(robot, T + 2100)
    again.commit([bench.verified(row, robot.heartbeat(), T + 2101)])
    assert again.faults(row.id) == []
    again.close()
    robot.skip(1)
    missing = robot.seq
    speak_on(bench, row, robot, T + 3000, T + 4000)
    assert only(bench, row).detail.startswith(f"Number {missing} of chain ")


def test_holes_without_end_are_noticed_and_bounded(bench: HostBench, row: Robot, robot: ScriptedRobot) -> None:
    """A robot that leaves every second number out can't fill the ledger with it."""
    speak(bench, row, robot, T)
    texts = []
    for _ in range(3 * MAX_OPEN):
        robot.skip(1)
        texts.append(robot.heartbeat())
    bench.take(row, *texts, t=T + 10)
    speak_on(bench, row, robot, T + 20, T + 700)
    assert len(bench.ledger.faults(row.id)) == MAX_OPEN
    answer(bench, row)
    speak(bench, row, robot, T + 702)


def test_evidence_that_the_host_had_receipted_and_lacks_was_lost_by_the_host(
    bench: HostBench, row: Robot, robot: ScriptedRobot, tmp_path: Path
) -> None:
    """An older copy of the ledger was put back; the robot shows the host's own word. It is not the robot's fault."""
    for number in range(3):
        speak(bench, row, robot, T + number)
    older = tmp_path / "older"
    bench.close()
    copy_data(bench.data.path, older)
    again = HostBench(bench.data.path)
    for number in range(3, 6):
        speak(again, row, robot, T + number)
    ((_, receipt),) = again.intake.due_receipts(0.0, T + 10)
    again.close()
    restored = HostBench(older)
    robot.nonce = restored.nonce(robot, T + 100)
    forged = sign_receipt(ReceiptClaims(robot.ueid, robot.chain, 99, ZERO_HASH, (), ZERO_HASH, "A" * 32, 1), robot.key)
    restored.take(row, robot.token(receipt=forged), t=T + 101)
    assert whats(restored, row) == []
    restored.take(row, robot.token(receipt=receipt.decode()), t=T + 101)
    assert only(restored, row).detail == (
        f"This host had receipted chain {robot.chain[:8]} up to number 6, and held it only up to number 3."
    )
    assert [seen.seq for seen in only(restored, row).tokens] == [3, 8]
    robot.skip(1)
    speak_on(restored, row, robot, T + 102, T + 800)
    lost, gap = restored.ledger.faults(row.id)
    assert (lost.what, gap.what) == ("lost-by-host", "gap"), "numbers 4 to 6 are no gap of the robot's"
    assert gap.detail.startswith("Number 9 of chain ")
    restored.take(row, robot.made[5], t=T + 801)
    assert restored.ledger.integrity.since(lost) == "1 of these 3 have come since."
    restored.close()


def test_what_the_robot_states_as_gone_but_the_host_had_receipted_is_not_held_against_the_robot(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    speak(bench, row, robot, T)
    receipt = sign_receipt(
        ReceiptClaims(robot.ueid, robot.chain, 4, random_text(32), (), random_text(32), random_text(24), 1),
        bench.keys.key,
    )
    robot.skip(3)
    bench.take(row, robot.token(receipt=receipt), t=T + 1)
    bench.take(row, robot.token(robot.saw("agent.gap", from_seq=2, to_seq=4, lost=9, reason="not here")), t=T + 2)
    assert whats(bench, row) == ["lost-by-host"]


def test_what_a_robot_dropped_and_is_here_all_the_same_is_no_loss(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    """Its receipt had not come, and its journal was full."""
    for number in range(4):
        speak(bench, row, robot, T + number)
    gaps = [robot.saw("agent.gap", from_seq=n, to_seq=n, lost=3, reason="journal full") for n in (2, 3)]
    bench.take(row, robot.token(*gaps), t=T + 9)
    assert whats(bench, row) == []
    robot.skip(500)
    gaps = [robot.saw("agent.gap", from_seq=n, to_seq=n, lost=3, reason="journal full") for n in range(6, 506)]
    bench.take(row, robot.token(*gaps), t=T + 10)
    fault = only(bench, row)
    assert fault.what == "dropped" and bench.ledger.integrity.since(fault) == "1500 observations in all, up to now."


# Ended keys


@pytest.mark.parametrize("act", ["revoke", "retire", "replace", "rotate"])
def test_a_key_that_was_ended_and_still_signs_is_noticed_and_nothing_of_it_is_evidence(
    bench: HostBench, row: Robot, robot: ScriptedRobot, act: str
) -> None:
    speak(bench, row, robot, T)
    if act in ("replace", "rotate"):
        give_key(bench, row, robot, act)
    else:
        bench.ledger.change_robot(row.id, act, "alice")
        bench.roster.refresh()
    until_t = bench.ledger.robot_keys(row.id)[-1].until_t
    assert until_t is not None
    last_words = speak(bench, row, robot, until_t + GRACE_S - 1)
    assert whats(bench, row) == [], "it is being cut off"
    text = speak(bench, row, robot, until_t + GRACE_S + 60)
    fault = only(bench, row)
    assert fault.what == "revoked-key" and robot.kid[:8] in fault.detail
    assert bench.ledger.integrity.text(row.id, fault.tokens[0]) == text
    held = bench.ledger.token(row.id, robot.chain, 3)
    assert held is None and last_words != text
    speak(bench, row, robot, until_t + GRACE_S + 120)
    assert only(bench, row) == fault
    answer(bench, row)
    speak(bench, row, robot, until_t + GRACE_S + 180)
    assert whats(bench, row) == ["revoked-key"]


def test_what_a_rotated_key_signed_before_it_ended_is_still_evidence(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    """It lay in the journal."""
    speak(bench, row, robot, T)
    new = give_key(bench, row, robot, "rotate")
    waited = [robot.heartbeat() for _ in range(3)]
    now = time.time() + 5000
    (standing,) = bench.take(row, *waited, t=now)[-1:]
    assert standing.seq == 4 and whats(bench, row) == []
    new.chain, new.seq, new.prev = robot.chain, robot.seq, robot.prev
    speak(bench, row, new, now + 1)
    assert whats(bench, row) == []


def test_junk_on_the_topic_of_a_revoked_robot_is_only_counted(
    bench: HostBench, row: Robot, robot: ScriptedRobot
) -> None:
    bench.ledger.change_robot(row.id, "revoke", "alice")
    bench.roster.refresh()
    text = robot.heartbeat()
    bench.take(row, b"junk", text[:-4] + "AAAA", ScriptedRobot().heartbeat(), t=9e9)
    assert whats(bench, row) == [] and sum(bench.refused().values()) == 3


def test_each_kind_of_fault_has_its_words() -> None:
    """One sentence on what it may mean, one on what to do."""
    for what, kind in FAULT_KINDS.items():
        assert what == what.lower() and kind.level in ("medium", "high", "critical")
        for sentence in (kind.may_mean, kind.to_do):
            assert sentence.endswith(".") and sentence[0].isupper() and 40 < len(sentence) < 250


@pytest.mark.of_the_file
def test_faults_of_an_older_ledger_do_not_vanish(bench: HostBench, row: Robot, robot: ScriptedRobot) -> None:
    """They were drawn from evidence at each look, before they were kept."""
    speak(bench, row, robot, T)
    fork(bench, row, robot, 1)
    robot.skip(1)
    bench.take(row, robot.token(robot.saw("agent.gap", from_seq=2, to_seq=2, lost=3, reason="journal full")))
    robot.new_chain()
    speak(bench, row, robot, T + 9)
    bench.close()
    with sqlite3.connect(bench.ledger.path) as raw:
        for table in ("faults", "acknowledgements", "revoked_tokens"):
            raw.execute(f"DROP TABLE {table}")
        raw.execute("ALTER TABLE judgements DROP COLUMN faults")
        raw.execute("DELETE FROM migrations WHERE name = 'faults'")
    raw.close()
    again = Ledger.open(bench.ledger.path)
    assert sorted(fault.what for fault in again.faults(row.id)) == ["dropped", "fork", "new-chain"]
    assert all(fault.detail for fault in again.faults(row.id))
    again.close()
