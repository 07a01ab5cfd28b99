"""Look-alikes: people who use the robot as they may, from where they may."""

from tests.robots.attacks.acting import drives, linger, logs_in_and_works, looks, put, work
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.scene import Authorised, Scene
from tests.robots.go1 import Go1, visits
from tests.robots.go1.addresses import CAMERAS, LAB, MQTT, PHONE, PI_LAN, PI_WLAN, WEB


def _developer(robot: Go1, draw: Draw) -> None:
    logs_in_and_works(robot, draw, (PI_LAN, 22), robot.lab, ["python3 -V", "tail -n 3 /var/log/auth.log"])


def _another_desk(robot: Go1, draw: Draw) -> None:
    """A laptop that was never seen before, in the robot's own network."""
    robot.lab.ip(f"addr del {LAB}/24 dev eth0", f"addr add {draw.neighbour('desk')}/24 dev eth0")
    with visits.logs_in(robot, robot.lab, 22, PI_LAN) as session:
        work(session, draw)


def _phone(robot: Go1, draw: Draw) -> None:
    with visits.phone_drives(robot):
        linger(6)


def _phone_and_camera(robot: Go1, draw: Draw) -> None:
    with visits.phone_drives(robot):
        looks(
            robot, robot.phone, PI_WLAN, draw.pick("port", [WEB, 8080]), f"/cam{draw.pick('camera', sorted(CAMERAS))}"
        )


def _routed(robot: Go1, draw: Draw) -> None:
    with visits.phone_watches_through(robot):
        linger(5)


def _sdk(robot: Go1, draw: Draw) -> None:
    with visits.sdk_moves(robot):
        linger(6)


def _upload(robot: Go1, draw: Draw) -> None:
    with visits.upload(robot):
        linger(3)


def _blocks(robot: Go1, draw: Draw) -> None:
    """The vendor's programming with blocks: Python by the broker from the access point."""
    code = "import time\nfor step in range(3):\n    time.sleep(0.5)\n"
    for topic, payload in (("programming/code", code), ("programming/action", "start")):
        robot.phone.run(["mosquitto_pub", "-h", PI_WLAN, "-p", str(MQTT), "-q", "1", "-t", topic, "-m", payload])
    linger(4)


def _lab_drives(robot: Go1, draw: Draw) -> None:
    drives(robot, robot.lab, PI_LAN)


def _typo(robot: Go1, draw: Draw) -> None:
    """A colleague forgets the account's name, and tries again."""
    command = ["ssh", "-F", "none", "-oBatchMode=yes", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null"]
    robot.lab.run([*command, f"{draw.name('colleague')}@{PI_LAN}", "true"], check=False)
    _developer(robot, draw)


def _new_start_entry(robot: Go1, draw: Draw) -> None:
    """A developer installs a program of the laboratory while logged in from there; only in their own folder."""
    name = draw.name("tool")
    put(robot, f"/home/pi/{name}/run.sh", "echo ready; sleep 1\n", 0o755)
    logs_in_and_works(robot, draw, (PI_LAN, 22), robot.lab, [f"chmod +x {name}/run.sh", f"./{name}/run.sh"])


def _two_phones(robot: Go1, draw: Draw) -> None:
    """The phone's app loses its connection and comes back: one controller after the other, not two at once."""
    for _ in range(2):
        with visits.phone_drives(robot):
            linger(3)


_LAB = Authorised(
    "the laboratory", ("ssh", "web", "mqtt", "udp", "ros", "camera"), LAB, "lan", "develops on this robot"
)
_APP = Authorised("the operator's phone", ("mqtt", "web", "camera"), PHONE, "lan", "drives this robot")
_DESKS = Authorised("the laboratory", ("ssh",), "192.168.123.0/24", "lan", "any desk of the laboratory")
SCENES = (
    Scene("developer-ssh", 0, "a developer logs in from the laboratory", _developer, None, (_LAB,)),
    Scene("developer-other-desk", 0, "a developer logs in from a desk that was never seen", _another_desk, None,
          (_DESKS,)),
    Scene("developer-typo", 0, "a developer mistypes the account once and then gets in", _typo, None, (_LAB,)),
    Scene("developer-installs", 0, "a developer tries a script of their own", _new_start_entry, None, (_LAB,)),
    Scene("phone-drives", 0, "the phone's app drives through nginx", _phone, None, (_APP,)),
    Scene("phone-reconnects", 0, "the phone's app drives, loses its connection and comes back", _two_phones, None,
          (_APP,)),
    Scene("phone-camera", 0, "the phone's app drives and looks", _phone_and_camera, None, (_APP,)),
    Scene("phone-routed-camera", 0, "the phone asks a Nano itself for its camera; the Pi routes", _routed, None,
          (_APP,)),
    Scene("phone-programs", 0, "the phone's app sends a program of blocks, and the robot runs it", _blocks, None,
          (_APP,)),
    Scene("sdk-lab", 0, "the laboratory's kit sends high-level commands by UDP", _sdk, None, (_LAB,)),
    Scene("upload-lab", 0, "the laboratory uploads a program", _upload, None, (_LAB,)),
    Scene("lab-drives", 0, "a laptop of the laboratory drives by MQTT", _lab_drives, None, (_LAB,)),
)  # fmt: skip
