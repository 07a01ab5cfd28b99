"""The loop that runs all senses: one thread, one selector, a ladder of sources, and the truth about what is blind.

As root: tracepoints, and the kernel's feed of closed sockets. Otherwise, or where they stay silent: a look at /proc and
sock_diag each second. Every source is tried at start with an event that we make ourselves, and again now and then.
"""

import contextlib
import dataclasses
import select
import socket
import subprocess
import time
from typing import Callable, Dict, FrozenSet, List, Optional, Sequence, Set

from wachhund_agent.budget import Budget
from wachhund_agent.kernel import capabilities, clock
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.sock_diag import DestroyFeed, TcpSocket
from wachhund_agent.kernel.tracefs import (
    TracefsError,
    TraceInstance,
    TraceRecord,
    mount_tracefs,
    remove_stale_instances,
)
from wachhund_agent.profile import choose
from wachhund_agent.rounds import Rounds
from wachhund_agent.senses import Known, Setup, make
from wachhund_agent.sensors.dns import DnsSense
from wachhund_agent.sensors.flow import Owner
from wachhund_agent.sensors.process import ProcessSensor
from wachhund_agent.sensors.relay import RelaySensor
from wachhund_agent.sensors.tcp import TcpSensor
from wachhund_agent.sensors.tcp_owners import Owners
from wachhund_evidence import Coverage, Observation

DRAIN_S = 0.25  # how long forks, ends and socket states may wait in the kernel's buffer
QUIET_DRAIN_S = 0.5  # the same while nothing happens: a robot at rest is woken half as often
LISTEN_ANEW_S = 5.0  # a descriptor that a sense closed and opened anew has its old number, and the kernel forgot it
POLL_S = 1.0
CALLING_AT_ONCE = 64  # descriptors; a robot's four pipes and some ten of the senses. The others call again
COVERAGE_LOOK_S, COVERAGE_S = 1.0, 60.0  # told when it has changed, and now and then
PROBE_S = 300.0
PROBE_WAIT_S = 1.0
LOST_LOOK_S = 5.0
SWITCHES_S = 5.0
CLIMB_S = 60.0  # while polling: are there events again?
_PROBE_PROGRAM = "/bin/true"
_EXEC_EVENTS: Dict[str, Optional[str]] = {"sched/sched_process_exec": None}
_LIFECYCLE_EVENTS: Dict[str, Optional[str]] = {
    "task/task_newtask": None,
    "sched/sched_process_exit": None,
    "sock/inet_sock_set_state": "protocol == 6",
}

Deliver = Callable[[List[Observation]], None]
Over = Callable[[], bool]


def may_open_events() -> bool:
    """Whether it is worth trying: the files of tracefs are root's."""
    return capabilities.allows(capabilities.DAC_OVERRIDE)


class Sources:
    """The event sources that answered when they were tried. `why`: what is missing, in words."""

    def __init__(self) -> None:
        self.execs: Optional[TraceInstance] = None
        self.lifecycle: Optional[TraceInstance] = None
        self.closed: Optional[DestroyFeed] = None
        self.why: Optional[str] = None

    def open(self) -> None:
        """Take the best rung that works. Never raises: what fails is said in `why`."""
        self.why = None
        try:
            if not may_open_events():
                raise TracefsError("kernel events need root")
            tracefs = mount_tracefs()
            remove_stale_instances(tracefs)
            self.execs = TraceInstance("exec", _EXEC_EVENTS, tracefs)
            self.lifecycle = TraceInstance("life", _LIFECYCLE_EVENTS, tracefs)
            self.closed = DestroyFeed()
            self._try_out()
        except (TracefsError, KernelError, OSError) as error:  # OSError: not even loopback answers
            self.close()
            self.why = "{}: what lives between two looks is missed".format(error)

    @property
    def polling(self) -> bool:
        return self.execs is None

    def lost(self) -> int:
        """Events that the kernel had no room for."""
        lost = sum(instance.lost() for instance in (self.execs, self.lifecycle) if instance is not None)
        return lost + (self.closed.lost if self.closed is not None else 0)

    def close(self) -> None:
        for source in (self.execs, self.lifecycle, self.closed):
            if source is not None:
                source.close()
        self.execs = self.lifecycle = self.closed = None

    def _try_out(self) -> None:
        """Make one process and one connection, and see both arrive. Raises TracefsError when one does not."""
        if self.execs is None or self.lifecycle is None or self.closed is None:
            return
        pid = make_probe_process()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            port = listener.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)), listener.accept()[0]:
                pass
        wanted = {"exec", "fork", "exit", "established", "destroyed"}
        deadline = time.monotonic() + PROBE_WAIT_S
        while wanted and time.monotonic() < deadline:
            for record in self.execs.read() + self.lifecycle.read():
                wanted -= _shown(record, pid, port)
            if any(sock.local[1] == port for sock in self.closed.read()):
                wanted.discard("destroyed")
            time.sleep(0.01)
        if wanted:
            raise TracefsError("kernel events stay silent ({})".format(", ".join(sorted(wanted))))


