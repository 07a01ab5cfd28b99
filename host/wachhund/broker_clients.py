"""Who is connected to the broker, and what it refused to whom, from what nats-server says of it. No I/O.

Two sources. Its events (JSON, by the system account) say which connection belongs to which robot, and why it ended. Its
log says what was refused: a record begins with the connection's number, and that number was written by nats-server;
what comes after it may hold texts of the client, which can bend such a record, but only one about that client itself.
"""

import re
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, NamedTuple

from wachhund.fleet.credentials import robot_of_identity
from wachhund.fleet.held_off import HeldOff
from wachhund.fleet.refused import NOBODY, Rejections, plain
from wachhund_evidence import RejectedEvidence, strict_json

MAX_CLIENTS = 25_000  # above the broker's own limit of connections
MAX_PENDING = 4_096
_PENDING_SECONDS = 2.0  # for a connection's event, which comes by another way than its log lines, and its last lines
_GONE_SECONDS = 10.0  # a connection that ended is still known for so long: its last lines may come after its end
_CONNECTING = 8.0  # what one connection weighs: it costs the broker milliseconds, and an honest agent waits a second
_RECORD = re.compile(r"\[\d+\] [\d/]+ [\d:.]+ \[(ERR|WRN)\] (\S{1,64}) - [mc]id:(\d{1,18}) - (.*)", re.DOTALL)
_USER = re.compile(r'authentication error - User "((?:[^"\\]|\\.){1,128})"')
_SUBJECT = re.compile(r'Violation - Subject "((?:[^"\\]|\\.){0,120})')
# What of a robot's own doing ended its connection: NATS' words, and the reason that it is counted under.
_ENDED_FOR = {
    "Maximum Message Payload Exceeded": "broker-oversize",
    "Protocol Violation": "broker-protocol",
    "Parse Error": "broker-protocol",
}
_VIOLATIONS = (("Publish Violation - ", "broker-publish"), ("Subscription Violation - ", "broker-subscribe"))
_CLIENT_ID = r'(?:"(?:[^"\\]|\\.)*" - )?'  # quoted by nats-server, before what it says itself
# The broker asked its own store, on a disk that is slow or full, and got no answer: no fault of who came.
# Only where nats-server itself says so, right behind the quoted client id: a client could write it into a topic.
_STORE_FAILED = re.compile(
    _CLIENT_ID + r"unable to connect: ((?:(?:lookup|create) |loading session record: timeout).*)", re.DOTALL
)
# nats-server reads its accounts anew when a robot is added, and closes who is just on the way in, as if the login were
# wrong. A moment later that connection's own login gets through, and meets the closed door: it was not wrong.
_CLOSED_MEANWHILE = re.compile(_CLIENT_ID + r'Problem registering with account "[^"]*": connection closed', re.DOTALL)


class _Login(NamedTuple):
    since: float
    t: float
    robot: str
    sample: str


class _Client(NamedTuple):
    robot: str
    address: str
    gone: float | None = None


class _Pending(NamedTuple):
    since: float
    client: int
    reason: str
    sample: str


