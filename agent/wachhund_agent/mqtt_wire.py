"""The agent's connection to the broker (MQTT 3.1.1 by paho): messages out, receipts into a bounded box.

paho's own thread connects, connects again, and fills the box; nothing else happens in it.
"""

import os
import random
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any, Callable, FrozenSet, List, Optional

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from wachhund_agent.config import Config, Limits
from wachhund_evidence import MisuseError

KEEPALIVE_S = 30
_RETRY_FIRST_S, _RETRY_LAST_S = 1.0, 60.0
_RECEIPTS_WAITING = 16  # the host sends one a second
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL 1.1.0; Python has no name for it


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


class MqttWire:
    """`connected`; `connections` counts them; `cut_s`: how long there was none before the present one.

    `on_news`, set from outside: called by paho's thread when a receipt or a connection has come.
    """

    def __init__(
        self,
        config: Config,
        limits: Limits,
        say: Callable[[str], None],
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config, self._limits, self._say, self._mono = config, limits, say, mono
        base = "wachhund/1/{}/".format(config.robot)
        self.evidence_topic = base + "evidence"
        self._receipt_topic, self._status = base + "receipt", base + "status"
        self._lock = threading.Lock()
        self._waiting: "List[bytes]" = []
        self._said: Optional[str] = None
        self._lost_at = mono()
        self.connected = False
        self.connections = 0
        self.cut_s = 0.0
        self.on_news: Callable[[], None] = lambda: None
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
        if self.connected:
            self._client.publish(self._status, b"offline", qos=1, retain=True)
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, message: bytes) -> None:
        """Evidence, not retained. That it arrived is said by a receipt alone."""
        self._client.publish(self.evidence_topic, message, qos=1)

    def take(self) -> List[bytes]:
        """The receipts that have come."""
        with self._lock:
            messages, self._waiting = self._waiting, []
        return messages

    def own_inodes(self) -> FrozenSet[int]:
        """The socket of our own connection, by which the senses know it."""
        sock = self._client.socket()
        if sock is None:
            return frozenset()
        try:
            return frozenset({os.fstat(sock.fileno()).st_ino})
        except (OSError, ValueError):
            return frozenset()

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
        client.subscribe(self._receipt_topic, qos=0)  # as they are sent: the broker keeps nothing for it
        client.publish(self._status, b"online", qos=1, retain=True)
        self._said = None
        with self._lock:
            self._waiting.clear()
        self.cut_s = self._mono() - self._lost_at
        self.connections += 1
        self.connected = True
        self.on_news()

    def _on_connect_fail(self, client: mqtt.Client, _: Any) -> None:
        self._trouble("not reachable")

    def _on_disconnect(
        self, client: mqtt.Client, _: Any, flags: Any, reason: ReasonCode, properties: Optional[Properties]
    ) -> None:
        if self.connected:
            self._lost_at = self._mono()
        self.connected = False
        if reason.is_failure:
            self._trouble("connection lost")

    def _on_message(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        with self._lock:
            if len(self._waiting) < _RECEIPTS_WAITING:
                self._waiting.append(bytes(message.payload))
        self.on_news()

    def _trouble(self, what: str) -> None:
        """One line for each new trouble, not one for each try."""
        broker = self._config.broker
        where = broker.path or "{}:{}".format(broker.host, broker.port)
        line = "broker {}: {}: observing goes on, evidence waits in the journal".format(where, what)
        if line != self._said:
            self._said = line
            self._say(line)
