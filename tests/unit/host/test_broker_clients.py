"""What nats-server says of its clients, and whom that is counted against. The real one plays in the system tests."""

import json

import pytest

from wachhund import broker_clients
from wachhund.broker_clients import Clients
from wachhund.fleet.held_off import HeldOff, Patience
from wachhund.fleet.refused import Rejections

ROBOT, OTHER = "aaaaaaaaaa", "bbbbbbbbbb"
OWN = {ROBOT: "id-of-a", OTHER: "id-of-b"}
HEAD = "[7] 2026/01/02 03:04:05.678901 [ERR] 192.0.2.1:4711 - mid:{} - "
PUBLISHED = HEAD + '"id-of-a" - Publish Violation - Subject "x.y"'


class Desk:
    """Clients with all around it, and a clock that the test sets."""

    def __init__(self) -> None:
        self.rejections, self.held_off = Rejections(), HeldOff(Patience())
        self.clients = Clients(self.rejections, self.held_off, OWN.get)
        self.now = 100.0

    def event(self, number: int, user: str = ROBOT, client_id: str | None = None, reason: str = "") -> bytes:
        own = OWN.get(user[-10:], "") if client_id is None else client_id
        client = {"id": number, "user": user, "host": "192.0.2.1", "client_id": own}
        return json.dumps({"client": client, "reason": reason}).encode()

    def connected(self, number: int, user: str = ROBOT, client_id: str | None = None) -> None:
        self.clients.connected(self.event(number, user, client_id), self.now, self.now)

    def gone(self, number: int, reason: str = "Client Closed") -> None:
        self.clients.gone(self.event(number, reason=reason), self.now, self.now)

    def heard(self, record: str) -> bool:
        return self.clients.heard(record, self.now, self.now)

    def counted(self) -> dict[tuple[str, str], int]:
        self.clients.settle(self.now, self.now)
        return {(one.robot, one.reason): one.count for one in self.rejections.take()}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_violation_is_counted_against_the_robot_whose_connection_it_was(desk: Desk) -> None:
    """The record names a connection, an event says whose that is."""
    desk.connected(5)
    desk.connected(6, OTHER)
    assert desk.heard(PUBLISHED.format(5))
    assert desk.heard(HEAD.format(6) + '"id-of-b" - Subscription Violation - Subject ">", SID >')
    assert desk.counted() == {(ROBOT, "broker-publish"): 1, (OTHER, "broker-subscribe"): 1}


def test_a_violation_that_is_heard_before_its_connection_waits_for_it(desk: Desk) -> None:
    """Records and events come by different ways."""
    desk.heard(PUBLISHED.format(5))
    assert desk.counted() == {}
    desk.connected(5)
    desk.gone(5)
    assert desk.counted() == {(ROBOT, "broker-publish"): 1}


def test_what_nobody_was_let_in_for_is_nobodys(desk: Desk) -> None:
    """A stranger's rubbish; after two seconds no event comes any more."""
    desk.heard(HEAD.format(9) + "the first packet should be a CONNECT (16), got 224")
    desk.now += 1.0
    assert desk.counted() == {}
    desk.now += 1.1
    assert desk.counted() == {("", "broker-protocol"): 1}


@pytest.mark.parametrize("what", ['lookup retained messages stream for account "ROBOTS"', "loading session record"])
def test_who_was_turned_away_because_the_brokers_store_was_slow_is_not_blamed(desk: Desk, what: str) -> None:
    """Counted, so that somebody looks at the disk, but against no robot."""
    why = f"unable to connect: {what}: timeout after 5.00"
    desk.heard(HEAD.format(9) + f'"771ecde6cdde071b074e0459" - {why}')
    assert desk.counted() == {("", "broker-store"): 1}


@pytest.mark.parametrize("said", ["unable to connect: lookup ", '" - unable to connect: create '])
def test_a_robot_that_writes_so_into_a_topic_is_not_excused(desk: Desk, said: str) -> None:
    """Its subject stands in the record: what it does elsewhere is still counted against it."""
    desk.connected(5)
    desk.heard(HEAD.format(5) + f'"its id" - Publish Violation - Subject "wachhund.{said}x"')
    assert desk.counted() == {(ROBOT, "broker-publish"): 1}


