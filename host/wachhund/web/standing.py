"""The three words of a robot: proof, control, coverage. Never merged, each with its reason and since when.

Computed when asked, from stored facts and the host's clock, so that no dead worker can hide silence
(protocol.md, "What the host concludes"; dashboard.md, rule 1).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from wachhund.judge.coverage import SAMPLING
from wachhund.ledger.fault_records import Fault
from wachhund.ledger.records import Link
from wachhund.ledger.roll import ACTIVE, NEW, RETIRED, REVOKED
from wachhund.web.hops import short_path
from wachhund.web.said import joined, known, say

VERIFIED_S = 60.0  # a token, and its nonce when it came, may be this old: six heartbeats
SILENT_S = 300.0
AHEAD_S = 1.0  # evidence that seems to come from later than this is of unknown age
_FAULTS_TOLD = 3
DROPPED_S = 600.0  # lost events make coverage "partly blind" for this long
# What is looked at on every robot, and what an agent may lack: then coverage is not full.
SENSES = ("process", "tcp", "relay")
NEEDED_SENSES = frozenset({"process", "tcp"})
_AS_SAID = say("as said")
SINCE = say("since")
UNWATCHED = ("camera", "udp")


@dataclass(frozen=True)
class Word:
    """One of the three words. `tone` (good, warn, bad, open) chooses shape and colour.

    `since_t` is host time, and `about` says what it is the time of.
    """

    word: str
    tone: str
    reason: str
    since_t: float | None
    about: str = SINCE


class Heard(Protocol):
    """When a robot was last heard, and when last with a challenge that was fresh; host time."""

    @property
    def received_t(self) -> float: ...
    @property
    def fresh_t(self) -> float | None: ...


def presence(newest: Heard | None, enrolled_t: float, now: float) -> Word:
    """new, verified, late or silent: heals by itself. Times are host time in seconds since the epoch."""
    return proof(newest, (), enrolled_t, now)


@dataclass(frozen=True)
class _Case:
    """What the word of proof follows from. `age`, `fresh_age`: seconds; None for never."""

    state: str
    faults: Sequence[Fault]
    age: float | None
    fresh_age: float | None

    @property
    def is_fresh(self) -> bool:
        return self.fresh_age is not None and self.fresh_age < VERIFIED_S


@dataclass(frozen=True)
class ProofWord:
    """A word of proof. `when`: what holds then, `ends`: what ends it, for people; `holds` is the same for the code."""

    word: str
    tone: str
    when: str
    ends: str
    holds: Callable[[_Case], bool]


# The first that holds is the word: integrity before presence, for a robot that speaks is not thereby believed.
# docs/lifecycle.svg is drawn from this table.
PROOF: tuple[ProofWord, ...] = (
    ProofWord(
        "revoked", "bad", say("its key is trusted no more: nothing it sends is taken"),
        "another board under its name",
        lambda case: case.state == REVOKED,
    ),
    ProofWord(
        "retired", "open", say("out of service: nothing it sends is taken"),
        "nothing",
        lambda case: case.state == RETIRED,
    ),
    ProofWord(
        "broken", "bad", say("something is wrong with its evidence"),
        "an operator's word on each fault",
        lambda case: bool(case.faults),
    ),
    ProofWord(
        "new", "open", say("no signed evidence has arrived yet"),
        "its first evidence",
        lambda case: case.age is None,
    ),
    ProofWord(
        "late", "warn", say("this host's clock was set back: how old its last evidence is, nobody knows"),
        "fresh evidence",
        lambda case: case.age is not None and case.age < -AHEAD_S,
    ),
    ProofWord(
        "silent", "bad", say("no signed evidence for 5 minutes or more"),
        "fresh evidence",
        lambda case: case.age is not None and case.age >= SILENT_S,
    ),
    ProofWord(
        "late", "warn", say("no signed evidence for 60 seconds or more"),
        "fresh evidence, or silence",
        lambda case: case.age is not None and case.age >= VERIFIED_S,
    ),
    ProofWord(
        "late", "warn",
        say("evidence arrives, but it answers none of our challenges of the last 60 seconds: it may be old"),
        "fresh evidence, or silence",
        lambda case: not case.is_fresh,
    ),
    ProofWord(
        "new", "warn", say("evidence arrives; nobody has compared the six words and accepted it"),
        "an operator's acceptance",
        lambda case: case.state == NEW,
    ),
    ProofWord("verified", "good", say("signed, in order and fresh"), "60 seconds without", lambda case: True),
)  # fmt: skip


def proof(newest: Heard | None, faults: Sequence[Fault], enrolled_t: float, now: float, state: str = ACTIVE) -> Word:
    """The word of a robot's proof: the first of PROOF that holds. Times are host time.

    `state`: of ledger.roll. A key that no operator stands for, or none any more, proves nothing to people.
    """
    last_t = None if newest is None else newest.received_t
    fresh_t = None if newest is None else newest.fresh_t
    case = _Case(state, faults, _age(last_t, now), _age(fresh_t, now))
    found = next(one for one in PROOF if one.holds(case))
    word = Word(found.word, found.tone, found.when, last_t, say("last evidence"))
    if found.word == "broken":
        here = presence(newest, enrolled_t, now)
        since_t = min(fault.since_t for fault in faults)
        reason = say("%(faults)s (presence: %(presence)s)", faults=_told(faults), presence=known(here.word))
        return replace(word, reason=reason, since_t=since_t, about=SINCE)
    if found.word == "new":
        return replace(word, since_t=enrolled_t, about=SINCE)
    if found.word in ("silent", "late"):
        return replace(word, since_t=last_t if case.age is None or case.age >= VERIFIED_S else fresh_t, about=SINCE)
    return word


def _age(t: float | None, now: float) -> float | None:
    return None if t is None else now - t


def _told(faults: Sequence[Fault]) -> str:
    """The faults that say most, in a few sentences."""
    first = sorted(faults, key=lambda fault: (-fault.kind.rank, fault.since_t))[:_FAULTS_TOLD]
    told = [fault.detail for fault in first]
    if len(faults) > _FAULTS_TOLD:
        told.append(say("And %(n)s more.", n=len(faults) - _FAULTS_TOLD))
    return joined(" ", told)


def as_connected(proven: Word, newest: Heard | None, link: Link | None) -> Word:
    """Proof beside what the robot's last will says: evidence is fresh for a minute yet, but more may not come."""
    if link is None or link.online or proven.word != "verified" or newest is None or newest.received_t > link.t:
        return proven
    reason = say(
        "%(reason)s; its connection to the broker has ended (by its last will: a hint, no proof)", reason=proven.reason
    )
    return replace(proven, tone="warn", reason=reason)


