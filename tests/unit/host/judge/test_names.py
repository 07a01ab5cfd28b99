"""Tunnels in name look-ups and in pings, and what is none."""

from typing import Any

import pytest

from tests.unit.host.judge.recording import Recording, Verdicts

# A minute of iodine, and minutes of what people and updates ask; figures of real runs.
IODINE = {
    "queries": 900,
    "distinct_names": 256,
    "longest_label": 63,
    "bytes_out": 90_000,
    "bytes_in": 160_000,
    "entropy": 4.6,
}


def minute(scene: Recording, **more: Any) -> None:
    fields = {"domain": "t.example", "qtypes": {"NULL": 900}, "nxdomain": 0, "servers": ["203.0.113.53"]}
    scene.tell("dns.summary", **{**fields, **IODINE, "first_mono": 1.0, "last_mono": 61.0, **more})


def echo(
    scene: Recording, bytes_each: int, packets: int, address: str = "203.0.113.9", scope: str = "internet"
) -> None:
    scene.tell(
        "flow.update", flow="e1", proto="icmp", direction="out", local=["10.1.1.2", None], remote=[address, None],
        scope=scope, puid=None, exe=None, bytes_out=bytes_each * packets, bytes_in=bytes_each * packets,
        packets_out=packets, packets_in=packets, duration_s=60.0,
    )  # fmt: skip


def test_long_names_without_end_are_a_tunnel() -> None:
    scene = Recording()
    for _ in range(3):
        minute(scene)
        scene.wait(60)
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("tunnel", "high")
    assert incident["title"] == "Data in name look-ups: t.example" and "T1071.004" in incident["attack"]


@pytest.mark.parametrize(
    "more",
    [
        {"distinct_names": 3},  # one cloud host, asked again and again
        {"longest_label": 18},  # many short names: a browser
        {"entropy": 3.1},  # long names of words
        {"bytes_out": 2000, "bytes_in": 2000},  # a few long names: mail keys
    ],
)
def test_names_that_people_and_updates_ask_are_none(more: dict[str, Any]) -> None:
    scene = Recording()
    minute(scene, **more)
    assert Verdicts(scene.facts).incidents == {}


def test_pings_that_carry_data_are_a_tunnel() -> None:
    scene = Recording()
    for packets in (100, 1000):
        echo(scene, 900, packets)
    incident = Verdicts(scene.facts).only
    assert incident["title"] == "Data in pings: 203.0.113.9" and incident["kind"] == "tunnel"


@pytest.mark.parametrize(("bytes_each", "packets"), [(84, 5000), (1400, 10)])
def test_pings_as_people_send_them_are_none(bytes_each: int, packets: int) -> None:
    """For hours, or a few large ones."""
    scene = Recording()
    echo(scene, bytes_each, packets)
    assert Verdicts(scene.facts).incidents == {}


@pytest.mark.parametrize("field", [*IODINE, "domain", "qtypes"])
@pytest.mark.parametrize("value", [float("inf"), -5, 10**30, {"a": "b"}, ["x"], "\x1b[2J" * 900, None])
def test_what_a_hostile_robot_says_of_names_is_refused_or_taken(field: str, value: Any) -> None:
    scene = Recording()
    minute(scene, **{field: value})
    assert all(field in reason for reason in Verdicts(scene.facts).unreadable)
