"""What an owner can send in: what this machine is and what the agent sees on it, and nothing by which it is known.

Every value is a number, or one of a list, or a version, or words of the agent's own (own_vocabulary.py). Whatever a
machine says of itself in other words is told as "other". docs/flash.md explains each field.
"""

import contextlib
import json
import os
import platform
import re
import ssl
from pathlib import Path
from typing import Any, Dict, FrozenSet, Mapping, Optional, Sequence

import cryptography
import paho.mqtt

from wachhund_agent import __version__
from wachhund_agent.kernel import capabilities
from wachhund_agent.own_vocabulary import only_own
from wachhund_agent.own_words import code_hash
from wachhund_evidence import Coverage, MisuseError

FORMAT = "wachhund-capability-report/1"
OTHER = "other"
_MAX_BYTES = 64 * 1024  # of a file that is read for it
_MEMORY_STEP_MIB = 64  # sizes are told in steps: no two machines are told apart by them
_GIB = 1 << 30
_VERSION = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,5}){0,3}[a-z]{0,2}")
_KERNEL = re.compile(r"([0-9]{1,3}\.[0-9]{1,3}(?:\.[0-9]{1,3})?)(.*)", re.DOTALL)
_SYSTEMD = re.compile(r"libsystemd-shared-([0-9]{1,4})\b")
_SYSTEMD_FOLDERS = (
    *("lib/systemd", "usr/lib/systemd"),
    *("usr/lib/{}-linux-gnu/systemd".format(machine) for machine in ("aarch64", "x86_64")),
)
_BOARDS = (
    *("Raspberry Pi Compute Module 4", "Raspberry Pi Compute Module 3", "Raspberry Pi 5", "Raspberry Pi 4"),
    *("Raspberry Pi 3", "Raspberry Pi Zero 2", "Jetson Nano", "Jetson TX2", "Jetson Xavier NX", "Jetson AGX Xavier"),
    *("Jetson Orin Nano", "Jetson Orin NX", "Jetson AGX Orin"),
)
_FLAVOURS = ("v8", "v7l", "v7", "tegra", "raspi", "rpi", "rt", "generic", "amd64", "arm64", "cloud", "lowlatency")
_MACHINES = ("aarch64", "armv7l", "armv6l", "x86_64", "i686", "riscv64")
_SYSTEMS = ("debian", "raspbian", "ubuntu", "fedora", "arch", "alpine", "nixos")
_STATES = ("event", "poll", "blind")
_CAPABILITIES = {
    "CAP_DAC_READ_SEARCH": capabilities.DAC_READ_SEARCH,
    "CAP_NET_ADMIN": capabilities.NET_ADMIN,
    "CAP_NET_RAW": capabilities.NET_RAW,
    "CAP_SYS_PTRACE": capabilities.SYS_PTRACE,
}


def make(
    profile: Optional[str],
    coverage: Mapping[str, Coverage],
    host: Optional[Sequence[str]],
    known: FrozenSet[str],
    root: Path = Path("/"),
) -> Dict[str, Any]:
    """The report. `profile`: None for one of the owner's own. `host`: the state of each address that was asked.

    `known`: words of the agent's own, which alone stay in texts. `root`: where the machine's files lie.
    """
    system = _os_release(root)
    release = _KERNEL.fullmatch(_text(root / "proc/sys/kernel/osrelease") or "")
    disk = os.statvfs(str(root))
    return {
        "format": FORMAT,
        "agent": {"version": __version__, "code_sha256": code_hash(Path(__file__).parent)},
        "profile": profile or "own",
        "board": _board(root),
        "machine": _one_of(platform.machine(), _MACHINES),
        "kernel": {
            "version": release.group(1) if release else OTHER,
            "flavour": _flavour(release.group(2)) if release else OTHER,
        },
        "os": {"id": _one_of(system.get("ID", ""), _SYSTEMS), "version": _version(system.get("VERSION_ID", ""))},
        "systemd": _systemd(root),
        "python": _version(platform.python_version()),
        "glibc": _version(platform.libc_ver()[1]),
        "openssl": _version(ssl.OPENSSL_VERSION.split()[1]),
        "cryptography": _version(cryptography.__version__),
        "paho": _version(paho.mqtt.__version__),
        "cores": os.cpu_count(),
        "memory_mib": _memory_mib(root),
        "disk_gib": disk.f_frsize * disk.f_blocks // _GIB,
        "disk_free_gib": disk.f_frsize * disk.f_bavail // _GIB,
        "root": os.geteuid() == 0,
        "capabilities": {name: capabilities.allows(number) for name, number in sorted(_CAPABILITIES.items())},
        "senses": {
            only_own(name, known): {
                "state": _one_of(sense.state, _STATES),
                "source": only_own(sense.source, known),
                "interval_s": sense.interval_s,
                "why": None if sense.why is None else only_own(sense.why, known),
            }
            for name, sense in sorted(coverage.items())
        },
        "host": None if host is None else [only_own(state, known) for state in host],
    }


def check_free(path: Path) -> None:
    """Raises MisuseError where something has that name already."""
    if os.path.lexists(str(path)):
        raise MisuseError("{}: exists already: give another name".format(path))


def write(path: Path, report: Mapping[str, Any]) -> None:
    """A new file, whole or not at all. Raises MisuseError."""
    data = (json.dumps(report, indent=2, sort_keys=True) + "\n").encode("ascii")
    try:
        file = path.open("xb")
    except FileExistsError:
        raise MisuseError("{}: exists already: give another name".format(path)) from None
    except (OSError, ValueError) as error:
        raise MisuseError("{}: {}: give a file in a folder that can be written".format(path, _why(error))) from None
    try:
        with file:
            file.write(data)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise MisuseError("{}: {}: no report was written".format(path, _why(error))) from None


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or "not a name for a file"


def _text(path: Path) -> Optional[str]:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode("utf-8", "replace").strip("\0\n ")
    except OSError:
        return None


def _one_of(text: str, allowed: Sequence[str]) -> str:
    return text if text in allowed else OTHER


def _version(text: str) -> str:
    return text if _VERSION.fullmatch(text) else OTHER


def _flavour(suffix: str) -> str:
    """Of a kernel's release, what stands behind the numbers: "v8" of "-v8+", "rt" of "-rt24-rex"."""
    for word in re.split("[^a-z0-9]+", suffix.lower()):
        for name in (word, word.rstrip("0123456789")):
            if name in _FLAVOURS:
                return name
    return OTHER


def _board(root: Path) -> Optional[str]:
    """None where the machine has no device tree, as a PC."""
    model = _text(root / "proc/device-tree/model")
    return model if model is None else next((board for board in _BOARDS if board in model), OTHER)


def _os_release(root: Path) -> Dict[str, str]:
    lines = (_text(root / "etc/os-release") or "").splitlines()
    pairs = (line.partition("=") for line in lines)
    return {name: value.strip("\"'") for name, _, value in pairs}


def _systemd(root: Path) -> Optional[int]:
    """Its version, from the name of its library; None where there is none."""
    for folder in _SYSTEMD_FOLDERS:
        with contextlib.suppress(OSError):
            for path in sorted((root / folder).iterdir()):
                found = _SYSTEMD.match(path.name)
                if found:
                    return int(found.group(1))
    return None


def _memory_mib(root: Path) -> Optional[int]:
    found = re.search(r"^MemTotal:\s+([0-9]{1,12}) kB", _text(root / "proc/meminfo") or "", re.MULTILINE)
    return None if found is None else int(found.group(1)) // 1024 // _MEMORY_STEP_MIB * _MEMORY_STEP_MIB
