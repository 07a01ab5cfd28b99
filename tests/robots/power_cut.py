"""A disk that writes down what is done to it, and everything that it may hold if the power goes at any moment of that.

What a write changed is on disk after a sync of the file, that a file has a name (or none any more) after a sync of its
folder; before that anything may have happened: all of it, nothing, a part in blocks, a part up to any byte, a length
without its content. A model as strict as POSIX allows: a real file system keeps more order.

Runs under Python 3.7 too.
"""

import errno
import itertools
import os
import random
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from wachhund_agent.disk import Disk

BLOCK = 512  # bytes that a disk writes as one: the smallest there are
_TORN_WHOLLY = 48  # a change of so many bytes is torn at each of them
_FEW = 3  # so many changes of names that no sync followed are kept and lost in every combination

State = Dict[str, bytes]  # path below the root -> content


class QuickDisk(Disk):
    """Without waiting for a device: for what is no test of it."""

    def sync(self, fd: int) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass


class MemoryDisk(Disk):
    """Files in memory, below a root that need not exist.

    `free`: bytes until it is full (None: never); `is_read_only`: as a kernel makes it of a failing card; `unreadable`:
    names of files that give an error when they are read.
    """

    def __init__(self, root: Path, state: Optional[State] = None) -> None:
        self.root = root
        self.free: Optional[int] = None
        self.is_read_only = False
        self.unreadable: Set[str] = set()
        self._fds = itertools.count(1000)
        self._open: Dict[int, List[bytes]] = {}
        self._files: Dict[str, List[bytes]] = {name: [data] for name, data in (state or {}).items()}

    @property
    def state(self) -> State:
        return {name: content[0] for name, content in sorted(self._files.items())}

    def spoil(self, state: State) -> None:
        """Other contents for files that are there, as damage makes them: who holds one open goes on with it."""
        for name in set(self._files) - set(state):
            del self._files[name]
        for name, data in state.items():
            self._files.setdefault(name, [b""])[0] = data

    def name_of(self, path: Path) -> str:
        return str(path.relative_to(self.root))

    def _must_be_writable(self) -> None:
        if self.is_read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def _there(self, path: Path) -> List[bytes]:
        try:
            return self._files[self.name_of(path)]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from None

    def create(self, path: Path, mode: int = 0o600) -> int:
        self._must_be_writable()
        if self.free is not None and self.free <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        content = self._files[self.name_of(path)] = [b""]
        fd = next(self._fds)
        self._open[fd] = content
        return fd

    def write(self, fd: int, data: bytes) -> None:
        self._must_be_writable()
        some = data if self.free is None else data[: self.free]
        self._open[fd][0] += some
        if self.free is not None:
            self.free -= len(some)
        if len(some) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def sync(self, fd: int) -> None:
        self._must_be_writable()

    def truncate(self, fd: int, size: int) -> None:
        self._must_be_writable()
        self._give(len(self._open[fd][0]) - size)
        self._open[fd][0] = self._open[fd][0][:size]

    def close(self, fd: int) -> None:
        del self._open[fd]

    def read(self, path: Path) -> bytes:
        if self.name_of(path) in self.unreadable:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self._there(path)[0]

    def read_part(self, path: Path, begin: int, size: int) -> bytes:
        return self.read(path)[begin : begin + size]

    def names(self, folder: Path) -> List[str]:
        inside = [Path(name) for name in self._files]
        return sorted(path.name for path in inside if self.root / path.parent == folder)

    def make_folder(self, folder: Path) -> None:
        pass

    def rename(self, path: Path, to: Path) -> None:
        self._must_be_writable()
        content = self._there(path)
        self._give(len(self._files.get(self.name_of(to), [b""])[0]))
        self._files[self.name_of(to)] = content
        del self._files[self.name_of(path)]

    def link(self, path: Path, to: Path) -> None:
        self._must_be_writable()
        if self.name_of(to) in self._files:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        self._files[self.name_of(to)] = self._there(path)

    def unlink(self, path: Path) -> None:
        self._must_be_writable()
        self._give(len(self._there(path)[0]))
        del self._files[self.name_of(path)]

    def sync_folder(self, folder: Path) -> None:
        self._must_be_writable()

    def _give(self, size: int) -> None:
        if self.free is not None:
            self.free += size


class _Op(NamedTuple):
    what: str
    name: str = ""
    to: str = ""
    inode: int = 0
    data: bytes = b""
    mark: Any = None


