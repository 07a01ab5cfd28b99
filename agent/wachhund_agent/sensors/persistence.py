"""Persistence: files by which something starts by itself or lets somebody in again, and kernel modules.

Event source: inotify (folder_watches), whose queue is emptied twice a second, calls for a sweep; the sweep compares
what stat(2) says, and hashes only what differs, a few milliseconds a look. What was known is remembered in a file, so
that a change made while the agent was down is told at its start. Who made a change inotify does not say.
"""

import glob
import hashlib
import os
import re
import stat
import time
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Set

from wachhund_agent.disk import Disk
from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.sensors.folder_watches import FolderWatches
from wachhund_agent.sensors.kernel_modules import KernelModules
from wachhund_agent.sensors.persistence_memory import FILES_KEPT, KnownFile, Memory
from wachhund_agent.sensors.persistence_places import Place, of_all_users
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation, clip, text

HASHED_BYTES = 1 << 20  # of one file; larger ones are compared by size and times too
SLICE_S = 0.005
POLL_S, SWEEP_S = 30.0, 3600.0  # between sweeps that nobody asked for: without and with events
SETTLE_S = 0.3  # an editor writes, renames and changes rights in one go
SAVE_S = 10.0  # spares the SD card
TOLD_A_MINUTE = 200  # an upgrade touches a thousand units: beyond this they are counted by class
_UNESCAPED = re.compile(r"\[([*?[])\]")  # what glob.escape makes of these