def coverage(sensors: Mapping[str, Mapping[str, Any]] | None, since_t: float | None) -> Word:
    """full, partly blind or blind, from the robot's newest coverage statement, received at `since_t`.

    Full: what somebody drives it by, or looks through, is heard event by event, and no sensor is blind.

    Each sensor's mapping is its Coverage JSON; `recently_dropped` in it counts events lost in the last DROPPED_S.
    """
    if sensors is None:
        return Word("blind", "bad", say("the robot has not said yet what it can see"), since_t, _AS_SAID)
    states = {sense: str(sensors.get(sense, {}).get("state", "blind")) for sense in SENSES}
    blind = [sense for sense in SENSES if states[sense] not in ("event", "poll")]
    if NEEDED_SENSES.intersection(blind):
        return Word("blind", "bad", _cannot_see(blind, sensors), since_t, _AS_SAID)
    if blind:
        return Word("partly blind", "warn", _cannot_see(blind, sensors), since_t, _AS_SAID)
    losing = [name for name, sensor in sensors.items() if _number(sensor.get("recently_dropped"))]
    if losing:
        reason = say("lost events in the last 10 minutes: %(senses)s", senses=", ".join(losing))
        return Word("partly blind", "warn", reason, since_t, _AS_SAID)
    polled = [sense for sense in SENSES if states[sense] == "poll"]
    if polled:
        reason = say("looks only now and then: %(senses)s; what lives shorter is missed", senses=", ".join(polled))
        return Word("partly blind", "warn", reason, since_t, _AS_SAID)
    unwatched = [name for name in UNWATCHED if name not in sensors]
    if unwatched:
        reason = say("processes and TCP are heard; nothing looks at %(senses)s yet", senses=", ".join(unwatched))
        return Word("partly blind", "warn", reason, since_t, _AS_SAID)
    others = sorted(set(sensors).difference(SENSES))
    unseeing = [name for name in others if sensors[name].get("state") not in ("event", "poll")]
    if unseeing:
        return Word("partly blind", "warn", _cannot_see(unseeing, sensors), since_t, _AS_SAID)
    sampled = [name for name in others if sensors[name].get("state") == "poll" and name not in SAMPLING]
    hear = ", ".join((*SENSES, *UNWATCHED))
    reason = say("%(senses)s hear each event", senses=hear)
    if sampled:
        reason = say(
            "%(senses)s hear each event; looked at only now and then: %(sampled)s", senses=hear,
            sampled=", ".join(sampled),
        )  # fmt: skip
    return Word("full", "good", reason, since_t, _AS_SAID)


