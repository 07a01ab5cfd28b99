"""The intake's connection to the broker (MQTT 3.1.1 by paho): evidence and words on connections in, receipts out."""

import logging
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho

from wachhund.fleet import broker_access
from wachhund.fleet.broker_access import Access

log = logging.getLogger("wachhund.intake")

FILTERS = ("wachhund/1/+/evidence", "wachhund/1/+/status")


class Wire:
    """Connects, and connects again, in a thread of paho's.

    Everything goes with QoS 0: the broker hands it on at once and writes nothing of it to disk. What it loses is sent
    again, because only a receipt counts.
    """

    def __init__(self, access: Access, on_message: Callable[[str, bytes], None]) -> None:
        """`on_message`: takes topic and payload, in paho's thread."""
        self._access = access
        self._on_message = on_message
        self._client = broker_access.make_client(access)
        self._client.on_connect = self._connected
        self._client.on_message = self._received

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            log.warning("intake: the broker refuses the host: %s", reason)
            return
        client.subscribe([(topic, 0) for topic in FILTERS])

    def _received(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._on_message(topic, bytes(message.payload))

    def start(self) -> None:
        """Begin to connect. Returns at once; an absent broker is tried again."""
        broker_access.start(self._client, self._access)

    def publish(self, topic: str, message: bytes) -> None:
        """Send, if there is a connection (not retained). A robot that misses a receipt gets one for its next token."""
        self._client.publish(topic, message, qos=0)

    def stop(self) -> None:
        """Disconnect and end the thread."""
        broker_access.stop(self._client)
