"""Over a modem whose bytes are used up: what is of interest leaves, the newest now and then, and nothing is lost.

No network: the uplink is told that it is connected, and a host that we play takes what it publishes.
"""

import pathlib
import types
from typing import Any, Iterator, List, Tuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.unit.agent.played_host import PlayedHost
from wachhund_agent.config import Broker, Config, Limits
from wachhund_agent.delivery import Held
from wachhund_agent.host_key import HostKey
from wachhund_agent.journal import Journal
from wachhund_agent.mqtt_wire import MqttWire
from wachhund_agent.uplink import Uplink
from wachhund_evidence import (
    ReceiptClaims,
    make_nonce,
    pack_message,
    sign_receipt,
    ueid_of,
    unpack_message,
)

HOST = Ed25519PrivateKey.generate()
UEID = ueid_of(Ed25519PrivateKey.generate().public_key())
NONCE = make_nonce(b"s" * 32, UEID, 5)
LIMITS = Limits(modem_day_bytes=5000)  # a bucket of 1,000 bytes; 1 byte in 21 s


class Robot:
    """A journal, an uplink over a modem, a clock that the test moves, and the host's side of it."""

    def __init__(self, folder: pathlib.Path, limits: Limits) -> None:
        self.now = 100.0
        self.journal = Journal(folder / "journal", limits)
        brokers = (Broker("127.0.0.1", 1),)
        config = Config("abcdefghi7", brokers, "c", "u", "p", HOST.public_key(), NONCE, folder, folder)
        wire = MqttWire(config, limits, lambda line: None, mono=lambda: self.now)
        self.uplink = Uplink(HostKey(config, print), self.journal, limits, UEID, wire, mono=lambda: self.now)
        self.uplink.over_modem(True)
        self.host = PlayedHost()
        self._client = wire._client
        self._client.publish = self._publish  # type: ignore[assignment]  # the wire
        self._fresh: List[Tuple[int, str]] = []
        self.connect()

    def connect(self) -> None:
        accepted: Any = types.SimpleNamespace(is_failure=False)
        self._client.on_connect(self._client, None, accepted, accepted, None)  # type: ignore[misc]
        assert self.uplink.has_new_connection()

    def _publish(self, topic: str, payload: Any = None, qos: int = 0, retain: bool = False) -> None:
        if topic.endswith("/evidence"):
            text = unpack_message(payload)
            self._fresh.append((int(text.split(".")[1]), text))

    def make(self, of_interest: bool, size: int = 120) -> int:
        """One token. Returns its number."""
        seq = self.journal.next_seq
        # Not to be compressed: its size is what is paid for.
        noise = "".join(chr(97 + (seq * 7919 + place * place * 31 + place // 3) % 26) for place in range(size))
        self.journal.append("t.{}.{}".format(seq, noise), of_interest, 1)
        return seq

    def pump(self) -> List[int]:
        """What left. The host takes and receipts it."""
        self.uplink.pump()
        fresh, self._fresh = self._fresh, []
        for seq, text in fresh:
            self.host.take(seq, text)
        if any(seq not in self.host.refuses for seq, _ in fresh):
            self._receipt()
        return [seq for seq, _ in fresh]

    def _receipt(self) -> None:
        host = self.host
        claims = ReceiptClaims(
            UEID, self.journal.chain, host.whole, host.head, tuple(host.held), host.seen or "", NONCE, 1
        )
        message = types.SimpleNamespace(payload=pack_message(sign_receipt(claims, HOST)))
        self._client.on_message(self._client, None, message)  # type: ignore[misc, arg-type]
        assert [verdict.new_chain for verdict in self.uplink.receipts()] == [None]

    def use_up(self) -> int:
        """Calm tokens until one stays. Returns its number."""
        while True:
            seq = self.make(of_interest=False)
            if seq not in self.pump():
                return seq


@pytest.fixture
def robot(tmp_path: pathlib.Path) -> Iterator[Robot]:
    made = Robot(tmp_path, LIMITS)
    yield made
    made.journal.close()


def test_when_the_bytes_are_used_up_only_what_is_of_interest_leaves_at_once(robot: Robot) -> None:
    stayed = robot.use_up()
    assert robot.uplink.sent_bytes <= 1000
    assert robot.pump() == []
    alarm = robot.make(of_interest=True)
    assert robot.pump() == [alarm] and robot.pump() == []
    assert robot.uplink.held() == Held(1, stayed)


def test_now_and_then_the_newest_leaves_so_that_the_host_sees_the_robot(robot: Robot) -> None:
    """Never 60 s without a fresh token: at 60 s the host says "late"."""
    robot.use_up()
    left: List[Tuple[float, int]] = []
    fresh = robot.now
    for step in range(1, 1200):
        robot.now += 1
        if step % 20 == 0:
            robot.make(of_interest=False)
        sent = robot.pump()
        if robot.journal.next_seq - 1 in sent:
            assert robot.now - fresh < 60
            fresh = robot.now
        left += [(robot.now, seq) for seq in sent]
    assert len(left) <= 1200 / 40 + 1
    assert [seq for _, seq in left] == sorted({seq for _, seq in left}), "none twice"
    assert robot.uplink.held().tokens > 20


def test_of_the_newest_a_small_one_is_chosen(robot: Robot) -> None:
    robot.use_up()
    small = robot.make(of_interest=False)
    robot.make(of_interest=False, size=8000)
    robot.now += LIMITS.modem_alive_s
    assert robot.pump() == [small]


def test_nothing_is_lost_what_waited_leaves_when_the_modem_is_not_needed(robot: Robot) -> None:
    robot.use_up()
    for number in range(300):
        robot.make(of_interest=number % 10 == 0)
        robot.now += 20
        robot.pump()
    assert robot.uplink.held().tokens > 100
    robot.uplink.over_modem(False)
    sent: List[int] = []
    for _ in range(30):
        sent += robot.pump()
    assert sorted(robot.host.tokens) == list(range(1, robot.journal.next_seq))
    assert robot.journal.receipted == robot.journal.next_seq - 1
    assert len(sent) == len(set(sent)) and robot.uplink.held() == Held(0, None)


def test_bytes_that_trickle_in_go_to_the_newest_and_what_is_left_of_them_to_the_oldest(robot: Robot) -> None:
    stayed = robot.use_up()
    robot.now += 86_400
    newest = [robot.make(of_interest=False) for _ in range(30)]
    before = robot.uplink.sent_bytes
    sent = robot.pump()
    assert sent[: LIMITS.fresh_tokens] == newest[::-1][: LIMITS.fresh_tokens] and sent[LIMITS.fresh_tokens] == stayed
    assert robot.uplink.sent_bytes - before <= 1000, "no more than the bucket holds"


def test_what_is_older_does_not_take_the_bytes_that_something_newer_waits_for(tmp_path: pathlib.Path) -> None:
    """A large token would never leave if smaller ones drained the bucket before it is full enough."""
    robot = Robot(tmp_path, Limits(modem_day_bytes=5000, modem_alive_s=1e9))
    stayed = robot.use_up()
    large = robot.make(of_interest=False, size=700)
    sent: List[int] = []
    while not sent:
        robot.now += 21
        sent = robot.pump()
    assert sent == [large] and stayed not in robot.host.tokens
    robot.journal.close()


def test_what_the_host_has_beyond_a_hole_is_not_sent_again_over_the_modem(robot: Robot) -> None:
    """Neither because its receipt cannot cover it, nor after a new connection: modems lose theirs all day."""
    robot.use_up()
    alarms = [robot.make(of_interest=True) for _ in range(100)]
    sent: List[int] = []
    for _ in range(10):
        sent += robot.pump()
    assert sorted(sent) == alarms, "32 may wait for a receipt, and these do not wait for the hole"
    for _ in range(20):
        robot.now += 10
        robot.connect()
        assert [seq for seq in robot.pump() if seq in alarms] == []


def test_alarms_with_holes_between_them_are_not_sent_again_either(robot: Robot) -> None:
    """A receipt names 16 ranges; there are more of them here, and each was named once."""
    robot.use_up()
    alarms: List[int] = []
    for _ in range(60):
        robot.make(of_interest=False)
        alarms.append(robot.make(of_interest=True))
        robot.pump()
    assert set(alarms) <= set(robot.host.tokens)
    for _ in range(5):
        robot.now += 10
        robot.connect()
        assert [seq for seq in robot.pump() if seq in alarms] == []


def test_what_the_host_did_not_take_is_sent_again(robot: Robot) -> None:
    """A host may refuse what is over a quota, and take what comes after it."""
    robot.use_up()
    refused, taken = robot.make(of_interest=True), robot.make(of_interest=True)
    robot.host.refuses = {refused}
    assert sorted(robot.pump()) == [refused, taken]
    robot.host.refuses = set()
    robot.now += LIMITS.resend_first_s
    assert refused in robot.pump() and refused in robot.host.tokens


def test_a_new_connection_over_a_modem_does_not_get_a_new_bucket(robot: Robot) -> None:
    robot.use_up()
    before = robot.uplink.sent_bytes
    robot.connect()
    for _ in range(10):
        robot.pump()
    assert robot.uplink.sent_bytes - before < 300


def test_without_a_modem_nothing_is_counted_or_held_back(robot: Robot) -> None:
    robot.uplink.over_modem(False)
    numbers = [robot.make(of_interest=False) for _ in range(200)]
    sent: List[int] = []
    for _ in range(10):
        sent += robot.pump()
    assert sorted(sent) == numbers and robot.uplink.held() == Held(0, None)
