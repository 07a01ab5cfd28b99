"""Persistence: files by which something starts by itself or lets somebody in again, and kernel modules.

Event source: inotify (folder_watches), whose queue is emptied twice a second, calls for a sweep; the sweep compares
what stat(2) says, and hashes only what differs, a few milliseconds a look. What was known is remembered in a file, so
that a change made while the agent was down is told at its start. Who made a change inotify does not say.
"""

import glob
import hashlib
import json
import os
import re
import stat
import time
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from wachhund_agent.disk import Disk, replace
from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.sock_diag import KernelError
from wachhund_agent.sensors.folder_watches import FolderWatches
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation, clip, text

FILES_KEPT = 4000  # Debian with a desktop has some 1,500
HASHED_BYTES = 1 << 20  # of one file; larger ones are compared by size and times too
STATE_BYTES = 4 << 20
SLICE_S = 0.005
POLL_S, SWEEP_S = 30.0, 3600.0  # between sweeps that nobody asked for: without and with events
SETTLE_S = 0.3  # an editor writes, renames and changes rights in one go
SAVE_S = 10.0  # spares the SD card
MODULES_S = 10.0
TOLD_A_MINUTE = 200  # an upgrade touches a thousand units: beyond this they are counted by class


class Place(NamedTuple):
    """A glob of files and its class (protocol.md, `persistence.change`). "~" stands for every user's home.

    `secret`: a single file of which not even a hash is made; by whatever other name it is found.
    """

    path: str
    place_class: str
    secret: bool = False


GENERIC_PLACES = tuple(
    Place(path, place_class)
    for place_class, paths in (
        ("systemd", ("/etc/systemd/system/*", "/etc/systemd/system/*/*", "/lib/systemd/system/*",
                     "/run/systemd/system/*", "/usr/local/lib/systemd/system/*", "~/.config/systemd/user/*")),
        ("cron", ("/etc/crontab", "/etc/cron.*/*", "/var/spool/cron/*", "/var/spool/cron/crontabs/*")),
        ("rc", ("/etc/rc.local", "/etc/init.d/*", "/etc/profile", "/etc/profile.d/*", "/etc/bash.bashrc", "~/.bashrc",
                "~/.profile", "~/.bash_profile", "~/.zshrc", "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*")),
        ("desktop-autostart", ("/etc/xdg/autostart/*", "~/.config/autostart/*")),
        ("authorized_keys", ("~/.ssh/authorized_keys", "~/.ssh/authorized_keys2")),
        ("preload", ("/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d/*")),
        ("pam", ("/etc/pam.d/*", "/etc/security/*")),
        ("sudoers", ("/etc/sudoers", "/etc/sudoers.d/*")),
        ("udev", ("/etc/udev/rules.d/*", "/lib/udev/rules.d/*")),
        ("module", ("/etc/modules", "/etc/modules-load.d/*", "/etc/modprobe.d/*")),
        ("python-path", ("~/.local/lib/python3*/site-packages/*.pth", "/usr/lib/python3/dist-packages/*.pth",
                         "/usr/lib/python3*/sitecustomize.py", "~/.local/lib/python3*/site-packages/usercustomize.py")),
    )
    for path in paths
)  # fmt: skip


_UNESCAPED = re.compile(r"\[([*?[])\]")  # what glob.escape makes of these


class _File(NamedTuple):
    """What is known of one file. `stamp`: inode, size, mtime and ctime in ns; any of them moves with a change."""

    sha256: Optional[str]
    mode: int
    uid: int
    place_class: str
    stamp: Tuple[int, int, int, int]


def homes(passwd: Path = Path("/etc/passwd")) -> List[str]:
    """The home folders of all users that have one."""
    found: List[str] = []
    try:
        content = passwd.read_bytes()[:STATE_BYTES]
    except OSError:
        return found
    for line in content.split(b"\n"):
        parts = line.split(b":")
        if len(parts) >= 6 and parts[5].startswith(b"/") and parts[5] not in (b"/", b"/nonexistent"):
            home = os.fsdecode(parts[5])
            if home not in found and os.path.isdir(home):
                found.append(home)
    return found[:64]


def parse_modules(data: bytes) -> Set[str]:
    """The names in /proc/modules."""
    return {clip(text(line.split(None, 1)[0]), 64)[0] for line in data.split(b"\n") if line.strip()}


