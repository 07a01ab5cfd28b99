"""The stand-in robot itself: it answers wherever a Go1 does, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.go1 import Go1, leftovers, visits
from tests.robots.go1.addresses import (
    CAMERAS,
    CLOUD,
    CLOUD_NAME,
    HIGH_LEVEL,
    LAB,
    LOW_LEVEL,
    MOTORS,
    MQTT,
    OPENED,
    OPERATOR,
    PHONE,
    PI_LAN,
    PI_PPP,
    PI_WLAN,
    WEB,
    WEB_TOO,
)
from tests.robots.go1.private_files import AUTOSTART
from tests.waiting import until

pytestmark = pytest.mark.needs_root("network namespaces with a robot's addresses")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Go1]:
    with Go1(tmp_path_factory.mktemp("go1") / "robot", enrolled=True) as made:
        yield made


class Listening:
    """Messages of the robot's broker, from the Pi."""

    def __init__(self, robot: Go1, *topics: str) -> None:
        self._file = robot.log / f"messages-{time.monotonic_ns()}.out"
        wanted = [word for topic in topics for word in ("-t", topic)]
        command = [
            "stdbuf",
            "-oL",
            "mosquitto_sub",
            "-h",
            "127.0.0.1",
            "-p",
            str(MQTT),
            "-d",
            "-F",
            "%r %t %x",
            *wanted,
        ]
        with self._file.open("wb") as out:
            self._child = robot.pi.popen(command, stdout=out, stderr=out)
        until(lambda: "Subscribed" in self._file.read_text(), 10, "subscribed")

    def heard(self, topic: str) -> list[bytes]:
        """The payloads so far on one topic."""
        lines = [line.split(" ") for line in self._file.read_text().splitlines()]
        return [bytes.fromhex(line[2]) for line in lines if line[0] in "01" and line[1] == topic]

    def end(self) -> None:
        self._child.terminate()
        self._child.wait(10)


def udp(address: str, port: int) -> list[str]:
    """A program that sends a datagram and prints how many bytes came back."""
    code = "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)"
    code += f"; s.sendto(b'x', ({address!r}, {port})); print(len(s.recv(4096))); s.close()"
    return [sys.executable, "-c", code]


def http(url: str) -> list[str]:
    """A program that prints a page."""
    return [sys.executable, "-c", f"import urllib.request as u; print(u.urlopen({url!r}, timeout=5).read().decode())"]


def test_it_starts_soon(tmp_path: Path) -> None:
    """Every test with a robot pays this; and a second robot stands beside the first."""
    began = time.monotonic()
    with Go1(tmp_path / "one") as one, Go1(tmp_path / "two") as two:
        assert one.pi.name != two.pi.name
        assert (time.monotonic() - began) / 2 < 5


def test_everybody_reaches_whom_they_should(robot: Go1) -> None:
    """The Pi routes between its access point and the robot's network, and reaches the internet by name."""
    robot.lab.run(["ping", "-c1", "-W5", PI_LAN])
    robot.phone.run(["ping", "-c1", "-W5", PI_WLAN])
    robot.phone.run(["ping", "-c1", "-W5", MOTORS])
    robot.internet.run(["ping", "-c1", "-W5", PI_PPP])
    assert CLOUD in robot.pi.run(["getent", "ahostsv4", CLOUD_NAME]).stdout
    assert robot.pi.run(["ping", "-c1", "-W5", "-I", "ppp0", OPERATOR]).returncode == 0


def test_the_phone_is_hidden_behind_the_pi(robot: Go1) -> None:
    """Masquerading on eth0, as the stock start script leaves it: the boards see the Pi's address."""
    script = f"import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(({MOTORS!r}, 4000))"
    script += "; s.settimeout(10); print('bound', flush=True); print(s.recvfrom(10)[1][0]); s.close()"
    ear = robot.nanos.popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert ear.stdout is not None
    assert ear.stdout.readline() == "bound\n"
    shout = f"import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ({MOTORS!r}, 4000))"
    robot.phone.run([sys.executable, "-c", shout + "; s.close()"])
    assert ear.communicate(timeout=10)[0] == f"{PI_LAN}\n"