class RecordedDisk(Disk):
    """Has everything done by `disk`, and keeps a log of what was done below `root`.

    `mark` puts in what a caller was told meanwhile.
    """

    def __init__(self, root: Path, disk: Disk, begin: State) -> None:
        self._root, self.disk, self.begin = root, disk, begin
        self.log: List[_Op] = []
        self._numbers = itertools.count(1)
        self._inodes = {name: next(self._numbers) for name in sorted(begin)}
        self.first_inodes = dict(self._inodes)
        self._fds: Dict[int, int] = {}

    def mark(self, what: Any) -> None:
        self.log.append(_Op("mark", mark=what))

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._root))

    def create(self, path: Path, mode: int = 0o600) -> int:
        name = self._name(path)
        if name in self._inodes:
            self.unlink(path)
        fd = self.disk.create(path, mode)
        self._inodes[name] = self._fds[fd] = next(self._numbers)
        self.log.append(_Op("create", name, inode=self._fds[fd]))
        return fd

    def write(self, fd: int, data: bytes) -> None:
        self.disk.write(fd, data)
        self.log.append(_Op("write", inode=self._fds[fd], data=data))

    def truncate(self, fd: int, size: int) -> None:
        self.disk.truncate(fd, size)
        self.log.append(_Op("truncate", inode=self._fds[fd], data=bytes(size)))

    def sync(self, fd: int) -> None:
        self.disk.sync(fd)
        self.log.append(_Op("sync", inode=self._fds[fd]))

    def close(self, fd: int) -> None:
        self.disk.close(fd)
        self._fds.pop(fd)

    def read(self, path: Path) -> bytes:
        return self.disk.read(path)

    def read_part(self, path: Path, begin: int, size: int) -> bytes:
        return self.disk.read_part(path, begin, size)

    def names(self, folder: Path) -> List[str]:
        return self.disk.names(folder)

    def make_folder(self, folder: Path) -> None:
        self.disk.make_folder(folder)

    def rename(self, path: Path, to: Path) -> None:
        self.disk.rename(path, to)
        inode = self._inodes[self._name(to)] = self._inodes.pop(self._name(path))
        self.log.append(_Op("rename", self._name(path), self._name(to), inode))

    def link(self, path: Path, to: Path) -> None:
        self.disk.link(path, to)
        inode = self._inodes[self._name(to)] = self._inodes[self._name(path)]
        self.log.append(_Op("link", self._name(path), self._name(to), inode))

    def unlink(self, path: Path) -> None:
        self.disk.unlink(path)
        del self._inodes[self._name(path)]
        self.log.append(_Op("unlink", self._name(path)))

    def sync_folder(self, folder: Path) -> None:
        self.disk.sync_folder(folder)
        self.log.append(_Op("sync_folder", self._name(folder)))


class Cut(NamedTuple):
    """One thing that the disk may hold, and what callers were told until then. `at`: how far the log had come."""

    at: int
    state: State
    marks: Tuple[Any, ...]


class _Platter:
    """What is on disk for sure, and what may be."""

    def __init__(self, begin: State, inodes: Dict[str, int]) -> None:
        self._names = dict(inodes)
        self._content: Dict[int, List[bytes]] = {inodes[name]: [data] for name, data in begin.items()}
        self._renamed: List[_Op] = []

    def take(self, op: _Op) -> None:
        if op.what == "create":
            self._content[op.inode] = [b""]
        elif op.what == "write":
            self._content[op.inode].append(self._content[op.inode][-1] + op.data)
        elif op.what == "truncate":
            self._content[op.inode].append(self._content[op.inode][-1][: len(op.data)])
        elif op.what == "sync":
            self._content[op.inode] = [self._content[op.inode][-1]]
        elif op.what == "sync_folder":
            mine = [one for one in self._renamed if str(Path(one.name).parent) == op.name]
            for one in mine:
                _rename(self._names, one)
            self._renamed = [one for one in self._renamed if one not in mine]
        if op.what in ("create", "rename", "link", "unlink"):
            self._renamed.append(op)

    def states(self, chance: random.Random, most: int, blocks: bool = True) -> Iterator[State]:
        """Each change kept and lost alone, then combinations: `most` of them where there are more.

        `blocks`: also a later block without an earlier one.
        """
        names = list(self._folders())
        changed = {inode: versions for inode, versions in self._content.items() if len(versions) > 1}
        torn = {inode: list(_torn(versions, chance, blocks)) for inode, versions in changed.items()}
        newest = {inode: versions[-1] for inode, versions in self._content.items()}
        for there in names:
            yield self._state(there, newest)
        for inode, versions in torn.items():
            for content in versions:
                yield self._state(names[0], {**newest, inode: content})
        for _ in range(most if torn else 0):
            some = {inode: chance.choice(versions) for inode, versions in torn.items()}
            yield self._state(chance.choice(names), {**newest, **some})

    def _folders(self) -> Iterator[Dict[str, int]]:
        count = len(self._renamed)
        if count <= _FEW:
            kept = [set(one) for size in range(count, -1, -1) for one in itertools.combinations(range(count), size)]
        else:
            every = set(range(count))
            kept = [every, set(), *({one} for one in every), *(every - {one} for one in every)]
            kept += [set(range(size)) for size in range(2, count - 1)]
        for these in kept:
            names = dict(self._names)
            for number in sorted(these):
                _rename(names, self._renamed[number])
            yield names

    @staticmethod
    def _state(names: Dict[str, int], contents: Dict[int, bytes]) -> State:
        return {name: contents[inode] for name, inode in names.items()}


