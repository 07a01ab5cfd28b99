"""What must not get in, does not; and what is good beside it, does."""

import zlib
from typing import Any

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.intake.verify import place_of_topic
from wachhund.ledger import Invited, RobotKey
from wachhund_evidence import RejectedEvidence, base64url, pack_message, strict_json, token


def test_a_token_altered_in_any_one_byte_is_refused_and_the_good_ones_around_it_get_in(bench: HostBench) -> None:
    """Every byte of one token, each altered: nothing on the wire may change what a robot said."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    first, middle, last = robot.heartbeat(), robot.heartbeat(), robot.heartbeat()
    altered = []
    for place in range(len(middle)):
        data = bytearray(middle.encode("ascii"))
        data[place] ^= 0x01
        altered.append(bytes(data))
    assert bench.take(row, first) != []

    for start in range(0, len(altered), 500):
        assert bench.take(row, *altered[start : start + 500]) == []
    (standing,) = bench.take(row, last)

    assert sum(bench.refused().values()) == len(middle)
    assert standing.seq == 1  # the altered one is a hole
    assert bench.take(row, middle)[0].seq == 3


@pytest.mark.parametrize("flip", [0x80, 0x20])
def test_no_other_bit_of_a_compressed_message_makes_another_token_of_it(bench: HostBench, flip: int) -> None:
    """The message's compression is outside the signature: damage there must never end as a different token."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    message = zlib.compress(robot.heartbeat().encode("ascii"))
    for place in range(len(message)):
        data = bytearray(message)
        data[place] ^= flip
        bench.take(row, bytes(data))
    stored = bench.ledger.token(row.id, robot.chain, 1)
    assert stored is None or stored.text == robot.made[1]
    assert stored is None or stored.forks == ()


def test_a_token_signed_with_another_robots_key_is_refused(bench: HostBench) -> None:
    """Also when that key is registered, and when it claims the other's `ueid`."""
    mine, thief = ScriptedRobot(), ScriptedRobot()
    row = bench.add("mine", mine)
    bench.add("thief", thief)
    good = mine.heartbeat()
    forged = mine.token(key=thief.key)
    assert bench.take(row, forged) == []
    assert [one.seq for one in bench.take(row, good)] == [1]
    assert bench.refused() == {(row.id, "key"): 1}


def test_a_robots_good_token_on_another_robots_topic_is_refused(bench: HostBench) -> None:
    """Who may publish where is the broker's business; who said it is ours."""
    mine, other = ScriptedRobot(), ScriptedRobot()
    row = bench.add("mine", mine)
    bench.add("other", other)
    assert bench.take(row, other.heartbeat()) == []
    assert bench.take(row, mine.token(ueid=other.ueid)) == []
    assert bench.refused() == {(row.id, "key"): 1, (row.id, "ueid"): 1}


def test_one_robots_rubbish_in_a_batch_keeps_no_other_robot_out(bench: HostBench) -> None:
    """A batch is committed together; it is verified token by token."""
    noisy, quiet = ScriptedRobot(), ScriptedRobot()
    noisy_row, quiet_row = bench.add("noisy", noisy), bench.add("quiet", quiet)
    rubbish = [b"", b"\x78\x9c" + b"rubbish", b"a.b.c", b"\xff" * 100, b"x" * 300_000, zlib.compress(bytes(10**7))]
    assert bench.take(noisy_row, *rubbish) == []
    (standing,) = bench.take(quiet_row, quiet.heartbeat())
    assert standing.seq == 1
    assert sum(count for (robot, _), count in bench.refused().items() if robot == noisy_row.id) == len(rubbish)
    assert bench.ledger.newest(noisy_row.id) is None, "what anybody on the wire can send changes no robot's state"


def test_a_fault_in_the_ledger_for_one_token_keeps_no_other_out(bench: HostBench) -> None:
    """What the ledger cannot hold must not take its batch down. (A NaN is SQL's NULL, which that column refuses.)"""
    robot, other = ScriptedRobot(), ScriptedRobot()
    row, other_row = bench.add("go1", robot), bench.add("other", other)
    good = bench.verified(row, robot.heartbeat())
    bad = bench.verified(row, robot.heartbeat())
    bad = type(bad)(**{**vars(bad), "claims": bad.claims._replace(mono=float("nan"))})
    fine = bench.verified(other_row, other.heartbeat())
    standings = bench.intake._commit([good, bad, fine])
    assert [(one.robot, one.seq) for one in standings] == [(row.id, 1), (other_row.id, 1)]
    assert bench.refused() == {(row.id, "fault"): 1}


@pytest.mark.parametrize(("act", "state"), [("revoke", "revoked"), ("retire", "retired")])
def test_once_a_robot_is_revoked_nothing_of_it_is_committed_whatever_was_verified(
    bench: HostBench, act: str, state: str
) -> None:
    """Between reading and commit lies a slow disk: `revoke` has returned, and what waited must not appear after it."""
    robot, other = ScriptedRobot(), ScriptedRobot()
    row, other_row = bench.add("go1", robot), bench.add("other", other)
    (before,) = bench.take(row, robot.heartbeat())
    waiting = [bench.verified(other_row, other.heartbeat()), bench.verified(row, robot.heartbeat())]
    bench.ledger.change_robot(row.id, act, "a person")
    assert [one.robot for one in bench.intake.commit(waiting)] == [other_row.id]
    assert bench.intake.commit([bench.verified(row, robot.heartbeat())]) == []
    newest = bench.ledger.newest(row.id)
    assert newest is not None and newest.tokens == before.seq
    assert bench.refused() == {(row.id, state): 2}
    assert bench.intake.fault is None, "the ledger takes the others'"


