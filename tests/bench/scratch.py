"""A folder for one bench, on the disk on which it is started, and the removal of those whose bench was killed."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.robots.go1 import leftovers

_PREFIX = ".bench-"


@contextmanager
def scratch() -> Iterator[Path]:
    """A new folder in the current one (not in /tmp, which may be memory); gone after the `with` block."""
    _remove_stale()
    folder = Path.cwd() / f"{_PREFIX}{leftovers.new_tag()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_stale() -> None:
    for folder in Path.cwd().glob(f"{_PREFIX}{leftovers.PREFIX}-*"):
        if not leftovers.is_stale(folder.name.removeprefix(_PREFIX)):
            continue
        for place in folder.iterdir():
            if place.is_mount():
                subprocess.run(["umount", str(place)], check=True)
        shutil.rmtree(folder)
