"""What lets a robot in at the broker: a random client id and a random password, of which only a hash is kept."""

import secrets
from dataclasses import dataclass, field

import bcrypt

_PASSWORD_BYTES = 24
# bcrypt's lowest cost. A slow hash protects passwords that people can remember; 192 random bits cannot be guessed at
# any speed, and the broker pays the cost at each connect of each robot.
_BCRYPT_COST = 4


@dataclass(frozen=True)
class Credentials:
    """`client_id` is secret too: who knows it can throw its owner off the broker (protocol-attacks.md, D1)."""

    client_id: str = field(repr=False)
    password: str = field(repr=False)


def make_credentials() -> Credentials:
    """New ones, from the system's random numbers."""
    return Credentials(secrets.token_hex(12), secrets.token_urlsafe(_PASSWORD_BYTES))


def hash_password(password: str) -> str:
    """What the broker checks the password with (bcrypt, as nats-server takes it)."""
    return bcrypt.hashpw(password.encode("ascii"), bcrypt.gensalt(_BCRYPT_COST)).decode("ascii")
