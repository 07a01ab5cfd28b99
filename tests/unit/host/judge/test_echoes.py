"""A tunnel in pings, and what is none."""

import pytest

from tests.unit.host.judge.recording import Recording, Verdicts


def echo(
    scene: Recording, bytes_each: int, packets: int, address: str = "203.0.113.9", scope: str = "internet"
) -> None:
    scene.tell(
        "flow.update", flow="e1", proto="icmp", direction="out", local=["10.1.1.2", None], remote=[address, None],
        scope=scope, puid=None, exe=None, bytes_out=bytes_each * packets, bytes_in=bytes_each * packets,
        packets_out=packets, packets_in=packets, duration_s=60.0,
    )  # fmt: skip


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
