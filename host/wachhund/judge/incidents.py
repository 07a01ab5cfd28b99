"""Incidents: one story told by several matches. An incident keeps its id while kind, level and title rise."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from wachhund.judge.ends import Door, Hop
from wachhund.judge.fact import Fact, Ref, evidence_json
from wachhund.judge.flows import Flow
from wachhund.judge.meaning import LEVELS
from wachhund.judge.sessions import Session
from wachhund.judge.story import Story
from wachhund.judge.usual import MAX_USES, TOO_MANY, Use

KIND_RANK = {
    "posture": 0, "monitor": 0, "persistence": 0, "intrusion": 1, "tunnel": 1, "relay": 2, "remote-viewing": 3,
    "remote-control": 4,
}  # fmt: skip
# The gravest surface first: a shell is more than a page.
SURFACE_ORDER = ("ssh", "shell", "desktop", "mqtt", "udp", "ros", "update", "camera", "microphone", "web")

ALLOWED = "allowed"  # why it closed: all of it is covered by authorisations
# After this silence (seconds of host time) the next match is a new incident. A tunnel that dies and comes back within
# a day is the same story; what came back next week deserves to be noticed again.
QUIET_S = 24 * 3600.0
MAX_INCIDENTS = 256  # in mind, a robot
MAX_SESSIONS = 50  # in one incident; the session table has them all
MAX_EVIDENCE = 400  # references in one incident
MAX_LABELLED = 64  # processes of one tunnel, the newest
MAX_PROCESSES = 65_536  # that lead to incidents, a robot
MAX_STORIES = 4_096  # by which incidents are found again, a robot


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
        """A rule named a process: a tunnel of that name."""
        if self.label is None:
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


StoryKey = tuple[str, ...]


def _digest(*parts: str) -> str:
    """A key of bounded length: arguments may be long, and are the robot's."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class IncidentBook:
    """A robot's incidents, found again by process, by program, or by what their story is about.

    `changed`: by the fact in hand; `outgoing`: since last asked, to be told outside.
    """

    HELD = ("_robot", "by_id", "_by_puid", "_by_story", "changed", "outgoing")  # what a mind holds of it

    def __init__(self, robot: str | None) -> None:
        self._robot = robot
        self.by_id: dict[str, Incident] = {}
        self._by_puid: dict[str, str] = {}
        self._by_story: dict[str, str] = {}
        self.changed: dict[str, Incident] = {}
        self.outgoing: dict[str, Incident] = {}

    def of_process(self, puids: Iterable[str | None]) -> Incident | None:
        """The incident that one of these processes belongs to."""
        for puid in puids:
            found = self.by_id.get(self._by_puid.get(puid or "", ""))
            if found is not None:
                return found
        return None

    def of_story(self, key: StoryKey, t: float) -> Incident | None:
        """The incident of this story, unless it has been quiet for too long."""
        found = self.by_id.get(self._by_story.get(_digest(*key), ""))
        if found is None:
            return None
        still = any(session.last_t is None for session in found.sessions.values())
        return found if still or t - found.last_t <= QUIET_S else None

    def begin(self, key: StoryKey, fact: Fact, kind: str, level: str) -> Incident:
        """A new incident; its id follows from story and first evidence, so a replay makes the same."""
        name = _digest("incident", str(self._robot), *key, *map(str, fact.ref))
        robot_t = fact.observation.t
        made = Incident(name, self._robot, kind, level, "", fact.t, fact.t, robot_t, robot_t)
        while len(self.by_id) >= MAX_INCIDENTS:
            self._give_up(min(self.by_id.values(), key=_worth))
        self.by_id[name] = made
        self.leads_to(made, story=key)
        self.changed[name] = made
        return made

    def touched(self, incident: Incident, fact: Fact) -> None:
        """A fact belongs to an incident, which is to be saved."""
        incident.touch(fact)
        self.changed[incident.id] = incident

    def leads_to(self, incident: Incident, puids: Iterable[str | None] = (), story: StoryKey | None = None) -> None:
        """From now on these processes, or this story, belong to the incident. An earlier claim stands."""
        for puid in puids:
            if puid and self._by_puid.get(puid) not in self.by_id:
                if len(self._by_puid) >= MAX_PROCESSES:
                    self._by_puid.pop(next(iter(self._by_puid)))
                self._by_puid[puid] = incident.id
        if story is not None:
            if len(self._by_story) >= MAX_STORIES:
                self._by_story.pop(next(iter(self._by_story)))
            self._by_story[_digest(*story)] = incident.id

    def turn(self, led: dict[str, str]) -> dict[str, str]:
        """Go on with the processes of another boot, whose ids begin anew. Returns those of the one before."""
        left, self._by_puid = self._by_puid, led
        return left

    def join(self, into: Incident, part: Incident) -> None:
        """One incident turned out to be a part of another: it is closed, and what led to it leads to that one."""
        into.take_in(part)
        part.sessions.clear()
        part.state, part.close_reason, part.joined = "closed", "real", into.id
        self._by_puid = {puid: into.id if name == part.id else name for puid, name in self._by_puid.items()}
        self._by_story = {key: into.id if name == part.id else name for key, name in self._by_story.items()}
        self.changed[into.id], self.changed[part.id] = into, part

    def _give_up(self, incident: Incident) -> None:
        """Have it in mind no more. What is to be told of it is told, and the ledger keeps it."""
        del self.by_id[incident.id]
        if incident.told is False:
            for session in incident.sessions.values():
                session.incident = None  # nobody was told of that one

    def drop(self, names: Collection[str]) -> None:
        """Forget incidents (their ids), as if they had never been."""
        for table in (self.by_id, self.changed, self.outgoing):
            for name in names:
                table.pop(name, None)
        self._by_puid = {puid: name for puid, name in self._by_puid.items() if name not in names}
        self._by_story = {key: name for key, name in self._by_story.items() if name not in names}


def _worth(incident: Incident) -> tuple[bool, int, float]:
    """By which the least is given up first: what is over, what is of a low level, what was long ago."""
    return incident.state != "closed", LEVELS.index(incident.level), incident.last_t
