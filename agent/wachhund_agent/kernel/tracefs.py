"""Kernel tracepoints through a private tracefs instance: raw ring-buffer pages in, records out.

Raw pages, not the text pipe: text prints file names unescaped, so a name with a newline could forge an event. Page
layout after Documentation/trace/ring-buffer-map.rst and kernel/trace/ring_buffer.c; the layout of each event is read
from its `format` file, because it differs between kernels.
"""

import bisect
import ctypes
import errno
import os
import re
import struct
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from wachhund_evidence import WachhundError

INSTANCE_PREFIX = "wachhund-"
_PAGE_BYTES = 4096
_BUFFER_KIB = 1408  # a CPU: about 15,000 events of 80 bytes, some 4 s of the worst storm measured
_PAGE_HEADER = struct.Struct("=QQ")
_COMMIT_LENGTH = (1 << 20) - 1
_MISSED_EVENTS, _MISSED_STORED = 1 << 31, 1 << 30
_PADDING, _TIME_EXTEND, _TIME_STAMP = 29, 30, 31
_COMMON = struct.Struct("=HBBi")
_FIELD = re.compile(
    r"field:(?P<declaration>[^;]+);\s*offset:(?P<offset>\d+);\s*size:(?P<size>\d+);\s*signed:(?P<signed>\d)"
)
_INTEGER_CODES = {(1, False): "B", (1, True): "b", (2, False): "H", (2, True): "h",
                  (4, False): "I", (4, True): "i", (8, False): "Q", (8, True): "q"}  # fmt: skip


class TracefsError(WachhundError):
    """tracefs is absent or refuses; the sensor takes the next rung and says so."""


class TraceRecord(NamedTuple):
    """One event. `time_ns`: CLOCK_MONOTONIC. `common_pid`: the thread that was running. `flags`: 0x10 softirq, 0x08
    hardirq: then that thread was only interrupted. Texts and arrays in `fields` are bytes.
    """

    time_ns: int
    event: str
    common_pid: int
    flags: int
    fields: Dict[str, Any]


Decoder = Callable[[bytes, int], Dict[str, Any]]


def parse_format(text: str) -> Tuple[int, Decoder]:
    """The id and the decoder of an event from its `format` file. Raises TracefsError when it is not one."""
    found = re.search(r"^ID: (\d+)$", text, re.MULTILINE)
    if found is None:
        raise TracefsError("tracefs: an event's format has no ID")
    codes, names, texts = [], [], []
    at = 0
    fields = []
    for match in _FIELD.finditer(text):
        declaration = match.group("declaration")
        name = re.split(r"[\s*]", declaration.split("[")[0] if "__data_loc" not in declaration else declaration)[-1]
        if name.startswith("common_"):
            continue
        fields.append(
            (int(match.group("offset")), int(match.group("size")), match.group("signed") == "1", name, declaration)
        )
    for offset, size, signed, name, declaration in sorted(fields):
        codes.append("{}x".format(offset - at))
        if "__data_loc" in declaration:
            codes.append("I")
            texts.append(name)
        elif "[" in declaration or (size, signed) not in _INTEGER_CODES:
            codes.append("{}s".format(size))
        else:
            codes.append(_INTEGER_CODES[(size, signed)])
        names.append(name)
        at = offset + size
    if len(set(names)) < len(names):
        raise TracefsError("tracefs: an event's format names a field twice")
    try:
        layout = struct.Struct("=" + "".join(codes))
    except (struct.error, OverflowError):
        raise TracefsError("tracefs: an event's format has fields that overlap") from None

    def decode(data: bytes, start: int) -> Dict[str, Any]:
        values = dict(zip(names, layout.unpack_from(data, start)))
        for name in texts:
            place = values[name]
            begin = start + (place & 0xFFFF)
            values[name] = data[begin : begin + (place >> 16)].rstrip(b"\x00")
        return values

    return int(found.group(1)), decode