def test_the_last_words_of_a_connection_are_still_its_robots(desk: Desk) -> None:
    """A last will is published, and refused, when the connection is gone."""
    desk.connected(5)
    desk.gone(5)
    desk.now += 5.0
    assert desk.counted() == {}
    desk.heard(PUBLISHED.format(5))
    assert desk.counted() == {(ROBOT, "broker-publish"): 1}
    desk.now += 11.0
    desk.counted()
    desk.heard(PUBLISHED.format(5))
    desk.now += 3.0
    assert desk.counted() == {("", "broker-publish"): 1}, "long gone, its number is nobody's"


@pytest.mark.parametrize(
    ("reason", "counted"),
    [
        ("Maximum Message Payload Exceeded", "broker-oversize"),
        ("Protocol Violation", "broker-protocol"),
        ("Client Closed", None),
        ("Duplicate Client ID", None),
        ("Slow Consumer (Pending Bytes)", None),
    ],
)
def test_why_a_connection_ended_counts_where_it_was_the_robots_doing(
    desk: Desk, reason: str, counted: str | None
) -> None:
    """Who was thrown off, or slept, did nothing wrong."""
    desk.connected(5)
    desk.gone(5, reason)
    assert desk.counted() == ({(ROBOT, counted): 1} if counted else {})


def test_a_wrong_password_is_told_under_the_claimed_name_and_holds_nobody_off(desk: Desk) -> None:
    """Anybody can claim a name."""
    for _ in range(1000):
        desk.heard(HEAD.format(5) + f'"x" - authentication error - User "{ROBOT}"')
        desk.heard(HEAD.format(5) + '"x" - unable to connect: authentication error')
    desk.heard(HEAD.format(6) + '"x" - authentication error - User "urn:wachhund:robot:bbbbbbbbbb:' + "k" * 43 + '"')
    desk.heard(HEAD.format(7) + '"x" - authentication error - User "cccccccccc"')
    desk.heard(HEAD.format(8) + '"x" - authentication error - User "\\x1b[2J\\"; DROP"')
    desk.heard(HEAD.format(9) + "authentication error")
    desk.now += 2.1
    assert desk.counted() == {(ROBOT, "broker-login"): 1000, (OTHER, "broker-login"): 1, ("", "broker-login"): 3}
    assert desk.held_off.held(desk.now) == set()


CLOSED = '"x" - Problem registering with account "ROBOTS": connection closed'


def test_who_was_on_the_way_in_when_the_accounts_were_read_anew_is_not_blamed(desk: Desk) -> None:
    """nats-server says "authentication error" of a right password then; the connection's own last word tells."""
    desk.heard(HEAD.format(5) + f'"x" - authentication error - User "{ROBOT}"')
    desk.heard(HEAD.format(6) + f'"x" - authentication error - User "{ROBOT}"')
    desk.now += 0.5
    assert desk.heard(HEAD.format(5) + CLOSED)
    desk.now += 2.1
    assert desk.counted() == {(ROBOT, "broker-login"): 1}, "6 was wrong"


def test_whoever_writes_those_words_into_his_name_is_counted_all_the_same(desk: Desk) -> None:
    """He is asked for a name and a client id, and both stand in quotes."""
    desk.heard(HEAD.format(5) + '"x" - authentication error - User "{}"'.format(CLOSED.replace('"', '\\"')))
    desk.heard(HEAD.format(6) + '"{}" - authentication error'.format(CLOSED.replace('"', '\\"')))
    desk.now += 2.1
    assert desk.counted() == {("", "broker-login"): 2}


def test_a_foreign_client_id_is_too_much_at_once_and_so_are_connections_without_end(desk: Desk) -> None:
    """The one throws another robot off, the other costs the broker milliseconds each."""
    desk.connected(5, client_id="id-of-b")
    assert desk.held_off.held(desk.now) == {ROBOT}
    for number in range(40):
        desk.connected(10 + number, OTHER)
    assert desk.held_off.held(desk.now) == {ROBOT, OTHER}
    assert desk.counted() == {(ROBOT, "broker-client-id"): 1, (ROBOT, "held-off"): 1, (OTHER, "held-off"): 1}


