"""Whether the broker still carries messages: one that we send to ourselves now and then must come back.

A broker can run and carry nothing. The message goes the way that evidence goes: from an account among the robots', with
QoS 1, to a subscription of QoS 0.
"""

import time
from typing import Any

import paho.mqtt.client as paho

from wachhund.broker_config import PULSE_TOPIC
from wachhund.fleet import broker_access
from wachhund.fleet.broker_access import Access

_BEAT_SECONDS = 3.0
STALLED_SECONDS = 20.0  # longer than connecting again takes


class Pulse:
    """Beats while it is asked. Its own connection, so that nothing depends on how busy the intake is."""

    def __init__(self, access: Access) -> None:
        client = broker_access.make_client(access)
        client.max_queued_messages_set(1)
        client.on_connect = self._connected
        client.on_message = self._heard
        self._client = client
        self._last_heard = self._last_beat = time.monotonic()
        broker_access.start(client, access)

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            client.subscribe(PULSE_TOPIC, qos=0)

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
            self._client.publish(PULSE_TOPIC, b"", qos=1)
        return now - self._last_heard > STALLED_SECONDS

    def stop(self) -> None:
        """Disconnect and end the thread."""
        broker_access.stop(self._client)
