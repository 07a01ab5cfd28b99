"""Look-alikes: what a robot and its owners do: updates, backups, telemetry, other networks, their own VPN."""

import subprocess
import sys

from tests.robots.attacks.acting import (
    linger,
    on_internet,
    outside_broker,
    outside_sshd,
    put,
    run,
    ssh_from_pi,
    start,
)
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.networks import openvpn
from tests.robots.attacks.scene import Authorised, Scene
from tests.robots.go1 import Go1
from tests.robots.go1.addresses import LAB, PI_LAN, PI_PPP, PPP_PEER

_ROS = 11311


def _stock(robot: Go1, draw: Draw) -> None:
    """Nothing but its own noise."""
    linger(15)


def _upgrade(robot: Go1, draw: Draw) -> None:
    """A real dpkg unpacks and configures a real package, into a root of its own, for /usr is the machine's.

    There is no archive to fetch from, so nothing of apt's own network traffic is acted out, and no daemon is restarted.
    """
    folder, name = robot.log.parent / "outside" / "package", draw.name("package")
    (folder / "DEBIAN").mkdir(parents=True)
    (folder / "usr/share/doc").mkdir(parents=True)
    (folder / "usr/share/doc" / name).write_text("nothing\n")
    (folder / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <nobody@example>\nDescription: a test\n"
    )
    subprocess.run(["dpkg-deb", "--build", str(folder), f"{folder}.deb"], check=True, capture_output=True, timeout=20)
    put(robot, f"/var/log/archives/{name}.deb", (robot.log.parent / "outside/package.deb").read_bytes())
    run(robot, ["mkdir", "-p", "/run/installed/var/lib/dpkg/updates", "/run/installed/var/lib/dpkg/info"])
    put(robot, "/run/installed/var/lib/dpkg/status", "")
    put(robot, "/run/installed/var/lib/dpkg/available", "")
    command = ["dpkg", "--root=/run/installed", "--force-not-root", "--force-script-chrootless", "-i"]
    run(robot, [*command, f"/var/log/archives/{name}.deb"])
    linger(2)


def _backup(robot: Go1, draw: Draw) -> None:
    """The laboratory fetches the robot's home by rsync over ssh."""
    target = robot.log.parent / "outside" / "backup"
    target.mkdir(parents=True)
    ssh = " ".join(robot.ssh())
    for _ in range(2):
        robot.lab.run(["rsync", "-a", "-e", ssh, f"pi@{PI_LAN}:/home/pi/Unitree/", str(target)])
        linger(1)
    assert any(target.iterdir())


def _backup_out(robot: Go1, draw: Draw) -> None:
    """The robot itself sends logs to its owner's server, whose /run is its own: outwards only."""
    address, port = on_internet(robot, draw.address("server")), draw.high_port("sshd")
    outside_sshd(robot, address, port)
    ssh = " ".join([*ssh_from_pi(robot, draw), "-p", str(port)])
    put(robot, f"/home/pi/{draw.name('logs')}/today.log", b"a line of a log\n" * 20_000)
    run(robot, ["rsync", "-a", "-e", ssh, f"/home/pi/{draw.name('logs')}/", f"root@{address}:/run/logs"], timeout=30)
    linger(1)


def _telemetry(robot: Go1, draw: Draw, dials_first: bool = False) -> None:
    """A program reads the robot's own broker and reports outwards. A shell starts both at once: any may be first."""
    address, port = on_internet(robot, draw.address("server")), draw.pick("port", [1883, 2883, 21883])
    outside_broker(robot, address, port)
    reads = "mosquitto_sub -h 127.0.0.1 -t bms/state -t robot/state -F %t"
    reads = f"(sleep 0.3; exec {reads})" if dials_first else reads
    bridge = f"{reads} | mosquitto_pub -h {address} -p {port} -t state -l"
    start(robot, ["sh", "-c", bridge])
    linger(10)


def _telemetry_dials_first(robot: Go1, draw: Draw) -> None:
    _telemetry(robot, draw, dials_first=True)


def _vpn(robot: Go1, draw: Draw) -> None:
    openvpn(robot, draw)


def _vpn_idle(robot: Go1, draw: Draw) -> None:
    openvpn(robot, draw, work=False)