def test_an_honest_robot_on_a_bad_link_is_not_held_off(desk: Desk) -> None:
    """It comes back once a second, for an hour."""
    for number in range(3600):
        desk.connected(number)
        desk.gone(number)
        desk.now += 1.0
    assert desk.counted() == {} and desk.held_off.held(desk.now) == set()


@pytest.mark.parametrize(
    "said",
    [
        # As it is when a client id holds formatting verbs: the subject is printed in its place.
        '"idx.y%!q(MISSING)" - Publish Violation - Subject %!q(MISSING)',
        '"a\\"b" - Publish Violation - Subject "' + "y" * 4000,
        '"id-of-a" - Publish Violation - Subject "x"\n' + PUBLISHED.format(6),
    ],
)
def test_what_a_client_writes_into_a_record_accuses_nobody_but_itself(desk: Desk, said: str) -> None:
    """Line breaks, quotes, verbs: the number at the record's beginning is the broker's."""
    desk.connected(5)
    desk.connected(6, OTHER)
    desk.heard(HEAD.format(5) + said)
    assert desk.counted() == {(ROBOT, "broker-publish"): 1}


def test_a_record_within_a_strangers_certificate_is_none(desk: Desk) -> None:
    """nats-server logs the names in it with their line breaks."""
    desk.connected(5)
    name = "\n".join(PUBLISHED.format(number) for number in range(10))
    desk.heard(HEAD.format(9) + f"TLS handshake error: x509: certificate signed by unknown authority (O={name})")
    desk.now += 3.0
    (told,) = desk.rejections.take()
    assert (told.robot, told.reason, told.count) == ("", "broker-tls", 1)
    assert told.sample.isprintable() and told.sample.isascii()


@pytest.mark.parametrize(
    "record",
    [
        "",
        "[7] 2026/01/02 03:04:05.678901 [INF] Server is ready",
        "[7] 2026/01/02 03:04:05.678901 [ERR] JetStream out of space",
        "panic: runtime error",
        PUBLISHED.format(5)[4:],
    ],
)
def test_what_is_about_no_client_is_left_to_the_log(desk: Desk, record: str) -> None:
    """For people: why the broker does not start, that its disk is full."""
    assert not desk.heard(record)
    assert desk.counted() == {}


@pytest.mark.parametrize(
    "event",
    [
        b"", b"{}", b"[]", b"\xff", b'{"client":5}', b'{"client":{"id":"5","user":"aaaaaaaaaa"}}',
        b'{"client":{"id":5,"user":7}}', b'{"client":{"id":true,"user":"aaaaaaaaaa"}}',
        b'{"client":{"id":5,"user":"pulse","client_id":"x"}}',
    ],
)  # fmt: skip
def test_an_event_of_another_form_changes_nothing(desk: Desk, event: bytes) -> None:
    """A later nats-server may say something else."""
    desk.clients.connected(event, 1.0, 1.0)
    desk.clients.gone(event, 1.0, 1.0)
    assert desk.counted() == {} and desk.held_off.held(1.0) == set()


def test_what_waits_and_who_is_known_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's flood fills no memory."""
    monkeypatch.setattr(broker_clients, "MAX_PENDING", 10)
    monkeypatch.setattr(broker_clients, "MAX_CLIENTS", 10)
    for number in range(1000):
        desk.heard(HEAD.format(number) + "rubbish")
        desk.heard(HEAD.format(number) + "authentication error")
        desk.connected(5000 + number, OTHER)
    assert len(desk.clients._pending) <= 10 and len(desk.clients._clients) <= 10
    assert len(desk.clients._logins) <= 10 and desk.counted()["", "broker-login"] == 990
    desk.clients.reset()
    assert desk.counted() == {("", "broker-login"): 10}, "nothing that was refused is forgotten"
    desk.now += 3.0
    assert ("", "broker-protocol") not in desk.counted(), "a broker that was started anew counts from 1 again"
