"""The intake's connection to the broker (MQTT 3.1.1 by paho): evidence comes in, receipts go out."""

import logging
import secrets
import ssl
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

log = logging.getLogger("wachhund.intake")

EVIDENCE_FILTER = "wachhund/1/+/evidence"
_MAX_QUEUED_RECEIPTS = 10_000  # while the broker is away; a lost receipt is asked for again by the robot's next token
_KEEPALIVE_SECONDS = 15
_RECONNECT_SECONDS = (1, 8)


class Wire:
    """Connects, and connects again, in a thread of paho's.

    The session is clean and the client id new and random each time a host starts: whoever knew it could throw the host
    off and take what the broker holds for it (protocol-attacks.md, D1).
    """

    def __init__(
        self,
        address: str,
        port: int,
        username: str,
        password: str,
        on_evidence: Callable[[str, bytes], None],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls`: trusts the broker's certificate; None for a plain connection."""
        self._address, self._port = address, port
        self._on_evidence = on_evidence
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=secrets.token_hex(12), clean_session=True)
        if tls is not None:
            client.tls_set_context(tls)
        client.username_pw_set(username, password)
        client.reconnect_delay_set(*_RECONNECT_SECONDS)
        client.max_queued_messages_set(_MAX_QUEUED_RECEIPTS)
        client.on_connect = self._connected
        client.on_message = self._received
        self._client = client

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            log.warning("intake: the broker refuses the host: %s", reason)
            return
        client.subscribe(EVIDENCE_FILTER, qos=1)

    def _received(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._on_evidence(topic, bytes(message.payload))

    def start(self) -> None:
        """Begin to connect. Returns at once; an absent broker is tried again."""
        self._client.connect_async(self._address, self._port, _KEEPALIVE_SECONDS)
        self._client.loop_start()

    def publish(self, topic: str, message: bytes) -> None:
        """Send once there is a connection (QoS 1, not retained)."""
        self._client.publish(topic, message, qos=1)

    def stop(self) -> None:
        """Disconnect and end the thread."""
        self._client.disconnect()
        self._client.loop_stop()
