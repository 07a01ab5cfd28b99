"""Processes: every start, also of those that live 10 ms, and every end.

Source: tracepoints `sched_process_exec`, `task_newtask` and `sched_process_exit`, enriched from /proc at once; a
process that has gone before we look is told with what the kernel said. Below it: /proc, looked at once a second.
"""

import os
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.tracefs import TraceRecord
from wachhund_agent.sensors.first_look import seen
from wachhund_agent.sensors.heirs import Heirs, seen_in
from wachhund_agent.sensors.image_hash import Image, ImageHasher
from wachhund_agent.sensors.process_polls import Polls
from wachhund_agent.sensors.process_repeat import RepeatCounter
from wachhund_agent.sensors.process_table import Known, ProcessTable
from wachhund_agent.sensors.script import script_of
from wachhund_agent.sensors.shown_argv import shown_argv
from wachhund_evidence import Observation, clip, text

AWAITING = 4096  # starts of processes that had gone, kept for at most two drains until their end is told
SWEEP_S = 60.0
HASH_EVERY_S = 0.25
NAMESPACES = ("mnt", "net", "pid")
_NANO = 1e-9
_CLONE_THREAD = 0x10000


class _Start(NamedTuple):
    """A process that had gone when we looked: all that is left of it. `heirs`: its children that were told before."""

    pid: int
    mono: float
    filename: Optional[bytes]
    heirs: Optional[Tuple[int, ...]] = None


