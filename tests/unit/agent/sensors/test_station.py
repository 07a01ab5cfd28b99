"""Stations on the robot's own access point, from dnsmasq's leases."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.sensors.station import STATIONS_KEPT, Station, StationSense, parse_leases

PHONE = b"1700000000 02:00:00:00:00:01 192.168.12.20 phone 01:02:00:00:00:00:01\n"
LAPTOP = b"1700000000 02:00:00:00:00:02 192.168.12.21 * *\n"


def test_a_lease_is_a_station_and_a_nameless_one_has_no_name() -> None:
    assert parse_leases(PHONE + LAPTOP) == [
        Station("192.168.12.20", "02:00:00:00:00:01", "phone"),
        Station("192.168.12.21", "02:00:00:00:00:02", None),
    ]


@given(st.binary())
def test_any_bytes_are_a_lease_file(data: bytes) -> None:
    assert len(parse_leases(data)) <= STATIONS_KEPT


def test_joining_and_leaving_are_told_once(tmp_path: Path) -> None:
    leases = tmp_path / "leases"
    sense = StationSense([leases])
    assert sense.start(1.0) == []
    assert "not seen" in str(sense.coverage().why)
    leases.write_bytes(PHONE)
    assert [one.kind for one in sense.look(3.0)] == ["station.join"]
    assert sense.coverage().why is None
    assert sense.look(5.0) == []
    leases.write_bytes(PHONE + LAPTOP)
    assert [(one.kind, one.fields["address"]) for one in sense.look(7.0)] == [("station.join", "192.168.12.21")]
    leases.unlink()
    assert [one.kind for one in sense.look(9.0)] == ["station.leave", "station.leave"]
    sense.close()


def test_those_who_were_there_before_the_agent_are_marked(tmp_path: Path) -> None:
    (tmp_path / "leases").write_bytes(PHONE)
    found = StationSense([tmp_path / "leases"]).start(1.0)
    assert found[0].fields["existing"] is True
