"""What the broker is told: who may connect, and what each may publish and read. Pure.

Three accounts of nats-server, each with names, sessions and a store of its own: robots, the host, and the broker's own
events. What crosses from one to another is listed here and nothing else does: no robot can take the host's session over
or fill its store, whatever client id it shows.
"""

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wachhund.broker_member import EVIDENCE_BYTES, WORKER_PUBLISHES, WORKER_READS, WORKER_USER, Member, joined
from wachhund.fleet.credentials import insider_identity, robot_identity
from wachhund.ledger.records import Robot
from wachhund.ledger.roll import ACTIVE, NEW

MAX_PAYLOAD_BYTES = 384 * 1024  # a message may have 256 KiB; beyond its limit the broker cuts the robot's connection
MAX_CONNECTIONS = 20_000
MAX_STORE_BYTES = 256 * 1024 * 1024  # sessions and retained words of robots, on disk: a wire, not a store
MAX_HOST_STORE_BYTES = 32 * 1024 * 1024
MAX_MEMORY_BYTES = 32 * 1024 * 1024
# A session whose robot does not come back is forgotten after this: what waits for it would fill the store.
_SESSION_KEPT = "60s"
HOST_USER, PULSE_USER, WATCH_USER = "host", "pulse", "watch"
PULSE_TOPIC = "wachhund/1/pulse/pulse"  # no robot id has five characters
CONNECTED_TOPIC, GONE_TOPIC = "wachhund/1/broker/connected", "wachhund/1/broker/gone"
_ROBOTS, _HOST, _SYSTEM = "ROBOTS", "HOST", "SYSTEM"
_UPWARDS = ("wachhund.1.*.evidence", "wachhund.1.*.status")
_DOWNWARDS = "wachhund.1.*.receipt"
_EVENTS = {
    f"$SYS.ACCOUNT.{_ROBOTS}.CONNECT": CONNECTED_TOPIC.replace("/", "."),
    f"$SYS.ACCOUNT.{_ROBOTS}.DISCONNECT": GONE_TOPIC.replace("/", "."),
}


@dataclass(frozen=True)
class TlsFiles:
    """Certificate and key of the broker's door, and the certificate that clients' own are checked with (PEM)."""

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True)
class Insider:
    """One of the host's own connections: its name, and the bcrypt hash of its password."""

    name: str
    password_hash: str


def pulse_topic(member: Member | None) -> str:
    """Where a broker's pulse beats: each node's own, or one would hear another's and take it for its own."""
    return PULSE_TOPIC if member is None else f"wachhund/1/pulse/{member.name}"


def _user(
    name: str, password_hash: str, publish: Sequence[str], subscribe: Sequence[str], comes_by: str = "MQTT"
) -> dict[str, Any]:
    return {
        "user": name,
        "password": password_hash,
        "allowed_connection_types": [comes_by],
        # An empty list of what is allowed would allow everything.
        "permissions": {
            "publish": {"allow": list(publish)} if publish else {"deny": [">"]},
            "subscribe": {"allow": list(subscribe)} if subscribe else {"deny": [">"]},
        },
    }


def _account(
    users: list[dict[str, Any]], store_bytes: int, exports: Sequence[str], to: str, imports: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "users": users,
        "jetstream": {"max_file": store_bytes, "max_mem": 0},
        "exports": [{"stream": subject, "accounts": [to]} for subject in exports],
        "imports": list(imports),
    }


def _import(account: str, subject: str, to: str | None = None) -> dict[str, Any]:
    source = {"stream": {"account": account, "subject": subject}}
    return source if to is None else {**source, "to": to}