def test_once_another_board_took_a_robots_place_nothing_of_the_old_one_is_committed(bench: HostBench) -> None:
    """Its robot is let in, but as another board: what the old one had under way must not stand among that one's."""
    robot, second = ScriptedRobot(), ScriptedRobot()
    row = bench.add("go1", robot)
    waiting = bench.verified(row, robot.heartbeat())
    bench.ledger.invite(Invited("hash", row.id, row.name, "replace", 50.0, 150.0), "a person")
    bench.ledger.enrol("hash", RobotKey("second", "", second.ueid, second.public_pem, 100.0, None), "hash", "said")
    assert bench.intake.commit([waiting]) == [] and bench.ledger.newest(row.id) is None
    assert bench.refused() == {(row.id, "ueid"): 1}


def test_the_topic_of_no_registered_robot_is_counted_and_nothing_else(bench: HostBench) -> None:
    """Counts of strangers share one row, so that they cannot fill the ledger."""
    stranger = ScriptedRobot()
    row = bench.add("go1", ScriptedRobot())
    unknown = type(row)(**{**vars(row), "id": "aaaaaaaaaa"})
    assert bench.take(unknown, stranger.heartbeat(), stranger.heartbeat()) == []
    assert bench.refused() == {("", "robot"): 2}


@pytest.mark.parametrize(
    "topic",
    [
        "wachhund/1/abcdefghij/receipt",
        "wachhund/1/*/evidence",
        "wachhund/1/abcdefghij/evidence/x",
        "wachhund/1/ABCDEFGHIJ/evidence",
        "wachhund/2/abcdefghij/evidence",
        "wachhund/1/abcdefghij/evidence\n",
        "wachhund/1/abcdefghij/status/",
        "",
    ],
)
def test_only_the_topics_of_robots_are_some(topic: str) -> None:
    """A robot's id becomes part of what we ask the ledger: nothing but ten letters and digits passes."""
    assert place_of_topic("wachhund/1/abcdefgh12/evidence") == ("abcdefgh12", "evidence")
    with pytest.raises(RejectedEvidence, match="topic"):
        place_of_topic(topic)


def test_each_way_of_being_wrong_is_counted_under_its_word_with_a_sample(bench: HostBench) -> None:
    """The words are stable: people count by them. A sample is printable, whatever was sent."""
    robot, other = ScriptedRobot(), ScriptedRobot()
    row = bench.add("go1", robot)
    good = robot.heartbeat()
    header, payload, signature = good.split(".")
    body = strict_json.parse_object(base64url.decode(payload))

    def signed(change: dict[str, Any], typ: str = token.EVIDENCE_TYPE) -> str:
        return token.sign(typ, {**body, **change}, robot.key)

    def under(raw: bytes) -> str:
        text = f"{header}.{base64url.encode(raw)}"
        return f"{text}.{base64url.encode(robot.key.sign(text.encode()))}"

    wrong: dict[str, str | bytes] = {
        "oversize": b"\xff" * 300_000,
        "zlib": b"\x78\x9c\x1b[2J",
        "token": b"\xff\xfe\x1b]0;x\x07",
        "base64": f"{header}.{payload}.{signature}=",
        "header": f"{base64url.encode(b'{}')}.{payload}.{signature}",
        "typ": signed({}, token.RECEIPT_TYPE),
        "key": robot.token(key=other.key),
        "signature": f"{header}.{payload}.{'A' * 86}",
        "json": under(b'{"seq":1,"seq":2}'),
        "claims": signed({"seq": True}),
        "observation": signed({"obs": [{"kind": ""}]}),
        "profile": signed({"eat_profile": "tag:example,2026:other/1"}),
        "ueid": signed({"ueid": other.ueid}),
    }
    for reason, message in wrong.items():
        assert bench.take(row, message.encode() if isinstance(message, str) else message) == [], reason
    assert bench.refused() == {(row.id, reason): 1 for reason in wrong}
    for one in bench.ledger.rejections().values():
        assert one.sample.isascii() and one.sample.isprintable() and len(one.sample) <= 200
        assert one.first_t == one.last_t == 1_000_000.0
    assert bench.take(row, good)[0].became == "new"


def test_counts_of_what_was_refused_survive_a_ledger_that_cannot_write(bench: HostBench) -> None:
    """They are given back, and written when it can."""
    row = bench.add("go1", ScriptedRobot())
    bench.take(row, b"rubbish")
    taken = bench.intake.rejections.take()
    bench.take(row, b"rubbish")
    bench.intake.rejections.give_back(taken)
    assert bench.refused() == {(row.id, "token"): 2}


def test_a_token_of_a_later_profile_is_stored_and_receipted_as_newer_than_this_host(bench: HostBench) -> None:
    """A robot that was updated first must be able to empty its journal."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    text = robot.token(profile="tag:wachhund,2026:evidence/2")
    (standing,) = bench.take(row, text)
    assert standing.seq == 1
    stored = bench.ledger.token(row.id, robot.chain, 1)
    assert stored is not None and not stored.known and stored.text == text


def test_a_message_may_come_plain_or_compressed(bench: HostBench) -> None:
    """Compression is of the message; what is stored and hashed is the token."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    text = robot.heartbeat()
    bench.take(row, text.encode("ascii"))
    (standing,) = bench.take(row, pack_message(text))
    assert standing.became == "duplicate"
