"""Which senses run on this robot: chosen by its profile, given what they need of one another."""

from pathlib import Path
from typing import Callable, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from wachhund_agent import own_files
from wachhund_agent.profile import Profile
from wachhund_agent.sensors.bluetooth import BluetoothSense
from wachhund_agent.sensors.camera_stream import CameraStreamSense
from wachhund_agent.sensors.camera_view import CameraViewSense
from wachhund_agent.sensors.capture_device import CaptureDeviceSense
from wachhund_agent.sensors.control_mqtt import ControlMqttSense
from wachhund_agent.sensors.control_port import ControlPortSense
from wachhund_agent.sensors.datagram import DatagramSense
from wachhund_agent.sensors.dds import DdsSense
from wachhund_agent.sensors.desktop import DesktopSense
from wachhund_agent.sensors.dns import DnsSense
from wachhund_agent.sensors.flow import Flow, Owner
from wachhund_agent.sensors.link import LinkSense
from wachhund_agent.sensors.login import LoginSense
from wachhund_agent.sensors.persistence import PersistenceSense
from wachhund_agent.sensors.persistence_places import GENERIC_PLACES, Place
from wachhund_agent.sensors.posture import OpenDoor, PostureSense
from wachhund_agent.sensors.radio_station import RadioStationSense
from wachhund_agent.sensors.ros_master import RosMasterSense
from wachhund_agent.sensors.routed import RoutedSense
from wachhund_agent.sensors.sense import Sense
from wachhund_agent.sensors.station import StationSense
from wachhund_agent.sensors.tcp_owners import Owners
from wachhund_agent.sensors.watcher import WatcherSense


class Setup(NamedTuple):
    """What a run of the senses is told. `state`: a folder of its own to remember things in, None for no memory.

    `more_secrets`: options whose value is a secret too, as the owner says. `own_places`: files that this run was given,
    to be watched beside the code.
    """

    profile: Profile
    more_secrets: Tuple[str, ...] = ()
    state: Optional[Path] = None
    own_places: Tuple[Place, ...] = ()


class Known(NamedTuple):
    """What the process and TCP senses know, for the others. `doors`: listeners as (protocol, port, scope).

    `dns` names addresses for all of them, so it is made before them. `run`: marks this run's flow ids.
    """

    run: str
    owners: Owners
    own_inodes: Callable[[], FrozenSet[int]]
    dns: DnsSense
    who: Callable[[int], Optional[Owner]]
    flows: Callable[[], Mapping[str, Flow]]
    doors: Callable[[], Sequence[OpenDoor]]


def make(setup: Setup, known: Known) -> List[Sense]:
    """The senses that keep no clock of their own, in the order in which they look."""
    profile = setup.profile
    datagrams = DatagramSense(known.owners, known.run, known.own_inodes, known.dns.name_of)
    routed = RoutedSense(known.run, known.dns.name_of)

    def flows() -> List[Tuple[str, Flow]]:
        return [("tcp", flow) for flow in known.flows().values()] + datagrams.flows

    senses: List[Sense] = [
        WatcherSense(),
        known.dns,
        datagrams,
        routed,
        ControlPortSense(profile.doors, flows),
        LinkSense(known.who),
        LoginSense(known.who, known.flows),
        DesktopSense(known.flows),
        PostureSense(profile.defaults, profile.installed, profile.packages, known.doors),
        CaptureDeviceSense(known.who),
        PersistenceSense(
            (*GENERIC_PLACES, *profile.places, *own_files.code_places(), *setup.own_places),
            setup.state and setup.state / "persistence.json",
        ),
        StationSense([Path(lease) for lease in profile.leases]),
        RadioStationSense(),
        BluetoothSense(profile.provisioning),
        RosMasterSense([door.port for door in profile.doors if door.surface == "ros"], known.doors),
        DdsSense(),
    ]
    if profile.broker is not None:
        senses.append(ControlMqttSense(profile.broker, profile.topics))
    if profile.views:
        senses.append(CameraViewSense(known.flows, profile.views))
        senses.append(CameraStreamSense(lambda: datagrams.flows, lambda: routed.crossings, profile.views))
    return senses
