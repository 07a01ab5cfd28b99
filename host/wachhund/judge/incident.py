"""An incident: one story told by several matches. It keeps its id while kind, level and title rise."""

from dataclasses import dataclass, field
from typing import Any

from wachhund.judge.door import Door
from wachhund.judge.ends import Hop
from wachhund.judge.fact import Fact, Ref, evidence_json
from wachhund.judge.flows import Flow
from wachhund.judge.meaning import LEVELS
from wachhund.judge.sessions import Session
from wachhund.judge.story import Story
from wachhund.judge.usual import MAX_USES, TOO_MANY, Use

KIND_RANK = {
    "posture": 0, "monitor": 0, "drill": 0, "persistence": 0, "intrusion": 1, "tunnel": 1, "relay": 2,
    "remote-viewing": 3, "remote-control": 4,
}  # fmt: skip
# The gravest surface first: a shell is more than a page.
SURFACE_ORDER = ("ssh", "shell", "desktop", "mqtt", "udp", "ros", "update", "camera", "microphone", "web")

ALLOWED = "allowed"  # why it closed: all of it is covered by authorisations
MAX_SESSIONS = 50  # in one incident; the session table has them all
MAX_EVIDENCE = 400  # references in one incident
MAX_LABELLED = 64  # processes of one tunnel, the newest


