"""How the host's own parts come to the broker: as clients like others, each with an account of its own."""

import secrets
import ssl
from dataclasses import dataclass, field

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

KEEPALIVE_SECONDS = 15
_RECONNECT_SECONDS = (1, 8)


@dataclass(frozen=True)
class Access:
    """Where the broker is, and an account there. `tls`: trusts its certificate and shows ours; None in clear."""

    address: str
    port: int
    username: str
    password: str = field(repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)


def make_client(access: Access) -> paho.Client:
    """A client that is not connected yet, and will connect again by itself.

    Its session is clean, its client id new and random: nobody can take over what nobody can name.
    """
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=secrets.token_hex(12), clean_session=True)
    if access.tls is not None:
        client.tls_set_context(access.tls)
    client.username_pw_set(access.username, access.password)
    client.reconnect_delay_set(*_RECONNECT_SECONDS)
    return client


def start(client: paho.Client, access: Access) -> None:
    """Begin to connect, in a thread of paho's. Returns at once; an absent broker is tried again."""
    client.connect_async(access.address, access.port, KEEPALIVE_SECONDS)
    client.loop_start()


def stop(client: paho.Client) -> None:
    """Disconnect and end the thread."""
    client.disconnect()
    client.loop_stop()
