"""What a node's nats-server is told, held against what the broker that stands alone is told."""

import json
from pathlib import Path
from typing import Any

from wachhund import broker_config
from wachhund.broker_config import Insider
from wachhund.broker_member import Member, RouteFiles
from wachhund.config import Address

INSIDERS = [Insider(name, f"hash of {name}") for name in ("host", "pulse", "watch")]
TLS = broker_config.TlsFiles(Path("/door.pem"), Path("/door.key"), Path("/authority.pem"))


def rendered(member: Member | None, tls: broker_config.TlsFiles | None = TLS) -> dict[str, Any]:
    """With no robots."""
    text = broker_config.render("0.0.0.0", 8883, Path("/folder"), [], INSIDERS, tls, member)
    found: dict[str, Any] = json.loads(text)
    return found


def member(routes: int = 2) -> Member:
    """A node with so many others."""
    return Member(
        "n1", Path("/folder"), "10.0.0.11", "0.0.0.0", 4222, 6222,
        [Address(f"10.0.0.{12 + number}", 6222) for number in range(routes)], 3 if routes else 1, "hash of worker",
        "route-password", RouteFiles(Path("/route.pem"), Path("/route.key"), Path("/authority.pem")),
    )  # fmt: skip


def test_robots_find_the_same_door_and_rights_at_a_node() -> None:
    """A node adds to what the lone broker is told: to the robots' account, room for copies only."""
    alone, node = rendered(None), rendered(member())
    robots = node["accounts"]["ROBOTS"]
    assert robots["jetstream"]["max_file"] == 3 * alone["accounts"]["ROBOTS"]["jetstream"]["max_file"]
    assert {**robots, "jetstream": 0, "users": 0} == {**alone["accounts"]["ROBOTS"], "jetstream": 0, "users": 0}
    assert {**alone["mqtt"], "stream_replicas": 3, "consumer_memory_storage": True} == node["mqtt"]
    assert robots["users"][0]["permissions"]["publish"]["allow"] == ["wachhund.1.pulse.n1"]


def test_the_hosts_account_lets_workers_in_by_their_door_only() -> None:
    """By NATS, with their certificate, to the stream, receipts and the bell."""
    host = rendered(member())["accounts"]["HOST"]
    (worker, watch) = host["users"]
    assert (worker["user"], worker["password"]) == ("urn:wachhund:worker", "hash of worker")
    assert worker["allowed_connection_types"] == ["STANDARD"]
    assert worker["permissions"]["publish"]["allow"] == [
        "$JS.API.>", "$JS.ACK.>", "wachhund.1.*.receipt", "wachhund.changed"
    ]  # fmt: skip
    assert worker["permissions"]["subscribe"]["allow"] == ["_INBOX.>", "wachhund.changed"]
    assert watch["allowed_connection_types"] == ["MQTT"]
    assert host["exports"] == [{"stream": "wachhund.1.*.receipt", "accounts": ["ROBOTS"]}]


def test_nodes_know_each_other_by_password_and_certificate() -> None:
    """And tell nobody else where they are."""
    node = rendered(member())
    assert node["server_name"] == "n1"
    assert node["cluster"]["routes"] == [
        "nats-route://route:route-password@10.0.0.12:6222", "nats-route://route:route-password@10.0.0.13:6222"
    ]  # fmt: skip
    assert node["cluster"]["no_advertise"] is True
    assert node["cluster"]["tls"]["min_version"] == node["tls"]["min_version"] == "1.3"
    assert node["tls"]["verify_and_map"] is True


def test_one_node_alone_has_no_routes() -> None:
    """Nor waits for others."""
    node = rendered(member(routes=0))
    assert "cluster" not in node
    assert node["mqtt"]["stream_replicas"] == 1
