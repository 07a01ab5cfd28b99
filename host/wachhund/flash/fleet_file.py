"""Many robots, from a file that a person wrote: a robot a line, `[USER@]ADDRESS[:PORT] NAME [SHA256:FINGERPRINT]`.

Empty lines and what follows a # don't count. A name with spaces is put into quotes, as for a shell.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path

from wachhund.flash.known_robots import FINGERPRINT
from wachhund.flash.target import Target, read
from wachhund.fleet.registration import check_name
from wachhund_evidence import MisuseError

MAX_ROBOTS = 1000
_MAX_BYTES = 512 * MAX_ROBOTS


@dataclass(frozen=True)
class Line:
    """`fingerprint`: of the robot's SSH host key, when the file says it."""

    target: Target
    name: str
    fingerprint: str | None


def read_file(path: Path) -> list[Line]:
    """Raises MisuseError: which line, and what is wrong with it. Nothing has been done then."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        texts = data.decode("utf-8").splitlines()
    except OSError as error:
        raise MisuseError(f"{path}: {error.strerror}: give a file with a robot a line") from None
    except UnicodeDecodeError:
        raise MisuseError(f"{path}: not UTF-8: give a file with a robot a line") from None
    found: list[Line] = []
    for number, text in enumerate(texts, 1):
        try:
            line = _line(text)
        except (ValueError, MisuseError) as error:
            raise MisuseError(f"{path}: line {number}: {error}") from None
        if line is None:
            continue
        for other in found:
            if other.target.where == line.target.where or other.name == line.name:
                raise MisuseError(f"{path}: line {number}: {text.strip()!r}: address or name stands there twice")
        found.append(line)
    if not found or len(found) > MAX_ROBOTS or len(data) > _MAX_BYTES:
        raise MisuseError(f"{path}: {len(found)} robots: give 1 to {MAX_ROBOTS}")
    return found


def _line(text: str) -> Line | None:
    """Raises ValueError, MisuseError."""
    words = shlex.split(text, comments=True)
    if not words:
        return None
    if len(words) > 3 or len(words) < 2:
        raise MisuseError("give [USER@]ADDRESS[:PORT] NAME [SHA256:FINGERPRINT]")
    fingerprint = words[2] if len(words) == 3 else None
    if fingerprint is not None and not FINGERPRINT.fullmatch(fingerprint):
        raise MisuseError(f"{fingerprint!r}: not a fingerprint: give SHA256: and 43 characters, as `ssh-keygen -l`")
    return Line(read(words[0]), check_name(words[1]), fingerprint)
