"""Which program a process is: its file, the script that its interpreter runs, and what the files held.

A path is a name that anybody may borrow; the hash of the file is not. It is told with the start, or a little later, and
once for all processes that were started from the same file meanwhile.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from wachhund.judge.processes import Processes
from wachhund.judge.reading_processes import ImageFact, ProcessFact
from wachhund.judge.surfaces import program_name

MAX_FILES = 2_048  # whose hashes are kept, a robot
MAX_HELD = 8  # hashes of one path
MAX_WAITING = 256  # processes that wait for the hash of one path
SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "busybox"})
MAX_BEFORE = 8  # programs that one process ran before its present one
# A start that is only counted (`process.repeat`) names no process: then every hash counts that its path had lately.
LATELY_S = 3_600.0
NOT_TOLD = ""  # in the place of a hash

Hashes = tuple[str, ...]


class Program(NamedTuple):
    """A program as it is told. Hashes: what its files may hold; NOT_TOLD stands for what nobody has said."""

    exe: str | None
    script: str | None
    exe_hashes: Hashes
    script_hashes: Hashes

    @property
    def key(self) -> tuple[str | None, str | None]:
        """What it is called."""
        return self.exe, self.script

    @property
    def is_hashed(self) -> bool:
        """Whether all of its files are known by their hash."""
        parts = [self.exe_hashes, *([self.script_hashes] if self.script is not None else [])]
        return all(hashes and NOT_TOLD not in hashes for hashes in parts)


@dataclass(slots=True)
class Files:
    """Path -> hash -> when it was last told (host time); and who waits for the hash of a path, in order of start."""

    told: dict[str, dict[str, float]] = field(default_factory=dict)
    waiting: dict[str, dict[str, None]] = field(default_factory=dict)

    def tell(self, path: str, sha256: str, t: float) -> None:
        """A file was told of, with its hash or NOT_TOLD."""
        hashes = self.told.pop(path, None) or {}
        hashes.pop(sha256, None)
        while len(hashes) >= MAX_HELD:
            hashes.pop(next(iter(hashes)))
        hashes[sha256] = t
        while len(self.told) >= MAX_FILES:
            self.told.pop(next(iter(self.told)))
        self.told[path] = hashes

    def waits(self, path: str, puid: str) -> None:
        """A process was started from a file whose hash is not told yet."""
        if path not in self.waiting and len(self.waiting) >= MAX_FILES:
            self.waiting.pop(next(iter(self.waiting)))
        processes = self.waiting.setdefault(path, {})
        processes.pop(puid, None)
        if len(processes) >= MAX_WAITING:
            processes.pop(next(iter(processes)))
        processes[puid] = None

    def lately(self, path: str | None, now: float) -> Hashes:
        """What a path held lately, or last; nothing when it was never told of."""
        hashes = self.told.get(path or "") or {}
        newest = next(reversed(hashes), None)
        return tuple(sha256 for sha256, t in hashes.items() if sha256 == newest or now - t <= LATELY_S)

    def forget(self, from_t: float, to_t: float) -> None:
        """Take out what was told in a span that was erased."""
        left = {
            path: {sha256: t for sha256, t in told.items() if not from_t <= t <= to_t}
            for path, told in self.told.items()
        }
        self.told = {path: told for path, told in left.items() if told}
        self.waiting.clear()


def told_again(known: ProcessFact | None, process: ProcessFact) -> None:
    """A new run of the agent tells of what runs already, and has to hash the files anew: they are what they were."""
    if known is not None and process.existing and (known.exe, known.script) == (process.exe, process.script):
        process.exe_sha256 = process.exe_sha256 or known.exe_sha256
        process.script_sha256 = process.script_sha256 or known.script_sha256


class Ran(NamedTuple):
    """The program of a process since a time (the robot's `mono`), and those `before` it: when each was taken, oldest
    first. As a ProcessFact names them."""

    exe: str | None
    mono: float
    before: tuple[tuple[float, str | None], ...]


def ran(known: ProcessFact | Ran | None, process: ProcessFact, mono: float) -> Ran:
    """A process was told: what it ran before it took this program (exec keeps its connections) goes on being known.

    `known`: as it was told before. `mono`: of the robot, when it took it.
    """
    if known is None:
        return Ran(process.exe, mono, process.before)
    if process.existing or mono <= known.mono:  # told again
        return Ran(process.exe, known.mono, known.before)
    return Ran(process.exe, mono, (*known.before, (known.mono, known.exe))[-MAX_BEFORE:])


def was_handed_on(process: ProcessFact | None, mono: float) -> bool:
    """Whether a process had a connection since that time (the robot's `mono`) and took another program with it open.

    Which program opened it need not be known: of one that is gone at once only the next is seen, under both starts.
    """
    return process is not None and bool(process.before) and process.before[0][0] <= mono < process.mono


def opener(process: ProcessFact | Ran | None, exe: str | None, mono: float) -> str | None:
    """The program that opened a connection at a time (the robot's `mono`): another than `exe`, which is told to hold
    it, where that took the other's place afterwards."""
    if process is None or process.exe != exe or mono >= process.mono:
        return exe
    return next((earlier for since, earlier in reversed(process.before) if since <= mono), exe)


def other_name(process: ProcessFact | None) -> str | None:
    """The name by which a process calls itself, where that is not its file's; None where it is, or nobody told.

    A version or a link's name goes on with the file's own (python3, python3.11). A shell has many names, and a "-" in
    front of one says that somebody logged in.
    """
    if process is None or process.exe is None or not process.argv or not process.argv[0]:
        return None
    name, file = program_name(process.argv[0]).lstrip("-"), program_name(process.exe)
    alike = name.startswith(file) or file.startswith(name) or {name, file} <= SHELLS
    return None if alike else name


def started(files: Files, process: ProcessFact) -> None:
    """A process was told."""
    for path, sha256 in ((process.exe, process.exe_sha256), (process.script, process.script_sha256)):
        if path is not None:
            files.tell(path, sha256 or NOT_TOLD, process.told_t)
            if sha256 is None:
                files.waits(path, process.puid)


def hashed(files: Files, processes: Processes, image: ImageFact, t: float) -> list[ProcessFact]:
    """The hash of a file was told: it is that of the process which is named, and of those that were started after it
    from the same path and wait for one. Not of those before it: their file may have been another. Returns them all.
    """
    found: list[ProcessFact] = []
    for what in ("exe", "script"):
        path, sha256 = getattr(image, what), getattr(image, f"{what}_sha256")
        if path is None or sha256 is None:
            continue
        files.tell(path, sha256, t)
        waiting = files.waiting.pop(path, {})
        before = list(itertools.takewhile(lambda puid: puid != image.puid, waiting))
        named = list(waiting)[len(before) :] or [image.puid or ""]
        for puid in named:
            process = processes.by_puid.get(puid)
            if process is not None and getattr(process, what) == path:
                setattr(process, f"{what}_sha256", sha256)
                found.append(process)
        left = {puid: None for puid in before if puid in processes.by_puid}
        if left:
            files.waiting[path] = left
        else:
            files.told[path].pop(NOT_TOLD, None)
    return found


def program_of(files: Files, processes: Processes, puid: str | None, exe: str | None, now: float) -> Program:
    """The program of a process, as far as it is known now."""
    process = processes.by_puid.get(puid or "")
    if process is None:
        return Program(exe, None, files.lately(exe, now), ())
    script = (process.script_sha256 or NOT_TOLD,) if process.script is not None else ()
    return Program(process.exe or exe, process.script, (process.exe_sha256 or NOT_TOLD,), script)


def are_among(hashes: Hashes, accepted: Mapping[str, None] | Hashes) -> bool:
    """Whether what a file may hold is what was accepted. Where no hash was ever told, its path is all there is."""
    return not accepted or (bool(hashes) and all(sha256 in accepted for sha256 in hashes))
