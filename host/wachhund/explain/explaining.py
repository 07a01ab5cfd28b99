"""An explanation of one incident, drawn from the ledger. Nothing is judged anew, but authorisations are held against
its sessions once more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wachhund.explain.meanings import BEHAVIOURS, UNNAMED
from wachhund.judge.authorisations import OF_SESSIONS, OF_WAYS, Visit, refusal, told_visit, told_way
from wachhund.judge.rule_loading import Rule
from wachhund.judge.usual import OF_BASELINES, OF_CONTACTS
from wachhund.ledger import Authorisation, Ledger, StoredObservation
from wachhund.ledger.fault_kinds import FAULT_KINDS

MAX_ITEMS = 2_000  # observations of one incident; it names at most 400 places

# The fields of a kind that make somebody recognise what it was. Of any other kind: the first few.
MATTERED: Mapping[str, tuple[str, ...]] = {
    "process.start": ("exe", "argv", "user", "pid", "parent_exe"),
    "flow": ("direction", "local", "remote", "scope", "exe", "pid", "user", "bytes_in", "bytes_out"),
    "listen": ("proto", "local", "scope", "exe", "pid", "user"),
    "relay": ("verdict", "exe", "pid", "user", "outer_remote", "inner_remote", "evidence"),
    "login.start": ("service", "user", "from", "method"),
    "control": ("surface", "what", "client", "through", "meaning", "count"),
    "camera": ("camera", "via", "viewer", "exe", "pid", "user"),
    "persistence.change": ("path", "class", "change", "sha256"),
    "agent.pause": ("duration_s", "reason"),
    "agent.start": ("reason", "clean"),
}
FIRST_FEW = 5


@dataclass(frozen=True)
class Seen:
    """An observation that the incident rests on, or the place of one that is not there any more (`gone`: why)."""

    t: float | None
    kind: str | None
    fields: Mapping[str, Any]
    chain: str
    seq: int
    item: int | None
    gone: str | None = None


@dataclass(frozen=True)
class Cause:
    """A rule or behaviour: what it means, and what would have kept it quiet."""

    rule: str
    meaning: str
    silent: str


@dataclass(frozen=True)
class Considered:
    """An authorisation held against a session, or against the way in. `refusal` None: it covers it."""

    authorisation: str
    who: str
    refusal: str | None
    made_later: bool


@dataclass(frozen=True)
class Subject:
    """What could be allowed: a session (its id), or the way in (None). `by`: the authorisation that covers it."""

    session: str | None
    words: Visit
    user: str | None
    by: str | None
    considered: tuple[Considered, ...]
    command: str


@dataclass(frozen=True)
class Explanation:
    """Why an incident is one."""

    incident: Mapping[str, Any]
    seen: tuple[Seen, ...]
    causes: tuple[Cause, ...]
    subjects: tuple[Subject, ...]
    cut: int = field(default=0)


def explain(ledger: Ledger, incident: Mapping[str, Any], rules: Sequence[Rule], now: float) -> Explanation:
    """Draw it. Raises LedgerError."""
    robot = str(incident["robot"])
    seen: list[Seen] = []
    for piece in incident.get("evidence") or []:
        seen += _seen(ledger, robot, str(piece["chain"]), int(piece["seq"]), piece.get("items") or [])
    seen.sort(key=lambda one: (one.t is None, one.t or 0.0, one.chain, one.seq, one.item or 0))
    known = {rule.id: rule for rule in rules}
    causes = tuple(_cause(str(rule), known) for rule in incident.get("rules") or [])
    subjects = tuple(_subjects(incident, ledger.authorisations.all(), now))
    return Explanation(incident, tuple(seen[:MAX_ITEMS]), causes, subjects, max(0, len(seen) - MAX_ITEMS))


def _seen(ledger: Ledger, robot: str, chain: str, seq: int, items: Sequence[int]) -> list[Seen]:
    token = ledger.token(robot, chain, seq)
    if token is not None:
        wanted = [one for one in token.observations if not items or one.item in items]
        return [_of(one) for one in wanted] or [Seen(token.received_t, None, {}, chain, seq, None)]
    erased = ledger.keeping.erased_token(robot, chain, seq)
    why = "it is not in the ledger" if erased is None else f"erased by {erased.erasure.by}: {erased.erasure.why}"
    return [Seen(None, None, {}, chain, seq, item, why) for item in items or (None,)]


def _of(stored: StoredObservation) -> Seen:
    observation = stored.observation
    fields = mattered(observation.kind, observation.fields)
    return Seen(stored.host_t, observation.kind, fields, stored.chain, stored.seq, stored.item)


def mattered(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The few fields of an observation by which a person recognises it."""
    names = MATTERED.get(kind) or MATTERED.get(kind.partition(".")[0])
    if names is None:
        return dict(list(fields.items())[:FIRST_FEW])
    return {name: fields[name] for name in names if fields.get(name) is not None}


def _cause(rule: str, known: Mapping[str, Rule]) -> Cause:
    if rule.startswith("behaviour: "):
        return Cause(rule, BEHAVIOURS.get(rule, UNNAMED), _silent(rule))
    if rule.startswith("evidence: "):
        kind = FAULT_KINDS.get(rule.removeprefix("evidence: "))
        return Cause(rule, kind.may_mean if kind is not None else UNNAMED, "evidence without that fault")
    found = known.get(rule.rpartition("(")[2].rstrip(")"))
    if found is None:
        return Cause(rule, "a rule that is not among this host's rules any more", _silent(rule))
    if found.label is not None:
        return Cause(rule, found.explanation, f"an authorisation that names the carrier {found.label}")
    doubts = f"; known to be harmless: {'; '.join(found.falsepositives)}" if found.falsepositives else ""
    return Cause(rule, found.explanation, _silent(rule) + doubts)


def _silent(rule: str) -> str:
    by_baseline = ", or an accepted baseline that holds it" if rule in OF_CONTACTS | OF_BASELINES else ""
    if rule in OF_SESSIONS:
        return f"an authorisation of each session below{by_baseline}"
    if rule in OF_WAYS:
        return f"an authorisation that names the carrier{by_baseline}"
    if rule in OF_BASELINES:
        return "an accepted baseline that holds it, or none at all (`wachhund baseline`)"
    return "nothing but its not happening: no authorisation covers this"


def _subjects(incident: Mapping[str, Any], known: Sequence[Authorisation], now: float) -> list[Subject]:
    made = []
    for session in incident.get("sessions") or []:
        visit = told_visit({**session, "robot": incident["robot"]}, now)
        made.append(_subject(incident, session.get("id"), session.get("user"), visit, known))
    way = told_way(incident, now)
    if way is not None:
        made.append(_subject(incident, None, None, way, known))
    return made


def _subject(
    incident: Mapping[str, Any], session: str | None, user: str | None, visit: Visit, known: Sequence[Authorisation]
) -> Subject:
    considered = tuple(
        Considered(one.id, one.who, refusal(one, visit), one.made_t > incident["first_t"]) for one in known
    )
    by = next((one.authorisation for one in considered if one.refusal is None), None)
    return Subject(session, visit, user, by, considered, _command(incident, session))


def _command(incident: Mapping[str, Any], session: str | None) -> str:
    """What would allow it. Ids only: no text of a robot enters a command."""
    which = f" --session {session}" if session is not None else ""
    return f"wachhund authorise incident {incident['id']}{which} --until 2h --why TEXT"
