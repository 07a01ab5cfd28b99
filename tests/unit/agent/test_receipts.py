"""What a robot does with a receipt: it believes only an answer to its own words, and loses nothing to a wrong one.

No network: the uplink is told that it is connected, and receipts are handed to it as the broker would.
"""

import pathlib
import types
from typing import Any, Iterator, Optional

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund_agent.config import Broker, Config, Limits
from wachhund_agent.host_key import HostKey
from wachhund_agent.journal import Journal
from wachhund_agent.mqtt_wire import MqttWire
from wachhund_agent.uplink import Uplink
from wachhund_evidence import (
    ZERO_HASH,
    ReceiptClaims,
    make_nonce,
    pack_message,
    sign_receipt,
    thumbprint,
    token,
    token_hash,
    ueid_of,
)
from wachhund_evidence.succession import sign_successor

HOST = Ed25519PrivateKey.generate()
UEID = ueid_of(Ed25519PrivateKey.generate().public_key())
NONCE = make_nonce(b"s" * 32, UEID, 5)


class Robot:
    """A journal with tokens, an uplink that has published them, and a clock that the test moves."""

    def __init__(self, folder: pathlib.Path, limits: Optional[Limits] = None, first: int = 1) -> None:
        limits = limits or Limits()
        self.now = 100.0
        self.folder = folder
        self.said: "list[str]" = []
        self.journal = Journal(folder / "journal", limits, lambda *_: False)
        config = Config(
            robot="abcdefghi7",
            brokers=(Broker("127.0.0.1", 1),),
            client_id="c",
            username="u",
            password="p",
            host_key=HOST.public_key(),
            nonce=NONCE,
            key=folder / "k",
            data=folder,
        )
        self.wire = MqttWire(config, limits, self.said.append, mono=lambda: self.now)
        host_key = HostKey(config, self.said.append)
        self.uplink = Uplink(host_key, self.journal, limits, UEID, self.wire, mono=lambda: self.now)
        self.tokens = ["t.{}.x".format(number) for number in range(first, first + 5)]
        for text in self.tokens:
            self.journal.append(text, True, 1)
        self.connect()

    def connect(self) -> None:
        client = self.wire._client
        accepted: Any = types.SimpleNamespace(is_failure=False)
        client.on_connect(client, None, accepted, accepted, None)  # type: ignore[misc]
        assert self.uplink.has_new_connection() and not self.uplink.has_new_connection()

    def hear(self, key: Ed25519PrivateKey = HOST, **changes: Any) -> Any:
        self.hear_text(self.receipt(key, **changes))
        return self.uplink.receipts()

    def receipt(self, key: Ed25519PrivateKey = HOST, **changes: Any) -> str:
        fields = {
            "ueid": UEID,
            "chain": self.journal.chain,
            "seq": 3,
            "head": token_hash(self.tokens[2]),
            "held": (),
            "seen": token_hash(self.tokens[4]),
            "nonce": NONCE,
            "iat": 1,
        }
        fields.update(changes)
        return sign_receipt(ReceiptClaims(**fields), key)

    def hear_text(self, text: str) -> None:
        client = self.wire._client
        client.on_message(client, None, types.SimpleNamespace(payload=pack_message(text)))  # type: ignore[misc, arg-type]


@pytest.fixture
def robot(tmp_path: pathlib.Path) -> Iterator[Robot]:
    made = Robot(tmp_path)
    yield made
    made.journal.close()


def test_a_receipt_covers_what_it_names_and_brings_a_nonce(robot: Robot) -> None:
    assert robot.uplink.pump() == 5
    (verdict,) = robot.hear()
    assert robot.journal.receipted == 3 and verdict.nonce == NONCE and verdict.new_chain is None


def test_a_receipt_that_answers_no_token_of_this_connection_does_nothing(robot: Robot) -> None:
    """An old receipt, played again after the journal was lost, must not delete what was never sent."""
    assert robot.hear() == [] and robot.journal.receipted == 0
    robot.uplink.pump()
    robot.connect()
    assert robot.hear() == [] and robot.journal.receipted == 0
    assert robot.uplink.rejected == {"replayed": 2}


