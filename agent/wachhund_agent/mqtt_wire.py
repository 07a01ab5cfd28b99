"""The agent's connection to the broker (MQTT 3.1.1 by paho): messages out, receipts into a bounded box.

paho's own thread connects, connects again, and fills the box; nothing else happens in it. Where it connects to, and
after how long, it is told before each wait (way_home.py).
"""

import os
import random
import socket
import sys
import threading
import time
from typing import Any, Callable, Dict, FrozenSet, List, Optional

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from wachhund_agent.config import Config, Limits
from wachhund_agent.host_tls import failure_of, show_certificate, tls_context
from wachhund_agent.way_home import WayHome

KEEPALIVE_S = 30
_RETRY_FIRST_S, _RETRY_LAST_S = 1.0, 60.0
_RECEIPTS_WAITING = 16  # the host sends one a second


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
        self._said: Dict[int, str] = {}  # by place of the address
        self._refused: Optional[str] = None
        self._is_tried = self._is_stopping = False
        # Jitter: a hundred robots must not come back in the same second.
        first_s, last_s = _RETRY_FIRST_S + random.random(), _RETRY_LAST_S * random.uniform(0.5, 1.0)  # noqa: S311
        self._way = WayHome(len(config.brokers), first_s, last_s)
        self._lost_at = self._began_at = mono()
        self.connected = False
        self.connections = 0
        self.cut_s = 0.0
        self.on_news: Callable[[], None] = lambda: None
        self._client = self._make_client()

    def start(self) -> None:
        """Connect in the background, and again whenever the connection is lost."""
        self._aim()
        self._client.loop_start()

    def stop(self) -> None:
        """Say goodbye and disconnect."""
        self._is_stopping = True
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
            transport="unix" if config.brokers[0].path else "tcp",  # of several addresses all are mqtts
        )
        if config.brokers[0].tls:
            context = tls_context(config.ca)
            if config.certificate is not None:
                show_certificate(context, config.certificate, config.key)
            client.tls_set_context(context)
        client.username_pw_set(config.username, config.password)
        client.will_set(self._status, b"offline", qos=1, retain=True)
        client.max_inflight_messages_set(self._limits.in_flight_tokens)
        client.max_queued_messages_set(4 * self._limits.in_flight_tokens)
        client.on_pre_connect = self._on_pre_connect
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _aim(self) -> None:
        """Where the next try goes."""
        broker = self._config.brokers[self._way.place]
        self._client.connect_async(broker.path or broker.host, broker.port or 1, keepalive=KEEPALIVE_S)

    def _next(self, wait_s: float) -> None:
        """To the address that is due, after so many seconds."""
        if self._is_stopping:
            return  # aiming would take back that we said goodbye
        self._client.reconnect_delay_set(wait_s, wait_s)  # type: ignore[arg-type]  # a float does, and is not doubled
        self._aim()

    def _on_pre_connect(self, client: mqtt.Client, _: Any) -> None:
        self._is_tried, self._refused = True, None

    def _on_connect(
        self,
        client: mqtt.Client,
        _: Any,
        flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        properties: Optional[Properties],
    ) -> None:
        if reason.is_failure:
            self._refused = "refused: {}".format(reason)  # the broker hangs up now
            return
        sock = client.socket()
        if isinstance(sock, socket.socket) and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.subscribe(self._receipt_topic, qos=0)  # as they are sent: the broker keeps nothing for it
        client.publish(self._status, b"online", qos=1, retain=True)
        self._said.clear()
        self._way.worked()
        with self._lock:
            self._waiting.clear()
        self._began_at = self._mono()
        self.cut_s = self._began_at - self._lost_at
        self.connections += 1
        self.connected = True
        self.on_news()

    def _on_connect_fail(self, client: mqtt.Client, _: Any) -> None:
        # paho calls this while it handles what connecting raised, and tells nothing of it.
        failure = failure_of(sys.exc_info()[1])
        self._trouble("not reachable ({}: {})".format(failure.state, failure.why))
        self._next(self._way.failed())

    def _on_disconnect(
        self, client: mqtt.Client, _: Any, flags: Any, reason: ReasonCode, properties: Optional[Properties]
    ) -> None:
        was_connected, self.connected = self.connected, False
        if was_connected:
            self._lost_at = self._mono()
        if not reason.is_failure or not self._is_tried:
            return  # we said goodbye; or it is told a second time, as paho does after a silence
        self._is_tried = False
        self._trouble(self._refused or "connection lost")
        self._next(self._way.lost(self._lost_at - self._began_at) if was_connected else self._way.failed(by_host=True))

    def _on_message(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        with self._lock:
            if len(self._waiting) < _RECEIPTS_WAITING:
                self._waiting.append(bytes(message.payload))
        self.on_news()

    def _trouble(self, what: str) -> None:
        """One line for each new trouble of an address, not one for each try."""
        place = self._way.place
        broker = self._config.brokers[place]
        line = "broker {}: {}: observing goes on, evidence waits in the journal".format(broker, what)
        if line != self._said.get(place):
            self._said[place] = line
            self._say(line)
