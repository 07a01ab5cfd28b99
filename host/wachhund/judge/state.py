"""All that the judge holds of one robot, and the few moves that every behaviour shares."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from wachhund.judge.coverage import CoverageState
from wachhund.judge.door import Door
from wachhund.judge.egress import DayOut
from wachhund.judge.ended import KEEP_ENDED_S
from wachhund.judge.ends import Hop, address_hop, leads_out, process_hop, unknown_hop
from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.incident import Incident
from wachhund.judge.incident_book import IncidentBook
from wachhund.judge.memory import Memory
from wachhund.judge.programs import Files
from wachhund.judge.reading_flows import FlowFact
from wachhund.judge.reading_links import LinkFact
from wachhund.judge.reading_listeners import ListenFact
from wachhund.judge.reading_use import ControlFact, ViewFact
from wachhund.judge.rhythm import Calls
from wachhund.judge.sessions import Session, SessionBook
from wachhund.judge.surfaces import TECHNIQUES, program_name
from wachhund.judge.tracing import Trace, shortened
from wachhund.judge.typed import Endpoint
from wachhund.judge.usual import Accepted
from wachhund.judge.visitors import Visitors
from wachhund.judge.windows import Windows
from wachhund.judge.wording import shown

MAX_RELAYS = 4_096  # pairs of flows named by relay facts, a robot
MAX_WAITING = 1_024  # sessions that wait for late facts, a robot


@dataclass(slots=True)
class Boot:
    """What is so in one boot of a robot: put aside here while facts of another are judged (`boots`).

    Its fields are those of RobotState, but for the last: `led`, processes and their incidents; `open`, the sessions
    that were open, and `untold`, whether that they ended then has still to be told; `due`, when the first of what waits
    has waited long enough (host time).
    """

    boot: str | None
    sessions: SessionBook
    memory: Memory = field(default_factory=Memory)
    coverage: CoverageState = field(default_factory=CoverageState)
    relays: dict[str, str] = field(default_factory=dict)
    visitors: Visitors = field(default_factory=Visitors)
    shells: dict[str, str] = field(default_factory=dict)
    unowned: list[tuple[float, Fact, ControlFact]] = field(default_factory=list)
    of_nobody: list[tuple[Fact, ControlFact]] = field(default_factory=list)
    blinded: dict[str, float] = field(default_factory=dict)
    unclaimed: dict[Endpoint, tuple[Fact, ListenFact]] = field(default_factory=dict)
    waiting: dict[str, tuple[float, Fact]] = field(default_factory=dict)
    coming_up: dict[str, tuple[float, Fact, LinkFact]] = field(default_factory=dict)
    undecided: dict[str, tuple[float, Fact, FlowFact | ListenFact | ViewFact]] = field(default_factory=dict)
    decide_at: float = float("inf")
    newest_mono: float = float("-inf")
    since_mono: float = float("inf")
    told_t: float = float("-inf")
    stale_since: float | None = None
    clock_set: bool = False
    led: dict[str, str] = field(default_factory=dict)
    open: tuple[str, ...] = ()
    untold: bool = False
    due: float = float("inf")


@dataclass(slots=True)
class RobotState:
    """One robot, with what is so in the boot in hand. `name`: what people call it. `newest_t`: host time of the newest
    fact; `told_t`: of the boot in hand. `since_mono`, `newest_mono`: the span of the robot's time told of that boot.
    `newest_place`: chain and number of the newest token of the newest boot. `policy_t`: the moment at which it is held
    against what is allowed.
    """

    robot: str | None
    name: str | None
    sessions: SessionBook
    incidents: IncidentBook
    memory: Memory = field(default_factory=Memory)
    coverage: CoverageState = field(default_factory=CoverageState)
    relays: dict[str, str] = field(default_factory=dict)
    visitors: Visitors = field(default_factory=Visitors)
    shells: dict[str, str] = field(default_factory=dict)
    unowned: list[tuple[float, Fact, ControlFact]] = field(default_factory=list)
    of_nobody: list[tuple[Fact, ControlFact]] = field(default_factory=list)  # that were told as nobody's
    suspects_t: float = float("-inf")  # when programs at the broker were last looked at (host time)
    claims_t: float = float("-inf")  # and when those of nobody were
    guesses: dict[str, tuple[int, int, float]] = field(default_factory=dict)  # `guessing.failed`
    blinded: dict[str, float] = field(default_factory=dict)  # senses, and since when (host time)
    contacts: dict[tuple[str, str], Calls] = field(default_factory=dict)
    unclaimed: dict[Endpoint, tuple[Fact, ListenFact]] = field(default_factory=dict)
    waiting: dict[str, tuple[float, Fact]] = field(default_factory=dict)
    coming_up: dict[str, tuple[float, Fact, LinkFact]] = field(default_factory=dict)
    files: Files = field(default_factory=Files)
    out: DayOut = field(default_factory=DayOut)
    accepted: Accepted | None = None  # the baseline that counts
    undecided: dict[str, tuple[float, Fact, FlowFact | ListenFact | ViewFact]] = field(default_factory=dict)
    decide_at: float = float("inf")  # when the first of them has waited long enough (host time)
    windows: Windows = field(default_factory=Windows)
    boot: str | None = None
    newest_boot: str | None = None
    newest_place: tuple[str, int] = ("", 0)
    boots: dict[str, Boot] = field(default_factory=dict)  # put aside
    newest_t: float = float("-inf")
    newest_mono: float = float("-inf")
    since_mono: float = float("inf")
    told_t: float = float("-inf")
    policy_t: float = float("-inf")
    stale_since: float | None = None
    silent_since: float | None = None
    stopped_boot: str | None = None  # in which the agent said, as its last word, that it was asked to stop
    clock_set: bool = False  # in this boot

    def on(self) -> str:
        """The end of a title: which robot."""
        return f" on {shown(self.name)}" if self.name else ""

    def every_session(self) -> Iterator[Session]:
        """The sessions of all boots."""
        yield from self.sessions.by_id.values()
        for boot in self.boots.values():
            yield from boot.sessions.by_id.values()

    def visit_of(self, puid: str | None, pid: int | None) -> Session | None:
        """The ssh session that a process was started in, if any."""
        if not self.visitors.by_pid:
            return None
        for ancestor, _ in self.memory.processes.ancestors(puid, pid):
            found = self.served_by(ancestor)
            if found is not None:
                return found
        return None

    def served_by(self, pid: int | None) -> Session | None:
        """The ssh session that a process itself serves. One that ended a while ago is served by nobody: with its
        connection its sshd ended, whoever has that pid now.
        """
        session = self.sessions.by_id.get(self.visitors.session_of(pid, self.newest_t) or "")
        if session is None or (session.last_t is not None and self.newest_t > session.last_t + KEEP_ENDED_S):
            return None
        return session

    def within(self, puid: str | None, pid: int | None) -> Trace | None:
        """The origin of the session that a process was started in, service and user told as hops."""
        session = self.visit_of(puid, pid)
        if session is None:
            return None
        trace = session.trace
        return Trace(shortened(tuple(session.origin())), trace.carrier, trace.door, trace.outer)

    def incident_of(self, puid: str | None, pid: int | None = None) -> Incident | None:
        """The incident that a process or one of its ancestors belongs to."""
        found = self.incidents.of_process((puid,))
        if found is not None:
            return found
        return self.incidents.of_process(ancestor for _, ancestor in self.memory.processes.ancestors(puid, pid))

    def mark(self, incident: Incident, fact: Fact) -> None:
        """An incident got something new: its evidence, times and blind spots, and it is to be saved."""
        self._find_outer(incident)
        incident.coverage = self.coverage.blind_spots()
        self.incidents.touched(incident, fact)

    def attach(self, incident: Incident, session: Session) -> None:
        """Count a session to an incident. The one it was counted to before has told the begin of the same story."""
        before = self.incidents.by_id.get(session.incident or "")
        incident.add(session)
        if before is not None and before is not incident:
            self._leaves(before, incident, session)
        technique = TECHNIQUES.get(session.service.surface)
        if technique is not None:
            incident.attack[technique] = None
        self.sessions.changed[session.id] = session
        if session.owner is not None:
            self.incidents.leads_to(incident, (session.owner.puid,))

    def _leaves(self, before: Incident, incident: Incident, session: Session) -> None:
        """An incident that held only that session, and names no tunnel, does not stay beside the other."""
        before.sessions.pop(session.id, None)
        if before.sessions or before.label is not None:
            self.incidents.changed[before.id] = before
            return
        before.story.tell_once(
            self.newest_t, "joined", f"The same session is told with how it came: incident {incident.id}."
        )
        self.incidents.join(incident, before)

    def label_of(self, incident: Incident | None, door: Door) -> str | None:
        """The name of a tunnel, where a rule named this very process, or the one of the same program that forked it.

        Not of what it starts: a relay that runs a well-known tunnel's program beside it is none.
        """
        if incident is None or incident.label is None:
            return None
        if door.puid is None:
            return incident.label if door == incident.door else None  # as far as anybody can tell, the one it named
        processes = self.memory.processes
        process = processes.by_puid.get(door.puid)
        parent = processes.by_pid.get(process.ppid) if process is not None and process.ppid is not None else None
        forked = processes.by_puid.get(parent or "")
        is_worker = forked is not None and process is not None and forked.exe == process.exe
        is_named = door.puid in incident.labelled or (is_worker and parent in incident.labelled)
        return incident.label if is_named else None

    def door_origin(self, incident: Incident) -> list[Hop]:
        """The path as far as it is known while nobody came through yet."""
        self._find_outer(incident)
        door, outer = incident.door, incident.outer
        if door is None:
            return []
        first = address_hop(outer) if outer else unknown_hop("no connection of it to the outside was seen")
        role = "tunnel" if incident.label else ("relay" if incident.certain else "suspected relay")
        aim = incident.aim
        further = [] if aim is None else [aim] if "address" in aim else [{"hop": "loopback"}, aim]
        is_program = incident.kind in ("intrusion", "posture")
        return [first, process_hop(door, "program" if is_program else role), *further]

    def dials(self, fact: Fact, flow: Flow) -> None:
        """A program of an incident whose outer connection was not seen yet is connected to the outside."""
        told = flow.fact
        if told.direction != "out" or not leads_out(flow):
            return
        incident = self.incident_of(told.puid, told.pid)
        if incident is None and told.puid not in self.memory.processes.by_puid:
            lacking = (one for one in self.incidents.by_id.values() if one.door is not None and one.outer is None)
            incident = next((one for one in lacking if one.door is not None and one.door.exe == told.exe), None)
        if incident is None or incident.door is None or incident.outer is not None:
            return
        # What is allowed so far waits for its next word: of a VPN it is often the network within that was allowed, and
        # that commonly comes a moment after the connection.
        if incident.told is not False or incident.link is not None:
            incident.outer = flow
            self.mark(incident, fact)

    def _find_outer(self, incident: Incident) -> None:
        if incident.door is not None and incident.outer is None:
            incident.outer = self._outer_of(incident, incident.door)

    def _outer_of(self, incident: Incident, door: Door) -> Flow | None:
        """A connection to the outside of the door's family, of programs of the same story that stand above it and of
        what they started, or of a child that it forked without an exec."""
        above = [puid for _, puid in self.memory.processes.ancestors(door.puid, door.pid)]
        kin = [puid for puid in above if puid is not None and self.incidents.of_process((puid,)) is incident]
        puids = dict.fromkeys(member for puid in (door.puid, *kin) for member in self.memory.processes.family(puid))
        family = [flow for puid in puids for flow in self.memory.flows.of(puid)]
        known = self.memory.processes.by_puid
        forked = [
            flow
            for flow in self.memory.flows.by_id.values()
            if door.exe is not None and flow.fact.exe == door.exe and flow.fact.puid not in known
        ]
        for flows in (family, forked):
            found = [one for one in flows if leads_out(one) and one.fact.direction == "out"]
            if found:
                return found[-1]
        return None

    def uninvited(self, left_since: float = float("inf")) -> Incident | None:
        """The incident of the newest visitor who is there now and may not be, or who left at `left_since` or later
        (host time).
        """
        there = [
            session
            for session in self.every_session()  # whoever reboots the robot has left with it
            if (session.id in self.sessions.by_id if session.last_t is None else session.last_t >= left_since)
            and session.incident in self.incidents.by_id
            and session.carrier not in ("lan", "local")
            and session.authorisation is None
        ]
        newest = max(there, key=lambda session: session.first_t, default=None)
        return None if newest is None else self.incidents.by_id[newest.incident or ""]

    def told_name(self, door: Door | None) -> str:
        """A program as a title names it."""
        return shown(program_name(door.exe), 60) if door and door.exe else "a program that was not seen"


def remember(into: dict[str, str], key: str, value: str, bound: int) -> None:
    """Add to a bounded table; the oldest entry goes first."""
    if key not in into and len(into) >= bound:
        into.pop(next(iter(into)))
    into[key] = value
