"""Lock files as pip-compile writes them: which releases, and the SHA-256 of each file that may stand for one."""

import re
from pathlib import Path
from typing import NamedTuple

_BEGIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s\\;]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Pin(NamedTuple):
    """One release. `text`: its lines of the lock file, which `pip --require-hashes` takes."""

    name: str
    version: str
    hashes: frozenset[str]
    text: str


def read(path: Path) -> list[Pin]:
    """All releases of a lock file, in its order."""
    blocks: list[list[str]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if _BEGIN.match(line):
            blocks.append([line])
        elif blocks and line.startswith(" "):
            blocks[-1].append(line)
    pins = []
    for block in blocks:
        begin = _BEGIN.match(block[0])
        assert begin is not None
        text = "\n".join(line for line in block if not line.lstrip().startswith("#")) + "\n"
        pins.append(Pin(_plain(begin["name"]), begin["version"], frozenset(_HASH.findall(text)), text))
    return pins


def distribution(wheel: str) -> str:
    """The plain name of a wheel's distribution."""
    return _plain(wheel.split("-")[0])


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