def parse_page(page: bytes, decoders: Mapping[int, Tuple[str, Decoder]]) -> Tuple[List[TraceRecord], bool]:
    """The records of one raw page, and whether the kernel says that events before it were lost.

    `decoders`: event name and decoder by event id. Events of other ids are passed over.
    """
    if len(page) < _PAGE_HEADER.size:
        return [], False
    clock, commit = _PAGE_HEADER.unpack_from(page)
    end = min(_PAGE_HEADER.size + (commit & _COMMIT_LENGTH), len(page))
    records: List[TraceRecord] = []
    at = _PAGE_HEADER.size
    while at + 4 <= end:
        (word,) = struct.unpack_from("=I", page, at)
        kind, delta = word & 31, word >> 5
        at += 4
        if kind == _PADDING:
            if delta == 0 or at + 4 > end:
                break
            at += struct.unpack_from("=I", page, at)[0]
            clock += delta
            continue
        if kind in (_TIME_EXTEND, _TIME_STAMP):
            if at + 4 > end:
                break
            (high,) = struct.unpack_from("=I", page, at)
            at += 4
            clock = clock + delta + (high << 27) if kind == _TIME_EXTEND else delta + (high << 27)
            continue
        clock += delta
        if kind == 0:
            if at + 4 > end:
                break
            (length,) = struct.unpack_from("=I", page, at)
            start, at = at + 4, at + length
        else:
            start, at = at, at + 4 * kind
        if at > end or at - start < _COMMON.size:
            break
        event_id, flags, _, pid = _COMMON.unpack_from(page, start)
        known = decoders.get(event_id)
        if known is not None:
            try:
                fields = known[1](page, start)
            except struct.error:
                break  # shorter than its format says: what follows can't be trusted either
            records.append(TraceRecord(clock, known[0], pid, flags, fields))
    return records, bool(commit & _MISSED_EVENTS)


def find_tracefs(mounts: str = "/proc/mounts") -> Optional[str]:
    """Where tracefs is mounted, or None."""
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                _, folder, kind = line.split()[:3]
                if kind == "tracefs":
                    return folder
    except (OSError, ValueError):
        pass
    return None


def mount_tracefs(folder: str = "/sys/kernel/tracing") -> str:
    """The folder of tracefs, mounted now if it was not. Raises TracefsError."""
    found = find_tracefs()
    if found is not None:
        return found
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tracefs", os.fsencode(folder), b"tracefs", 0, None) != 0:
        code = ctypes.get_errno()
        raise TracefsError("tracefs: not mounted, and mounting it failed: {}".format(os.strerror(code)))
    return folder


def _write(path: str, value: str) -> None:
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(value)
    except OSError as error:
        raise TracefsError("tracefs: {}: {}".format(path, error.strerror)) from error


def _read_page(pipe: int) -> bytes:
    """Empty when there is nothing, which the kernel says in two ways. Raises TracefsError."""
    try:
        return os.read(pipe, _PAGE_BYTES)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EINTR):
            return b""
        raise TracefsError("tracefs: reading failed: {}".format(error.strerror)) from error


def remove_stale_instances(
    tracefs: str, alive: Callable[[int], bool] = lambda pid: os.path.exists("/proc/%d" % pid)
) -> int:
    """Remove what killed agents left behind (their names hold their pid). Returns how many went."""
    removed = 0
    folder = os.path.join(tracefs, "instances")
    try:
        names = os.listdir(folder)
    except OSError:
        return 0
    for name in names:
        if not name.startswith(INSTANCE_PREFIX):
            continue
        pid = name[len(INSTANCE_PREFIX) :].split("-")[0]
        if pid.isdecimal() and int(pid) != os.getpid() and not alive(int(pid)):
            try:
                os.rmdir(os.path.join(folder, name))
                removed += 1
            except OSError:
                pass  # somebody reads it: it is not stale after all
    return removed


