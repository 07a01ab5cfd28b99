"""Where the scene is played: the robot's side, and an outside with documentation addresses (RFC 5737).

Three worlds, the best that this machine allows:
- `root`: the robot's side is the machine itself; the outside is a network namespace joined to it by a veth pair.
- `user`: an ordinary user's user namespace holds two network namespaces, one for the robot's side, one for the outside.
- `loopback`: no namespaces are allowed; the outside is an address of this machine, and `why` says what was missing.

Namespaces have no names and no files: a holder process keeps each, its input is a pipe from us, and the kernel takes
the namespace away, and the veth pair with it, when the holder ends.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from wachhund.demo.children import Child, ChildError, Children

COMMAND_SECONDS = 10.0  # for one ip(8) or nsenter(1) call
HOLD = "echo held; exec cat"  # its first line says that the namespace exists


@dataclass(frozen=True)
class World:
    """How to start a program on each side, and the addresses that the sides know each other by."""

    kind: str
    robot: tuple[str, ...]
    outside: tuple[str, ...]
    outside_address: str
    why: str | None = None

    @property
    def has_outside(self) -> bool:
        """Whether the outside is another network, so that a chain can end at an outside address."""
        return self.kind != "loopback"


def build(children: Children) -> World:
    """The best world that this machine allows. Its namespaces live as long as `children`."""
    for tool in ("ip", "unshare", "nsenter"):
        if shutil.which(tool) is None:
            return _loopback(f"no {tool} command is installed (Debian: iproute2, util-linux)")
    # Drawn anew each time: whoever names it afterwards must have seen it.
    outside = f"203.0.113.{secrets.randbelow(253) + 2}"
    try:
        if os.geteuid() == 0:
            return _as_root(children, outside)
        return _as_user(children, outside)
    except ChildError as error:
        return _loopback(f"this system allows no namespaces ({error})")


def _as_root(children: Children, outside: str) -> World:
    holder = _hold(children, "outside-namespace", ("unshare", "--net"))
    inside = ("nsenter", f"--net=/proc/{holder.pid}/ns/net")
    _join((), inside, holder.pid, outside)
    return World("root", (), inside, outside)


def _as_user(children: Children, outside: str) -> World:
    robot_holder = _hold(children, "robot-namespace", ("unshare", "--user", "--map-root-user", "--net"))
    robot = ("nsenter", f"--target={robot_holder.pid}", "--user", "--net", "--preserve-credentials")
    outside_holder = _hold(children, "outside-namespace", (*robot, "unshare", "--net"))
    inside = ("nsenter", f"--target={outside_holder.pid}", "--user", "--net", "--preserve-credentials")
    _run((*robot, "ip", "link", "set", "lo", "up"))
    _join(robot, inside, outside_holder.pid, outside)
    return World("user", robot, inside, outside)


def _loopback(why: str) -> World:
    return World("loopback", (), (), "127.0.0.1", why)


def _hold(children: Children, name: str, enter: Sequence[str]) -> Child:
    holder = children.start(name, ("sh", "-c", HOLD), inside=enter)
    holder.line(COMMAND_SECONDS)
    return holder


def _join(robot: Sequence[str], outside: Sequence[str], outside_pid: int, outside_address: str) -> None:
    """Lay a veth pair between the two sides. The robot's end is addressed from another documentation network."""
    tag = secrets.token_hex(4)
    ours, theirs, our_address = f"whd{tag}r", f"whd{tag}o", f"198.51.100.{secrets.randbelow(253) + 2}"
    _run((*robot, "ip", "link", "add", "name", ours, "type", "veth", "peer", "name", theirs, "netns", str(outside_pid)))
    _run((*robot, "ip", "addr", "add", our_address, "peer", outside_address, "dev", ours))
    _run((*robot, "ip", "link", "set", ours, "up"))
    _run((*outside, "ip", "addr", "add", outside_address, "peer", our_address, "dev", theirs))
    _run((*outside, "ip", "link", "set", theirs, "up"))
    _run((*outside, "ip", "link", "set", "lo", "up"))


def _run(argv: Sequence[str]) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, timeout=COMMAND_SECONDS, check=False)  # noqa: S603 - no shell
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ChildError(f"{argv[0]}: {error}") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
        raise ChildError(f"{' '.join(argv[-6:])}: {said[-1] if said else f'status {done.returncode}'}")
