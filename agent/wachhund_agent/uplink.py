"""The uplink: publishes evidence over MQTT and takes receipts. Only a receipt counts; a PUBACK proves nothing.

It takes nothing else from the network: there are no commands. What waits for a receipt is bounded; the rest waits in
the journal. Tokens leave in their order, but for those that leave ahead of others when a modem's bytes are used up:
what is of interest, and now and then the newest, so that the host sees that the robot is there.
"""

import os
import random
import socket
import ssl
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any, Callable, Dict, FrozenSet, List, NamedTuple, Optional, Set, Tuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from wachhund_agent.allowance import Allowance
from wachhund_agent.config import Config, Limits
from wachhund_agent.journal import Journal, Stored
from wachhund_evidence import (
    MisuseError,
    ReceiptClaims,
    RejectedEvidence,
    pack_message,
    read_receipt,
    thumbprint,
    token_hash,
    unpack_message,
)

KEEPALIVE_S = 30
_RETRY_FIRST_S, _RETRY_LAST_S = 1.0, 60.0
_RECEIPTS_WAITING = 16  # the host sends one a second
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL 1.1.0; Python has no name for it


_NEWEST = 8  # tokens among which the newest small one is looked for


def tls_context(ca: Optional[str]) -> ssl.SSLContext:
    """Trusts only the host's own authority (PEM), checks the host's name, and no dates: this board has no clock.

    Raises MisuseError for a certificate that can't be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= _NO_CHECK_TIME
    try:
        context.load_verify_locations(cadata=ca)
    except (ssl.SSLError, ValueError, TypeError):
        raise MisuseError("ca: not a certificate: enrol anew") from None
    return context


def show_certificate(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Answer the broker, which asks who comes, with the certificate of the robot's key (files). Raises MisuseError."""
    try:
        context.load_cert_chain(str(certificate), str(key))
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise MisuseError("{}: missing, or not the certificate of {}: enrol anew".format(certificate, key)) from None


class _InFlight(NamedTuple):
    """`order`: how many were published before it. `ahead`: tokens before it are still held back."""

    stored: Stored
    sent: float
    wait_s: float
    order: int
    ahead: bool


class Held(NamedTuple):
    """What the host waits for because later tokens left before it: how many, and the first of their numbers."""

    tokens: int
    from_seq: Optional[int]


class Verdict(NamedTuple):
    """What a receipt changes beyond the journal: `nonce` to use from now on; `new_chain`: why one must begin."""

    nonce: Optional[str] = None
    receipt: Optional[str] = None
    new_chain: Optional[str] = None


