"""The libraries of a bundle: wheels of the package index, fetched by pip with the hashes of the lock file.

Which index is asked is the configuration of whoever builds; a file that the lock does not name is refused by pip, and
once more here, so that it does not matter who is asked, and no address gets into a bundle.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from deploy.bundling import lock
from wachhund_install.bundle import fits

_PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
_FETCH_S = 900.0
# cryptography refuses to be meant for 3.9.0 and 3.9.1, which had a fault.
_MICRO = {9: ".2"}


class Wheel(NamedTuple):
    """A wheel's file name and its bytes."""

    name: str
    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


class NotFetched(Exception):
    """pip's last word, or a file that the lock does not name."""


def fetch(lock_file: Path, machine: str, minors: tuple[int, ...], cache: Path) -> list[Wheel]:
    """The wheels for a machine and some Pythons, by name: one for all where one fits all. Raises NotFetched.

    `cache`: files that were fetched before are looked at again, not fetched again.
    """
    pins = lock.read(lock_file)
    chosen: dict[str, Wheel] = {}
    for minor in minors:
        missing = [
            pin for pin in pins if not any(lock.distribution(name) == pin.name and fits(name, minor) for name in chosen)
        ]
        if not missing:
            continue
        folder = cache / f"{machine}-3.{minor}"
        found = _there(folder, missing, minor)
        if found is None:
            _download(missing, machine, minor, folder)
            found = _there(folder, missing, minor)
        if found is None:
            raise NotFetched(f"{folder}: not all that the lock names for Python 3.{minor} on {machine} could be had")
        chosen.update({wheel.name: wheel for wheel in found})
    return [chosen[name] for name in sorted(chosen)]


def _there(folder: Path, pins: list[lock.Pin], minor: int) -> list[Wheel] | None:
    """What lies in a folder, where it is all, and only files that the lock names. Raises NotFetched for another one."""
    wheels = []
    for pin in pins:
        paths = [
            path
            for path in sorted(folder.glob("*.whl"))
            if lock.distribution(path.name) == pin.name and path.name.split("-")[1] == pin.version
        ]
        wheel = next((Wheel(path.name, path.read_bytes()) for path in paths if fits(path.name, minor)), None)
        if wheel is None:
            return None
        if wheel.sha256 not in pin.hashes:
            raise NotFetched(f"{folder / wheel.name}: not a file that the lock names: take it away")
        wheels.append(wheel)
    return wheels


def _download(pins: list[lock.Pin], machine: str, minor: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # Beside it, and each file moved in whole: somebody else may be fetching into the same folder, or be killed.
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as fetching:
        _download_into(Path(fetching), pins, machine, minor)
        for path in Path(fetching).glob("*.whl"):
            path.replace(folder / path.name)


def _download_into(folder: Path, pins: list[lock.Pin], machine: str, minor: int) -> None:
    wanted = folder / "wanted.lock"
    wanted.write_text("".join(pin.text for pin in pins), encoding="utf-8")
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    argv += ["--only-binary", ":all:", "--require-hashes", "--implementation", "cp"]
    argv += ["--python-version", f"3.{minor}{_MICRO.get(minor, '')}", "--dest", str(folder)]
    argv += ["--requirement", str(wanted)]
    for platform in _PLATFORMS:
        argv += ["--platform", f"{platform}_{machine}"]
    done = subprocess.run(  # noqa: S603 - no shell; every word is ours
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_FETCH_S, check=False
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [f"status {done.returncode}"]
        raise NotFetched(f"pip, for Python 3.{minor} on {machine}: {said[-1]}")
