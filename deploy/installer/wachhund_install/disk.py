"""Every change that the installer makes to a file system, one function each; a kill or a power cut may end each.

`on_change` is called before each with what comes, and does nothing; the tests end the process there. A file is whole or
not there: it gets its name when it is on disk.
"""

import os
import stat
from pathlib import Path
from typing import Callable

NEW = ".new"


class Disk:
    """Raises OSError."""

    def __init__(self, on_change: Callable[[str], None] = lambda what: None) -> None:
        self.on_change = on_change

    def make_folder(self, path: Path, mode: int = 0o755) -> None:
        """With its parents, where they are missing."""
        if not path.is_dir():
            self.make_folder(path.parent, 0o755)
            self.on_change("mkdir {}".format(path))
            path.mkdir()
            path.chmod(mode)

    def write(self, path: Path, data: bytes, mode: int = 0o644) -> None:
        """In the place of what had the name."""
        new = path.with_name(path.name + NEW)
        self.on_change("write {}".format(new))
        fd = os.open(str(new), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            os.fchmod(fd, mode)
            os.fsync(fd)
        finally:
            os.close(fd)
        self.rename(new, path)

    def put(self, path: Path, data: bytes, mode: int) -> None:
        """A file of a folder that has not got its name yet: `sync_tree` follows."""
        self.on_change("write {}".format(path))
        with path.open("wb") as file:
            file.write(data)
        path.chmod(mode)

    def link(self, target: str, path: Path, dress: Callable[[Path], None] = lambda new: None) -> None:
        """A symbolic link in the place of what had the name. `dress`: what it is given before it has the name."""
        new = path.with_name(path.name + NEW)
        if os.path.lexists(str(new)):
            self.remove(new)
        self.on_change("symlink {}".format(new))
        os.symlink(target, str(new))
        dress(new)
        self.rename(new, path)

    def rename(self, path: Path, to: Path) -> None:
        self.on_change("rename {}".format(to))
        os.rename(str(path), str(to))
        self._sync(to.parent)

    def remove(self, path: Path) -> None:
        """A file or link, if it is there."""
        if os.path.lexists(str(path)):
            self.on_change("unlink {}".format(path))
            os.unlink(str(path))
            self._sync(path.parent)

    def remove_folder(self, path: Path) -> None:
        """An empty one; one that is not empty, or not there, stays as it is."""
        self.on_change("rmdir {}".format(path))
        try:
            path.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            if not any(path.iterdir()):
                raise

    def remove_tree(self, path: Path) -> None:
        """With all that is in it, what is deepest first; links are not followed."""
        try:
            is_folder = stat.S_ISDIR(path.lstat().st_mode)
        except FileNotFoundError:
            return
        if not is_folder:
            self.on_change("unlink {}".format(path))
            path.unlink()
            return
        for one in sorted(path.iterdir()):
            self.remove_tree(one)
        self.on_change("rmdir {}".format(path))
        path.rmdir()

    def sync_tree(self, path: Path) -> None:
        """All that is in it is on disk afterwards."""
        for folder, _, files in os.walk(str(path)):
            for name in files:
                whole = os.path.join(folder, name)
                if not os.path.islink(whole):
                    self._sync(Path(whole))
            self._sync(Path(folder))

    def _sync(self, path: Path) -> None:
        fd = os.open(str(path), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