def _number(value: object) -> float:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else 0


def _cannot_see(senses: Sequence[str], sensors: Mapping[str, Mapping[str, Any]]) -> str:
    def why(sense: str) -> str:
        reason = sensors.get(sense, {}).get("why")
        return f"{sense} ({reason})" if reason else sense

    return say("cannot see: %(senses)s", senses=", ".join(why(sense) for sense in senses))


def as_last_said(seen: Word, proven: Word) -> Word:
    """Coverage beside a proof that is not verified: what was said once is no calm word now."""
    if proven.word == "verified" or seen.tone != "good":
        return seen
    reason = say("as it last said: %(reason)s; proof is %(proof)s now", reason=seen.reason, proof=known(proven.word))
    return replace(seen, tone="open", reason=reason)


def control(open_sessions: Sequence[Mapping[str, Any]], proven: Word, seen: Word) -> Word:
    """nobody, allowed, NOT ALLOWED or unknown. Calm needs proof and sight; alarm needs neither to stay."""
    forbidden = [session for session in open_sessions if is_forbidden(session)]
    if forbidden:
        oldest = min(float(session["first_t"]) for session in forbidden)
        if proven.word in ("verified", "broken"):
            return Word("NOT ALLOWED", "bad", _who(forbidden), oldest)
        reason = say("%(who)s; as last seen, proof is %(proof)s now", who=_who(forbidden), proof=known(proven.word))
        return Word("NOT ALLOWED", "bad", reason, oldest)
    if proven.word != "verified" or proven.tone != "good":
        reason = say("proof is %(proof)s: %(reason)s", proof=known(proven.word), reason=proven.reason)
        return Word("unknown", "open", reason, proven.since_t)
    if seen.word == "blind":
        return Word("unknown", "open", say("coverage is blind: %(reason)s", reason=seen.reason), seen.since_t)
    undecided = [session for session in open_sessions if not session.get("authorisation")]
    if undecided:
        oldest = min(float(session["first_t"]) for session in undecided)
        reason = say("nobody has said whether it is allowed: %(who)s", who=_who(undecided))
        return Word("unknown", "open", reason, oldest)
    if open_sessions:
        return Word("allowed", "good", _who(open_sessions), min(float(session["first_t"]) for session in open_sessions))
    reason = say("no open session on any TCP service of this robot")
    return Word("nobody", "good", reason, proven.since_t, say("looked"))


def is_forbidden(session: Mapping[str, Any]) -> bool:
    """A session that the judge put into an incident and that no authorisation covers."""
    return session.get("authorisation") is None and session.get("incident") is not None


def _who(sessions: Sequence[Mapping[str, Any]]) -> str:
    first = sessions[0]
    values = {"surface": first.get("surface"), "path": short_path(first.get("origin"))}
    if len(sessions) > 1:
        return say("%(surface)s by %(path)s, and %(more)s more", **values, more=len(sessions) - 1)
    return say("%(surface)s by %(path)s", **values)