def parse_state(data: bytes) -> Optional[Dict[str, _File]]:
    """What an earlier run remembered; None when it is damaged."""
    try:
        found = json.loads(data.decode("utf-8", "surrogatepass"))
        return {
            str(path): _File(entry[0], int(entry[1]), int(entry[2]), str(entry[3]), tuple(map(int, entry[4])))  # type: ignore[arg-type]
            for path, entry in list(found["files"].items())[:FILES_KEPT]
            if len(entry[4]) == 4 and (entry[0] is None or isinstance(entry[0], str))
        }
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return None


class PersistenceSense(Sense):
    """Kinds: `persistence.change`, `config.state` (persistence-baseline). `state`: the file to remember in."""

    name = "persistence"
    interval_s = 0.5

    def __init__(self, places: Sequence[Place], state: Optional[Path] = None, disk: Optional[Disk] = None) -> None:
        self._places, self._state, self._disk = list(places), state, disk or Disk()
        self._secrets = [_UNESCAPED.sub(r"\1", place.path) for place in places if place.secret]
        self._known: Dict[str, _File] = {}
        self._modules: Optional[Set[str]] = None
        self._watches: Optional[FolderWatches] = None
        self._no_events: Optional[str] = None
        self._no_memory: Optional[str] = None
        self._steps: Optional[Iterator[List[Observation]]] = None
        self._dirty_since: Optional[float] = None
        self._next_sweep = self._next_save = self._next_modules = self._minute = 0.0
        self._told = self._dropped = 0
        self._counted: Dict[str, int] = {}
        self._first = self._down = self._unsaved = False

    def start(self, mono: float) -> List[Observation]:
        try:
            self._watches = FolderWatches()
        except KernelError as error:
            self._no_events = "{}: changes are found each {:.0f} s".format(error, POLL_S)
        remembered = self._remembered()
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
        if mono >= self._next_modules:
            self._next_modules = mono + MODULES_S
            found += self._look_at_modules(mono)
        if mono >= self._minute:
            found += self._counts(mono)
        if self._unsaved and self._steps is None and mono >= self._next_save:
            self._next_save = mono + SAVE_S
            self._save()
        return found

    def coverage(self) -> Coverage:
        why = "; ".join(reason for reason in (self._no_events, self._no_memory) if reason) or None
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
        places = self._expanded()
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

    def _expanded(self) -> List[Place]:
        found: List[Place] = []
        users = homes() if any(place.path.startswith("~") for place in self._places) else []
        for place in self._places:
            if place.path.startswith("~"):
                found += [Place(glob.escape(home) + place.path[1:], place.place_class) for home in users]
            else:
                found.append(place)
        return found

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
        now = _File(self._hash(path), mode, status.st_uid, place_class, stamp)
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
        self, path: str, place_class: str, change: str, now: Optional[_File], before: Optional[_File], mono: float
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

    def _look_at_modules(self, mono: float) -> List[Observation]:
        try:
            with open("{}/modules".format(procfs.PROC), "rb") as file:
                now = parse_modules(file.read(STATE_BYTES))
        except OSError:
            return []
        before, self._modules = self._modules, now
        if before is None:
            return []
        changes = [(name, "loaded") for name in sorted(now - before)]
        changes += [(name, "unloaded") for name in sorted(before - now)]
        return [
            Observation("persistence.change", wall(mono), mono, "persistence/modules",
                        {"path": name, "class": "module", "change": change})
            for name, change in changes
        ]  # fmt: skip

    def _remembered(self) -> Optional[Dict[str, _File]]:
        if self._state is None:
            return None
        try:
            with self._state.open("rb") as file:
                return parse_state(file.read(STATE_BYTES))
        except OSError:
            return None

    def _save(self) -> None:
        """All or nothing: a power cut leaves the old one."""
        self._unsaved = False
        if self._state is None:
            return
        files = {path: [known.sha256, known.mode, known.uid, known.place_class, known.stamp]
                 for path, known in self._known.items()}  # fmt: skip
        data = json.dumps({"files": files}, separators=(",", ":")).encode("utf-8", "surrogatepass")
        try:
            replace(self._state, data, self._disk)
            self._no_memory = None
        except OSError as error:
            self._no_memory = "{}: {}: a change made while the agent is down will not be noticed".format(
                self._state, error.strerror
            )
