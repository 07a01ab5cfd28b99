"""Group 1: private networks: a link on the robot to which somebody outside belongs, and who comes across it."""

import socket
import subprocess
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.robots.attacks.acting import linger, logs_in_and_works, on_internet, put, start
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.scene import Scene, Story
from tests.robots.go1 import Go1
from tests.waiting import until

PLANTED = "planted-Zq9w"  # a secret that no recording may hold


def _outside_folder(robot: Go1) -> Path:
    folder = robot.log.parent / "outside"
    folder.mkdir(exist_ok=True)
    return folder


def _net(draw: Draw) -> str:
    return f"10.{draw.number('net', 20, 98)}.{draw.number('subnet', 1, 250)}"


def reaches(robot: Go1, address: str) -> None:
    """Return when somebody outside reaches the robot by this address of its link."""
    until(
        lambda: robot.internet.run(["ping", "-c1", "-W1", address], check=False).returncode == 0,
        20,
        f"{address} answers",
    )


def openvpn(robot: Go1, draw: Draw, work: bool = True) -> None:
    """A link over TCP; somebody logs in across it."""
    address, port, net = on_internet(robot, draw.address("outside")), draw.port("outside"), _net(draw)
    key, device = _outside_folder(robot) / "static.key", f"tun{draw.number('device', 0, 9)}"
    subprocess.run(["openvpn", "--genkey", "secret", str(key)], check=True, capture_output=True, timeout=20)
    put(robot, f"/etc/openvpn/{draw.name('config')}.key", key.read_bytes(), 0o600)
    common = ["--dev-type", "tun", "--cipher", "AES-256-CBC", "--verb", "1"]
    outside = ["openvpn", *common, "--secret", str(key), "--dev", "vpn0", "--proto", "tcp-server", "--lport", str(port)]
    robot.internet.popen([*outside, "--ifconfig", f"{net}.1", f"{net}.2"])
    robot.internet.wait_for(port)
    config = f"/etc/openvpn/{draw.name('config')}.conf"
    put(robot, config, f"secret {config[:-5]}.key\nifconfig {net}.2 {net}.1\nremote {address} {port}\n")
    start(robot, ["openvpn", *common, "--dev", device, "--proto", "tcp-client", "--config", config])
    reaches(robot, f"{net}.2")
    if work:
        logs_in_and_works(robot, draw, (f"{net}.2", 22))
    else:
        linger(4)


def _wireguard_device(where: Path, name: str, settings: str) -> None:
    """The configuration protocol of wireguard-go's socket (wireguard.com/xplatform)."""
    control = where / f"run/wireguard/{name}.sock"
    until(control.exists, 10, f"wireguard-go offers {name}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(str(control))
        line.sendall(f"set=1\n{settings}\n\n".encode())
        answer = line.recv(1024)
        assert b"errno=0" in answer, answer


def _key() -> tuple[str, str]:
    key = X25519PrivateKey.generate()
    private = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()).hex()
    return private, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def _wireguard(robot: Go1, draw: Draw) -> None:
    address, port, net = on_internet(robot, draw.address("outside")), draw.high_port("outside"), _net(draw)
    device = f"wg{draw.number('device', 0, 9)}"
    environment = {"WG_PROCESS_FOREGROUND": "1", "PATH": "/usr/bin:/bin"}
    script = "mount -t tmpfs tmpfs /run && mkdir /run/wireguard && exec wireguard-go -f wg7"
    away = robot.internet.popen(
        ["unshare", "--mount", "sh", "-c", script], env={**environment, "PATH": "/usr/sbin:/usr/bin:/bin"}
    )
    start(robot, ["wireguard-go", "-f", device], env=environment)
    (mine, my_public), (theirs, their_public) = _key(), _key()
    alive = "persistent_keepalive_interval=5"
    settings = f"private_key={theirs}\nlisten_port={port}\npublic_key={my_public}\nallowed_ip={net}.2/32\n{alive}"
    _wireguard_device(Path(f"/proc/{away.pid}/root"), "wg7", settings)
    settings = (
        f"private_key={mine}\npublic_key={their_public}\nendpoint={address}:{port}\nallowed_ip={net}.1/32\n{alive}"
    )
    _wireguard_device(robot.pi.root, device, settings)
    robot.internet.ip(f"addr add {net}.1/24 dev wg7", "link set wg7 up")
    robot.pi.ip(f"addr add {net}.2/24 dev {device}", f"link set {device} up")
    reaches(robot, f"{net}.2")
    logs_in_and_works(robot, draw, (f"{net}.2", 22))


