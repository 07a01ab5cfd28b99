"""What was seen while a robot was watched, as answers: who came in, what happened, what listens.

The host's own judge looks at the same observations by the same rules as on a fleet, with nothing allowed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wachhund.inspection.finding import Answer, Finding
from wachhund.inspection.looking import proof_of
from wachhund.inspection.session_words import way_in
from wachhund.inspection.watch_over_ssh import Watched
from wachhund.judge.coverage import CoverageState
from wachhund.judge.engine import Judge
from wachhund.judge.fact import Fact, LineRef
from wachhund.judge.reading_listeners import ListenFact, read_listen
from wachhund.judge.rule_loading import BUILT_IN, load_rules
from wachhund.judge.typed import UnreadableFact
from wachhund.judge.wording import endpoint, shown
from wachhund_evidence import Observation, RejectedEvidence, observation_from_line

_AGAIN = "run the same audit again, and watch as long"
_WATCHED = "what the agent told"


@dataclass(frozen=True)
class Seen:
    """`answers`, as they are asked. `text`: the observations, as lines; `unread`: lines that are none."""

    answers: tuple[Answer, ...]
    text: bytes
    observations: int
    unread: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text).hexdigest()


_HAPPENED = ("watched-incidents", "Did anything happen, while it was watched, that lets others in or hides them?")
_CAME_IN = ("watched-sessions", "Who was connected or logged in while it was watched?")
_LISTENS = ("watched-listeners", "Which ports are open to others, and which programs hold them?")


def not_watched(why: str) -> list[Answer]:
    """The same questions, when nothing was seen."""
    return [Answer(name, question, (), (), (shown(why, 300),)) for name, question in (_HAPPENED, _CAME_IN, _LISTENS)]


def answers_of(watched: Watched) -> Seen:
    """Judge what was told."""
    observations: list[Observation] = []
    kept: list[bytes] = []
    for line in watched.lines:
        try:
            observations.append(observation_from_line(line))
        except RejectedEvidence:
            continue
        kept.append(line)
    unread = len(watched.lines) - len(kept)
    missed = _missed(watched, observations, unread)
    incidents, sessions = _judged(observations)
    return Seen(
        (_happened(incidents, missed), _came_in(sessions, watched.address, missed), _listens(observations, missed)),
        b"".join(line + b"\n" for line in kept), len(kept), unread,
    )  # fmt: skip


def _missed(watched: Watched, observations: Sequence[Observation], unread: int) -> tuple[str, ...]:
    """What was not, or not wholly, seen."""
    coverage = CoverageState()
    for one in observations:
        if one.kind == "coverage":
            coverage.told(one.fields)
    made = [*([watched.lost] if watched.lost else []), *coverage.blind_spots()]
    if unread:
        made.append(f"{unread} lines of the agent are no observations")
    return tuple(shown(one, 300) for one in made)


def _judged(observations: Sequence[Observation]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Incidents and sessions, each as it was at the end, in the order of their beginnings."""
    judge = Judge(load_rules((BUILT_IN,)).rules)
    incidents: dict[str, dict[str, Any]] = {}
    sessions: dict[str, dict[str, Any]] = {}
    facts = [Fact(None, one.t, None, LineRef(number), one) for number, one in enumerate(observations, 1)]
    for made in (judge.feed(facts), judge.finish()):
        incidents.update((one["id"], one) for one in made.incidents)
        sessions.update((one["id"], one) for one in made.sessions)
    whole = [one for one in incidents.values() if one["joined"] is None]
    return sorted(whole, key=_begun), sorted(sessions.values(), key=_begun)


def _begun(one: Mapping[str, Any]) -> tuple[float, str]:
    return one["first_t"], one["id"]


def _happened(incidents: Sequence[Mapping[str, Any]], missed: tuple[str, ...]) -> Answer:
    lacks = frozenset(missed)  # of the whole watch, said once for all
    findings = [
        Finding(
            f"watched-{number}-{incident['kind']}-{shown(incident['title'], 80)}",
            incident["level"],
            shown(incident["title"], 200),
            proof_of([*incident["story"], *(f"not known: {one}" for one in incident["unknown"] if one not in lacks)]),
            "It happened, or went on, while the robot was watched. Nothing was allowed beforehand in this audit: ask "
            "whoever looks after the robot whether it was wanted.",
            tuple(shown(step, 300) for step in incident["advice"]),
            _AGAIN,
            tuple(incident["attack"]),
        )
        for number, incident in enumerate(incidents, 1)
    ]
    return Answer(*_HAPPENED, tuple(findings), (_WATCHED,), missed)


def _came_in(sessions: Sequence[Mapping[str, Any]], own: str | None, missed: tuple[str, ...]) -> Answer:
    told = [_session(one, own) for one in sessions]
    findings = () if not told else (
        Finding(
            "watched-sessions", "informational", "These were connected or logged in while it was watched",
            proof_of(told),
            "Each is somebody, or a program, that could look at the robot or give it orders then.",
            ("Ask whoever looks after the robot which of them are known.",), _AGAIN,
        ),
    )  # fmt: skip
    return Answer(*_CAME_IN, findings, (_WATCHED,), missed)


def _session(session: Mapping[str, Any], own: str | None) -> str:
    is_own = own is not None and any(hop.get("address") == own for hop in session["origin"])
    until = "open at the end" if session["last_t"] is None else "ended"
    return f"{way_in(session)} ({until}){'; this audit comes from there' if is_own else ''}"


def _listens(observations: Sequence[Observation], missed: tuple[str, ...]) -> Answer:
    held: dict[str, ListenFact] = {}
    for one in observations:
        if one.kind not in ("listen.open", "listen.close"):
            continue
        try:
            listener = read_listen(one.fields)
        except UnreadableFact:
            continue
        key = f"{listener.proto or 'tcp'} {endpoint(*listener.local)}"
        held.pop(key, None)
        if one.kind == "listen.open":
            held[key] = listener
    told = [f"{key}, {one.exe or 'nobody that could be seen'}{f' as {one.user}' if one.user else ''}"
            for key, one in sorted(held.items()) if one.scope != "loopback"]  # fmt: skip
    findings = () if not told else (
        Finding(
            "watched-listeners", "informational", "These ports were open to others at the end", proof_of(told),
            "Whoever reaches the robot's network can speak to these programs.",
            ("Close what nobody needs: stop the program, or let the firewall drop it.",), _AGAIN, ("T1046",),
        ),
    )  # fmt: skip
    return Answer(*_LISTENS, findings, (_WATCHED,), missed)
