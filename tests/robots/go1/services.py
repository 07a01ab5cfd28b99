"""What runs on the robot from its start: real daemons, and stand-ins for the vendor's programs."""

import contextlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.robots.go1.addresses import (
    CAMERA_PORT,
    CLOUD,
    CLOUD_NAME,
    HIGH_LEVEL,
    LOW_LEVEL,
    MOTORS,
    MQTT,
    MQTT_WEBSOCKET,
    NAME_SERVER,
    NANO_BELLY,
    NANO_BODY,
    NANO_HEAD,
    SSH,
    UPLOAD,
    WEB,
)
from tests.robots.go1.namespace import Namespace
from tests.robots.go1.private_files import AUTOSTART, LOG_DAEMON, PROGRAMS
from tests.waiting import until

DAEMONS = ("nginx", "mosquitto", "mosquitto_pub", "sshd", "dnsmasq")
_READY_SECONDS = 15.0
_SYSTEM_PYTHON = "/usr/bin/python3"


def missing() -> list[str]:
    """The programs that this machine lacks for a robot."""
    tools = ("ip", "nsenter", "unshare", "mount", "tar", "ssh", "ssh-keygen", "bash", "ps", "ping")
    return [name for name in (*tools, *DAEMONS) if _path(name) is None]


def _path(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


@cache
def robot_python() -> str:
    """The robot's Python 3.7 if this machine has one (WACHHUND_PYTHON37 or on PATH), else the system's, else ours."""
    for candidate in (os.environ.get("WACHHUND_PYTHON37"), "python3.7"):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            tell = "import sys; assert sys.version_info[:2] == (3, 7); print(sys.executable)"
            command = [candidate or "", "-c", tell]
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    # A robot's programs run by the system's interpreter, not by one in the home of who tests.
    return _SYSTEM_PYTHON if Path(_SYSTEM_PYTHON).exists() else sys.executable


def start(pi: Namespace, nanos: Namespace, internet: Namespace, enrolled: bool, log: Path) -> None:
    """Returns when everything listens."""
    python = robot_python()
    daemon = {name: str(_path(name)) for name in DAEMONS}
    with (log / "mosquitto.log").open("wb") as out:
        pi.popen([daemon["mosquitto"], "-c", "/etc/mosquitto/mosquitto.conf"], stdout=out, stderr=out)
    internet.popen(
        [
            *(daemon["dnsmasq"], "-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file="),
            *("--bind-interfaces", f"--listen-address={NAME_SERVER}", f"--address=/{CLOUD_NAME}/{CLOUD}"),
        ]
    )
    pi.popen([daemon["dnsmasq"], "-k", "-C", "/etc/dnsmasq.conf"])
    pi.popen([python, LOG_DAEMON, "/run/systemd/journal/dev-log", "/var/log/auth.log"])
    nanos.popen([python, PROGRAMS / "camera_program.py", str(CAMERA_PORT), NANO_HEAD, NANO_BODY, NANO_BELLY])
    nanos.popen([python, PROGRAMS / "motor_program.py", MOTORS, str(LOW_LEVEL)])
    pi.popen([daemon["nginx"], "-c", "/etc/nginx/nginx.conf", "-g", "daemon off; master_process on;"])
    pi.popen([python, f"{AUTOSTART}/sportMode/bin/Legged_sport", str(HIGH_LEVEL)])
    pi.popen([python, f"{AUTOSTART}/updateDependencies/startup_uploader.py", str(UPLOAD)])
    log_socket = log.parent / "run" / "systemd" / "journal" / "dev-log"
    until(log_socket.exists, _READY_SECONDS, "the robot's log daemon listens")
    pi.popen([daemon["sshd"], "-D"])
    pi.wait_for(MQTT)
    pi.popen([python, f"{AUTOSTART}/programming/programming.py"])
    if enrolled:
        for topic, value in (("usys/uuid", "made-up-for-a-test"), ("usys/internet", "4G")):
            pi.run([daemon["mosquitto_pub"], "-h", "127.0.0.1", "-r", "-q", "1", "-t", topic, "-m", value])
    for where, protocol, ports in (
        (pi, "tcp", (SSH, WEB, MQTT_WEBSOCKET, UPLOAD)),
        (pi, "udp", (53, 67, HIGH_LEVEL)),
        (nanos, "tcp", (CAMERA_PORT,)),
        (nanos, "udp", (LOW_LEVEL,)),
        (internet, "udp", (53,)),
    ):
        for port in ports:
            where.wait_for(port, protocol)
