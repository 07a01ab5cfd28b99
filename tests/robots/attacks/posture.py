"""Group 6: nobody attacks yet; the robot stands so that somebody easily could."""

import subprocess

from tests.robots.attacks.acting import implant, linger, put
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.scene import Scene, Story
from tests.robots.go1 import Go1
from tests.robots.go1.addresses import NANO_HEAD
from tests.robots.go1.private_files import AUTOSTART


def _default_password(robot: Go1, draw: Draw) -> None:
    """The public one, as its hash (crypt(3), SHA-512)."""
    command = ["openssl", "passwd", "-6", "-salt", draw.name("salt"), "-stdin"]
    hashed = subprocess.run(
        command, input="123\n", capture_output=True, text=True, check=True, timeout=10
    ).stdout.strip()
    shadow = robot.etc / "shadow"
    lines = [line for line in shadow.read_text().splitlines() if not line.startswith("pi:")]
    shadow.write_text("\n".join([*lines, f"pi:{hashed}:19000::::::"]) + "\n")


def _tunnel_lies(robot: Go1, draw: Draw) -> None:
    put(robot, f"{AUTOSTART}/tunnel/csclient", b"no program\n", 0o755)
    put(robot, "/usr/local/zhexi/cloudsail/csclient", b"no program\n", 0o755)
    put(robot, "/usr/local/zhexi/cloudsail/stat.yml", f"uuid: made-up-{draw.name('uuid')}\n")


def _nothing(robot: Go1, draw: Draw) -> None:
    linger(7)  # posture looks each 5 s


def _pivot(robot: Go1, draw: Draw) -> None:
    """Whoever did it: the robot now leads from the modem into its own network."""
    rules = f"table ip {draw.name('table')} {{ chain in {{ type nat hook prerouting priority -100; "
    rules += f'iifname "ppp0" tcp dport {draw.high_port("door")} dnat to {NANO_HEAD}:22; }}; '
    rules += 'chain out { type nat hook postrouting priority 100; oifname "eth0" masquerade; }; }\n'
    robot.pi.run(["nft", "-f", "-"], input=rules)
    linger(6)


def _exposed(robot: Go1, draw: Draw) -> None:
    """A program offers a shell to every network, the modem's too; nobody has come yet."""
    path, port = draw.path("door"), draw.high_port("door")
    implant(robot, path, "bind_shell.py", [str(port)])
    robot.pi.wait_for(port)
    linger(6)


SCENES = (
    Scene("default-password", 6, "pi has the password that everybody knows", _nothing,
          Story("posture", "medium", (), (), ("password",), ("T1078.001",)), before=_default_password),
    Scene("tunnel-installed", 6, "the vendor's tunnel is installed and enrolled, and does not run", _nothing,
          Story("posture", "low", (), (), ("CloudSail",), (), most="medium"), before=_tunnel_lies),
    Scene("cloud-knows-it", 6, "the broker keeps the number under which the vendor's cloud knows the robot", _nothing,
          Story("posture", "low", (), (), ("enrolled",), (), most="medium"), enrolled=True),
    Scene("forwarded-port", 6, "a new rule of the firewall leads from the modem to a Nano's ssh; nobody has come",
          _pivot,
          Story("posture", "medium", (), (), ("forward",), ("T1090",))),
    Scene("open-shell", 6, "a new program offers a shell on all networks; nobody has come", _exposed,
          Story("posture", "medium", (), (), ("port",), ("T1571",))),
)  # fmt: skip
