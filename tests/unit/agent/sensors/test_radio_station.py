"""Stations by radio. No radio is here: the wireless stack below is a stand-in that says what the kernel would."""

from pathlib import Path
from typing import Dict, List

import pytest

from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.nl80211 import StationRecord
from wachhund_agent.sensors import radio_station
from wachhund_agent.sensors.radio_station import RadioStationSense
from wachhund_evidence import Observation

PHONE, LAPTOP = "02:00:00:00:00:01", "02:00:00:00:00:02"
AP, CLIENT = 4, 5


class Radio:
    """What the kernel would say. `fails`: it says nothing any more."""

    def __init__(self) -> None:
        self.names: Dict[int, str] = {AP: "wlan1"}
        self.there: List[str] = []
        self.told: List[StationRecord] = []
        self.lost, self.closed, self.fails = 0, 0, False
        self.fd = 0

    def access_points(self) -> Dict[int, str]:
        return self.names

    def stations(self, ifindex: int) -> List[StationRecord]:
        return [StationRecord(ifindex, hardware, False) for hardware in self.there]

    def read(self) -> List[StationRecord]:
        if self.fails:
            raise KernelError("netlink: feed broke")
        told, self.told = self.told, []
        return told

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def radio() -> Radio:
    return Radio()


def sense(radio: Radio, radios: Path) -> RadioStationSense:
    return RadioStationSense(lambda: radio, radios)  # type: ignore[arg-type,return-value]


def words(told: List[Observation]) -> List[object]:
    return [(one.kind, one.fields["hardware"], one.fields.get("existing")) for one in told]


def test_who_is_there_already_and_who_comes_and_goes_is_told_once(radio: Radio, tmp_path: Path) -> None:
    """Also who takes no lease: with a fixed address one stays unseen to dnsmasq."""
    radio.there = [PHONE]
    watching = sense(radio, tmp_path)
    assert words(watching.start(1.0)) == [("station.join", PHONE, True)]
    assert watching.fds() == [radio.fd]
    radio.told = [StationRecord(AP, LAPTOP, False), StationRecord(AP, LAPTOP, False), StationRecord(AP, PHONE, True)]
    told = watching.look(2.0)
    assert words(told) == [("station.join", LAPTOP, None), ("station.leave", PHONE, None)]
    assert told[0].fields["interface"] == "wlan1" and told[0].fields["address"] is None
    radio.told = [StationRecord(AP, PHONE, True)]
    assert watching.look(3.0) == []
    watching.close()
    assert radio.closed == 1


def test_the_router_of_somebody_elses_network_is_no_visitor(radio: Radio, tmp_path: Path) -> None:
    watching = sense(radio, tmp_path)
    watching.start(1.0)
    radio.told = [StationRecord(CLIENT, PHONE, False)]
    assert watching.look(2.0) == []
    radio.names[CLIENT] = "wlan2"
    radio.told = [StationRecord(CLIENT, PHONE, False)]
    assert words(watching.look(3.0)) == [("station.join", PHONE, None)], "an access point that was made later"


def test_after_lost_events_the_list_is_read_again(radio: Radio, tmp_path: Path) -> None:
    radio.there = [PHONE]
    watching = sense(radio, tmp_path)
    watching.start(1.0)
    radio.there, radio.lost = [LAPTOP], 1
    assert words(watching.look(2.0)) == [("station.leave", PHONE, None), ("station.join", LAPTOP, None)]


def test_more_stations_than_there_is_room_for_are_counted(radio: Radio, tmp_path: Path) -> None:
    """Addresses of stations are free to make up."""
    watching = sense(radio, tmp_path)
    watching.start(1.0)
    many = [
        "02:00:00:00:{:02x}:{:02x}".format(*divmod(number, 256)) for number in range(radio_station.STATIONS_KEPT + 3)
    ]
    radio.told = [StationRecord(AP, hardware, False) for hardware in many]
    assert len(watching.look(2.0)) == radio_station.STATIONS_KEPT
    assert watching.coverage().dropped == 3


def test_without_a_radio_there_is_nothing_to_see_and_none_to_miss(radio: Radio, tmp_path: Path) -> None:
    watching = sense(radio, tmp_path / "none")
    assert watching.start(1.0) == [] and watching.look(6.0) == []
    assert watching.coverage().state == "event" and "no radio" in str(watching.coverage().why)


def test_a_kernel_that_does_not_answer_is_blindness_until_it_does(radio: Radio, tmp_path: Path) -> None:
    watching = sense(radio, tmp_path)
    watching.start(1.0)
    radio.fails = True
    assert watching.look(2.0) == []
    assert watching.coverage().state == "blind" and "leases only" in str(watching.coverage().why)
    radio.fails = False
    watching.look(7.0)
    assert watching.coverage().state == "event"