def make_probe_process() -> int:
    """Start and await a known program. Returns its pid."""
    child = subprocess.Popen([_PROBE_PROGRAM], stdin=subprocess.DEVNULL)  # noqa: S603  # a constant of ours
    child.wait()
    return child.pid


def _shown(record: TraceRecord, pid: int, port: int) -> Set[str]:
    fields = record.fields
    if record.event == "inet_sock_set_state":
        return {"established"} if fields["sport"] == port and fields["newstate"] == 1 else set()
    if fields["pid"] != pid:
        return set()
    return {{"sched_process_exec": "exec", "task_newtask": "fork"}.get(record.event, "exit")}


def listen_to(poller: "select.epoll", heard: Sequence[int], wanted: Sequence[int]) -> None:
    """Hear what is wanted, and of what was heard so far nothing else. `heard`: () to ask for all of it anew."""
    for fd in set(heard).difference(wanted):
        with contextlib.suppress(OSError):  # it was closed: the kernel forgot it then
            poller.unregister(fd)
    for fd in set(wanted).difference(heard):
        with contextlib.suppress(FileExistsError):
            poller.register(fd, select.EPOLLIN)


class Sensing:
    """Runs until told to stop, and hands on what was seen in batches.

    `deliver` must not block. `own_inodes`: the agent's own sockets. `setup`: by default what is detected here.
    `settled` is called once, when all sources are open. `has_lost_events`: the kernel's events answered, and stopped.
    """

    def __init__(
        self,
        deliver: Deliver,
        own_inodes: Callable[[], FrozenSet[int]] = frozenset,
        setup: Optional[Setup] = None,
        budget: Optional[Budget] = None,
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        self._settled = settled
        self.has_lost_events = False
        self._budget = budget or Budget()
        setup = setup or Setup(choose())
        self._deliver = deliver
        self._sources = Sources()
        self._sources.open()
        polling = self._sources.polling
        self._processes = ProcessSensor(polling, setup.more_secrets)
        run = "{:x}".format(int(clock.mono() * 1000))
        dns = DnsSense()
        self._given_inodes = own_inodes
        self._tcp = TcpSensor(self._processes.table, run, polling, self._own_inodes, name_of=dns.name_of)
        self._relays = RelaySensor(lambda: self._tcp.flows)
        known = Known(
            run=run,
            owners=Owners(self._processes.table),
            own_inodes=self._own_inodes,
            dns=dns,
            who=self._who,
            flows=lambda: self._tcp.flows,
            doors=self._tcp.doors,
        )
        self._rounds = Rounds(make(setup, known))
        self._blind: Dict[str, str] = {}
        self.told_coverage: Dict[str, Coverage] = {}
        self._next_look_at_coverage = 0.0
        self._next_coverage = self._next_probe = self._next_lost = self._next_switches = self._next_climb = 0.0
        self._lost = 0
        self._probe_pid, self._probed = 0, 0.0
        self._probe_missing: Set[str] = set()

    def is_asking(self) -> bool:
        """Whether a sense will know only in a moment what it can see."""
        return self._rounds.is_asking()

    def coverage(self) -> Dict[str, Coverage]:
        """What each sense can see now."""
        polling, why = self._sources.polling, self._sources.why
        state, interval = ("poll", POLL_S) if polling else ("event", None)
        made = {}
        for name, source, dropped in (
            ("process", "procfs" if polling else "tracefs", self._processes.dropped),
            ("tcp", "sock_diag" if polling else "tracefs", self._tcp.dropped),
        ):
            blind = self._blind.get(name)
            reasons = [reason for reason in (blind, why, self._limits(name)) if reason]
            made[name] = Coverage(
                source, "blind" if blind else state, interval, dropped + self._lost, "; ".join(reasons) or None
            )
        # Pairs are formed from flows as they are told; only a pair that exists is sampled.
        made.update(self._rounds.coverage())
        tcp = made["tcp"].state
        own = self._relays.coverage()
        reason = "it watches TCP flows, which are not seen" if tcp == "blind" else own.why
        made["relay"] = dataclasses.replace(own, state=tcp, why=reason)
        return made

    def _own_inodes(self) -> FrozenSet[int]:
        return self._given_inodes() | self._rounds.own_inodes()

    def _who(self, pid: int) -> Optional[Owner]:
        known = self._processes.table.get(pid)
        return None if known is None else Owner(pid, known.puid, known.exe, known.user)

    def _limits(self, name: str) -> Optional[str]:
        if name == "process":
            # Without the number: coverage is told anew whenever it changes.
            return "not all programs could be hashed: too large, or gone too soon" if self._processes.unhashed else None
        reasons = []
        if not capabilities.allows(capabilities.SYS_PTRACE):
            reasons.append("sockets of other users are seen without their process")
        if self._tcp.foreign:
            reasons.append("{} flows of other network namespaces not looked into".format(self._tcp.foreign))
        return "; ".join(reasons) or None

    def run(self, should_stop: Callable[[], bool], seconds: Optional[float] = None) -> None:
        """Observe until `should_stop()` or for `seconds`. What is due is told before it returns."""
        end = None if seconds is None else clock.mono() + seconds
        over: Over = lambda: should_stop() or (end is not None and clock.mono() >= end)  # noqa: E731
        try:
            self._begin()
            while not over():
                try:
                    if self._sources.polling:
                        self._run_polling(over)
                    else:
                        self._run_events(over)
                except (TracefsError, KernelError) as error:
                    self._lose_events(str(error))
            self._tell(self._processes.tick(clock.mono(), last=True))
            self._tell(self._rounds.ending(clock.mono()))
        finally:
            self._rounds.close()
            self._processes.close()
            self._sources.close()

    def _begin(self) -> None:
        now = clock.mono()
        self._next_probe = now + PROBE_S
        self._next_climb = now + CLIMB_S
        self._tell(self._processes.existing(now))
        self._tell(self._guarded("tcp", lambda: self._tcp.existing(now)))
        self._tell(self._rounds.look(now))
        self._settled()
        self._say_coverage(now)

    def _lose_events(self, why: str) -> None:
        """Somebody switched the kernel's events off, or they failed: said, tried anew at once, else the next rung."""
        now = clock.mono()
        self._say_events(False, why, now)
        self._sources.close()
        self._sources.open()
        self._take_rung()
        self.has_lost_events = self._sources.polling

    def _take_rung(self) -> None:
        """Go on from the sources that answer now; what came meanwhile is found by one look."""
        now, polling = clock.mono(), self._sources.polling
        self._probe_missing = set()
        self._next_probe, self._next_climb = now + PROBE_S, now + CLIMB_S
        self._processes.take_rung(polling)
        self._tcp.take_rung(polling)
        self._tell(self._processes.poll(now))
        if not polling:
            self._say_events(True, None, now)
        self._say_coverage(clock.mono())

    def _say_events(self, on: bool, why: Optional[str], now: float) -> None:
        fields = {"name": "kernel-events", "what": why, "value": on}
        self._tell([Observation("config.state", clock.wall(now), now, "agent", fields)])

    def _run_polling(self, over: Over) -> None:
        """Until it is over, or the kernel's events answer again."""
        while not over():
            started = clock.mono()
            if started >= self._next_climb and may_open_events():
                self._next_climb = started + CLIMB_S
                self._sources.open()
                if not self._sources.polling:
                    self._take_rung()
                    return
            self._tell(self._processes.poll(started))
            self._round([], [], started)
            # Short naps, so that a stop is heard soon and the relay sense can sample while it has something to watch.
            while not over() and clock.mono() < started + POLL_S:
                self._tell(self._relays.tick(clock.mono()))
                self._tell(self._processes.hash_slice(clock.mono()))
                self._tell(self._rounds.look(clock.mono()))
                time.sleep(self._nap(min(clock.mono() + DRAIN_S, started + POLL_S)))

    def _run_events(self, over: Over) -> None:
        """Until it is over. Raises TracefsError, KernelError when the events fail."""
        execs, lifecycle, closed = self._sources.execs, self._sources.lifecycle, self._sources.closed
        if execs is None or lifecycle is None or closed is None:
            return
        with select.epoll() as poller:
            now = clock.mono()
            due, anew = now + DRAIN_S, now + LISTEN_ANEW_S
            pipes = frozenset(execs.fds)
            listen_to(poller, (), execs.fds)
            heard: Sequence[int] = ()
            while not over():
                if heard is not self._rounds.fds:
                    listen_to(poller, heard, self._rounds.fds)
                    heard = self._rounds.fds
                elif now >= anew:
                    anew = now + LISTEN_ANEW_S
                    listen_to(poller, (), heard)
                calling = [fd for fd, _ in poller.poll(self._nap(due), CALLING_AT_ONCE)]
                now = clock.mono()
                # All processors when one calls: what has begun on another is as short-lived. Now and then without a
                # call, should a kernel forget to wake us.
                started = execs.read() if now >= due or not pipes.isdisjoint(calling) else []
                self._tell(self._processes.on_exec(self._without_probe(started)))
                self._tell(self._rounds.look(now, calling))
                if now >= due:
                    records, ended = self._without_probe(lifecycle.read(settled=True)), closed.read()
                    # Again: whatever began before the last of these records must be known when they are told.
                    self._tell(self._processes.on_exec(self._without_probe(execs.read())))
                    self._round(records, ended, now)
                    self._probe(now)
                    lively = started or records or ended or self._has_work()
                    due = now + (DRAIN_S if lively else QUIET_DRAIN_S)
                else:
                    due = min(due, now + DRAIN_S) if started else due
                    self._sample(clock.mono())
            self._tell(self._processes.on_exec(self._without_probe(execs.read())))
            self._round(self._without_probe(lifecycle.read()), closed.read(), clock.mono())

    def _round(self, records: List[TraceRecord], closed: List[TcpSocket], now: float) -> None:
        self._tell(self._processes.on_lifecycle(records))
        flows = self._guarded("tcp", lambda: self._tcp.drain(records, closed, now))
        self._tell(flows)
        self._relays.hear(flows)
        self._tell(self._relays.tick(now))
        self._tell(self._processes.tick(now))
        self._keep_budget(now)
        if now >= self._next_look_at_coverage:
            self._say_coverage(now)

    def _has_work(self) -> bool:
        """Is something under way that goes on by itself?"""
        return self._processes.is_hashing or not self._tcp.is_settled or self._rounds.shortest_s() <= DRAIN_S

    def _sample(self, now: float) -> None:
        """Between two rounds only the relay sense may have something due."""
        due = self._relays.next_due()
        if due is not None and now >= due:
            self._tell(self._relays.tick(now))

    def _keep_budget(self, now: float) -> None:
        """Give up what the agent can't afford, in the order of `budget.ORDER`."""
        self._tell(self._budget.look(now))
        self._processes.hashes = self._budget.level < 1
        self._tcp.updates = self._budget.level < 2
        self._processes.details = self._budget.level < 3

    def _nap(self, due: float) -> float:
        """Seconds until something is due: the next round, or a sample of the relay sense."""
        sample = self._relays.next_due()
        return max(0.0, (due if sample is None else min(due, sample)) - clock.mono())

    def _guarded(self, name: str, look: Callable[[], List[Observation]]) -> List[Observation]:
        """One look of a sense; a kernel that refuses makes it blind until a look succeeds again."""
        try:
            found = look()
        except KernelError as error:
            self._blind[name] = str(error)
            return []
        self._blind.pop(name, None)
        return found

    def _without_probe(self, records: List[TraceRecord]) -> List[TraceRecord]:
        """The records but those of our probe, which are what it waits for."""
        if not self._probe_missing:
            return records
        kept = []
        for record in records:
            if record.event != "inet_sock_set_state" and record.fields["pid"] == self._probe_pid:
                self._probe_missing -= _shown(record, self._probe_pid, 0)
            else:
                kept.append(record)
        return kept

    def _probe(self, now: float) -> None:
        """Are the sources still alive? A process of our own must be heard of, and our switches must be on.

        Raises TracefsError when not.
        """
        if self._probe_missing and now - self._probed > PROBE_WAIT_S:
            raise TracefsError("kernel events stay silent ({})".format(", ".join(sorted(self._probe_missing))))
        if now >= self._next_switches:
            self._next_switches = now + SWITCHES_S
            for instance in (self._sources.execs, self._sources.lifecycle):
                switch = None if instance is None else instance.switched_off()
                if switch is not None:
                    raise TracefsError("kernel events were switched off by somebody ({})".format(switch))
        if now >= self._next_probe:
            self._next_probe, self._probed = now + PROBE_S, now
            self._probe_pid = make_probe_process()
            self._probe_missing = {"exec", "fork", "exit"}

    def _say_coverage(self, now: float) -> None:
        self._next_look_at_coverage = now + COVERAGE_LOOK_S
        if now >= self._next_lost:
            self._next_lost = now + LOST_LOOK_S
            self._lost = self._sources.lost()
        coverage = self.coverage()
        if now < self._next_coverage and coverage == self.told_coverage:
            return
        self._next_coverage, self.told_coverage = now + COVERAGE_S, coverage
        sensors = {name: sense.to_json() for name, sense in coverage.items()}
        self._tell([Observation("coverage", clock.wall(now), now, "agent", {"sensors": sensors})])

    def _tell(self, observations: List[Observation]) -> None:
        if observations:
            self._deliver(observations)
