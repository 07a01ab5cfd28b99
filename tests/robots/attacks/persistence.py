"""Group 5: something is put where it starts by itself, or lets somebody in again.

By a visitor who came through a relay, or by a program of which nobody knows how it came.
"""

from tests.robots.attacks.acting import SSH_INSIDE, door_to, linger, put, start, work
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.scene import Act, Scene, Story
from tests.robots.go1 import Go1, visits
from tests.robots.go1.private_files import AUTOSTART

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZvciB0ZXN0cyBvbmx5LCBvcGVucyBub3RoaW5nIQ=="


def _while_inside(*typed: str) -> Act:
    """Somebody who came through an unnamed relay types it at the shell of pi."""

    def act(robot: Go1, draw: Draw) -> None:
        lines = [line.replace("NAME", draw.name("implant")) for line in typed]
        with (
            door_to(robot, draw, SSH_INSIDE) as (address, door),
            visits.logs_in(robot, robot.internet, door, address) as session,
        ):
            work(session, draw, lines)

    return act


def _as_root(path: str, content: str, mode: int = 0o644) -> Act:
    """A root program of which nobody knows how it came writes the file."""

    def act(robot: Go1, draw: Draw) -> None:
        script = f"/usr/local/{draw.name('place')}/{draw.name('script')}"
        where, what = (text.replace("NAME", draw.name("implant")) for text in (path, content))
        put(
            robot,
            script,
            f"mkdir -p $(dirname {where})\ncat > {where} <<'END'\n{what}\nEND\nchmod {mode:o} {where}\nsleep 1\n",
        )
        start(robot, ["sh", script]).wait(10)
        linger(3)

    return act


def _written(words: tuple[str, ...], technique: str, least: str = "medium") -> Story:
    return Story("persistence", least, (), (), words, (technique,))


def _inside(technique: str) -> Story:
    """It belongs to the story of the visitor who did it."""
    origin = ("{address[outside]}", "{path[relay]}", "ssh", "pi")
    return Story("remote-control", "high", ("ssh",), origin, ("remote control", "ssh"), ("T1572", technique))


_UNIT = "[Service]\nExecStart=/usr/local/NAME/NAME\nRestart=always\n[Install]\nWantedBy=multi-user.target"
_START = f"{AUTOSTART}/NAME"
SCENES = (
    Scene("visitor-autostart", 5, "a visitor through a relay adds a folder to the vendor's start list", _while_inside(
        f"mkdir {_START}; echo 'sleep 1' > {_START}/NAME.sh; chmod +x {_START}/NAME.sh",
        f"echo NAME >> {AUTOSTART}/.startlist.sh"), _inside("T1547")),
    Scene("visitor-key", 5, "a visitor through a relay adds a key of their own", _while_inside(
        f"echo '{_KEY} NAME' >> ~/.ssh/authorized_keys"), _inside("T1098.004")),
    Scene("visitor-profile", 5, "a visitor through a relay writes a start file of the shell and of the desktop",
          _while_inside(
        "echo '/home/pi/.NAME &' >> ~/.bashrc", "mkdir -p ~/.config/autostart",
        "printf '[Desktop Entry]\\nExec=/home/pi/.NAME\\n' > ~/.config/autostart/NAME.desktop"), _inside("T1546.004")),
    Scene("root-unit", 5, "a new unit of systemd, and nobody knows who wrote it",
          _as_root("/etc/systemd/system/NAME.service", _UNIT), _written(("systemd",), "T1543.002")),
    Scene("root-timer", 5, "a new timer of systemd",
          _as_root("/etc/systemd/system/NAME.timer", "[Timer]\nOnBootSec=60\n[Install]\nWantedBy=timers.target"),
          _written(("systemd",), "T1053.006")),
    Scene("root-cron", 5, "a new job of cron", _as_root("/etc/cron.d/NAME", "*/5 * * * * root /usr/local/NAME/NAME"),
          _written(("cron",), "T1053.003")),
    Scene("root-preload", 5, "a library that every program is to load",
          _as_root("/etc/ld.so.preload", "/usr/local/NAME/NAME.so"), _written(("preload",), "T1574.006", "high")),
    Scene("root-pam", 5, "a module in the way of every login",
          _as_root("/etc/pam.d/NAME", "auth sufficient pam_permit.so"), _written(("pam",), "T1556.003", "high")),
    Scene("root-udev", 5, "a rule of udev that starts a program",
          _as_root("/etc/udev/rules.d/99-NAME.rules", 'ACTION=="add", SUBSYSTEM=="net", RUN+="/usr/local/NAME/NAME"'),
          _written(("udev",), "T1546")),
    Scene("root-sudoers", 5, "pi may do everything without a password",
          _as_root("/etc/sudoers.d/NAME", "pi ALL=(ALL) NOPASSWD: ALL", 0o440),
          _written(("sudo",), "T1548.003", "high")),
    Scene("root-rc", 5, "a line in rc.local",
          _as_root("/etc/rc.local", "#!/bin/sh\n/usr/local/NAME/NAME &\nexit 0", 0o755),
          _written(("rc",), "T1037.004")),
)  # fmt: skip