def _rename(names: Dict[str, int], op: _Op) -> None:
    if op.what in ("rename", "unlink"):
        names.pop(op.name, None)
    if op.what in ("rename", "link"):
        names[op.to] = op.inode
    if op.what == "create":
        names[op.name] = op.inode


def _torn(versions: Sequence[bytes], chance: random.Random, blocks: bool) -> Iterator[bytes]:
    """What a file may hold of which only the first version is on disk for sure."""
    yield from reversed(versions)
    for before, after in sorted({(versions[0], versions[-1]), (versions[-2:][0], versions[-1])}):
        if not after.startswith(before) or before == after:
            continue  # shorter, or as it was: nothing between
        new = len(after) - len(before)
        edges = range(len(before) // BLOCK * BLOCK, len(after), BLOCK)
        places: Set[int] = set(range(len(before), len(after))) if new <= _TORN_WHOLLY else set()
        places.update(place + off for place in edges for off in (-1, 0, 1))
        places.update(len(before) + chance.randrange(new) for _ in range(8))
        for place in sorted(one for one in places if len(before) <= one < len(after)):
            yield after[:place]
            yield after[:place] + bytes(len(after) - place)
        for edge in edges if blocks else ():  # one block alone that came, or did not
            begin, end = max(edge, len(before)), min(edge + BLOCK, len(after))
            yield after[:begin] + bytes(end - begin) + after[end:]
            yield before + bytes(begin - len(before)) + after[begin:end]


def contents(root: Path) -> State:
    """Every file below a real folder."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def put(state: State, root: Path) -> None:
    """Make a real folder hold just that."""
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_file():
            path.unlink()
    for name, data in state.items():
        path = root / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o600)


def cuts(disk: RecordedDisk, seed: int, most: int = 4) -> Iterator[Cut]:
    """Every moment of the log, and all that the disk may hold then (`most` combinations of each)."""
    chance = random.Random(seed)
    platter = _Platter(disk.begin, disk.first_inodes)
    marks: List[Any] = []
    for at, op in enumerate(disk.log):
        if op.what == "mark":
            marks.append(op.mark)
        else:
            platter.take(op)
        seen: Set[Tuple[Tuple[str, bytes], ...]] = set()
        for state in platter.states(chance, most):
            key = tuple(sorted(state.items()))
            if key not in seen:
                seen.add(key)
                yield Cut(at, state, tuple(marks))


def one_cut(disk: RecordedDisk, chance: random.Random) -> State:
    """What a disk may hold when the power goes now, by chance; of a file system that writes data before a length."""
    platter = _Platter(disk.begin, disk.first_inodes)
    for op in disk.log:
        if op.what != "mark":
            platter.take(op)
    return chance.choice(list(platter.states(chance, 4, blocks=False)))


def recorded_in_memory(root: Path, state: Optional[State] = None) -> RecordedDisk:
    return RecordedDisk(root, MemoryDisk(root, state), dict(state or {}))


def recorded_in_folder(root: Path) -> RecordedDisk:
    return RecordedDisk(root, QuickDisk(), contents(root))
