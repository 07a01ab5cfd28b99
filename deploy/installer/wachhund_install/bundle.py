"""What lies in the bundle that this code was started from: its description, and libraries as wheels.

The wheels are those of the package index, byte for byte, with the hashes of `agent/requirements.lock`; a wheel is a zip
whose files go below `lib` as they are (PEP 427).
"""

import hashlib
import io
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

from wachhund_install.outcome import BUNDLE, PYTHON, Refused

_TAGS = re.compile(r"-(?P<python>[^-]+)-(?P<abi>[^-]+)-(?P<platform>[^-]+)\.whl\Z")
_SCRIPT = re.compile(r"[^/]+\.data/scripts/([^/]+)\Z")  # a program that a wheel brings along
_DATA = re.compile(r"[^/]+\.data/")


class Description(NamedTuple):
    """`bundle.json`. `pythons`: minor versions of Python 3 that it has libraries for. `epoch`: when it was made (s)."""

    version: str
    arch: str
    commit: str
    epoch: int
    code_sha256: str
    unpacked_bytes: int
    pythons: Tuple[int, ...]
    wheels: Tuple[Tuple[str, str], ...]


class Bundle:
    """`sha256`: of the sealed file. `key`: who signed it, None for a development build."""

    def __init__(self, archive: zipfile.ZipFile, sha256: str, key: Any) -> None:
        self._archive, self.sha256, self.key = archive, sha256, key
        found: Dict[str, Any] = json.loads(archive.read("bundle.json").decode("utf-8"))
        self.description = Description(
            version=str(found["version"]),
            arch=str(found["arch"]),
            commit=str(found["commit"]),
            epoch=int(found["epoch"]),
            code_sha256=str(found["code_sha256"]),
            unpacked_bytes=int(found["unpacked_bytes"]),
            pythons=tuple(int(one) for one in found["pythons"]),
            wheels=tuple((str(one["name"]), str(one["sha256"])) for one in found["wheels"]),
        )

    @property
    def name(self) -> str:
        """Of this version's folder: two builds of one version differ."""
        return "{}-{}".format(self.description.version, self.sha256[:12])

    def wheels(self, minor: int = sys.version_info[1]) -> List[str]:
        """The wheels that this Python takes, one of each library. Raises Refused when it takes none of some."""
        if minor not in self.description.pythons:
            raise Refused(
                PYTHON,
                "Python 3.{} is not one that this bundle has libraries for (3.{} to 3.{}): name another with "
                "WACHHUND_PYTHON=/path/to/python3".format(
                    minor, self.description.pythons[0], self.description.pythons[-1]
                ),
            )
        return [name for name, _ in self.description.wheels if fits(name, minor)]

    def files(self, wheel: str) -> Iterator[Tuple[str, bytes]]:
        """Path below `lib` and content of each file of a wheel. Raises Refused for what a wheel must not hold."""
        data = self._archive.read("wheels/" + wheel)
        if hashlib.sha256(data).hexdigest() != dict(self.description.wheels)[wheel]:
            raise Refused(BUNDLE, "{}: not the library that the bundle names: get the bundle anew".format(wheel))
        with zipfile.ZipFile(io.BytesIO(data)) as inner:
            for entry in inner.infolist():
                parts = Path(entry.filename).parts
                if entry.filename.startswith("/") or ".." in parts or "\\" in entry.filename:
                    raise Refused(BUNDLE, "{}: holds a path that leaves its folder".format(wheel))
                program = _SCRIPT.match(entry.filename)
                if program is not None:
                    yield "bin/" + program.group(1), inner.read(entry)
                elif not entry.filename.endswith("/") and not _DATA.match(entry.filename):
                    yield entry.filename, inner.read(entry)

    def installer(self) -> Iterator[Tuple[str, bytes]]:
        """The code that runs now, to be kept with the version: it takes the version away again."""
        for entry in sorted(self._archive.namelist()):
            if entry == "__main__.py" or entry.startswith(("wachhund_install/", "wachhund_seal/")):
                yield entry, self._archive.read(entry)

    def text(self, name: str) -> str:
        """A text file of the bundle."""
        return self._archive.read(name).decode("utf-8")


def fits(wheel: str, minor: int) -> bool:
    """Whether CPython 3.`minor` takes a wheel, by the tags of its name; the machine was looked at before."""
    tags = _TAGS.search(wheel)
    if tags is None:
        return False
    for python in tags.group("python").split("."):
        for abi in tags.group("abi").split("."):
            if abi == "none" and python == "py3":
                return True
            named = re.match(r"cp3([0-9]+)\Z", python)
            if named is None:
                continue
            least = int(named.group(1))
            if (abi == "abi3" and minor >= least) or (abi.startswith("cp3") and minor == least):
                return True
    return False