def _roams(robot: Go1, draw: Draw) -> None:
    """The modem loses its network, comes back with another address; then the way out is the laboratory's network."""
    other = f"100.100.57.{draw.number('other', 30, 60)}"
    robot.pi.ip("link set ppp0 down")
    linger(2)
    robot.pi.ip(
        "link set ppp0 up",
        f"addr add {other} peer {PPP_PEER} dev ppp0",
        f"route replace default via {PPP_PEER} dev ppp0",
    )
    linger(2)
    robot.pi.ip(f"route replace default via {LAB} dev eth0")
    linger(2)
    robot.pi.ip(f"route replace default via {PPP_PEER} dev ppp0", f"addr del {PI_PPP} peer {PPP_PEER} dev ppp0")
    linger(2)


def _ros_bag(robot: Go1, draw: Draw) -> None:
    """Nodes of the robot itself register with its master; one subscribes to everything, as a recorder does."""
    home = {"PATH": "/usr/bin:/bin", "HOME": "/home/pi", "ROS_LOG_DIR": "/run"}
    start(robot, ["rosmaster", "--core", "-p", str(_ROS)], env=home)
    robot.pi.wait_for(_ROS)
    name = draw.name("recorder")
    code = f"import sys, time, xmlrpc.client as x; m = x.ServerProxy('http://127.0.0.1:{_ROS}')\n"
    code += "u = 'http://127.0.0.1:45001/'\nm.registerPublisher('/legs', '/imu', 'sensor_msgs/Imu', u)\n"
    code += f"for topic in m.getPublishedTopics('/{name}', '')[2]:\n    m.registerSubscriber('/{name}', *topic, u)\n"
    code += "time.sleep(12)\n"
    put(robot, f"/home/pi/{name}/record.py", code)
    start(robot, ["/usr/bin/python3", f"/home/pi/{name}/record.py"]).wait(20)


def _names(robot: Go1, draw: Draw) -> None:
    """Long names are looked up, as content networks use them."""
    for number in range(12):
        name = f"{draw.name(f'host {number}')}-{draw.name(f'part {number}')}.cdn.example"
        run(robot, ["getent", "ahostsv4", name], check=False)


def _page(robot: Go1, draw: Draw) -> None:
    """A program of the robot fetches a page from the internet, and asks the robot's own page too."""
    address, port = on_internet(robot, draw.address("server")), draw.high_port("server")
    folder = robot.log.parent / "outside" / "pages"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("hello\n" * 500)
    robot.internet.popen([sys.executable, "-m", "http.server", str(port), "--bind", address], cwd=folder)
    robot.internet.wait_for(port)
    script = f"/home/pi/{draw.name('job')}.sh"
    put(robot, script, f"for n in 1 2 3 4; do curl -s -o /dev/null http://{address}:{port}/; "
        "curl -s -o /dev/null http://127.0.0.1/; sleep 0.5; done\n")  # fmt: skip
    start(robot, ["sh", script]).wait(20)


_VPN = Authorised("the operator", ("ssh",), "10.0.0.0/8", "OpenVPN", "remote maintenance by the operator's own VPN")
SCENES = (
    Scene("stock", 0, "the stock robot makes its noise, and nobody is there", _stock, None),
    Scene("package-upgrade", 0, "dpkg installs a package", _upgrade, None),
    Scene("backup-rsync", 0, "the laboratory fetches a backup by rsync", _backup, None,
          (Authorised("the laboratory", ("ssh",), LAB, "lan", "fetches backups"),)),
    Scene("logs-rsync-out", 0, "the robot sends its logs to its owner's server by rsync over ssh", _backup_out, None),
    Scene("telemetry-out", 0, "mosquitto's own clients report the robot's state to its owner's broker", _telemetry,
          None),
    Scene("telemetry-dials-first", 0, "the same, connected outside before it asks the robot's broker",
          _telemetry_dials_first, None),
    Scene("vpn-authorised", 0, "the operator logs in across the VPN that the operator authorised", _vpn, None, (_VPN,)),
    Scene("vpn-authorised-idle", 0, "the operator's VPN stands, and nobody comes", _vpn_idle, None, (_VPN,)),
    Scene("roams", 0, "the robot roams between networks and gets other addresses", _roams, None),
    Scene("ros-bag", 0, "a recorder of the robot itself subscribes to what its ROS master knows", _ros_bag, None),
    Scene("long-names", 0, "long names of content networks are looked up", _names, None),
    Scene("fetches-pages", 0, "a script fetches pages from the internet and from the robot itself", _page, None),
)  # fmt: skip