@dataclass(slots=True)
class Incident:
    """One story. `label`: the tunnel's product name, if a rule named it. `door`: the process people come in through."""

    id: str
    robot: str | None
    kind: str
    level: str
    title: str
    first_t: float
    last_t: float
    robot_first_t: float
    robot_last_t: float
    label: str | None = None
    labelled: dict[str, None] = field(default_factory=dict)  # processes that a rule named so
    brings_links: bool = False  # the tunnel of that name makes interfaces
    door: Door | None = None
    outer: Flow | None = None
    aim: Hop | None = None  # the service hop behind the door, while nobody is known to have come through
    link: str | None = None  # the tunnel interface that it is about, if it is about one
    certain: bool = False
    state: str = "open"
    came_back: bool = False
    close_reason: str | None = None
    title_rank: int = -1
    story: Story = field(default_factory=Story)
    sessions: dict[str, Session] = field(default_factory=dict)
    rules: dict[str, None] = field(default_factory=dict)
    attack: dict[str, None] = field(default_factory=dict)
    advice: tuple[str, ...] = ()
    advice_rank: int = -1
    unknown: dict[str, None] = field(default_factory=dict)
    coverage: tuple[str, ...] = ()
    evidence: dict[Ref, None] = field(default_factory=dict)
    left_out: int = 0
    joined: str | None = None  # the incident of which this turned out to be a part
    told: bool | None = None  # False: all of it is allowed, and nobody was told; None: not settled yet
    matched: dict[str, str] = field(default_factory=dict)  # title -> level of rules that no authorisation covers
    remains: tuple[str, str, str] | None = None  # kind, level, title, when all its sessions are allowed
    uses: dict[tuple[object, ...], Use] = field(default_factory=dict)  # what a baseline may hold of it

    def rise(self, kind: str, level: str) -> bool:
        """Take kind and level if they are graver. True when one of them was."""
        risen = False
        if KIND_RANK[kind] > KIND_RANK[self.kind]:
            self.kind, risen = kind, True
        if LEVELS.index(level) > LEVELS.index(self.level):
            self.level, risen = level, True
        return risen

    def name(self, rank: int, title: str) -> None:
        """Take a title unless a weightier one stands; an equal one is brought up to date."""
        if rank >= self.title_rank:
            self.title_rank, self.title = rank, title

    def advise(self, rank: int, steps: tuple[str, ...]) -> None:
        """Take steps unless weightier ones stand."""
        if rank >= self.advice_rank and steps:
            self.advice_rank, self.advice = rank, steps

    def touch(self, fact: Fact) -> None:
        """Add a fact's evidence and times."""
        self.first_t, self.last_t = min(self.first_t, fact.t), max(self.last_t, fact.t)
        robot_t = fact.observation.t
        self.robot_first_t, self.robot_last_t = min(self.robot_first_t, robot_t), max(self.robot_last_t, robot_t)
        if len(self.evidence) < MAX_EVIDENCE or fact.ref in self.evidence:
            self.evidence[fact.ref] = None
        else:
            self.left_out += 1
        if self.state == "closed" and self.close_reason != ALLOWED:
            self.state, self.close_reason, self.came_back = "open", None, True

    def is_named(self, label: str, puid: str | None, brings_links: bool) -> None:
        """A rule named a process: a tunnel of that name, which says more than its interface's."""
        if self.label in (None, self.link):
            self.label, self.brings_links = label, brings_links
        if puid is not None and label == self.label:
            while len(self.labelled) >= MAX_LABELLED:
                self.labelled.pop(next(iter(self.labelled)))
            self.labelled[puid] = None

    def cite(self, ref: Ref) -> None:
        """Add evidence that came before."""
        if len(self.evidence) < MAX_EVIDENCE:
            self.evidence.setdefault(ref)

    def add(self, session: Session) -> None:
        """Count a session to this incident."""
        session.incident = self.id
        if session.id not in self.sessions and len(self.sessions) >= MAX_SESSIONS:
            ended = next((one for one in self.sessions.values() if one.last_t is not None), None)
            least = ended or max(self.sessions.values(), key=_gravity)
            del self.sessions[least.id]
        self.sessions[session.id] = session

    def is_about(self, use: Use) -> None:
        """It is about something that may be usual; of the same, the most that was sent counts."""
        key: tuple[object, ...] = use[:-1]  # with the hashes of its files: another file by the same name is another use
        known = self.uses.get(key)
        if known is None and len(self.uses) >= MAX_USES:
            use = Use(TOO_MANY, use.program)
            key = use[:1]
        self.uses[key] = use if known is None else use._replace(sent=max(use.sent, known.sent))

    def take_in(self, other: "Incident") -> None:
        """All that another one holds, which turned out to be a part of this. Kind, level and title are not taken."""
        for session in list(other.sessions.values()):
            self.add(session)
        self.rules = {**other.rules, **self.rules}
        self.attack = {**other.attack, **self.attack}
        self.unknown = {**other.unknown, **self.unknown}
        self.matched = {**other.matched, **self.matched}
        self.uses = {**other.uses, **self.uses}
        for ref in other.evidence:
            self.cite(ref)
        self.first_t, self.last_t = min(self.first_t, other.first_t), max(self.last_t, other.last_t)
        self.robot_first_t = min(self.robot_first_t, other.robot_first_t)
        self.robot_last_t = max(self.robot_last_t, other.robot_last_t)
        self.story.take_in(other.story)

    def gravest(self) -> Session | None:
        """The session that says most: not allowed ones first, by surface, then open before ended, then the first."""
        return min(self.sessions.values(), key=_gravity, default=None)

    def to_json(self, door_origin: list[Hop]) -> dict[str, Any]:
        """The incident with the fields of detection.md. `door_origin` stands when there is no session yet."""
        gravest = self.gravest()
        kind, level, title = self.remains or (self.kind, self.level, self.title)
        unknown = [*self.unknown, *self.coverage]
        if self.left_out:
            unknown.append(f"{self.left_out} more pieces of evidence belong to this; only the first are listed.")
        return {
            "id": self.id,
            "robot": self.robot,
            "kind": kind,
            "title": title,
            "level": level,
            "state": self.state,
            "owner": None,
            "came_back": self.came_back,
            "close_reason": self.close_reason,
            "joined": self.joined,
            "first_t": self.first_t,
            "last_t": self.last_t,
            "robot_first_t": self.robot_first_t,
            "robot_last_t": self.robot_last_t,
            "sessions": [_session_json(session) for session in self.sessions.values()],
            "surface": gravest.service.surface if gravest else None,
            "origin": gravest.origin() if gravest else door_origin,
            "tunnel": self.label,
            "rules": list(self.rules),
            "attack": list(self.attack),
            "story": self.story.lines(),
            "advice": list(self.advice),
            "unknown": unknown,
            "evidence": evidence_json(self.evidence),
        }


def _gravity(one: Session) -> tuple[object, ...]:
    return (
        one.authorisation is not None,
        SURFACE_ORDER.index(one.service.surface),
        one.service.guessed,
        one.user is None,
        one.last_t is not None,
        one.first_t,
        one.id,
    )


def _session_json(session: Session) -> dict[str, Any]:
    whole = session.to_json()
    names = ("id", "surface", "user", "authorisation", "carrier", "tunnel", "first_t", "last_t", "origin")
    return {name: whole[name] for name in names}