@pytest.mark.parametrize("what", ["another host", "another robot", "junk"])
def test_what_is_no_receipt_of_our_host_is_counted_and_nothing_else(robot: Robot, what: str) -> None:
    robot.uplink.pump()
    if what == "another host":
        assert robot.hear(key=Ed25519PrivateKey.generate()) == []
    elif what == "another robot":
        assert robot.hear(ueid=ueid_of(HOST.public_key())) == []
    else:
        robot.hear_text("junk")
        assert robot.uplink.receipts() == []
    assert robot.journal.receipted == 0 and sum(robot.uplink.rejected.values()) == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"iat": 4102444800},
        {"iat": 0},
        {"iat": 4102444800, "nbf": 4102444800},
        {"exp": 1},
        {"aud": "somebody else"},
        {"iss": "anybody", "sub": "x", "jti": 5},
    ],
)
def test_no_date_or_audience_in_a_receipt_keeps_a_robot_without_a_clock_from_using_it(
    robot: Robot, claims: "dict[str, Any]"
) -> None:
    """A library that checks them locks out every robot that wakes up in 2021: its journal would never drain."""
    robot.uplink.pump()
    body = {
        "ueid": UEID, "chain": robot.journal.chain, "seq": 5, "head": token_hash(robot.tokens[4]), "held": [],
        "seen": token_hash(robot.tokens[4]), "nonce": NONCE, "iat": 1, **claims,
    }  # fmt: skip
    robot.hear_text(token.sign(token.RECEIPT_TYPE, body, HOST))
    (verdict,) = robot.uplink.receipts()
    assert robot.journal.receipted == 5 and verdict.nonce == NONCE


def test_old_receipts_played_again_after_the_journal_was_lost_delete_nothing(
    robot: Robot, tmp_path: pathlib.Path
) -> None:
    """Whoever kept the host's receipts for numbers up to 5000 must not be able to spend them on a new 1 to 5."""
    robot.uplink.pump()
    robot.hear(seq=5, head=token_hash(robot.tokens[4]))
    old = [
        sign_receipt(
            ReceiptClaims(UEID, chain, 5000, token_hash(robot.tokens[4]), (), token_hash(seen), NONCE, 1), HOST
        )
        for chain in (robot.journal.chain, "A" * 22)
        for seen in robot.tokens
    ]
    again = Robot(tmp_path / "new card", first=6)
    again.uplink.pump()
    for text in old:
        again.hear_text(text)
        assert again.uplink.receipts() == []
    assert again.journal.receipted == 0 and again.uplink.rejected == {"replayed": len(old)}
    again.journal.close()


@pytest.mark.parametrize("forgotten", [False, True], ids=["the robot has its head", "the disk lost its head"])
def test_an_old_receipt_for_a_token_that_went_again_does_nothing_once_a_newer_one_came(
    robot: Robot, forgotten: bool
) -> None:
    """Found by a run of faults: a card lost what it had synced, and a token went again over the next connection.

    The answer to its first sending, recorded and played again later, made the robot send what the host holds; and the
    head that it names, which the card had lost, made it believe that its chain had been copied.
    """
    robot.uplink.pump()
    went_again = token_hash(robot.tokens[0])
    head = token_hash("of a number that the robot skipped") if forgotten else token_hash(robot.tokens[1])
    old = robot.receipt(seq=2, head=head, seen=went_again)
    robot.connect()
    assert robot.uplink.pump() == 5
    assert len(robot.hear(seq=1, head=went_again, seen=went_again)) == 1
    assert len(robot.hear(seq=5, head=token_hash(robot.tokens[4]))) == 1
    robot.hear_text(old)
    assert robot.uplink.receipts() == [] and robot.uplink.rejected == {"replayed": 1}
    assert robot.journal.receipted == 5 and robot.uplink.pump() == 0


def test_what_went_again_is_answered_also_after_what_left_in_between(robot: Robot) -> None:
    """The order counts in which tokens left last: else what was lost on its way once would never get a receipt."""
    robot.uplink.pump()
    robot.now += 10
    robot.journal.append("t.6.x", True, 1)
    assert robot.uplink.pump() == 1
    robot.now += 20
    assert robot.uplink.pump() == 5
    robot.hear(seq=0, head=ZERO_HASH, held=((6, 6),), seen=token_hash("t.6.x"))
    robot.hear(seq=6, head=token_hash("t.6.x"))
    assert robot.journal.receipted == 6 and not robot.uplink.rejected


