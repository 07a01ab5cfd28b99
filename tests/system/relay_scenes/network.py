"""Two networks, robot and outside, that live as long as the calling process: it must have entered the robot's one.

`enter` is the command prefix that starts a program in a robot network of its own, as root or as an ordinary user.
"""

import os
import subprocess

OUTSIDE, ROBOT = "203.0.113.7", "203.0.113.2"


def enter() -> list[str]:
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]


def why_not() -> str | None:
    """Why scenes cannot be played on this machine, or None."""
    try:
        done = subprocess.run(
            [*enter(), "ip", "link", "add", "probe0", "type", "veth", "peer", "name", "probe1"],
            capture_output=True, timeout=10, check=False,
        )  # fmt: skip
    except OSError as error:
        return f"needs unshare and ip: {error}"
    if done.returncode != 0:
        return f"this system allows no network namespaces: {done.stderr.decode(errors='replace').strip()[-200:]}"
    return None


def build() -> list[str]:
    """Lay the outside beside this process's network. Returns the prefix that starts a program there.

    The outside is held by a child, which ends with us.
    """
    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo held; exec cat"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)  # fmt: skip
    assert holder.stdout is not None
    holder.stdout.readline()
    inside = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
    for command in (
        ["ip", "link", "set", "lo", "up"],
        ["ip", "link", "add", "robot0", "type", "veth", "peer", "name", "outside0", "netns", str(holder.pid)],
        ["ip", "addr", "add", f"{ROBOT}/24", "dev", "robot0"],
        ["ip", "link", "set", "robot0", "up"],
        [*inside, "ip", "addr", "add", f"{OUTSIDE}/24", "dev", "outside0"],
        [*inside, "ip", "link", "set", "outside0", "up"],
    ):
        subprocess.run(command, check=True, timeout=10)
    # Kept by the caller through its input: the holder's cat ends when this process does.
    _HOLDERS.append(holder)
    return inside


_HOLDERS: list["subprocess.Popen[bytes]"] = []