class TraceInstance:
    """A private ring buffer with some events switched on. `events`: name to filter (or None), such as
    {"sched/sched_process_exec": None}. Close it: an instance outlives its maker.
    """

    def __init__(self, label: str, events: Mapping[str, Optional[str]], tracefs: Optional[str] = None) -> None:
        """Raises TracefsError."""
        root = tracefs or mount_tracefs()
        self._folder = os.path.join(root, "instances", "{}{}-{}".format(INSTANCE_PREFIX, os.getpid(), label))
        self._pipes: List[int] = []
        self._stats: List[int] = []
        self._decoders: Dict[int, Tuple[str, Decoder]] = {}
        self._switches: List[str] = []
        self._held: List[TraceRecord] = []
        try:
            os.mkdir(self._folder)
        except OSError as error:
            raise TracefsError("tracefs: {}: {}".format(self._folder, error.strerror)) from error
        try:
            self._configure(events)
        except (OSError, TracefsError) as error:
            self.close()
            if isinstance(error, TracefsError):
                raise
            raise TracefsError("tracefs: {}".format(error)) from error

    def _configure(self, events: Mapping[str, Optional[str]]) -> None:
        _write(os.path.join(self._folder, "trace_clock"), "mono")
        _write(os.path.join(self._folder, "buffer_size_kb"), str(_BUFFER_KIB))
        percent = os.path.join(self._folder, "buffer_percent")
        if os.path.exists(percent):
            # Otherwise poll wakes only when half the buffer is full, which on a quiet robot is never.
            _write(percent, "0")
        for event, condition in events.items():
            folder = os.path.join(self._folder, "events", event)
            with open(os.path.join(folder, "format"), encoding="ascii") as file:
                event_id, decoder = parse_format(file.read())
            self._decoders[event_id] = (event.split("/")[-1], decoder)
            if condition is not None:
                _write(os.path.join(folder, "filter"), condition)
            _write(os.path.join(folder, "enable"), "1")
            self._switches.append(os.path.join(folder, "enable"))
        self._switches.append(os.path.join(self._folder, "tracing_on"))
        per_cpu = os.path.join(self._folder, "per_cpu")
        for cpu in sorted(os.listdir(per_cpu)):
            self._pipes.append(
                os.open(os.path.join(per_cpu, cpu, "trace_pipe_raw"), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            )
            self._stats.append(os.open(os.path.join(per_cpu, cpu, "stats"), os.O_RDONLY | os.O_CLOEXEC))

    @property
    def fds(self) -> List[int]:
        """For a selector: one pipe a CPU."""
        return list(self._pipes)

    def read(self, settled: bool = False) -> List[TraceRecord]:
        """All records since the last call, in time order over the CPUs; never blocks.

        `settled`: what came during the call waits for the next one. The CPUs' pipes are read one after the other, so
        a connection's end on one CPU would else be told before its beginning on another.
        """
        until = time.monotonic_ns()
        records, self._held = self._held, []
        for pipe in self._pipes:
            while True:
                page = _read_page(pipe)
                if not page:
                    break
                records += parse_page(page, self._decoders)[0]
        records.sort(key=lambda record: record.time_ns)
        if settled:
            place = bisect.bisect_right([record.time_ns for record in records], until)
            self._held = records[place:]
            del records[place:]
        return records

    def switched_off(self) -> Optional[str]:
        """Which of our switches somebody turned off, by its path below the instance; None when all are on.

        Where tracefs can't be reached by its path any more (unmounted under us) the open pipes may still work: no word.
        """
        for path in self._switches:
            try:
                with open(path, encoding="ascii") as file:
                    is_on = file.read(1) == "1"
            except (OSError, UnicodeDecodeError):
                continue
            if not is_on:
                return os.path.relpath(path, self._folder)
        return None

    def lost(self) -> int:
        """Events that found the buffer full since the instance was made, from the kernel's own counts."""
        lost = 0
        for stats in self._stats:
            for line in os.pread(stats, _PAGE_BYTES, 0).decode("ascii", "replace").splitlines():
                name, _, value = line.partition(":")
                if name in ("overrun", "commit overrun", "dropped events") and value.strip().isdigit():
                    lost += int(value)
        return lost

    def close(self) -> None:
        """Switch off and remove the instance. Safe to call twice."""
        for fd in self._pipes + self._stats:
            os.close(fd)
        self._pipes, self._stats = [], []
        try:
            os.rmdir(self._folder)
        except OSError:
            pass  # gone already, or the next agent removes it as stale