def test_a_foreign_head_begins_a_new_chain_and_receipts_nothing(robot: Robot) -> None:
    robot.uplink.pump()
    (verdict,) = robot.hear(head=ZERO_HASH)
    assert "copied" in verdict.new_chain and robot.journal.receipted == 0


def test_several_receipts_of_a_chain_that_was_copied_begin_one_new_chain(robot: Robot) -> None:
    """A robot that was starved for a while finds many of them at once."""
    robot.uplink.pump()
    for _ in range(3):
        robot.hear_text(robot.receipt(head=ZERO_HASH))
    assert len(robot.uplink.receipts()) == 1 and robot.uplink.receipts() == []


def test_a_number_beyond_our_own_begins_a_new_chain(robot: Robot) -> None:
    robot.uplink.pump()
    (verdict,) = robot.hear(seq=6)
    assert "rolled back" in verdict.new_chain and robot.journal.receipted == 0


def test_a_receipt_for_another_chain_brings_its_nonce_only(robot: Robot) -> None:
    robot.uplink.pump()
    (verdict,) = robot.hear(chain="A" * 22)
    assert verdict.nonce == NONCE and verdict.new_chain is None and robot.journal.receipted == 0


def test_a_host_that_was_restored_is_sent_everything_again(robot: Robot) -> None:
    robot.uplink.pump()
    robot.hear(seq=5, head=token_hash(robot.tokens[4]))
    assert robot.uplink.pump() == 0
    robot.hear(seq=2, head=token_hash(robot.tokens[1]))
    assert robot.uplink.pump() == 3


def left_in_a_new_chain(robot: Robot) -> "list[int]":
    """The numbers of the chain that ends now which are told again in the next."""
    robot.journal.start_chain()
    return [stored.seq for stored in robot.journal.left(99, 1 << 20)]


def test_what_a_restored_host_lost_of_a_chain_that_ends_is_told_again_in_the_next(tmp_path: pathlib.Path) -> None:
    """A card that lost the newest tokens, which left, and a backup of the host that holds these and no later ones.

    Both are honest, and what a receipt covered in between is on this card only.
    """
    before = Robot(tmp_path)
    before.journal._files.close()
    robot = Robot(tmp_path)
    first = robot.journal.next_seq - 5
    assert first > 6, "those before it count as never used"
    robot.uplink.pump()
    robot.hear(seq=first + 3, head=token_hash(robot.tokens[3]))
    (verdict,) = robot.hear(seq=6, head=token_hash("lost by the card"))
    assert "copied" in verdict.new_chain
    assert left_in_a_new_chain(robot) == list(range(first, first + 5))
    robot.journal.close()


def test_a_restored_host_that_remembers_more_of_a_rolled_back_robot_is_told_what_it_lost(robot: Robot) -> None:
    robot.uplink.pump()
    robot.hear(seq=5, head=token_hash(robot.tokens[4]))
    (verdict,) = robot.hear(seq=2, head=token_hash(robot.tokens[1]), held=((9, 9),))
    assert "rolled back" in verdict.new_chain
    assert left_in_a_new_chain(robot) == [3, 4, 5]


def test_where_a_restored_host_took_anothers_tokens_all_of_the_robots_own_are_told_again(robot: Robot) -> None:
    """Which of its numbers are the other's, no receipt says. Who copied the key must not make it forget what was seen
    before.
    """
    robot.uplink.pump()
    robot.hear(seq=5, head=token_hash(robot.tokens[4]))
    (verdict,) = robot.hear(seq=4, head=token_hash("another's"))
    assert "copied" in verdict.new_chain
    assert left_in_a_new_chain(robot) == [1, 2, 3, 4, 5]


def test_a_receipt_that_ends_a_chain_does_not_cover_more_than_those_before(robot: Robot) -> None:
    """It lacks a range that was there, and its number is higher: whose tokens are up to there nobody knows."""
    robot.uplink.pump()
    robot.hear(seq=1, head=token_hash(robot.tokens[0]), held=((3, 5),))
    (verdict,) = robot.hear(seq=3, head=token_hash("another's"))
    assert "copied" in verdict.new_chain
    assert left_in_a_new_chain(robot) == [1, 2, 3, 4, 5]


