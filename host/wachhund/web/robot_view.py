"""The robot page: who controls or looks through it now, by which way, was it allowed, and can I believe this? Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from wachhund.assurance import build_word
from wachhund.ledger.records import ChainLine, CurrentState, Rejection, Robot, Unobserved
from wachhund.ledger.witness_records import Stand, Witness
from wachhund.web.fleet_view import RobotStanding, standing_slots
from wachhund.web.hops import Hop, path_of
from wachhund.web.integrity_view import IntegrityView
from wachhund.web.live_page import LivePage, Slot
from wachhund.web.moments import clock
from wachhund.web.path_picture import not_allowed_hops
from wachhund.web.said import decimal, joined, known, say
from wachhund.web.standing import SENSES, UNWATCHED, is_forbidden

# Rows of each list in the page; what is more is counted beside it.
ROWS_OF_A_LIST = 100
PAST_SESSIONS = 20
DAY_S = 86400.0


@dataclass(frozen=True)
class SessionCard:
    """One session on the page. `suspects`: places in `path` that make it forbidden."""

    id: str
    surface: str
    user: str | None
    carrier: str
    first_t: float
    last_t: float | None
    path: tuple[Hop, ...]
    suspects: frozenset[int]
    forbidden: bool
    incident: str | None
    bytes_in: object
    bytes_out: object
    authorisation: object


@dataclass(frozen=True)
class Sense:
    """One sensor's coverage in words. `state`: event, poll, blind or "not looked at"."""

    name: str
    state: str
    tone: str
    about: str


@dataclass(frozen=True)
class WitnessCard:
    """A robot's hardware witness, and what it last said; `stand` None: it never spoke."""

    witness: Witness
    stand: Stand | None


@dataclass(frozen=True)
class RobotView:
    """Everything on the robot page. Texts from the robot are raw here: the templates escape them.

    A field that a row of `processes`, `flows` or `listeners` does not have reads as None there.
    """

    robot: Robot
    standing: RobotStanding
    now_sessions: Sequence[SessionCard]
    past_sessions: Sequence[SessionCard]
    senses: Sequence[Sense]
    coverage_t: float | None
    processes: Sequence[Mapping[str, Any]]
    flows: Sequence[Mapping[str, Any]]
    listeners: Sequence[Mapping[str, Any]]
    more: Mapping[str, int]
    chains: Sequence[ChainLine]
    unobserved: Sequence[Unobserved]
    refused: Sequence[Rejection]
    integrity: IntegrityView
    build: str
    live: LivePage
    witness: WitnessCard | None = None

    @property
    def first_t(self) -> float | None:
        """When evidence first arrived: nobody looked before. None: never yet."""
        return min((chain.first_received_t for chain in self.chains), default=None)


def session_card(session: Mapping[str, Any]) -> SessionCard:
    """A session of the controller ledger as a card."""
    path = path_of(session.get("origin"))
    forbidden = is_forbidden(session)
    return SessionCard(
        id=str(session["id"]),
        surface=str(session.get("surface") or "unknown surface"),
        user=session.get("user"),
        carrier=str(session.get("carrier") or "unknown"),
        first_t=float(session["first_t"]),
        last_t=session.get("last_t"),
        path=path,
        suspects=not_allowed_hops(path, forbidden),
        forbidden=forbidden,
        incident=session.get("incident"),
        bytes_in=session.get("bytes_in"),
        bytes_out=session.get("bytes_out"),
        authorisation=session.get("authorisation"),
    )


_TONES = {"event": "good", "poll": "warn", "blind": "bad"}


def _sense(name: str, sensor: Mapping[str, Any]) -> Sense:
    state = str(sensor.get("state", "blind"))
    about = [str(sensor["source"]) if sensor.get("source") else say("no source")]
    if sensor.get("interval_s") is not None:
        about.append(say("every %(n)s s", n=sensor["interval_s"]))
    if sensor.get("dropped"):
        about.append(say("%(n)s events lost since the agent started", n=sensor["dropped"]))
    if sensor.get("why"):
        about.append(str(sensor["why"]))
    return Sense(name, state, _TONES.get(state, "open"), joined("; ", about))


