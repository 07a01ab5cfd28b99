"""What the stock robot does with nobody near: processes for ever, packets to the legs, messages on its broker."""

from tests.robots.go1.addresses import LOW_LEVEL, MOTORS, MQTT
from tests.robots.go1.namespace import Namespace
from tests.robots.go1.private_files import AUTOSTART
from tests.robots.go1.services import robot_python

# The real robot sends at 500 Hz; a test machine has other things to do.
_LOW_LEVEL_HZ, _TRANSIT_HZ, _LCM_HZ = 50.0, 10.0, 20.0
_LCM_GROUP, _LCM_PORT = "239.255.76.67", 7667
_STATE_HZ, _BATTERY_HZ = 12.5, 0.5
_KEEP_ALIVE_S = 0.2


def start(pi: Namespace, speed: float) -> list[int]:
    """Everything at `speed` times its usual rate, until the robot ends. Returns the pids of what makes it."""
    python = robot_python()
    made = [pi.popen(["bash", f"{AUTOSTART}/sportMode/keep_sport_alive.sh", f"{_KEEP_ALIVE_S / speed:.4f}"])]
    for own_port, address, port, hertz in (
        (8008, MOTORS, LOW_LEVEL, _LOW_LEVEL_HZ),
        (8093, MOTORS, LOW_LEVEL, _TRANSIT_HZ),
        (0, _LCM_GROUP, _LCM_PORT, _LCM_HZ),
    ):
        chatter = f"{AUTOSTART}/appTransit/appTransit.py"
        made.append(pi.popen([python, chatter, str(own_port), address, str(port), f"{hertz * speed:.3f}"]))
    publisher = f"{AUTOSTART}/bmsMonitor/state_publisher.py"
    rates = (f"{_STATE_HZ * speed:.3f}", f"{_BATTERY_HZ * speed:.3f}")
    made.append(pi.popen([python, publisher, str(MQTT), *rates]))
    return [process.pid for process in made]