class Clients:
    """Safe to use from several threads. `client_id_of` gives the client id that belongs to a registered robot.

    `heard` counts in `rejections`; what a robot let in did itself weighs in `held_off` too.
    """

    def __init__(
        self,
        rejections: Rejections,
        held_off: HeldOff,
        client_id_of: Callable[[str], str | None],
        server: str | None = None,
    ) -> None:
        """`server`: whose events count, where those of several come; each counts its connections by itself."""
        self._server = server
        self._rejections, self._held_off, self._client_id_of = rejections, held_off, client_id_of
        self._lock = threading.Lock()
        self._clients: OrderedDict[int, _Client] = OrderedDict()
        self._pending: deque[_Pending] = deque()
        self._logins: OrderedDict[int, _Login] = OrderedDict()  # refused, unless it turns out that they were not

    def reset(self) -> None:
        """The broker ended: another one counts its connections from 1 again."""
        with self._lock:
            self._clients.clear()
            self._pending.clear()
            ripe = list(self._logins.values())
            self._logins.clear()
        self._count_logins(ripe)

    def connected(self, event: bytes, mono: float, t: float) -> None:
        """A connection was let in. One under a client id that is not the robot's own could throw another one off."""
        found = _client_of(event, self._server)
        if found is None:
            return
        number, robot, address, client_id, _ = found
        with self._lock:
            self._clients[number] = _Client(robot, address)
            while len(self._clients) > MAX_CLIENTS:
                self._clients.popitem(last=False)
        if client_id != self._client_id_of(robot):
            self._rejections.count(robot, "broker-client-id", f"not its own client id, from {address}", t)
            self._tell(robot, self._held_off.note_grave(robot, mono), "a client id that is not its own", t)
        else:
            self._tell(robot, self._held_off.note(robot, _CONNECTING, mono), "it connects again and again", t)

    def gone(self, event: bytes, mono: float, t: float) -> None:
        """A connection ended."""
        found = _client_of(event, self._server)
        if found is None:
            return
        number, robot, address, _, why = found
        with self._lock:
            self._clients[number] = _Client(robot, address, mono)
        if why in _ENDED_FOR:
            self._refused(robot, _ENDED_FOR[why], f"{why}, from {address}", mono, t)

    def heard(self, record: str, mono: float, t: float) -> bool:
        """A record of the broker's log. Returns whether it was about a client: such a one goes nowhere else."""
        found = _RECORD.match(record)
        if found is None:
            return False
        level, address, number, said = found[1], plain(found[2]), int(found[3]), found[4]
        if "TLS handshake error" in said:
            why = plain(said.rpartition("TLS handshake error:")[2].strip()[:160])
            self._rejections.count(NOBODY, "broker-tls", f"{why}, from {address}", t)
            return True
        if "unable to connect: authentication error" in said:
            return True  # a second record about the same
        if "authentication error" in said:
            self._login_refused(number, said, address, mono, t)
            return True
        if _CLOSED_MEANWHILE.fullmatch(said):
            with self._lock:
                self._logins.pop(number, None)
            return True
        store = _STORE_FAILED.match(said)
        if store is not None:
            self._rejections.count(NOBODY, "broker-store", f"{plain(store[1].strip()[:160])}, from {address}", t)
            return True
        if level != "ERR":
            return True
        reason = next((reason for words, reason in _VIOLATIONS if words in said), "")
        subject = _SUBJECT.search(said)
        what = f"subject {plain(subject[1])}, " if subject is not None else ""
        sample = what + f"from {address}" if reason else f"{plain(said[:120])}, from {address}"
        with self._lock:
            client = self._clients.get(number)
            if client is None:
                if len(self._pending) >= MAX_PENDING:
                    self._pending.popleft()
                self._pending.append(_Pending(mono, number, reason, sample))
        if client is not None and reason:
            self._refused(client.robot, reason, sample, mono, t)
        return True

    def _login_refused(self, number: int, said: str, address: str, mono: float, t: float) -> None:
        """The name is what somebody claims: it is counted with that robot, and weighs nothing against it."""
        user = _USER.search(said)
        claimed = robot_of_identity(user[1]) if user is not None else None
        known = claimed is not None and self._client_id_of(claimed) is not None
        name = f"as {plain(user[1])}, " if user is not None else ""
        login = _Login(mono, t, claimed if known and claimed else NOBODY, f"{name}from {address}")
        with self._lock:
            ripe = [self._logins.pop(number)] if number in self._logins else []
            self._logins[number] = login
            if len(self._logins) > MAX_PENDING:
                ripe.append(self._logins.popitem(last=False)[1])
        self._count_logins(ripe)

    def _count_logins(self, logins: list[_Login]) -> None:
        for login in logins:
            self._rejections.count(login.robot, "broker-login", login.sample, login.t)

    def settle(self, mono: float, t: float) -> None:
        """Count what waits, where its connection is known by now or never will be. To be called now and then.

        A connection that ended long ago is forgotten.
        """
        with self._lock:
            here = self._clients
            ripe = [one for one in self._pending if one.client in here or mono - one.since > _PENDING_SECONDS]
            kept = (one for one in self._pending if one.client not in here and mono - one.since <= _PENDING_SECONDS)
            self._pending = deque(kept)
            known = [(one, here.get(one.client)) for one in ripe]
            logins = [number for number, one in self._logins.items() if mono - one.since > _PENDING_SECONDS]
            refused = [self._logins.pop(number) for number in logins]
            ended = [(number, client.gone) for number, client in here.items() if client.gone is not None]
            for number, gone in ended:
                if mono - gone > _GONE_SECONDS:
                    del here[number]
        self._count_logins(refused)
        for one, client in known:
            if client is None:
                self._rejections.count(NOBODY, one.reason or "broker-protocol", one.sample, t)
            elif one.reason:
                self._refused(client.robot, one.reason, one.sample, mono, t)

    def _refused(self, robot: str, reason: str, sample: str, mono: float, t: float) -> None:
        self._rejections.count(robot, reason, sample, t)
        self._tell(robot, self._held_off.note(robot, 1.0, mono), "it went where it may not", t)

    def _tell(self, robot: str, pause: float | None, why: str, t: float) -> None:
        if pause is not None:
            self._rejections.count(robot, "held-off", f"for {pause:.0f} s: {why}", t)


def _client_of(event: bytes, server: str | None) -> tuple[int, str, str, str, str] | None:
    """Number, robot, address, client id and reason in an event of nats-server; None for one about no robot.

    None also for one of another server, if `server` says whose count.
    """
    try:
        found: Any = strict_json.parse_object(event)
        if server is not None and found["server"]["name"] != server:
            return None
        client = found["client"]
        number, user, address = client["id"], client["user"], client.get("host", "unknown")
        client_id, why = client.get("client_id", ""), found.get("reason", "")
    except (RejectedEvidence, KeyError, TypeError, AttributeError):
        return None
    if type(number) is not int or any(type(text) is not str for text in (user, address, client_id, why)):
        return None
    robot = robot_of_identity(user)
    return None if robot is None else (number, robot, plain(address), client_id, why)
