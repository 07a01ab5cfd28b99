"""Whether the broker still lets robots in and carries what they send: one that we play ourselves comes now and then.

A broker can run and carry nothing, and one whose disk was full can go on with who is connected and let nobody else in.
So each beat goes all the way of a robot: a new connection with an account among the robots', a subscription, a message
with QoS 1 that must come back, and good-bye.
"""

import time
from typing import Any

import paho.mqtt.client as paho

from wachhund.broker_config import PULSE_TOPIC
from wachhund.fleet import broker_access
from wachhund.fleet.broker_access import Access

_BEAT_SECONDS = 5.0
STALLED_SECONDS = 20.0  # longer than connecting again takes


class Pulse:
    """Beats while it is asked. One connection at a time, its own, so that nothing depends on how busy the intake is."""

    def __init__(self, access: Access, topic: str = PULSE_TOPIC, stalled_s: float = STALLED_SECONDS) -> None:
        self._access, self._topic, self.stalled_s = access, topic, stalled_s
        self._client: paho.Client | None = None
        self._came_back = False
        self._last_beat = float("-inf")
        self._last_heard = time.monotonic()
        self.has_beaten = False  # to its end, since the broker was started

    def reset(self) -> None:
        """The broker was started anew: count from now."""
        self.stop()
        self._last_heard = time.monotonic()
        self.has_beaten = False

    def is_stalled(self) -> bool:
        """Begin the next beat when it is time, and say whether none came to its end for `stalled_s`."""
        now = time.monotonic()
        if self._came_back:
            self._last_heard = now
            self.stop()
        if self._client is None and now - self._last_beat >= _BEAT_SECONDS:
            self._last_beat = now
            self._client = self._begin()
        return now - self._last_heard > self.stalled_s

    def stop(self) -> None:
        """Disconnect and end the thread, if a beat is on its way."""
        client, self._client = self._client, None
        if client is not None:
            broker_access.stop(client)
        self._came_back = False

    def _begin(self) -> paho.Client:
        client = broker_access.make_client(self._access)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_message = self._heard
        broker_access.start(client, self._access)
        return client

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            client.subscribe(self._topic, qos=0)

    def _subscribed(self, client: paho.Client, _data: Any, _number: int, reasons: Any, _properties: Any) -> None:
        if not any(reason.is_failure for reason in reasons):
            client.publish(self._topic, b"", qos=1)

    def _heard(self, _client: paho.Client, _data: Any, _message: paho.MQTTMessage) -> None:
        self._came_back = self.has_beaten = True
