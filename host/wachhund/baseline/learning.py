"""What is usual on a robot, from what it told in a span: read once, in the order of commits, in bounded memory.

Programs, connections and volume are counted by the judge's own rules, so that what is accepted is what it compares.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wachhund.baseline.tally import Tally
from wachhund.judge import programs
from wachhund.judge.egress import DAY_S, more_sent
from wachhund.judge.fact import Fact
from wachhund.judge.memory import Memory
from wachhund.judge.order import fact_of
from wachhund.judge.programs import Files, Program, program_of
from wachhund.judge.reading_flows import read_flow
from wachhund.judge.reading_listeners import ListenFact, read_listen
from wachhund.judge.reading_processes import read_image, read_process
from wachhund.judge.reading_use import read_view
from wachhund.judge.typed import UnreadableFact
from wachhund.judge.usual import is_destination, is_own_view
from wachhund.ledger import Ledger, Usual
from wachhund_evidence import Observation

BATCH = 2_000  # observations read and counted together: some 50 ms, 10 MB
_KINDS = (
    "process.start", "process.repeat", "process.image", "process.exit", "flow.open", "flow.update", "flow.close",
    "listen.open", "camera.open", "camera.close",
)  # fmt: skip


@dataclass
class Learned:
    """What was learned from `since_t` until `until_t`. `read`: observations; `unreadable`: those of them that are not
    as they should be; `left_out`: what was too much, in words; `alarms`: open incidents of that time.
    """

    since_t: float
    until_t: float
    usual: Usual
    read: int
    unreadable: int
    left_out: dict[str, int]
    alarms: int


def learn(ledger: Ledger, robot: str, since_t: float, now: float) -> Learned:
    """Look back over what a robot (its id) told. Raises LedgerError."""
    learner = Learner(since_t)
    present = ledger.current_state(robot)
    learner.began_before(present.processes, present.listeners)
    # What comes while it is read is not waited for: a robot that floods would be read for ever.
    read, cursor, last = 0, ledger.cursor_at(since_t, robot), ledger.last_observation()
    while cursor is not None and cursor < last:
        batch = ledger.observations_after(cursor, BATCH, robot, _KINDS)
        if not batch:
            break
        cursor = batch[-1].id
        for stored in batch:
            fact = fact_of(stored)
            if since_t <= fact.t <= now:
                read += 1
                learner.take(fact)
    open_ones = ledger.incidents(robot, "open", limit=1_000)
    alarms = sum(one["last_t"] >= since_t for one in open_ones)
    return Learned(
        since_t, now, learner.tally.usual(), read, learner.unreadable, dict(learner.tally.left_out), alarms
    )  # fmt: skip


@dataclass
class Learner:
    """Takes facts one after the other. `unreadable`: so many were not as they should be."""

    since_t: float
    tally: Tally = field(default_factory=Tally)
    unreadable: int = 0
    _memory: Memory = field(default_factory=Memory)
    _files: Files = field(default_factory=Files)
    _boot: str | None = None
    _newest_t: float = float("-inf")

    def began_before(self, processes: Iterable[Mapping[str, Any]], listeners: Iterable[Mapping[str, Any]]) -> None:
        """What runs and listens now may have begun before the span: nobody tells it again."""
        for fields in processes:
            self._readable("process.start", fields, self._process_began_before)
        for fields in listeners:
            self._readable("listen.open", fields, self._listener_began_before)

    def _readable(self, kind: str, fields: Mapping[str, Any], take: Any) -> None:
        told_t = fields.get("host_t")
        t = told_t if isinstance(told_t, float) else self.since_t
        if t < self.since_t:
            try:
                take(Observation(kind, t, 0.0, "present", dict(fields)), t)
            except UnreadableFact:
                self.unreadable += 1

    def _process_began_before(self, told: Observation, t: float) -> None:
        process = read_process(told.fields)
        process.told_t = t
        self._memory.processes.started(process)
        programs.started(self._files, process)
        self.tally.program(self._program(process.puid, process.exe, t), self.since_t, 0)

    def _listener_began_before(self, told: Observation, t: float) -> None:
        self._listens(read_listen(told.fields), t)

    def take(self, fact: Fact) -> None:
        """Count one fact."""
        if fact.boot != self._boot:
            self._boot, self._memory = fact.boot, (self._memory if self._boot is None else Memory())
        self._newest_t = max(self._newest_t, fact.t)
        self._memory.forget(self._newest_t)
        self.tally.seen_on(int(fact.t // DAY_S))
        kind = fact.observation.kind
        try:
            if kind in ("process.start", "process.repeat", "process.image", "process.exit"):
                self._process(fact, kind)
            elif kind.startswith("flow."):
                self._flow(fact, kind)
            elif kind == "listen.open":
                self._listens(read_listen(fact.observation.fields), fact.t)
            elif kind in ("camera.open", "camera.close"):
                self._views(fact, kind == "camera.open")
        except UnreadableFact:
            self.unreadable += 1

    def _process(self, fact: Fact, kind: str) -> None:
        fields = fact.observation.fields
        if kind == "process.start":
            process = read_process(fields)
            process.told_t = fact.t
            programs.told_again(self._memory.processes.by_puid.get(process.puid), process)
            self._memory.processes.started(process)
            programs.started(self._files, process)
            self.tally.program(self._program(process.puid, process.exe, fact.t), fact.t, 1)
        elif kind == "process.image":
            for known in programs.hashed(self._files, self._memory.processes, read_image(fields), fact.t):
                self.tally.program(self._program(known.puid, known.exe, fact.t), None, 0)
        elif kind == "process.repeat":
            exe, count = fields.get("exe"), fields.get("count")
            if isinstance(exe, str) and type(count) is int and count > 0:
                self.tally.repeated(exe, fact.t, count)
        elif isinstance(puid := fields.get("puid"), str):
            self._memory.processes.exited(puid, fact.t)

    def _flow(self, fact: Fact, kind: str) -> None:
        told = read_flow(fact.observation.fields)
        known = self._memory.flows.by_id.get(told.flow)
        before = None if known is None else known.fact.bytes_out or 0
        flow = self._memory.flows.told(told, fact.t, kind == "flow.close")
        day = int(fact.t // DAY_S)
        more = more_sent(flow, before, kind == "flow.open")
        self.tally.sent(day, more)
        now = flow.fact
        if not is_destination(now) or now.remote is None or (now.exe is None and kind != "flow.close"):
            return  # its owner is commonly told a moment later
        program = self._program(now.puid, now.exe, fact.t)
        self.tally.program(program, None, 0)
        counts = not flow.weighed  # once, whoever was named first
        flow.weighed = True
        self.tally.destination(program, now, fact.t, counts, day, more)

    def _listens(self, listener: ListenFact, t: float) -> None:
        program = self._program(listener.puid, listener.exe, t)
        self.tally.program(program, None, 0)
        self.tally.listener(program, listener)

    def _views(self, fact: Fact, opens: bool) -> None:
        view = read_view(fact.observation.fields)
        if is_own_view(view):
            program = self._program(view.puid, view.exe, fact.t)
            self.tally.program(program, None, 0)
            self.tally.view(program, view.camera, opens)

    def _program(self, puid: str | None, exe: str | None, t: float) -> Program:
        return program_of(self._files, self._memory.processes, puid, exe, t)