def _accounts(
    robots: Sequence[Robot], insiders: Sequence[Insider], by_certificate: bool, member: Member | None
) -> dict[str, Any]:
    # An MQTT topic a/b is the NATS subject a.b. Robot ids are [a-z0-9]{10}: none can be a wildcard.
    pulse = pulse_topic(member).replace("/", ".")
    may: dict[str, tuple[Sequence[str], Sequence[str]]] = {
        HOST_USER: ((_DOWNWARDS,), _UPWARDS),
        WATCH_USER: ((), tuple(_EVENTS.values())),
        PULSE_USER: ((pulse,), (pulse,)),
    }
    own = {
        one.name: _user(insider_identity(one.name) if by_certificate else one.name, one.password_hash, *may[one.name])
        for one in insiders
    }
    let_in = [
        _user(
            robot_identity(robot.id, robot.kid) if by_certificate else robot.id,
            robot.password_hash,
            publish=[f"wachhund.1.{robot.id}.evidence", f"wachhund.1.{robot.id}.status"],
            subscribe=[f"wachhund.1.{robot.id}.receipt"],
        )
        for robot in robots
        if robot.state in (NEW, ACTIVE)
    ]
    copies, host_bytes, works = 1, MAX_HOST_STORE_BYTES, own[HOST_USER]
    if member is not None:
        # A node's account counts what it stores on all nodes together.
        copies, host_bytes = member.replicas, MAX_HOST_STORE_BYTES + EVIDENCE_BYTES
        worker = insider_identity(WORKER_USER) if by_certificate else WORKER_USER
        works = _user(worker, member.worker_hash, WORKER_PUBLISHES, WORKER_READS, comes_by="STANDARD")
    return {
        _SYSTEM: {"exports": [{"stream": subject, "accounts": [_HOST]} for subject in _EVENTS]},
        _HOST: _account(
            [works, own[WATCH_USER]], copies * host_bytes, [_DOWNWARDS], _ROBOTS,
            [*(_import(_ROBOTS, subject) for subject in _UPWARDS),
             *(_import(_SYSTEM, subject, to) for subject, to in _EVENTS.items())],
        ),
        _ROBOTS: _account(
            [*let_in, own[PULSE_USER]], copies * MAX_STORE_BYTES, _UPWARDS, _HOST, [_import(_HOST, _DOWNWARDS)]
        ),
    }  # fmt: skip


def render(
    address: str, port: int, folder: Path, robots: Sequence[Robot], insiders: Sequence[Insider],
    tls: TlsFiles | None = None, member: Member | None = None,
) -> str:  # fmt: skip
    """The configuration of nats-server, as JSON, which its own format includes. Holds hashes, no password.

    `robots`: those that may come in; `tls`: by TLS, each with the certificate of its key beside its password.
    `member`: it is one node of a cluster; None: it stands alone.
    """
    mqtt: dict[str, Any] = {
        "host": address,
        "port": port,
        "ack_wait": "30s",
        "max_ack_pending": 1024,
        "consumer_inactive_threshold": _SESSION_KEPT,
        # Stored until their sender lets go of them: nobody of ours sends any.
        "reject_qos2_publish": True,
        "downgrade_qos2_subscribe": True,
    }
    if tls is not None:
        mqtt["tls"] = {
            "cert_file": str(tls.certificate),
            "key_file": str(tls.key),
            "ca_file": str(tls.authority),
            "verify_and_map": True,
            # What a robot's key signs in TLS 1.3 can never be a token: it begins with 64 spaces (RFC 8446, 4.4.3).
            "min_version": "1.3",
            "timeout": 5,
        }
    alone = {
        "server_name": "wachhund",
        # MQTT is the only door for others; the NATS listener cannot be left out: loopback, and a port of chance.
        "host": "127.0.0.1",
        "port": -1,
        "mqtt": mqtt,
        "jetstream": {
            "store_dir": str(folder / "store"),
            "max_memory_store": MAX_MEMORY_BYTES,
            "max_file_store": MAX_STORE_BYTES + MAX_HOST_STORE_BYTES + (EVIDENCE_BYTES if member is not None else 0),
        },
        "authorization": {"timeout": 5},
        "system_account": _SYSTEM,
        "accounts": _accounts(robots, insiders, tls is not None, member),
        "max_payload": MAX_PAYLOAD_BYTES,
        "max_connections": MAX_CONNECTIONS,
        "max_control_line": 4096,
    }
    return json.dumps(alone if member is None else joined(alone, member), indent=1)


def is_loopback(address: str) -> bool:
    """Whether only programs on this machine can reach the address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