class PersistenceSense(Sense):
    """Kinds: `persistence.change`, `config.state` (persistence-baseline). `state`: the file to remember in."""

    name = "persistence"
    interval_s = 0.5

    def __init__(self, places: Sequence[Place], state: Optional[Path] = None, disk: Optional[Disk] = None) -> None:
        self._places, self._memory = list(places), Memory(state, disk or Disk())
        self._secrets = [_UNESCAPED.sub(r"\1", place.path) for place in places if place.secret]
        self._known: Dict[str, KnownFile] = {}
        self._modules = KernelModules()
        self._watches: Optional[FolderWatches] = None
        self._no_events: Optional[str] = None
        self._steps: Optional[Iterator[List[Observation]]] = None
        self._dirty_since: Optional[float] = None
        self._next_sweep = self._next_save = self._minute = 0.0
        self._told = self._dropped = 0
        self._counted: Dict[str, int] = {}
        self._first = self._down = self._unsaved = False

    def start(self, mono: float) -> List[Observation]:
        try:
            self._watches = FolderWatches()
        except KernelError as error:
            self._no_events = "{}: changes are found each {:.0f} s".format(error, POLL_S)
        remembered = self._memory.load()
        if remembered is None:
            self._first = self._unsaved = True
        else:
            self._known, self._down = remembered, True
        return self.look(mono)

    def look(self, mono: float) -> List[Observation]:
        found: List[Observation] = []
        if self._watches is not None and self._watches.heard() and self._dirty_since is None:
            self._dirty_since = mono
        settled = self._dirty_since is not None and mono - self._dirty_since >= SETTLE_S
        if self._steps is None and (settled or mono >= self._next_sweep):
            self._dirty_since = None
            self._next_sweep = mono + (POLL_S if self._no_events else SWEEP_S)
            self._steps = self._sweep(mono)
        if self._steps is not None:
            until = time.monotonic() + SLICE_S
            while time.monotonic() < until:
                piece = next(self._steps, None)
                if piece is None:
                    self._steps = None
                    break
                found += piece
        self.interval_s = 0.05 if self._steps is not None else type(self).interval_s
        found += self._modules.look(mono)
        if mono >= self._minute:
            found += self._counts(mono)
        if self._unsaved and self._steps is None and mono >= self._next_save:
            self._next_save = mono + SAVE_S
            self._save()
        return found

    def coverage(self) -> Coverage:
        why = "; ".join(reason for reason in (self._no_events, self._memory.why) if reason) or None
        if self._no_events:
            return Coverage("stat", "poll", POLL_S, self._dropped, why)
        return Coverage("inotify", "event", None, self._dropped, why)

    def close(self) -> None:
        if self._unsaved:
            self._save()
        if self._watches is not None:
            self._watches.close()
            self._watches = None

    def _sweep(self, mono: float) -> Iterator[List[Observation]]:
        seen: Set[str] = set()
        places = of_all_users(self._places)
        yield from self._watch(places)
        for place in places:
            for path in glob.glob(place.path):
                if len(seen) >= FILES_KEPT:
                    self._dropped += 1
                    continue
                change = self._compare(path, place.place_class, mono)
                if change is not None:
                    seen.add(path)
                    yield change
            yield []
        for path in sorted(set(self._known) - seen):
            gone = self._known.pop(path)
            if path in self._secrets:
                gone = gone._replace(sha256=None)
            self._unsaved = True
            yield self._change(path, gone.place_class, "deleted", None, gone, mono)
        if self._first:
            self._first = False
            lines = sorted("{} {}".format(path, known.sha256) for path, known in self._known.items())
            digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()
            fields = {"name": "persistence-baseline", "what": digest, "value": len(self._known)}
            yield [Observation("config.state", wall(mono), mono, "persistence/stat", fields)]
        self._down = False

    def _watch(self, places: Sequence[Place]) -> Iterator[List[Observation]]:
        """Before the sweep looks: what changes behind its back calls for another one."""
        watches = self._watches
        if watches is None:
            return
        watches.begin()
        for place in places:
            watches.cover(place.path)
            yield []
        watches.end()
        self._no_events = None
        if watches.refused is not None:
            folder = text(os.fsencode(watches.refused))
            self._no_events = "no watch for {}: changes are found each {:.0f} s; {}".format(
                folder, POLL_S, "raise fs.inotify.max_user_watches"
            )

    def _compare(self, path: str, place_class: str, mono: float) -> Optional[List[Observation]]:
        """None for what is no file; nothing for what is as it was."""
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        stamp = status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        before = self._known.get(path)
        if before is not None and before.stamp == stamp:
            return []
        mode = stat.S_IMODE(status.st_mode)
        now = KnownFile(self._hash(path), mode, status.st_uid, place_class, stamp)
        self._known[path] = now
        self._unsaved = True
        if before is None:
            return [] if self._first else self._change(path, place_class, "created", now, None, mono)
        if path in self._secrets:
            before = before._replace(sha256=None)
        if now.sha256 != before.sha256 or (status.st_size > HASHED_BYTES and stamp[1:3] != before.stamp[1:3]):
            return self._change(path, place_class, "modified", now, before, mono)
        is_same = stamp[:3] == before.stamp[:3] if now.sha256 is None else True
        if is_same and (now.mode, now.uid) != (before.mode, before.uid):
            return self._change(path, place_class, "permissions", now, before, mono)
        if not is_same or path in self._secrets:
            # Without a hash, what moved is all that is known; and who writes may set the time of writing back.
            return self._change(path, place_class, "modified", now, before, mono)
        return []

    def _is_secret(self, status: os.stat_result) -> bool:
        """Is it one of the secret files, under another name?"""
        for path in self._secrets:
            try:
                if os.path.samestat(os.stat(path), status):
                    return True
            except OSError:
                continue
        return False

    def _hash(self, path: str) -> Optional[str]:
        if path in self._secrets:
            return None
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            if self._is_secret(os.fstat(fd)):
                return None
            return hashlib.sha256(os.read(fd, HASHED_BYTES)).hexdigest()
        except OSError:
            return None
        finally:
            os.close(fd)

    def _change(
        self,
        path: str,
        place_class: str,
        change: str,
        now: Optional[KnownFile],
        before: Optional[KnownFile],
        mono: float,
    ) -> List[Observation]:
        if self._told >= TOLD_A_MINUTE:
            self._counted[place_class] = self._counted.get(place_class, 0) + 1
            return []
        self._told += 1
        fields: Dict[str, object] = {
            "path": clip(text(os.fsencode(path)), 4096)[0],
            "class": place_class,
            "change": change,
            "sha256": None if now is None else now.sha256,
            "was_sha256": None if before is None else before.sha256,
            "mode": None if now is None else "{:04o}".format(now.mode),
            "user": None if now is None else procfs.user_name(now.uid),
        }
        if self._down:
            fields["while_down"] = True
        return [Observation("persistence.change", wall(mono), mono, "persistence/stat", fields)]

    def _counts(self, mono: float) -> List[Observation]:
        self._minute, self._told = mono + 60.0, 0
        counted, self._counted = self._counted, {}
        return [
            Observation("persistence.change", wall(mono), mono, "persistence/stat",
                        {"path": None, "class": place_class, "change": "many", "count": count})
            for place_class, count in sorted(counted.items())
        ]  # fmt: skip

    def _save(self) -> None:
        self._unsaved = False
        self._memory.save(self._known)