class Uplink:
    """`pump` and `receipts` are called by one thread; paho's own thread only fills bounded boxes.

    `on_modem`, set from outside: bytes are paid for, and held to `Limits.modem_day_bytes`. `sent_bytes`: messages and
    their topic, as often as they were sent. `cut_s`: how long there was no connection before the present one.
    """

    def __init__(
        self,
        config: Config,
        journal: Journal,
        limits: Limits,
        ueid: str,
        say: Callable[[str], None],
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config, self._journal, self._limits, self._ueid, self._say, self._mono = (
            config, journal, limits, ueid, say, mono,
        )  # fmt: skip
        self._host_keys = {thumbprint(config.host_key): config.host_key}
        base = "wachhund/1/{}/".format(config.robot)
        self._evidence, self._receipt_topic, self._status = base + "evidence", base + "receipt", base + "status"
        self._lock = threading.Lock()
        self._waiting: "List[bytes]" = []
        self._connected = False
        self._in_flight: "OrderedDict[int, _InFlight]" = OrderedDict()
        self._sent: "OrderedDict[str, int]" = OrderedDict()  # token hash: how many were published before it
        self._published = self._pumped = 0
        # Numbers of this chain: all sent up to `cursor`; looked at for interest up to `looked`; `highest` ever sent;
        # `ahead` are those at the host beyond a hole, and `holes` says that there ever was one.
        self._cursor = self._looked = self._highest = 0
        self._ahead: Set[int] = set()
        self._holes = False
        self._next_cost = 0  # bytes of the first token for which there was no allowance
        self._allowance = Allowance(limits.modem_day_bytes, mono())
        self._fresh_sent = float("-inf")
        self._lost_at = mono()
        self.on_modem = False
        self.cut_s = 0.0
        self._said: Optional[str] = None
        self.rejected: Dict[str, int] = {}
        self.connections = 0
        self.sent_bytes = 0
        self._client = self._make_client()

    def start(self) -> None:
        """Connect in the background, and again whenever the connection is lost."""
        broker = self._config.broker
        try:
            self._client.connect_async(broker.path or broker.host, broker.port or 1, keepalive=KEEPALIVE_S)
        except ValueError as error:
            self._trouble(str(error))
            return
        self._client.loop_start()

    def stop(self) -> None:
        """Say goodbye and disconnect."""
        if self._connected:
            self._client.publish(self._status, b"offline", qos=1, retain=True)
        self._client.disconnect()
        self._client.loop_stop()

    def own_inodes(self) -> FrozenSet[int]:
        """The socket of our own connection, by which the senses know it."""
        sock = self._client.socket()
        if sock is None:
            return frozenset()
        try:
            return frozenset({os.fstat(sock.fileno()).st_ino})
        except (OSError, ValueError):
            return frozenset()

    def receipts(self) -> List[Verdict]:
        """Use the receipts that have come. Raises JournalError."""
        with self._lock:
            messages, self._waiting = self._waiting, []
        verdicts = []
        for message in messages:
            try:
                text = unpack_message(message)
                claims = read_receipt(text, self._host_keys, self._ueid)
                if claims.seen not in self._sent:
                    raise RejectedEvidence("replayed", "answers no token of this connection")
            except RejectedEvidence as error:
                self.rejected[error.reason] = self.rejected.get(error.reason, 0) + 1
                continue
            verdicts.append(self._use(claims, text))
        return verdicts

    def pump(self) -> int:
        """Publish what may leave now. Returns how many tokens went. Raises JournalError."""
        if not self._connected:
            return 0
        if self._pumped != self.connections:
            # Here and not when the connection comes: that is another thread, and may be in the middle of this one.
            self._pumped = self.connections
            self._rewind()
        now = self._mono()
        before = self._published
        self._resend(now)
        self._send_in_order(now)
        if self._journal.next_seq - 1 > max(self._cursor, self._journal.receipted):
            if self.on_modem:
                self._send_interest(now)
            if self.on_modem or self.held().tokens:
                self._send_newest(now)
        return self._published - before

    def held(self) -> Held:
        """What a modem's bytes do not suffice for, or did not while later tokens left. Unused numbers count too."""
        done = max(self._cursor, self._journal.receipted)
        if not self._next_cost and not (self._holes and done < self._highest):
            return Held(0, None)
        beyond = sum(1 for seq in self._ahead if seq > done) + sum(1 for seq in self._in_flight if seq > done)
        return Held(max(0, self._journal.next_seq - 1 - done - beyond), self._journal.receipted + 1)

    def _resend(self, now: float) -> None:
        for seq, flight in list(self._in_flight.items()):
            if now - flight.sent >= flight.wait_s and (flight.stored.of_interest or self._may(flight.stored, now)):
                wait = min(flight.wait_s * 2, self._limits.resend_last_s)
                self._in_flight[seq] = flight._replace(sent=now, wait_s=wait)
                self._publish(flight.stored, now)

    def _send_in_order(self, now: float) -> None:
        after = max(self._cursor, self._journal.receipted)
        tokens, size = self._room()
        if tokens <= 0 or size <= 0 or self._journal.next_seq - 1 <= after:
            return
        if self.on_modem and not self._allowance.allows(self._next_cost, now):
            self._next_cost = max(self._next_cost, 1)
            return  # the journal need not be read for that
        self._next_cost = 0
        for stored in self._journal.pending(after, tokens, size):
            if stored.seq not in self._ahead and stored.seq not in self._in_flight:
                if not self._may(stored, now):
                    self._next_cost = self._cost(stored)
                    return
                self._send(stored, now, ahead=False)
            self._cursor = stored.seq
        self._holes = self._holes and self._cursor < self._highest

    def _send_interest(self, now: float) -> None:
        """What is of interest does not wait for the bytes of what is not."""
        after = max(self._looked, self._cursor, self._journal.receipted)
        tokens, size = self._room()
        if tokens <= 0 or size <= 0 or self._journal.next_seq - 1 <= after:
            return
        for stored in self._journal.pending(after, tokens, size):
            self._looked = stored.seq
            if stored.of_interest:
                self._send_ahead(stored, now)

    def _send_newest(self, now: float) -> None:
        """So that the host knows that the robot is there: a fresh token, a small one where there is a choice."""
        last = self._journal.next_seq - 1
        if now - self._fresh_sent < self._limits.modem_alive_s or last <= self._highest or self._room()[0] <= 0:
            return
        newest = self._journal.pending(max(self._highest, last - _NEWEST), _NEWEST, self._limits.in_flight_bytes)
        small = [stored for stored in newest if len(stored.token) <= self._limits.modem_alive_bytes]
        for stored in (small or newest)[-1:]:
            self._send_ahead(stored, now)

    def _send_ahead(self, stored: Stored, now: float) -> None:
        if stored.seq not in self._ahead and stored.seq not in self._in_flight:
            self._holes = True
            self._send(stored, now, ahead=True)

    def _send(self, stored: Stored, now: float, ahead: bool) -> None:
        self._in_flight[stored.seq] = _InFlight(stored, now, self._limits.resend_first_s, self._published, ahead)
        if stored.seq > self._highest:
            self._highest, self._fresh_sent = stored.seq, now
        self._publish(stored, now)

    def _room(self) -> Tuple[int, int]:
        """How many tokens, and bytes of them, may go on their way beside those that wait for a receipt."""
        flying = sum(len(flight.stored.token) for flight in self._in_flight.values())
        return self._limits.in_flight_tokens - len(self._in_flight), self._limits.in_flight_bytes - flying

    def _cost(self, stored: Stored) -> int:
        return len(pack_message(stored.token)) + len(self._evidence)

    def _may(self, stored: Stored, now: float) -> bool:
        return not self.on_modem or self._allowance.allows(self._cost(stored), now)

    def _rewind(self) -> None:
        """Everything that no receipt covers goes again."""
        self._in_flight.clear()
        self._cursor = self._looked = self._next_cost = 0

    @property
    def connected(self) -> bool:
        return self._connected

    def forget_flight(self) -> None:
        """A new chain began: nothing of the old one waits any more."""
        self._rewind()
        self._ahead.clear()
        self._highest, self._holes = 0, False

    def _use(self, claims: ReceiptClaims, text: str) -> Verdict:
        """protocol.md, Receipt: what the robot does with one that it believes."""
        if claims.chain != self._journal.chain:
            return Verdict(nonce=claims.nonce)
        if claims.seq >= self._journal.next_seq:
            return Verdict(claims.nonce, text, "the host holds more of this chain than the journal: it was rolled back")
        if claims.seq > self._journal.receipted or claims.seq == 0:
            ours = self._journal.hash_at(claims.seq)
            if ours != claims.head:
                return Verdict(claims.nonce, text, "the host holds another token under this number: it was copied")
        # A number that went back: the host was restored, and is told again what we still hold.
        went_back = claims.seq < self._journal.receipted
        self._journal.set_receipted(claims.seq)
        if went_back:
            self.forget_flight()
        self._note_ahead(claims)
        for seq in [seq for seq in self._in_flight if seq <= claims.seq]:
            del self._in_flight[seq]
        return Verdict(nonce=claims.nonce, receipt=text)

    def _note_ahead(self, claims: ReceiptClaims) -> None:
        """What is at the host beyond a hole: the token that the receipt answers, and what left before it.

        A connection keeps the order, and the host takes what comes unless it is over its quota. If it was, the receipts
        stop right before that token: then it is sent again.
        """
        answered = self._sent.get(claims.seen, -1)
        for seq, flight in list(self._in_flight.items()):
            if flight.ahead and flight.order <= answered:
                del self._in_flight[seq]
                self._ahead.add(seq)
        if claims.seq + 1 in self._ahead:
            self._ahead.discard(claims.seq + 1)
            self._cursor, self._looked = min(self._cursor, claims.seq), min(self._looked, claims.seq)
        self._ahead = {seq for seq in self._ahead if seq > claims.seq}
        if len(self._ahead) > self._limits.ahead_tokens:
            self._ahead = set(sorted(self._ahead)[-self._limits.ahead_tokens :])

    def _publish(self, stored: Stored, now: float) -> None:
        # Sent again, it keeps its place in the order: the answer may be to the first time.
        self._sent.setdefault(token_hash(stored.token), self._published)
        if len(self._sent) > self._limits.sent_hashes:
            self._sent.popitem(last=False)
        self._published += 1
        message = pack_message(stored.token)
        size = len(message) + len(self._evidence)
        self.sent_bytes += size
        if self.on_modem:
            self._allowance.charge(size, now)
        self._client.publish(self._evidence, message, qos=1)

    def _make_client(self) -> mqtt.Client:
        config = self._config
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=config.client_id,
            clean_session=True,
            transport="unix" if config.broker.path else "tcp",
        )
        if config.broker.tls:
            context = tls_context(config.ca)
            if config.certificate is not None:
                show_certificate(context, config.certificate, config.key)
            client.tls_set_context(context)
        client.username_pw_set(config.username, config.password)
        client.will_set(self._status, b"offline", qos=1, retain=True)
        client.max_inflight_messages_set(self._limits.in_flight_tokens)
        client.max_queued_messages_set(4 * self._limits.in_flight_tokens)
        # Jitter: a hundred robots must not come back in the same second.
        client.reconnect_delay_set(_RETRY_FIRST_S + random.random(), _RETRY_LAST_S * random.uniform(0.5, 1.0))  # type: ignore[arg-type]  # noqa: S311
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _on_connect(
        self,
        client: mqtt.Client,
        _: Any,
        flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        properties: Optional[Properties],
    ) -> None:
        if reason.is_failure:
            self._trouble("refused: {}".format(reason))
            return
        sock = client.socket()
        if isinstance(sock, socket.socket) and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.subscribe(self._receipt_topic, qos=1)
        client.publish(self._status, b"online", qos=1, retain=True)
        self._said = None
        self._sent.clear()
        self.cut_s = self._mono() - self._lost_at
        self.connections += 1
        self._connected = True

    def _on_connect_fail(self, client: mqtt.Client, _: Any) -> None:
        self._trouble("not reachable")

    def _on_disconnect(
        self, client: mqtt.Client, _: Any, flags: Any, reason: ReasonCode, properties: Optional[Properties]
    ) -> None:
        if self._connected:
            self._lost_at = self._mono()
        self._connected = False
        if reason.is_failure:
            self._trouble("connection lost")

    def _on_message(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        with self._lock:
            if len(self._waiting) < _RECEIPTS_WAITING:
                self._waiting.append(bytes(message.payload))

    def _trouble(self, what: str) -> None:
        """One line for each new trouble, not one for each try."""
        broker = self._config.broker
        where = broker.path or "{}:{}".format(broker.host, broker.port)
        line = "broker {}: {}: observing goes on, evidence waits in the journal".format(where, what)
        if line != self._said:
            self._said = line
            self._say(line)
