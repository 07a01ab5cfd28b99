"""What a robot is, asked before anything is done to it: a fixed script, and answers that are only shown or compared.

Whether the agent fits is for the installer on the robot to judge; here the bundle is chosen, and a person told.
"""

import base64
import re
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wachhund.flash import robots_words
from wachhund.flash.outcome import STRANGE, FlashRefused
from wachhund.flash.ssh_channel import Channel

_PROBE_S = 30.0
_REACH_S = 60.0  # at most eight addresses, 5 s each, and Python's start
_MACHINE = re.compile(r"[A-Za-z0-9_]{1,20}")
_SHOWN_CHARS = 80
# One line "name value" each. Without root. tr: a device tree's texts end with a zero byte.
_SCRIPT = r"""
say() { printf '%s %s\n' "$1" "$2"; }
say machine "$(uname -m)"
say kernel "$(uname -sr)"
model=$(cat /proc/device-tree/model 2>/dev/null | tr -d '\000')
say model "${model:-$(cat /sys/class/dmi/id/product_name 2>/dev/null)}"
say bits "$(getconf LONG_BIT 2>/dev/null)"
for one in python3 python3.7 python3.8 python3.9 python3.10 python3.11; do
  found=$("$one" -I -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)
  pythons="${pythons:-} $found"
done
say pythons "${pythons:-}"
say systemd "$(systemctl --version 2>/dev/null | head -n 1)"
say free_kb "$(df -Pk /opt 2>/dev/null | awk 'NR == 2 {print $4}')"
say clock "$(date +%s)"
say uid "$(id -u)"
say end yes
"""
# What is installed, for `as_root`. The robot's public key is in its certificate, or beside its key before it enrolled.
LOOK = r"""
say() { printf '%s %s\n' "$1" "$2"; }
say current "$(basename "$(readlink /opt/wachhund/current 2>/dev/null)" 2>/dev/null)"
[ ! -e /opt/wachhund ] && [ ! -e /var/lib/private/wachhund ] || say traces yes
[ ! -e /var/lib/private/wachhund/agent.json ] || say enrolled yes
[ ! -e /var/lib/wachhund-vendor-tunnel/record ] || say tunnel disabled
say certificate "$(head -c 8192 /var/lib/private/wachhund/agent.crt 2>/dev/null | base64 -w 0)"
say key "$(head -c 8192 /var/lib/private/wachhund/agent.key.pub 2>/dev/null | base64 -w 0)"
say end yes
"""
# Whether the host's doors can be reached: a connection that is closed at once.
_REACH = """
import socket, sys
for number, (address, port) in enumerate(zip(sys.argv[1::2], sys.argv[2::2])):
    try:
        socket.create_connection((address, int(port)), 5).close()
        print("reached", number)
        break
    except OSError as error:
        print("failed%d" % number, error)
print("end yes")
"""


@dataclass(frozen=True)
class Probe:
    """What the robot said of itself. None, or empty: it did not say. `clock`: seconds since 1970, as it believes."""

    machine: str
    kernel: str
    model: str
    bits: int | None
    pythons: tuple[str, ...]
    systemd: str
    free_bytes: int | None
    clock: int | None


@dataclass(frozen=True)
class Installed:
    """`version`: the folder's name, None for none; `is_half`: traces of ours, and no version that runs.

    `certificate`, `key`: PEM, as it lies there: to be checked before it is used. `has_tunnel_backup`: the vendor's
    tunnel was disabled by Wachhund.
    """

    version: str | None
    is_half: bool
    is_enrolled: bool
    certificate: bytes
    key: bytes
    has_tunnel_backup: bool = False


async def probe(channel: Channel) -> Probe:
    """Raises FlashRefused."""
    said = robots_words.fields(await channel.run(_as_shell(_SCRIPT), _PROBE_S))
    _check_end(channel, said)
    machine = said.get("machine", "")
    if not _MACHINE.fullmatch(machine):
        raise FlashRefused(STRANGE, f"{channel.target.where}: does not say what machine it is: is it a Linux machine?")
    kilobytes = robots_words.number(said.get("free_kb"))
    return Probe(
        machine, _text(said, "kernel"), _text(said, "model"), robots_words.number(said.get("bits"), 128),
        tuple(one for one in said.get("pythons", "").split()[:10] if re.fullmatch(r"[0-9.]{1,12}", one)),
        _text(said, "systemd"), None if kilobytes is None else kilobytes << 10,
        robots_words.number(said.get("clock"), 2**40),
    )  # fmt: skip


def installed(channel: Channel, lines: Sequence[bytes]) -> Installed:
    """From the lines of LOOK. Raises FlashRefused."""
    said = robots_words.fields(lines)
    _check_end(channel, said)
    version = said.get("current", "")
    known = re.fullmatch(r"[A-Za-z0-9._+-]{1,100}", version) is not None and version not in (".", "..")
    return Installed(
        version if known else None,
        said.get("traces") == "yes" and not known,
        said.get("enrolled") == "yes",
        _decoded(said.get("certificate", "")),
        _decoded(said.get("key", "")),
        said.get("tunnel") == "disabled",
    )


async def unreached(channel: Channel, addresses: Sequence[str]) -> list[str] | None:
    """Why the robot reaches none of these ADDRESS:PORT, a reason each; None when it reaches one, or can't say."""
    words = [word for address in addresses for word in _split(address)]
    command = _as_shell('exec python3 -I -S -c "$0" "$@" 2>/dev/null', _REACH, *words)
    said = robots_words.fields(await channel.run(command, _REACH_S))
    if "reached" in said or "end" not in said:
        return None
    reasons = [robots_words.text(said.get(f"failed{n}", "").encode(), 100) for n in range(len(addresses))]
    return [f"{address}: {reason or 'no'}" for address, reason in zip(addresses, reasons, strict=True)]


def told(found: Probe, now: float) -> list[tuple[str, str]]:
    """For people: what, and how it is."""
    bits = "" if found.bits in (None, 64) else f", {found.bits}-bit system"
    clock = "it does not say"
    if found.clock is not None:
        clock = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(found.clock))
        if abs(found.clock - now) > 120:
            clock += f" (here it is {time.strftime('%Y-%m-%d %H:%M', time.gmtime(now))}: no matter)"
    free = "unknown" if found.free_bytes is None else f"{found.free_bytes / 1e6:,.0f} MB in /opt"
    return [
        ("robot", f"{found.model or 'model unknown'}, {found.machine}{bits}, {found.kernel}"),
        ("python", ", ".join(dict.fromkeys(found.pythons)) or "none"),
        ("systemd", found.systemd or "none"),
        ("free", free),
        ("clock", clock),
    ]


def _check_end(channel: Channel, said: Mapping[str, str]) -> None:
    if said.get("end") != "yes":
        raise FlashRefused(STRANGE, f"{channel.target}: no shell there does as asked: log in by hand and look")


def _as_shell(script: str, *words: str) -> str:
    """Whatever the user's own shell is."""
    return shlex.join(["sh", "-c", script, *words])


def _split(address: str) -> tuple[str, str]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), port


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _text(said: Mapping[str, str], name: str) -> str:
    return robots_words.text(said.get(name, "").encode(), _SHOWN_CHARS)
