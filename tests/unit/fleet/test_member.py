"""A robot of the fleet keeps what has no receipt, as an agent does."""

import time

from tests.fleet.member import Member, Waiting
from tests.fleet.plan import wrong_clock
from tests.fleet.registering import key_of
from wachhund_agent.config import Limits
from wachhund_evidence import (
    Observation,
    ReceiptClaims,
    make_nonce,
    pack_message,
    read_evidence,
    sign_receipt,
    thumbprint,
    unpack_message,
)

HOST = key_of("host", 0)
HOST_KEYS = {thumbprint(HOST.public_key()): HOST.public_key()}


class Carried:
    """What left by it."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def publish(self, message: bytes) -> None:
        self.messages.append(message)


def _member(receipted: list[int], bound: int = 100) -> Member:
    def noted(one: Waiting) -> None:
        receipted.append(one.seq)

    return Member(key_of("1", 0), make_nonce(b"s" * 32, "", 0), time.time, HOST_KEYS, bound, 0, noted)


def _receipt(member: Member, seq: int, held: tuple[tuple[int, int], ...] = (), head: str | None = None) -> bytes:
    robot = member.robot
    shown = head or (member.journal[seq].hash if seq in member.journal else robot.prev)
    nonce = make_nonce(b"s" * 32, robot.ueid, 1_000_000)
    claims = ReceiptClaims(robot.ueid, robot.chain, seq, shown, held, robot.prev, nonce, 1)
    return pack_message(sign_receipt(claims, HOST))


def _numbers(member: Member, carried: Carried) -> list[int]:
    key = {member.robot.kid: member.robot.key.public_key()}
    return [read_evidence(unpack_message(one), key, member.robot.ueid).seq for one in carried.messages]


def test_keys_come_from_the_seed_and_the_number() -> None:
    def raw(seed: str, number: int) -> bytes:
        return key_of(seed, number).private_bytes_raw()

    assert raw("1", 7) == raw("1", 7)
    assert len({raw("1", 7), raw("1", 8), raw("2", 7)}) == 3


def test_what_a_receipt_covers_leaves_the_journal_and_the_rest_goes_again_after_a_cut() -> None:
    receipted: list[int] = []
    member, before, after = _member(receipted), Carried(), Carried()
    member.connected(before, time.time())
    for _ in range(6):
        member.tell(member.heartbeat(), 0)
    assert member.heard(_receipt(member, 2, held=((4, 5),))) is None
    assert receipted == [1, 2, 4, 5]
    member.disconnected()
    member.tell(member.heartbeat(), 0)
    member.connected(after, time.time())
    assert (_numbers(member, before), _numbers(member, after)) == ([1, 2, 3, 4, 5, 6], [3, 6, 7])


def test_no_more_leave_without_a_receipt_than_an_agents_window_holds() -> None:
    receipted: list[int] = []
    member, carried = _member(receipted), Carried()
    for _ in range(40):
        member.tell(member.heartbeat(), 0)
    member.connected(carried, time.time())
    assert len(carried.messages) == Limits().in_flight_tokens
    member.heard(_receipt(member, 10))
    assert _numbers(member, carried) == list(range(1, 41))


def test_a_full_journal_holds_the_robot_back_and_breaks_no_chain() -> None:
    receipted: list[int] = []
    member, carried = _member(receipted, bound=3), Carried()
    made = [member.tell(member.heartbeat(), 0) for _ in range(5)]
    assert [one is not None for one in made] == [True, True, True, False, False]
    assert (member.held_back, member.robot.seq) == (2, 3)
    member.connected(carried, time.time())
    member.heard(_receipt(member, 3))
    assert member.tell(member.heartbeat(), 0) is not None


def test_a_token_without_a_receipt_is_sent_again_when_the_agents_time_is_over() -> None:
    member, carried = _member([]), Carried()
    member.connected(carried, time.time())
    member.tell(member.heartbeat(), 0)
    now = time.monotonic()
    member.again(now + Limits().resend_first_s - 1.0)
    assert len(carried.messages) == 1
    member.again(now + Limits().resend_first_s + 1.0)
    assert _numbers(member, carried) == [1, 1]


def test_a_receipt_that_cannot_be_is_named() -> None:
    member = _member([])
    member.connected(Carried(), time.time())
    for _ in range(3):
        member.tell(member.heartbeat(), 0)
    assert member.heard(b"no receipt") == "token"
    assert member.heard(_receipt(member, 9)) == "holds more than was made"
    assert member.heard(_receipt(member, 2, head=member.journal[3].hash)) == "another head"
    assert len(member.journal) == 3


def test_seconds_since_boot_go_right_whatever_the_clock_shows() -> None:
    now = time.time()
    for kind in ("behind", "ahead", "1970", "jumping"):
        assert abs(wrong_clock(kind, "1", 5, now) - now) > 86_400.0
    jumps = {wrong_clock("jumping", "1", 5, now + 20 * step) // 86_400 for step in range(5)}
    assert len(jumps) == 5
    member = _member([])
    first = member.robot.mono
    member.robot.clock = lambda: wrong_clock("jumping", "1", 5, time.time())
    assert 0.0 <= member.robot.mono - first < 5.0
    assert isinstance(member.as_if_now([Observation("heartbeat", 0.0, 0.0, "agent", {})])[0].t, float)