class ProcessSensor:
    """`polling`: there are no tracepoints, so `poll` is called instead of `on_exec` and `on_lifecycle`.

    `more_secrets`: options whose value is a secret too, as the owner says. `hashes`, `details`: whether there is time
    for them; an overloaded agent gives them up.
    """

    def __init__(self, polling: bool, more_secrets: Sequence[str] = ()) -> None:
        self._more_secrets = tuple(more_secrets)
        self.hashes = self.details = True
        self._own_namespaces = {kind: procfs.namespace("self", kind) for kind in NAMESPACES}
        self.table = ProcessTable()
        self._repeats = RepeatCounter()
        self._hasher = ImageHasher()
        self._awaiting: List[_Start] = []
        self._polls = Polls()
        self._next_sweep = 0.0
        self._next_hash = 0.0
        self.dropped = 0
        self.take_rung(polling)

    def take_rung(self, polling: bool) -> None:
        """From events to polls or back. What is known stays known."""
        self._polling = polling
        self._sensor = "process/proc" if polling else "process/tracefs"
        self._polls.begin(known for known in map(self.table.peek, self.table.pids()) if known is not None)

    def existing(self, mono: float) -> List[Observation]:
        """The processes that run already."""
        found = []
        for pid in sorted(procfs.all_pids()):
            if pid != os.getpid() and pid not in self.table:
                observation = self._started(pid, mono, None, existing=True)
                if observation is not None:
                    found.append(observation)
        return found

    def on_exec(self, records: Sequence[TraceRecord]) -> List[Observation]:
        """Starts, as soon as they are heard of."""
        found = []
        for record in records:
            fields = record.fields
            observation = self._started(int(fields["pid"]), record.time_ns * _NANO, fields["filename"])
            if observation is not None:
                found.append(observation)
        return found

    def on_lifecycle(self, records: Sequence[TraceRecord]) -> List[Observation]:
        """Who started whom, and ends. Starts of processes that had gone come out here, with what they left behind.

        Such a start whose end is not among the records has children that may not be either: it waits for the next.
        """
        ended: List[Tuple[int, float]] = []
        heirs = Heirs({start.pid: start.mono for start in self._awaiting})
        for start in self._awaiting:
            for child in reversed(start.heirs or ()):
                heirs.forked(start.pid, child, start.mono)
        for record in records:
            if record.event == "task_newtask":
                pid = int(record.fields["pid"])
                if record.fields["clone_flags"] & _CLONE_THREAD:
                    self.table.heard_thread(record.common_pid, pid)
                else:
                    self._forked(record.common_pid, pid, record.time_ns * _NANO, heirs)
            elif record.event == "sched_process_exit":
                pid = int(record.fields["pid"])
                # group_dead came with newer kernels; without it a thread's end looks like its process's.
                if record.fields.get("group_dead", 1) and ("group_dead" in record.fields or procfs.stat(pid) is None):
                    ended.append((pid, record.time_ns * _NANO))
        over = {pid for pid, _ in ended}
        found, waiting = [], []
        for start in self._awaiting:
            children = heirs.of(start.pid)
            if start.heirs is None and start.pid not in over:
                waiting.append(start._replace(heirs=children))
            else:
                found.append(self._gone(start, children))
        self._awaiting = waiting
        for pid, mono in ended:
            observation = self._ended(pid, mono)
            if observation is not None:
                found.append(observation)
        return [observation for observation in found if observation is not None]

    def poll(self, mono: float) -> List[Observation]:
        """One look at /proc: what came and what went since the last."""
        found = []
        running = {}
        for pid in procfs.all_pids():
            stat = procfs.stat(pid)
            if stat is not None and pid != os.getpid():
                running[pid] = stat
        for pid in self.table.pids():
            known = self.table.peek(pid)
            stat = running.get(pid)
            if known is not None and (stat is None or procfs.puid(pid, stat.start_ticks) != known.puid):
                observation = self._ended(pid, mono)
                if observation is not None:
                    found.append(observation)
        self._polls.forget_but(running)
        for pid, stat in running.items():
            if self._polls.is_news(pid, stat):
                started = self._started(pid, mono, None)
                if started is not None:
                    found.append(started)
        return found

    @property
    def unhashed(self) -> int:
        """Programs and scripts that were not hashed: too large, gone before their turn, or too many."""
        return self._hasher.skipped

    @property
    def is_hashing(self) -> bool:
        """Whether programs or scripts wait for their hash."""
        return self.hashes and not self._hasher.is_idle

    def tick(self, mono: float, last: bool = False) -> List[Observation]:
        """What is due by time: counted repeats, finished hashes, ends that no event told."""
        found = [
            Observation("process.repeat", wall(fields["last_mono"]), fields["last_mono"], self._sensor, fields)
            for fields in self._repeats.flush(mono, everything=last)
        ]
        found.extend(self.hash_slice(mono))
        if mono >= self._next_sweep:
            self._next_sweep = mono + SWEEP_S
            running = set(procfs.all_pids())
            for pid in self.table.pids():
                if pid not in running:
                    observation = self._ended(pid, mono)
                    if observation is not None:
                        found.append(observation)
        return found

    def hash_slice(self, mono: float) -> List[Observation]:
        """Read one slice of a program or script when it is time to. Returns the hash that it finished, if one."""
        if mono < self._next_hash or not self.hashes:
            return []
        self._next_hash = mono + HASH_EVERY_S
        found = []
        for hashed in self._hasher.work():
            what = "script" if hashed.is_script else "exe"
            fields = {"puid": hashed.puid, what: hashed.path, what + "_sha256": hashed.sha256}
            found.append(Observation("process.image", wall(mono), mono, self._sensor, fields))
        return found

    def close(self) -> None:
        self._hasher.close()

    def _forked(self, parent: int, pid: int, mono: float, heirs: Heirs) -> None:
        """A child that may never exec still needs a parent and a name: it may come to own a connection."""
        self.table.heard_process(pid)
        process = self.table.process_of(parent)
        heirs.forked(parent if process is None else process, pid, mono)
        above = None if process is None or pid in self.table else self.table.peek(process)
        if above is not None:
            program = above.exe or above.forked_as
            puid = procfs.passing_puid(pid, mono)
            self.table.put(Known(pid, above.pid, puid, None, above.user, mono, forked_as=program))

    def _ended(self, pid: int, mono: float) -> Optional[Observation]:
        known = self.table.pop(pid)
        if known is None or not known.told:
            return None
        duration = None if known.started is None else round(max(0.0, mono - known.started), 3)
        fields = {"puid": known.puid, "pid": pid, "exe": known.exe, "duration_s": duration}
        return Observation("process.exit", wall(mono), mono, self._sensor, fields)

    def _started(
        self, pid: int, mono: float, filename: Optional[bytes], existing: bool = False
    ) -> Optional[Observation]:
        argv, exe, deleted, stat = seen(pid, filename)
        if self._polling and stat is not None:
            self._polls.handled(pid, stat)
        if stat is None or stat.state in "ZX" or (exe is None and not argv):
            if existing or filename is None:
                # A kernel thread, or one that went while we listed the others: nobody started it now. It is noted, so
                # that the next poll does not look at it again.
                if stat is not None:
                    self.table.put(Known(pid, stat.ppid, procfs.puid(pid, stat.start_ticks), None, None, None))
                return None
            if len(self._awaiting) >= AWAITING:
                self.dropped += 1
                return None
            self._awaiting.append(_Start(pid, mono, filename))
            return None
        image, uid = self._image(pid) if self.hashes else None, procfs.uid(pid)
        user = None if uid is None else procfs.user_name(uid)
        parent = self.table.get(stat.ppid)
        parent_exe = None if parent is None else parent.exe
        # Its hash, which nobody can aim at (it is seeded anew in each run), instead of 8 KiB of arguments.
        key = hash((parent_exe, exe, image, tuple(argv or ()), uid))
        told = existing or self._repeats.is_told(key, mono)
        puid = procfs.puid(pid, stat.start_ticks)
        if self._polling:
            self._polls.saw(pid, stat, exe, argv, young=not existing)
        started = mono if not existing else stat.start_ticks / procfs.CLOCK_TICKS
        self.table.put(Known(pid, stat.ppid, puid, exe, user, started, told))
        if not told:
            return None
        fields: Dict[str, Any] = {"puid": puid, "pid": pid, "ppid": stat.ppid, "exe": exe}
        self._add_argv(fields, argv)
        if exe is None and filename is not None:
            fields["exe"], fields["exe_from"] = text(filename), "exec"
        fields.update(
            user=user,
            parent_exe=parent_exe,
            exe_sha256=self._hasher.ask(pid, puid, exe, image, bool(deleted)),
            exe_deleted=deleted,
        )
        if self.details:
            self._add_details(fields, pid, stat.ppid, argv)
        if existing:
            fields["existing"] = True
        else:
            self._repeats.describe(
                key, {"exe": fields["exe"], "argv": fields["argv"], "parent_exe": parent_exe, "user": user}
            )
        return Observation("process.start", wall(mono), mono, self._sensor, fields)

    def _gone(self, start: _Start, heirs: Iterable[int]) -> Optional[Observation]:
        """A process too short to be looked at: the kernel's word for its file, and its parent if the fork was seen.

        `heirs`: children that it forked: one that runs on as the same program shows what this one was.
        """
        known = self.table.peek(start.pid)
        ppid = None if known is None else known.ppid
        parent = None if ppid is None else self.table.get(ppid)
        parent_exe = None if parent is None else parent.exe
        user = None if known is None else known.user
        heir = seen_in(heirs)
        exe, argv = (text(start.filename or b""), None) if heir is None else (heir.exe, heir.argv)
        key = hash((parent_exe, exe, tuple(argv or ()), user))
        told = self._repeats.is_told(key, start.mono)
        puid = procfs.passing_puid(start.pid, start.mono) if known is None else known.puid
        self.table.put(Known(start.pid, ppid, puid, exe, user, start.mono, told))
        if not told:
            return None
        fields: Dict[str, Any] = {"puid": puid, "pid": start.pid, "ppid": ppid, "exe": exe}
        self._add_argv(fields, argv)
        fields.update(user=user, parent_exe=parent_exe, exe_sha256=None, exe_deleted=None, cwd=None, unit=None)
        fields["ancestry"] = [] if ppid is None else self.table.ancestry(ppid)
        if heir is None:
            fields["exe_from"] = "exec"
        else:
            image = self._image(heir.pid) if self.hashes else None
            fields["exe_sha256"] = self._hasher.ask(heir.pid, puid, exe, image, heir.deleted)
            fields["exe_deleted"], fields["heir"] = heir.deleted, heir.puid
        self._repeats.describe(key, {"exe": exe, "argv": fields["argv"], "parent_exe": parent_exe, "user": user})
        return Observation("process.start", wall(start.mono), start.mono, self._sensor, fields)

    @staticmethod
    def _image(pid: int) -> Optional[Image]:
        try:
            status = os.stat("{}/{}/exe".format(procfs.PROC, pid))
        except OSError:
            return None
        return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size

    def _add_details(self, fields: Dict[str, Any], pid: int, ppid: int, argv: Optional[List[bytes]]) -> None:
        fields.update(
            cwd=procfs.cwd(pid),
            unit=procfs.unit(pid),
            container=procfs.container(pid),
            ancestry=self.table.ancestry(ppid),
        )
        self._add_script(fields, pid, argv)
        apart = {kind: inode for kind, inode in self._namespaces(pid).items() if inode != self._own_namespaces[kind]}
        if apart:
            fields["namespaces"] = apart

    def _add_script(self, fields: Dict[str, Any], pid: int, argv: Optional[List[bytes]]) -> None:
        """For the kernel the program is an interpreter; for people it is the script that it runs."""
        script = script_of(argv or [], fields["cwd"], fields["exe"])
        if script is not None:
            fields["script"] = clip(text(os.fsencode(script)), 4096)[0]
            fields["script_sha256"] = self._hasher.ask_script(pid, fields["puid"], script)

    @staticmethod
    def _namespaces(pid: Union[int, str]) -> Dict[str, Optional[int]]:
        """Where a process lives: none of these can be read of another user's process."""
        found = {kind: procfs.namespace(pid, kind) for kind in NAMESPACES}
        return found if any(found.values()) else {}

    def _add_argv(self, fields: Dict[str, Any], argv: Optional[List[bytes]]) -> None:
        if not argv:
            fields["argv"] = None
            return
        fields["argv"], redacted, cut = shown_argv(argv, self._more_secrets)
        if redacted:
            fields["redacted"] = redacted
        if cut:
            fields["cut"] = ["argv"]
