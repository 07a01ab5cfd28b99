"""What lets somebody in at the broker: a client id and a password, drawn from the robot's key; only a hash is kept.

By TLS also a certificate of that key. It names its owner as the broker is to know it.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

import bcrypt

from wachhund.fleet.host_keys import HostKeys
from wachhund_evidence import base64url

# bcrypt's lowest cost. A slow hash protects passwords that people can remember; 192 random bits cannot be guessed at
# any speed, and the broker pays the cost at each connect of each robot.
_BCRYPT_COST = 4
_ROBOT_IDENTITY = re.compile(r"(?:urn:wachhund:robot:)?([a-z0-9]{10})(?::[A-Za-z0-9_-]{43})?")


@dataclass(frozen=True)
class Credentials:
    """`client_id` is secret too: who knows it can throw its owner off the broker (MQTT 3.1.1, 3.1.4)."""

    client_id: str = field(repr=False)
    password: str = field(repr=False)


def account_of(keys: HostKeys, kid: str) -> Credentials:
    """The broker account that belongs to a key: always the same, so it can be told again and need stand nowhere."""

    def drawn(what: str, size: int) -> bytes:
        label = f"wachhund broker {what}\0{kid}".encode("ascii")
        return hmac.new(keys.nonce_secret, label, hashlib.sha256).digest()[:size]

    return Credentials(drawn("client id", 12).hex(), base64url.encode(drawn("password", 24)))


def hash_password(password: str) -> str:
    """What the broker checks the password with (bcrypt, as nats-server takes it)."""
    return bcrypt.hashpw(password.encode("ascii"), bcrypt.gensalt(_BCRYPT_COST)).decode("ascii")


def robot_identity(robot: str, kid: str) -> str:
    """What a robot's client certificate names it: by its present key too, so that an old key's lets nobody in."""
    return f"urn:wachhund:robot:{robot}:{kid}"


def insider_identity(name: str) -> str:
    """What the certificate of one of the host's own connections names it."""
    return f"urn:wachhund:{name}"


def robot_of_identity(user: str) -> str | None:
    """The robot id in the name under which the broker knows a connection: that of its certificate, or the bare id.

    None for one of the host's own connections, and for any other text.
    """
    found = _ROBOT_IDENTITY.fullmatch(user)
    return None if found is None else found[1]
