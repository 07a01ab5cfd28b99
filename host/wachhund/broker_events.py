"""The host's ear at its broker: it hears who came and who went (events of nats-server's system account)."""

import time
from typing import Any

import paho.mqtt.client as paho

from wachhund import broker_config
from wachhund.broker_clients import Clients
from wachhund.fleet import broker_access
from wachhund.fleet.broker_access import Access


class Events:
    """Listens from its making until it is stopped, and hands what it hears to `clients`."""

    def __init__(self, access: Access, clients: Clients) -> None:
        self._take = {broker_config.CONNECTED_TOPIC: clients.connected, broker_config.GONE_TOPIC: clients.gone}
        self._client = broker_access.make_client(access)
        self._client.on_connect = self._connected
        self._client.on_message = self._heard
        broker_access.start(self._client, access)

    @property
    def is_connected(self) -> bool:
        """Whether the broker has let it in."""
        return bool(self._client.is_connected())

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            client.subscribe([(topic, 0) for topic in self._take])

    def _heard(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        take = self._take.get(message.topic)
        if take is not None:
            take(bytes(message.payload), time.monotonic(), time.time())

    def stop(self) -> None:
        """Disconnect and end the thread."""
        broker_access.stop(self._client)
