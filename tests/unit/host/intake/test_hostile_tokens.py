"""What a robot's own key may sign to harm its host, and what a broker may do with good tokens (docs/attacks.md)."""

import random

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.scripted import ScriptedRobot
from wachhund.fleet.host_keys import HostKeys
from wachhund.web.standing import presence
from wachhund_evidence import base64url, nonce_time, token_hash

NOW = 1_000_000.0


def altered(robot: ScriptedRobot, old: bytes, new: bytes) -> str:
    """A token of the robot with other bytes in its payload, under the robot's own good signature."""
    header, payload, _ = robot.heartbeat().split(".")
    data = base64url.decode(payload)
    assert data.count(old) == 1
    text = f"{header}.{base64url.encode(data.replace(old, new))}"
    return f"{text}.{base64url.encode(robot.key.sign(text.encode('ascii')))}"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"seq":1', b'"seq":1,"seq":2', "json"),
        (b'"seq":1', b'"seq":9223372036854775808', "json"),
        (b'"seq":1', b'"seq":true', "claims"),
        (b'"queue":0', b'"queue":NaN', "json"),
        (b'"queue":0', b'"queue":"\\udc00"', "json"),
        (b'"queue":0', b'"queue":"\\u0000"', "json"),
        (b'"queue":0', b'"queue":' + b"[" * 80_000 + b"]" * 80_000, "json"),
        (b'"kind":"heartbeat"', b'"kind":"' + b"k" * 65 + b'"', "observation"),
        (b'"kind":"heartbeat"', b'"kind":{"$ne":null}', "observation"),
    ],
)
def test_what_would_break_a_ledger_is_counted_and_the_next_robots_evidence_gets_in(
    bench: HostBench, old: bytes, new: bytes, reason: str
) -> None:
    """A5, A6: each of these breaks SQLite, PostgreSQL or a reader that catches its library's errors only."""
    hostile, other = ScriptedRobot(), ScriptedRobot()
    row, other_row = bench.add("hostile", hostile), bench.add("other", other)
    assert bench.take(row, altered(hostile, old, new)) == []
    assert [one.seq for one in bench.take(other_row, other.heartbeat())] == [1]
    assert bench.refused() == {(row.id, reason): 1}
    assert bench.ledger.newest(row.id) is None and bench.ledger.faults(row.id) == []


def test_integers_that_a_database_cannot_hold_are_kept_as_they_were_said(bench: HostBench) -> None:
    """A6: the largest that may be said goes through the ledger and comes back."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    largest = 2**53 - 1
    (standing,) = bench.take(row, robot.token(robot.saw("heartbeat", queue=largest, least=-largest), seq=largest))
    assert standing.became == "new"
    (stored,) = bench.ledger.observations_after(0, 9)
    assert (stored.seq, stored.observation.fields["queue"], stored.observation.fields["least"]) == (
        largest, largest, -largest,
    )  # fmt: skip


def test_a_good_token_written_another_way_makes_no_fork(bench: HostBench) -> None:
    """A3: a broker without any key could else make every honest robot look copied."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    tried = 0
    for _ in range(30):
        text = robot.heartbeat()
        bench.take(row, text)
        twins = [text[:-1] + alphabet[alphabet.index(text[-1]) ^ bit] for bit in (1, 2, 3)]  # two bits to spare
        twins += [text + "==", text.replace("-", "+").replace("_", "/"), text[:50] + "\n" + text[50:]]
        for twin in twins:
            if twin != text:
                assert bench.take(row, twin.encode("ascii")) == []
                tried += 1
    assert sum(bench.refused().values()) == tried > 100
    assert bench.ledger.faults(row.id) == []


def test_a_broker_that_delays_drops_replays_and_reorders_changes_no_word_and_is_seen(bench: HostBench) -> None:
    """D7, D9: what it held back is late, what it dropped is a hole, and the rest is whole."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    robot.nonce = bench.nonce(robot, NOW)
    told = [robot.heartbeat() for _ in range(40)]
    kept = [text for number, text in enumerate(told, start=1) if number not in (20, 21)]  # dropped
    sent = kept * 3  # replayed
    random.Random(5).shuffle(sent)  # reordered
    for text in sent:
        bench.take(row, text, t=NOW + 3600)  # delayed
    stored = {one.seq: one for one in bench.ledger.observations_after(0, 1000)}
    assert sorted(stored) == [seq for seq in range(1, 41) if seq not in (20, 21)]
    newest = bench.ledger.newest(row.id)
    assert newest is not None and newest.tokens == 38
    assert newest.fresh_t is None and presence(newest, NOW, NOW + 3601).word == "late"
    assert [(gap.from_seq, gap.to_seq) for gap in bench.ledger.gaps(row.id)] == [(20, 21)]
    for seq in (1, 40):
        found = bench.ledger.token(row.id, robot.chain, seq)
        assert found is not None and found.hash == token_hash(told[seq - 1])
        assert (found.nonce_t, found.received_t) == (NOW, NOW + 3600), "the bracket in which it was made"


def test_a_backlog_of_a_month_is_no_fault_and_the_newest_token_decides_freshness(bench: HostBench) -> None:
    """C7: a robot that was switched off for a month comes back by itself."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    month = 30 * 86_400.0
    robot.nonce = bench.nonce(robot, NOW)
    old = [robot.heartbeat() for _ in range(50)]
    robot.boot()
    assert {one.became for one in bench.take(row, *old, t=NOW + month)} == {"new"}
    newest = bench.ledger.newest(row.id)
    assert newest is not None and presence(newest, NOW, NOW + month + 1).word == "late"
    robot.nonce = bench.nonce(robot, NOW + month)
    bench.take(row, robot.heartbeat(), t=NOW + month + 2)
    newest = bench.ledger.newest(row.id)
    assert newest is not None and presence(newest, NOW, NOW + month + 3).word == "verified"
    assert bench.ledger.faults(row.id) == []


def test_a_host_that_was_started_again_knows_its_nonces(bench: HostBench) -> None:
    """C11: no table is kept that a restart could lose, and a second worker of the host reads them as well."""
    robot = ScriptedRobot()
    row = bench.add("go1", robot)
    nonce = bench.nonce(robot, NOW)
    again = HostKeys.load_or_create(bench.data)
    assert again is not bench.keys
    assert nonce_time(again.nonce_secret, row.ueid, nonce) == int(NOW * 1e6)
