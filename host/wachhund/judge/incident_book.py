"""The incidents of a robot that the judge has in mind, and how each is found again."""

import hashlib
from collections.abc import Collection, Iterable

from wachhund.judge.fact import Fact
from wachhund.judge.incident import Incident
from wachhund.judge.meaning import LEVELS

# After this silence (seconds of host time) the next match is a new incident. A tunnel that dies and comes back within
# a day is the same story; what came back next week deserves to be noticed again.
QUIET_S = 24 * 3600.0
MAX_INCIDENTS = 256  # in mind, a robot
MAX_PROCESSES = 65_536  # that lead to incidents, a robot
MAX_STORIES = 4_096  # by which incidents are found again, a robot

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

    def knows(self, key: StoryKey) -> bool:
        """Whether there was ever an incident of this story, as far as it has in mind."""
        return _digest(*key) in self._by_story

    def last_of(self, key: StoryKey) -> Incident | None:
        """The last incident of this story, however long it has been quiet."""
        return self.by_id.get(self._by_story.get(_digest(*key), ""))

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