def senses_of(sensors: Mapping[str, Mapping[str, Any]] | None) -> tuple[Sense, ...]:
    """Each sense of the profile, each other one that the robot names, and what nothing looks at."""
    said = sensors or {}
    wanted = [
        _sense(name, said[name])
        if name in said
        else Sense(name, "blind", "bad", say("the robot has not said anything of it"))
        for name in SENSES
    ]
    others = [_sense(name, sensor) for name, sensor in said.items() if name not in SENSES]
    nothing = [
        Sense(name, "not looked at", "open", say("the robot has no sensor for it"))
        for name in UNWATCHED
        if name not in said
    ]
    return (*wanted, *others, *nothing)


def session_slots(card: SessionCard, now: float) -> dict[str, Slot]:
    """What of a session's card or row goes on changing."""
    prefix = f"session:{card.id}"
    if card.last_t is None:
        said = "NOT ALLOWED" if card.forbidden else "allowed" if card.authorisation else "unknown if allowed"
        word = Slot(known(said), tone="bad" if card.forbidden else "good" if card.authorisation else "open")
    else:
        word = Slot(say("ended %(ended)s", ended=clock(card.last_t, now)), tone="open")
    return {
        f"{prefix}:word": word,
        f"{prefix}:in": Slot(_count(card.bytes_in, card.last_t)),
        f"{prefix}:out": Slot(_count(card.bytes_out, card.last_t)),
    }


def _count(value: object, ended_t: float | None) -> str:
    """Bytes of a session. A robot tells them now and then, and when it ends: before that, 0 would be a claim."""
    if not value and ended_t is None:
        return say("not told yet")
    return say("%(n)s bytes", n=decimal(value)) if isinstance(value, (int, float)) else say("not counted")


def _rows(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [defaultdict(lambda: None, row) for row in rows[:ROWS_OF_A_LIST]]


def _outer_first(flow: Mapping[str, Any]) -> int:
    """What leaves the robot is read first; what is of no known scope stands with it."""
    scopes = ("internet", "lan", "robot", "loopback")
    scope = flow.get("scope")
    return scopes.index(scope) if isinstance(scope, str) and scope in scopes else 0


def robot_view(
    robot: Robot,
    standing: RobotStanding,
    sessions: Sequence[Mapping[str, Any]],
    state: CurrentState,
    sensors: Mapping[str, Mapping[str, Any]] | None,
    chains: Sequence[ChainLine],
    unobserved: Sequence[Unobserved],
    refused: Sequence[Rejection],
    integrity: IntegrityView,
    now: float,
    witness: WitnessCard | None = None,
) -> RobotView:
    """The page of one robot. `sessions`: newest first, open and past; `standing`: its row in the fleet."""
    cards = [session_card(session) for session in sessions]
    here = [card for card in cards if card.last_t is None][:ROWS_OF_A_LIST]
    here.sort(key=lambda card: (not card.forbidden, card.first_t))
    past = [card for card in cards if card.last_t is not None][:PAST_SESSIONS]
    slots = standing_slots(standing, now)
    for card in [*here, *past]:
        slots |= session_slots(card, now)
    for incident in standing.incidents:
        slots[f"incident:{incident['id']}:last"] = Slot(clock(incident["last_t"], now), t=incident["last_t"])
    more = {
        name: max(0, len(rows) - ROWS_OF_A_LIST) + state.more.get(name, 0)
        for name, rows in (("processes", state.processes), ("flows", state.flows), ("listeners", state.listeners))
    }
    rows = {
        "sessions": tuple(card.id for card in here),
        "incidents": tuple(str(incident["id"]) for incident in standing.incidents),
        "faults": tuple(card.fault.id for card in integrity.open),
    }
    return RobotView(
        robot=robot,
        standing=standing,
        now_sessions=here,
        past_sessions=past,
        senses=senses_of(sensors),
        coverage_t=state.coverage.received_t if state.coverage else None,
        processes=_rows(state.processes),
        flows=_rows(sorted(state.flows, key=_outer_first)),
        listeners=_rows(state.listeners),
        more=more,
        chains=chains,
        unobserved=[gap for gap in unobserved if gap.to_t is None or gap.to_t > now - DAY_S],
        refused=refused,
        integrity=integrity,
        build=build_word(state.started.observation.fields.get("build_sha256") if state.started else None),
        live=LivePage("/live/robots/" + quote(robot.name, safe=""), slots, rows),
        witness=witness,
    )