def test_every_surface_answers(robot: Go1) -> None:
    """Web on both ports, upload, and the two command ports of the legs."""
    for port in (WEB, WEB_TOO):
        assert "a robot" in robot.phone.run(http(f"http://{PI_WLAN}:{port}/")).stdout
    assert "upload here" in robot.lab.run(http(f"http://{PI_LAN}:9800/")).stdout
    assert int(robot.lab.run(udp(PI_LAN, HIGH_LEVEL)).stdout) > 1000
    assert int(robot.pi.run(udp(MOTORS, LOW_LEVEL)).stdout) > 500


@pytest.mark.parametrize("number", CAMERAS)
def test_somebody_watches_a_camera(robot: Go1, number: int) -> None:
    """Through nginx: the Pi holds a connection from the laboratory and one to the Nano."""
    with visits.lab_watches_camera(robot, number) as visit:
        held = robot.pi.run(["ss", "-Htn"]).stdout
        assert f"{CAMERAS[number]}:80" in held
        assert f"{PI_LAN}:80" in held
        assert "{}:{}".format(*visit.fact["address"]) in held


def test_the_phone_drives(robot: Go1) -> None:
    """The broker hears the app's words, and sees them come from the web server."""
    listening = Listening(robot, "controller/#")
    with visits.phone_drives(robot) as visit:
        until(lambda: len(listening.heard("controller/stick")) > 3, 10, "the stick moves")
        assert listening.heard("controller/action")[0] == b"standUp"
        held = robot.pi.run(["ss", "-Htn", "sport = :9801"]).stdout
        assert "127.0.0.1" in held
        assert PHONE not in held
        assert visit.fact["address"][0] == PHONE
    listening.end()


def test_the_development_kit_moves_it(robot: Go1) -> None:
    """UDP, and the robot answers."""
    with visits.sdk_moves(robot) as visit:
        assert visit.fact["fact"] == "moving"


def test_an_upload_is_held_and_then_complete(robot: Go1) -> None:
    """The file is there in full only at the end of the visit."""
    file = robot.home / Path(AUTOSTART).relative_to("/home/pi") / "updateDependencies" / "uploaded.bin"
    with visits.upload(robot):
        until(lambda: file.exists() and file.stat().st_size, 5, "the upload has begun")
        assert file.stat().st_size < 4096
    until(lambda: file.stat().st_size == 4096, 5, "the upload is complete")


def test_a_program_that_comes_over_the_broker_runs(robot: Go1) -> None:
    """`programming/code` is the vendor's door for Python."""
    mark = robot.run / "programmed"
    code = "open('/run/programmed', 'w').close()"
    for topic, payload in (("programming/code", code), ("programming/action", "start")):
        robot.lab.run(["mosquitto_pub", "-h", PI_LAN, "-q", "1", "-t", topic, "-m", payload])
    until(mark.exists, 10, "the program ran")


def test_somebody_logs_in_from_the_laboratory(robot: Go1) -> None:
    """A real sshd: its log, utmp and wtmp are the robot's, and say from where."""
    before = robot.wtmp.stat().st_size
    with visits.lab_logs_in(robot) as session:
        session.type("hostname; pwd")
        until(lambda: "/home/pi" in session.screen(), 10, "the shell answers")
        assert "raspberrypi" in session.screen()
        assert robot.wtmp.stat().st_size > before
        assert b"pts/" in robot.utmp.read_bytes()
    assert f"Accepted publickey for pi from {LAB}" in robot.auth_log.read_text()


def test_an_operator_comes_through_the_vendors_tunnel(robot: Go1) -> None:
    """What the Pi sees of it: a login from itself, and a program with a line to the cloud."""
    with visits.vendor_tunnel_login(robot, "linkd") as session:
        assert session.tunnel is not None
        exe = os.readlink(f"/proc/{session.tunnel.pid}/exe")  # noqa: PTH115 - the path as the Pi sees it
        assert exe.endswith("/tunnel/linkd")
        held = robot.pi.run(["ss", "-Htn"]).stdout
        assert f"{CLOUD}:5670" in held
        session.type("echo $((6*7))0")
        until(lambda: "420" in session.screen(), 10, "the shell answers")
        log = robot.auth_log.read_text()
        assert "Accepted publickey for pi from 127.0.0.1" in log.splitlines()[-1]