def test_what_gets_no_receipt_is_sent_again_more_and_more_rarely(robot: Robot) -> None:
    assert robot.uplink.pump() == 5
    times = []
    for _ in range(2000):
        robot.now += 1
        if robot.uplink.pump():
            times.append(robot.now - 100)
    assert times[:5] == [30, 90, 210, 450, 750]


def test_after_a_new_connection_everything_unreceipted_goes_again(robot: Robot) -> None:
    assert robot.uplink.pump() == 5
    robot.hear()
    robot.connect()
    assert robot.uplink.pump() == 2


def test_at_most_32_tokens_wait_for_a_receipt(robot: Robot) -> None:
    sent = 0
    for number in range(100):
        robot.journal.append("more.{}.x".format(number), True, 1)
        sent += robot.uplink.pump()
    assert sent == 32


def test_ranges_beyond_a_hole_wait_no_longer_and_stay(robot: Robot) -> None:
    robot.uplink.pump()
    robot.hear(seq=1, head=token_hash(robot.tokens[0]), held=((3, 5),))
    robot.now += 30
    assert robot.uplink.pump() == 1, "number 2"
    assert [stored.seq for stored in robot.journal.read(1, 9, 9, 1 << 20)] == [1, 2, 3, 4, 5]


def test_a_range_beyond_our_own_numbers_begins_a_new_chain(robot: Robot) -> None:
    """The journal was rolled back, and the host has a hole before what it remembers of us."""
    robot.uplink.pump()
    (verdict,) = robot.hear(seq=1, head=token_hash(robot.tokens[0]), held=((9, 9),))
    assert "rolled back" in verdict.new_chain and robot.journal.receipted == 0


def test_a_head_that_was_dropped_from_a_full_journal_while_it_was_on_its_way_is_ours(tmp_path: pathlib.Path) -> None:
    """A month's backlog fills the journal, and what leaves first is what makes room first."""
    robot = Robot(tmp_path, Limits(segment_bytes=1000, journal_bytes=5000))
    robot.uplink.pump()
    for number in range(60):
        robot.journal.append("more.{}.{}".format(number, "x" * 100), True, 1)
    assert robot.journal.hash_at(3) is None
    (verdict,) = robot.hear()
    assert verdict.new_chain is None and robot.journal.receipted == 3
    robot.journal.close()


def test_a_receipt_of_the_connection_before_is_not_believed_before_the_first_token_of_this_one(robot: Robot) -> None:
    robot.uplink.pump()
    robot.connect()
    assert robot.hear() == [] and robot.journal.receipted == 0


def test_a_new_host_key_is_believed_with_the_first_receipt_under_it_and_the_old_one_no_more(robot: Robot) -> None:
    robot.uplink.pump()
    new = Ed25519PrivateKey.generate()
    statement = sign_successor(new.public_key(), 1, HOST)
    (verdict,) = robot.hear(key=new, next=(statement,))
    assert verdict.nonce == NONCE and robot.journal.receipted == 3
    assert robot.uplink.host_kid == thumbprint(new.public_key())
    assert robot.hear(seq=5, head=token_hash(robot.tokens[4])) == [] and robot.journal.receipted == 3
    assert robot.uplink.rejected == {"key": 1}


def test_a_new_host_key_in_a_receipt_of_another_connection_is_not_believed(robot: Robot) -> None:
    """Recorded and played again it would make the robot deaf for its host."""
    robot.uplink.pump()
    robot.connect()
    new = Ed25519PrivateKey.generate()
    assert robot.hear(key=new, next=(sign_successor(new.public_key(), 1, HOST),)) == []
    assert robot.uplink.rejected == {"replayed": 1} and robot.uplink.host_kid == thumbprint(HOST.public_key())


def test_a_new_host_key_that_cannot_be_kept_is_said_and_its_receipt_not_used(robot: Robot) -> None:
    """A full card: the evidence stays unreceipted, the host says it again, and then it counts."""
    robot.uplink.pump()
    new = Ed25519PrivateKey.generate()
    taken = robot.folder / "host-key.json.new"
    taken.mkdir()
    assert robot.hear(key=new, next=(sign_successor(new.public_key(), 1, HOST),)) == []
    assert robot.journal.receipted == 0 and "can't be kept" in robot.said[-1]
    taken.rmdir()
    assert len(robot.hear(key=new, next=(sign_successor(new.public_key(), 1, HOST),))) == 1
    assert robot.journal.receipted == 3
