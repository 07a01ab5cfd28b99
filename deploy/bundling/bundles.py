"""What goes into each bundle."""

import json
import tomllib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.bundling import archive, source, wheels
from deploy.bundling.sealing import Target, seal
from deploy.bundling.source import ROOT
from deploy.bundling.wheels import Wheel
from wachhund_agent.own_words import hash_of_code
from wachhund_install.bundle import fits

AGENT_MINORS = (7, 8, 9, 10, 11)  # cffi 1.15.1, the last for 3.7, has no wheels for later ones
HOST_MINORS = (11, 12, 13)
MACHINES = ("aarch64", "x86_64")
_INSTALLER = ROOT / "deploy" / "installer"


class Maker:
    """`cache`: where fetched wheels are kept. `made_of`: the commit and its time (s), by default what git says here.

    Raises NotBuilt.
    """

    def __init__(self, cache: Path, key: Ed25519PrivateKey | None, made_of: tuple[str, int] | None = None) -> None:
        self._cache, self._key = cache, key
        self.commit, self.epoch = made_of or source.commit()
        self._agent = source.wheel("agent", self.epoch)
        self.version = str(tomllib.loads((ROOT / "agent" / "pyproject.toml").read_text())["project"]["version"])

    def agent(self, machine: str) -> tuple[str, bytes]:
        """Name and bytes of a robot's bundle. Raises NotFetched."""
        target = Target(machine, AGENT_MINORS)
        libraries = wheels.fetch(ROOT / "agent" / "requirements.lock", machine, AGENT_MINORS, self._cache / "agent")
        files = self._installer("wachhund_install", "__main__.py")
        files["agent.py"] = (ROOT / "deploy" / "agent.py").read_bytes()
        unit = ROOT / "deploy" / "systemd" / "wachhund-agent.service"
        files["wachhund-agent.service"] = unit.read_bytes()
        return self._seal(f"wachhund-agent-{self.version}-{machine}.run", target, [*libraries, self._agent], files)

    def host(self, bundles: dict[str, bytes]) -> tuple[str, bytes]:
        """Name and bytes of the bundle for the operators' machine, with the robots' in it. Raises NotFetched."""
        target = Target("x86_64", HOST_MINORS)
        files = self._installer("wachhund_unpack", "__main__.py")
        files.update({f"bundles/{name}": data for name, data in bundles.items()})
        return self._seal(f"wachhund-{self.version}-x86_64.run", target, self.host_wheels(), files)

    def host_wheels(self) -> list[Wheel]:
        """All that a host is made of, for pip on a server: libraries, agent, host. Raises NotFetched."""
        libraries = wheels.fetch(ROOT / "host" / "requirements.lock", "x86_64", HOST_MINORS, self._cache / "host")
        return [*libraries, self._agent, source.wheel("host", self.epoch)]

    def _installer(self, package: str, main: str) -> dict[str, bytes]:
        """The code that a bundle begins with: `package`, and what all of them share."""
        files = {
            name: data
            for name, data in source.files("deploy/installer").items()
            if name.startswith(("wachhund_install/", "wachhund_seal/", f"{package}/"))
        }
        files["__main__.py"] = (
            (_INSTALLER / main).read_bytes().replace(b"wachhund_install.cli", f"{package}.cli".encode())
        )
        files["LICENSE"] = (ROOT / "LICENSE").read_bytes()
        return files

    def _seal(self, name: str, target: Target, libraries: list[Wheel], files: dict[str, bytes]) -> tuple[str, bytes]:
        described = {
            "version": self.version,
            "arch": target.machine,
            "commit": self.commit,
            "epoch": self.epoch,
            "code_sha256": _code_sha256(self._agent),
            "unpacked_bytes": _unpacked_bytes(libraries, target.minors[0]),
            "pythons": list(target.minors),
            "wheels": [{"name": wheel.name, "sha256": wheel.sha256} for wheel in libraries],
        }
        files["bundle.json"] = (json.dumps(described, indent=1, sort_keys=True) + "\n").encode("ascii")
        files.update({f"wheels/{wheel.name}": wheel.data for wheel in libraries})
        return name, seal(name, self.version, target, archive.pack(files, self.epoch, stored=True), self._key)


def _code_sha256(agent: Wheel) -> str:
    """What the installed agent will say of its own code."""
    found = {
        name.removeprefix("wachhund_agent/"): data
        for name, data in archive.unpack(agent.data).items()
        if name.startswith("wachhund_agent/") and name.endswith(".py")
    }
    return hash_of_code(found)


def _unpacked_bytes(libraries: list[Wheel], minor: int) -> int:
    """On the robot's disk: all files, and what Python compiles of its own, which is about as much again."""
    total = 0
    for wheel in libraries:
        if fits(wheel.name, minor):
            for name, data in archive.unpack(wheel.data).items():
                total += len(data) * (2 if name.endswith(".py") else 1)
    return total