def _nebula(robot: Go1, draw: Draw) -> None:
    address, port, net = on_internet(robot, draw.address("outside")), draw.high_port("outside"), _net(draw)
    folder, name = _outside_folder(robot), draw.name("node")
    sign, anybody = ["nebula-cert", "sign", "-name"], "{port: any, proto: any, host: any}"
    for command in (["nebula-cert", "ca", "-name", "test"], [*sign, "away", "-ip", f"{net}.1/24"],
                    [*sign, "robot", "-ip", f"{net}.2/24"]):  # fmt: skip
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=20)
    for file in ("ca.crt", "robot.crt", "robot.key"):
        put(robot, f"/etc/nebula/{file}", (folder / file).read_bytes(), 0o600)
    for who, place, device, light in (("away", str(folder), "nebula0", "am_lighthouse: true"),
                                      ("robot", "/etc/nebula", name[:8], f'hosts: ["{net}.1"]')):  # fmt: skip
        text = (
            f"pki: {{ca: {place}/ca.crt, cert: {place}/{who}.crt, key: {place}/{who}.key}}\n"
            f'static_host_map: {{"{net}.1": ["{address}:{port}"]}}\nlighthouse: {{{light}}}\n'
            f"listen: {{host: 0.0.0.0, port: {port}}}\ntun: {{dev: {device}}}\npunchy: {{punch: true}}\n"
            f"firewall: {{outbound: [{anybody}], inbound: [{anybody}]}}\n"
        )
        if who == "away":
            (folder / "away.yml").write_text(text)
        else:
            put(robot, "/etc/nebula/config.yml", text)
    robot.internet.popen(["nebula", "-config", str(folder / "away.yml")])
    robot.internet.wait_for(port, "udp")
    start(robot, ["nebula", "-config", "/etc/nebula/config.yml"])
    reaches(robot, f"{net}.2")
    logs_in_and_works(robot, draw, (f"{net}.2", 22))


def _n2n(robot: Go1, draw: Draw) -> None:
    address, port, net = on_internet(robot, draw.address("outside")), draw.high_port("outside"), _net(draw)
    community = ["-c", draw.name("community"), "-k", PLANTED, "-l", f"{address}:{port}", "-f"]
    robot.internet.popen(["supernode", "-f", "-l", str(port)])
    time.sleep(0.5)
    robot.internet.popen(["edge", "-d", "n2n1", "-a", f"{net}.1", *community])
    start(robot, ["edge", "-d", draw.name("device")[:8], "-a", f"{net}.2", *community])
    reaches(robot, f"{net}.2")
    logs_in_and_works(robot, draw, (f"{net}.2", 22))


def _iodine(robot: Go1, draw: Draw) -> None:
    address, net = on_internet(robot, draw.address("outside")), _net(draw)
    domain = f"{draw.name('domain')}.example"
    robot.internet.popen(["iodined", "-f", "-c", "-P", PLANTED, "-l", address, f"{net}.1", domain])
    robot.internet.wait_for(53, "udp")
    start(robot, ["iodine", "-f", "-r", "-P", PLANTED, address, domain])
    reaches(robot, f"{net}.2")
    logs_in_and_works(robot, draw, (f"{net}.2", 22))


def _across(name: str) -> Story:
    origin = ("{address[outside]}", "ssh", "pi")
    return Story("remote-control", "high", ("ssh",), origin, ("remote control", "ssh", name), ("T1572", "T1021.004"))


SCENES = (
    Scene("openvpn-login", 1, "an OpenVPN link nobody authorised; somebody logs in across it", openvpn,
          _across("OpenVPN")),
    Scene("openvpn-idle", 1, "the same link, and nobody comes", lambda robot, draw: openvpn(robot, draw, work=False),
          Story("tunnel", "medium", (), ("{address[outside]}",), ("OpenVPN",), ("T1572",))),
    Scene("wireguard-login", 1, "WireGuard in user space; somebody logs in across it", _wireguard,
          _across("WireGuard")),
    Scene("nebula-login", 1, "Nebula; somebody logs in across it", _nebula, _across("Nebula")),
    Scene("n2n-login", 1, "n2n by a supernode; somebody logs in across it", _n2n, _across("n2n")),
    Scene("iodine-login", 1, "a network in questions of DNS; somebody logs in across it", _iodine,
          Story("remote-control", "high", ("ssh",), ("{address[outside]}", "ssh", "pi"),
                ("remote control", "ssh", "iodine"),
                ("T1572", "T1071.004"))),
)  # fmt: skip
