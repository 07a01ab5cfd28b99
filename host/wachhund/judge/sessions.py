"""Sessions: somebody using a surface. Connections of one visitor to one service make one session."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from wachhund.judge.door import Door
from wachhund.judge.ends import Hop, holder_hops, unknown_hop
from wachhund.judge.flows import Flow
from wachhund.judge.surfaces import Service
from wachhund.judge.tracing import Trace
from wachhund.ledger import Authorisation

# A page or an app opens and closes connections all the time: within this pause it is the same visit. ssh is one
# session a connection. Seconds.
SAME_VISIT_S = 60.0
MAX_SESSIONS = 2_048  # in mind, a robot; the ledger keeps those that ended
GIVEN_UP = (
    f"When it ended: more than {MAX_SESSIONS} sessions were open at once, the oldest are followed no further and shown "
    "as ended."
)
MAX_FLOWS = 16_384  # remembered flow -> session, a robot
MAX_OPEN = 1_024  # flows of one session that are counted while open


@dataclass(frozen=True, slots=True)
class Commanded:
    """When a session's commands were, as the robot's `mono`: its first, and the span of the newest ones."""

    since: float
    first: float
    last: float


@dataclass(slots=True)
class Session:
    """One session, open while `last_t` is None. `counts`: (in, out) bytes of the flows still open."""

    id: str
    robot: str | None
    service: Service
    port: int
    address: str | None  # of the service when it is not on the robot itself
    first_t: float
    trace: Trace
    last_t: float | None = None
    user: str | None = None
    user_sure: bool = False
    owner: Door | None = None
    incident: str | None = None
    existing: bool = False
    certain: bool = False
    commanded: Commanded | None = None
    authorisation: Authorisation | None = None
    given_up: bool = False  # followed no further while it was open
    tunnel: str | None = None  # its name, where a rule named what brought this
    reached: dict[str, None] = field(default_factory=dict)  # machines behind the robot that its visitor asked
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    ended_bytes: tuple[int, int] = (0, 0)

    @property
    def carrier(self) -> str:
        """What brought it: lan, internet, relay, tunnel (an interface), local (a program of the robot) or unknown."""
        return self.trace.carrier

    def origin(self) -> list[Hop]:
        """The hops from the outside inwards, service and user included."""
        hops = [dict(hop) for hop in self.trace.hops]
        if self.certain:
            for hop in hops:
                if hop.get("role") == "suspected relay":
                    hop["role"] = "relay"
        hops.append(service_hop(self.service, self.port, self.address))
        if self.user is not None:
            hops.append({"hop": "user", "user": self.user})
        elif self.service.surface == "ssh":
            why = "no program was started under this connection yet" if self.address is None else "it ends elsewhere"
            hops.append(unknown_hop(f"{why}, so the account is not known"))
        return hops

    def address_hop(self) -> Hop | None:
        """The outside address, if it is known."""
        return next((hop for hop in self.trace.hops if hop["hop"] == "address"), None)

    def is_forbidden(self) -> bool:
        """Whether it belongs to an incident and nobody allowed it."""
        return self.incident is not None and self.authorisation is None

    def allowed_by(self) -> dict[str, Any] | None:
        """What an incident, a page or a program is told of its authorisation."""
        one = self.authorisation
        return None if one is None else {"id": one.id, "who": one.who, "until_t": one.until_t, "why": one.why}

    def to_json(self) -> dict[str, Any]:
        """The session as the ledger and the API carry it."""
        coming = self.ended_bytes[0] + sum(count[0] for count in self.counts.values())
        going = self.ended_bytes[1] + sum(count[1] for count in self.counts.values())
        return {
            "id": self.id,
            "robot": self.robot,
            "surface": self.service.surface,
            "user": self.user,
            "first_t": self.first_t,
            "last_t": self.last_t,
            "origin": self.origin(),
            "carrier": self.carrier,
            "tunnel": self.tunnel,
            "authorisation": self.allowed_by(),
            "bytes_in": coming,
            "bytes_out": going,
            "incident": self.incident,
        }


VisitKey = tuple[str, int, str | None, str | None, str, str | None]


class SessionBook:
    """A robot's sessions. `changed`: by the fact in hand; `outgoing`: since last asked, to be told outside."""

    HELD = ("_robot", "by_id", "_by_flow", "_visits", "changed", "outgoing")  # what a mind holds of it

    def __init__(self, robot: str | None) -> None:
        self._robot = robot
        self.by_id: dict[str, Session] = {}
        self._by_flow: dict[str, str] = {}
        self._visits: dict[VisitKey, str] = {}
        self.changed: dict[str, Session] = {}
        self.outgoing: dict[str, Session] = {}

    def of_flow(self, flow: str) -> Session | None:
        """The session that a flow belongs to."""
        return self.by_id.get(self._by_flow.get(flow, ""))

    def begin(
        self, flow: Flow, service: Service, port: int, trace: Trace, origin_ref: str, address: str | None = None
    ) -> Session:
        """The session of a new connection: a new one, or the visit that it goes on with."""
        key = self._visit_key(service, port, trace, address)
        known = self.by_id.get(self._visits.get(key, "")) if service.surface != "ssh" else None
        if known is not None and (known.last_t is None or flow.first_t <= known.last_t + SAME_VISIT_S):
            known.last_t = None
        else:
            digest = hashlib.sha256(f"{self._robot}|session|{flow.fact.flow}|{origin_ref}".encode()).hexdigest()[:16]
            known = Session(digest, self._robot, service, port, address, flow.first_t, trace)
            known.existing = flow.fact.existing
            self._remember(known)
            self._visited(key, known)
        self.join(known, flow)
        return known

    def join(self, session: Session, flow: Flow) -> None:
        """Count a flow to a session."""
        if len(self._by_flow) >= MAX_FLOWS:
            self._by_flow.pop(next(iter(self._by_flow)))
        self._by_flow[flow.fact.flow] = session.id
        if len(session.counts) >= MAX_OPEN:
            self._count_ended(session, next(iter(session.counts)))
        session.counts[flow.fact.flow] = (0, 0)
        self.moved(session, flow)

    def leave(self, session: Session, flow: Flow) -> None:
        """A flow turned out to be another session's. What it moved so far goes with it."""
        session.counts.pop(flow.fact.flow, None)
        self._by_flow.pop(flow.fact.flow, None)
        self.changed[session.id] = session

    def moved(self, session: Session, flow: Flow) -> None:
        """Take a flow's byte counts; when it has closed, and was the last one, the session ends with it."""
        name = flow.fact.flow
        if name not in session.counts:
            return
        counts = (flow.fact.bytes_in or 0, flow.fact.bytes_out or 0)
        if flow.fact.direction == "out":
            counts = (counts[1], counts[0])
        session.counts[name] = counts
        if flow.closed_t is not None:
            self._count_ended(session, name)
            if not session.counts:
                session.last_t = max(flow.closed_t, session.first_t)
        self.changed[session.id] = session

    def renamed(self, old: str, flow: Flow) -> None:
        """A new run of the agent told a known connection under a new id."""
        session = self.of_flow(old)
        if session is None:
            return
        session.counts.pop(old, None)
        self.join(session, flow)

    def become(self, session: Session, service: Service, port: int, trace: Trace, address: str | None = None) -> None:
        """The session turned out to reach further in, or to come from further out."""
        if (session.service, session.port, session.address) != (service, port, address) or session.trace != trace:
            session.service, session.port, session.trace, session.address = service, port, trace, address
            self._visited(self._visit_key(service, port, trace, address), session)
            self.changed[session.id] = session

    def another(self) -> "SessionBook":
        """An empty book of the same robot, for another boot: what changed in either is told together."""
        made = SessionBook(self._robot)
        made.changed, made.outgoing = self.changed, self.outgoing
        return made

    def end_open(self, t: float) -> tuple[str, ...]:
        """The boot is over: nothing of it is still open. Returns the ids of what was; they have not changed yet."""
        ended = [session for session in self.by_id.values() if session.last_t is None]
        for session in ended:
            session.last_t = max(t, session.first_t)
        return tuple(session.id for session in ended)

    def ended(self, ids: Iterable[str]) -> None:
        """What `end_open` ended is to be told."""
        self.changed.update((name, self.by_id[name]) for name in ids if name in self.by_id)

    def open_again(self, ids: Iterable[str]) -> None:
        """More comes of a boot that is over: it goes on from where `end_open` cut it off."""
        for name in ids:
            session = self.by_id.get(name)
            if session is not None:
                session.last_t = None

    def drop(self, ids: Collection[str]) -> None:
        """Forget sessions, as if they had never been."""
        for table in (self.by_id, self.changed, self.outgoing):
            for name in ids:
                table.pop(name, None)
        gone = frozenset(ids)
        self._by_flow = {flow: name for flow, name in self._by_flow.items() if name not in gone}
        self._visits = {key: name for key, name in self._visits.items() if name not in gone}

    @staticmethod
    def _count_ended(session: Session, flow: str) -> None:
        coming, going = session.counts.pop(flow)
        session.ended_bytes = (session.ended_bytes[0] + coming, session.ended_bytes[1] + going)

    def _visited(self, key: VisitKey, session: Session) -> None:
        if key not in self._visits and len(self._visits) >= MAX_SESSIONS:
            self._visits.pop(next(iter(self._visits)))
        self._visits[key] = session.id

    def _remember(self, session: Session) -> None:
        while len(self.by_id) >= MAX_SESSIONS:
            oldest = next((s for s in self.by_id.values() if s.last_t is not None), next(iter(self.by_id.values())))
            del self.by_id[oldest.id]
            if oldest.last_t is None:
                oldest.last_t, oldest.given_up = max(oldest.first_t, session.first_t), True
                self.changed[oldest.id] = oldest
        self.by_id[session.id] = session
        self.changed[session.id] = session

    @staticmethod
    def _visit_key(service: Service, port: int, trace: Trace, address: str | None) -> VisitKey:
        outside = next((hop for hop in trace.hops if hop["hop"] == "address"), None)
        door = trace.door.puid if trace.door else None
        return (service.surface, port, address, outside["address"] if outside else None, trace.carrier, door)


def service_hop(service: Service, port: int, address: str | None) -> Hop:
    """A service on the way; `address` when it is not on the robot itself."""
    hop: Hop = {"hop": "service", "name": service.name, "port": port}
    return hop if address is None else {**hop, "address": address}


def with_relay(trace: Trace, outer: Flow | None, door: Door, hop: Hop, inner_on_robot: bool) -> Trace:
    """A trace through a relay that a relay fact named."""
    role: Hop = {"hop": "process", "role": "suspected relay", "exe": door.exe, "pid": door.pid, "user": door.user}
    hops = (hop, *holder_hops(outer, door), role, *(({"hop": "loopback"},) if inner_on_robot else ()))
    return replace(trace, hops=hops, carrier="relay", door=door, outer=outer)
