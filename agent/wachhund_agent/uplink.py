"""The uplink: publishes evidence over MQTT and takes receipts. Only a receipt counts; a PUBACK proves nothing.

It takes nothing else from the network: there are no commands. What waits for a receipt is bounded; the rest waits in
the journal.
"""

import os
import random
import socket
import threading
import time
from collections import OrderedDict
from typing import Any, Callable, Dict, FrozenSet, List, NamedTuple, Optional

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from wachhund_agent.config import Config, Limits
from wachhund_agent.journal import Journal
from wachhund_evidence import (
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


class _InFlight(NamedTuple):
    token: str
    sent: float
    wait_s: float


class Verdict(NamedTuple):
    """What a receipt changes beyond the journal: `nonce` to use from now on; `new_chain`: why one must begin."""

    nonce: Optional[str] = None
    receipt: Optional[str] = None
    new_chain: Optional[str] = None


class Uplink:
    """`pump` and `receipts` are called by one thread; paho's own thread only fills bounded boxes."""

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
        self._sent: "OrderedDict[str, None]" = OrderedDict()
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
        now = self._mono()
        sent = 0
        for seq, flight in list(self._in_flight.items()):
            if now - flight.sent >= flight.wait_s:
                wait = min(flight.wait_s * 2, self._limits.resend_last_s)
                self._in_flight[seq] = _InFlight(flight.token, now, wait)
                self._publish(flight.token)
                sent += 1
        tokens = self._limits.in_flight_tokens - len(self._in_flight)
        size = self._limits.in_flight_bytes - sum(len(flight.token) for flight in self._in_flight.values())
        if tokens <= 0 or size <= 0:
            return sent
        after = max(self._in_flight) if self._in_flight else 0
        if self._journal.next_seq - 1 <= max(after, self._journal.receipted):
            return sent
        for stored in self._journal.pending(after, tokens, size):
            self._in_flight[stored.seq] = _InFlight(stored.token, now, self._limits.resend_first_s)
            self._publish(stored.token)
            sent += 1
        return sent

    @property
    def connected(self) -> bool:
        return self._connected

    def forget_flight(self) -> None:
        """A new chain began: nothing of the old one waits any more."""
        self._in_flight.clear()

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
            self._in_flight.clear()
        for seq in [seq for seq in self._in_flight if seq <= claims.seq]:
            del self._in_flight[seq]
        return Verdict(nonce=claims.nonce, receipt=text)

    def _publish(self, token: str) -> None:
        self._sent[token_hash(token)] = None
        if len(self._sent) > self._limits.sent_hashes:
            self._sent.popitem(last=False)
        message = pack_message(token)
        self.sent_bytes += len(message) + len(self._evidence)
        self._client.publish(self._evidence, message, qos=1)

    def _make_client(self) -> mqtt.Client:
        config = self._config
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=config.client_id,
            clean_session=True,
            transport="unix" if config.broker.path else "tcp",
        )
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
        self._in_flight.clear()
        self.connections += 1
        self._connected = True

    def _on_connect_fail(self, client: mqtt.Client, _: Any) -> None:
        self._trouble("not reachable")

    def _on_disconnect(
        self, client: mqtt.Client, _: Any, flags: Any, reason: ReasonCode, properties: Optional[Properties]
    ) -> None:
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
