"""Whether the broker still carries messages: one that we send to ourselves now and then must come back.

A broker can run and carry nothing: after a full disk nats-server takes no message any more, also when there is room
again, until it is started anew.
"""

import secrets
import ssl
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

TOPIC = "wachhund/1/host/pulse"
_BEAT_SECONDS = 3.0
STALLED_SECONDS = (
    20.0  # longer than connecting again takes (the broker closes a connection after 5 s without its store)
)


class Pulse:
    """Beats while it is asked. Its own connection, so that nothing depends on how busy the intake is."""

    def __init__(
        self, address: str, port: int, username: str, password: str, tls: ssl.SSLContext | None = None
    ) -> None:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=secrets.token_hex(12), clean_session=True)
        if tls is not None:
            client.tls_set_context(tls)
        client.username_pw_set(username, password)
        client.reconnect_delay_set(1, 2)
        client.max_queued_messages_set(1)
        client.on_connect = self._connected
        client.on_message = self._heard
        self._client = client
        self._last_heard = self._last_beat = time.monotonic()
        client.connect_async(address, port, keepalive=15)
        client.loop_start()

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            client.subscribe(TOPIC, qos=1)

    def _heard(self, _client: paho.Client, _data: Any, _message: paho.MQTTMessage) -> None:
        self._last_heard = time.monotonic()

    def reset(self) -> None:
        """The broker was started anew: count from now."""
        self._last_heard = time.monotonic()

    def is_stalled(self) -> bool:
        """Send the next beat when it is time, and say whether none came back for STALLED_SECONDS."""
        now = time.monotonic()
        if now - self._last_beat >= _BEAT_SECONDS and self._client.is_connected():
            self._last_beat = now
            self._client.publish(TOPIC, b"", qos=1)
        return now - self._last_heard > STALLED_SECONDS

    def stop(self) -> None:
        """Disconnect and end the thread."""
        self._client.disconnect()
        self._client.loop_stop()
