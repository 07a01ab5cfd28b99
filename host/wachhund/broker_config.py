"""What the broker is told: who may connect, and what each may publish and read. Pure."""

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wachhund.ledger.records import Robot
from wachhund.ledger.roll import ACTIVE, NEW

MAX_PAYLOAD_BYTES = 384 * 1024  # a message may have 256 KiB; beyond its limit the broker cuts the robot's connection
MAX_CONNECTIONS = 20_000
MAX_STORE_BYTES = 256 * 1024 * 1024  # messages on their way, on disk: a wire, not a store
MAX_MEMORY_BYTES = 32 * 1024 * 1024
_LOG_BYTES = 1024 * 1024
HOST_USER = "host"
_PULSE = "wachhund.1.host.pulse"  # the host's message to itself; no robot id has four characters


def _user(name: str, password_hash: str, publish: Sequence[str], subscribe: Sequence[str]) -> dict[str, Any]:
    return {
        "user": name,
        "password": password_hash,
        "allowed_connection_types": ["MQTT"],
        "permissions": {"publish": {"allow": list(publish)}, "subscribe": {"allow": list(subscribe)}},
    }


def _users(robots: Sequence[Robot], host_password_hash: str) -> list[dict[str, Any]]:
    # An MQTT topic a/b is the NATS subject a.b. Robot ids are [a-z0-9]{10}: none can be a wildcard.
    users = [
        _user(
            HOST_USER,
            host_password_hash,
            publish=["wachhund.1.*.receipt", _PULSE],
            subscribe=["wachhund.1.*.evidence", "wachhund.1.*.status", _PULSE],
        )
    ]
    users.extend(
        _user(
            robot.id,
            robot.password_hash,
            publish=[f"wachhund.1.{robot.id}.evidence", f"wachhund.1.{robot.id}.status"],
            subscribe=[f"wachhund.1.{robot.id}.receipt"],
        )
        for robot in robots
        if robot.state in (NEW, ACTIVE)
    )
    return users


@dataclass(frozen=True)
class TlsFiles:
    """Certificate and key of the broker's door (PEM)."""

    certificate: Path
    key: Path


def render(
    address: str, port: int, folder: Path, robots: Sequence[Robot], host_password_hash: str, tls: TlsFiles | None = None
) -> str:
    """The configuration of nats-server, as JSON, which its own format includes. Holds hashes, no password."""
    mqtt: dict[str, Any] = {"host": address, "port": port, "ack_wait": "30s", "max_ack_pending": 1024}
    if tls is not None:
        mqtt["tls"] = {"cert_file": str(tls.certificate), "key_file": str(tls.key), "timeout": 5}
    return json.dumps(
        {
            "server_name": "wachhund",
            # MQTT is the only door for others; the NATS listener cannot be left out: loopback, and a port of chance.
            "host": "127.0.0.1",
            "port": -1,
            "mqtt": mqtt,
            "jetstream": {
                "store_dir": str(folder / "store"),
                "max_memory_store": MAX_MEMORY_BYTES,
                "max_file_store": MAX_STORE_BYTES,
            },
            "authorization": {"timeout": 5, "users": _users(robots, host_password_hash)},
            "max_payload": MAX_PAYLOAD_BYTES,
            "max_connections": MAX_CONNECTIONS,
            "max_control_line": 4096,
            "log_file": str(folder / "broker.log"),
            "logfile_size_limit": _LOG_BYTES,
            "logfile_max_num": 3,
        },
        indent=1,
    )


def is_loopback(address: str) -> bool:
    """Whether only programs on this machine can reach the address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