def test_the_tunnel_opens_the_web_page_too(robot: Go1) -> None:
    """CVE-2025-2894: whoever holds the cloud's key sees the page, and with it the cameras."""
    outer = next(one.outer for one in OPENED if one.inner == WEB)
    with visits.vendor_tunnel(robot):
        assert "a robot" in robot.internet.run(http(f"http://{CLOUD}:{outer}/")).stdout


def test_an_enrolled_robot_says_so_on_its_broker(robot: Go1) -> None:
    """Retained, so that whoever comes later hears it."""
    listening = Listening(robot, "usys/#")
    until(lambda: listening.heard("usys/uuid") and listening.heard("usys/internet"), 10, "retained messages")
    assert listening.heard("usys/internet") == [b"4G"]
    listening.end()


def test_its_files_are_its_own(robot: Go1) -> None:
    """A scenario may write where an intruder would, and the machine keeps its files."""
    places = ("/etc/cron.d/x-go1", "/home/pi/x-go1", "/usr/local/x-go1", "/var/log/x-go1", "/run/x-go1", "/dev/x-go1")
    robot.pi.run(["touch", *places])
    assert [place for place in places if Path(place).exists()] == []
    assert (robot.etc / "cron.d" / "x-go1").exists()
    assert set(robot.pi.run(["ls", "/sys/class/net"]).stdout.split()) >= {"eth0", "wlan1", "ppp0"}
    assert robot.pi.run(["hostname"]).stdout == "raspberrypi\n"


def test_the_stock_noise(tmp_path: Path) -> None:
    """State at the stock rates, packets to the legs, and the loop of processes."""
    with Go1(tmp_path / "robot") as robot:
        listening = Listening(robot, "robot/state", "bms/state", "usys/#")
        robot.start_noise(speed=2.0)
        until(lambda: listening.heard("robot/state"), 10, "the robot's state")
        until(lambda: len(listening.heard("robot/state")) > 50, 10, "fifty states more: 25 Hz were asked for")
        assert listening.heard("bms/state")
        assert not listening.heard("usys/uuid"), "this one is not enrolled"
        legs = robot.pi.run(["ss", "-Huan", "sport = :8008"]).stdout
        assert ":8008" in legs
        listening.end()


def test_nothing_is_left(tmp_path: Path) -> None:
    """Processes, namespaces, and files but the logs; also with a daemon of the test's own, whose parent is gone."""
    before = set(leftovers.names())
    with Go1(tmp_path / "robot") as robot:
        robot.start_noise()
        robot.pi.run(["sh", "-c", "setsid sleep 4711 >/dev/null 2>&1 &"])
        network = Path("/run/netns", robot.pi.name).stat().st_ino
        assert network in networks()
        with visits.vendor_tunnel_login(robot):
            pass
    assert set(leftovers.names()) <= before
    assert network not in networks()
    assert [entry.name for entry in (tmp_path / "robot").iterdir()] == ["log"]
    assert str(tmp_path) not in Path("/proc/mounts").read_text()


def networks() -> set[int]:
    """The network namespaces of all processes of this machine."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            found.add(entry.stat().st_ino)
        except OSError:
            continue  # it went by itself
    return found


def test_what_a_killed_test_leaves_goes_with_the_next_robot(tmp_path: Path) -> None:
    """SIGKILL asks nobody to clean up."""
    script = "import pathlib, sys, time; from tests.robots.go1 import Go1\n"
    script += "with Go1(pathlib.Path(sys.argv[1])) as robot:\n"
    script += "    robot.start_noise(); print(robot.pi.name, flush=True); time.sleep(60)"
    killed = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "killed")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    name = killed.stdout.readline().strip()
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=10)
    assert name in leftovers.names()
    assert leftovers.pids(name)
    with Go1(tmp_path / "next"):
        assert name not in leftovers.names()


def test_a_start_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """A folder that is in use already."""
    (tmp_path / "robot" / "home").mkdir(parents=True)
    before = leftovers.names()
    with pytest.raises(FileExistsError), Go1(tmp_path / "robot"):
        pass
    assert leftovers.names() == before
