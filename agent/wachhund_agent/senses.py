"""Which senses run on this robot: chosen by its profile, given what they need of one another."""

from pathlib import Path
from typing import Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from wachhund_agent.profile import Profile
from wachhund_agent.sensors.camera_view import CameraViewSense
from wachhund_agent.sensors.capture_device import CaptureDeviceSense
from wachhund_agent.sensors.control_port import ControlPortSense
from wachhund_agent.sensors.flow import Flow, Owner
from wachhund_agent.sensors.posture import OpenDoor, PostureSense
from wachhund_agent.sensors.sense import Sense
from wachhund_agent.sensors.station import StationSense
from wachhund_agent.sensors.watcher import WatcherSense


class Setup(NamedTuple):
    """What a run of the senses is told. `state`: a folder of its own to remember things in, None for no memory.

    `more_secrets`: options whose value is a secret too, as the owner says.
    """

    profile: Profile
    more_secrets: Tuple[str, ...] = ()
    state: Optional[Path] = None


class Known(NamedTuple):
    """What the process and TCP senses know, for the others. `doors`: listeners as (protocol, port, scope)."""

    who: Callable[[int], Optional[Owner]]
    flows: Callable[[], Mapping[str, Flow]]
    doors: Callable[[], Sequence[OpenDoor]]


def make(setup: Setup, known: Known) -> List[Sense]:
    """The senses that keep no clock of their own, in the order in which they look."""
    profile = setup.profile
    senses: List[Sense] = [
        WatcherSense(),
        ControlPortSense(profile.doors, lambda: [("tcp", flow) for flow in known.flows().values()]),
        PostureSense(profile.defaults, profile.installed, profile.packages, known.doors),
        CaptureDeviceSense(known.who),
        StationSense([Path(lease) for lease in profile.leases]),
    ]
    if profile.views:
        senses.append(CameraViewSense(known.flows, profile.views))
    return senses
