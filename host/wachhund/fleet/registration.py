"""Registering a robot: the host makes its id and its credentials, a person gives a name and its public key."""

import secrets
import string
import time
from collections.abc import Mapping

from wachhund.fleet.credentials import Credentials, account_of, hash_password
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import Robot
from wachhund_evidence import (
    MisuseError,
    load_public_key_pem,
    make_nonce,
    public_key_pem,
    thumbprint,
    ueid_of,
)

_ID_ALPHABET = string.ascii_lowercase + string.digits
_ID_CHARS = 10
MAX_NAME_CHARS = 64


def make_robot_id() -> str:
    """A new robot id, [a-z0-9]{10}. Never chosen by a person or a robot: it becomes part of topics and permissions."""
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_CHARS))


def check_name(name: str) -> str:
    """The name, if it can be a label: 1 to 64 printable characters, no space at its ends. Raises MisuseError."""
    if not 1 <= len(name) <= MAX_NAME_CHARS:
        raise MisuseError(f"robot name: {len(name)} characters: give 1 to {MAX_NAME_CHARS}")
    if not name.isprintable() or name != name.strip():
        raise MisuseError("robot name: holds control characters, or a space at an end: give a plain label")
    return name


def new_robot(name: str, key_pem: bytes, keys: HostKeys, now: float | None = None) -> tuple[Robot, Credentials]:
    """A robot with that PEM public key, ready for `Ledger.add_robot`. The password is in the answer and nowhere else.

    Raises MisuseError for a weak key (of small order, or not canonically encoded) and a name that cannot be a label.
    """
    check_name(name)
    key = load_public_key_pem(key_pem)
    credentials = account_of(keys, thumbprint(key))
    robot = Robot(
        id=make_robot_id(),
        name=name,
        ueid=ueid_of(key),
        kid=thumbprint(key),
        public_key_pem=public_key_pem(key).decode("ascii"),
        password_hash=hash_password(credentials.password),
        created_t=time.time() if now is None else now,
    )
    return robot, credentials


def agent_configuration(
    robot: Robot, credentials: Credentials, host: HostKeys, broker: str, now: float | None = None
) -> Mapping[str, str]:
    """All that `wachhund-agent run --config` needs of the host. Holds the password."""
    host_time = time.time() if now is None else now
    return {
        "robot": robot.id,
        "broker": broker,
        "client_id": credentials.client_id,
        "username": robot.id,
        "password": credentials.password,
        "host_key": host.public_pem,
        "nonce": make_nonce(host.nonce_secret, robot.ueid, int(host_time * 1_000_000)),
    }
