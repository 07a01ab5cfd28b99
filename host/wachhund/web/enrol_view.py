"""The checklist of a robot on its way in: each line filled by a fact of the ledger, and none by a promise. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wachhund.ledger import CurrentState, Invited, Link, Newest, Robot, StoredObservation
from wachhund.ledger.roll import ACTIVE, LET_IN, NEW
from wachhund.web.live_page import LivePage, Slot
from wachhund.web.moments import span
from wachhund.web.robot_text import visible
from wachhund.web.standing import VERIFIED_S

CONNECT_S = 120.0  # from the key's arrival to the broker: an agent tries each address for 12 s at most
SPEAK_S = 60.0  # and then to its first evidence: it looks around first
CLOCK_S = 5.0  # a clock that is set by the network is nearer
# What happens on a robot by itself, or when somebody does anything on it.
EVENT_KINDS = ("login.start", "flow.open", "process.start", "listen.open")
DONE, WAITS, LATE, FAILED = "done", "waits", "late", "failed"
_TONES = {DONE: "good", WAITS: "open", LATE: "warn", FAILED: "bad"}


@dataclass(frozen=True)
class Facts:
    """What the ledger holds of a robot on its way. `words`: the six words; times are host time."""

    invited: Invited | None
    robot: Robot | None
    words: str
    link: Link | None
    newest: Newest | None
    state: CurrentState | None
    event: StoredObservation | None


@dataclass(frozen=True)
class Line:
    """One line. `state`: done, waits, late or failed; `found`: what the ledger says; `limit`: how long it may take."""

    key: str
    title: str
    state: str
    found: str
    limit: str
    cause: str
    remedy: str

    @property
    def tone(self) -> str:
        return _TONES[self.state]


@dataclass(frozen=True)
class Checklist:
    """A robot on its way. `is_enrolled`: only with evidence that is verified now."""

    name: str
    lines: Sequence[Line]
    words: str
    may_accept: bool
    is_enrolled: bool
    live: LivePage

    @property
    def done(self) -> int:
        return sum(line.state == DONE for line in self.lines)

    @property
    def stands_at(self) -> Line | None:
        """The first line that is not done."""
        return next((line for line in self.lines if line.state != DONE), None)


def _waited(since_t: float | None, limit_s: float, now: float) -> str:
    return LATE if since_t is not None and now - since_t > limit_s else WAITS


def _token(facts: Facts, now: float) -> Line:
    invited, state, found = facts.invited, WAITS, "it was not used yet"
    if invited is None:
        state, found = (DONE, "it came in without one") if facts.robot else (FAILED, "there is no invitation")
    elif invited.used_t is not None:
        state, found = DONE, f"used {span(now - invited.used_t)} ago"
    elif invited.withdrawn_t is not None:
        state, found = FAILED, "it was withdrawn"
    elif invited.expires_t <= now:
        state, found = FAILED, "it has ended, unused"
    left = "" if invited is None else f"{span(invited.expires_t - now)} are left" if invited.expires_t > now else "over"
    return Line(
        "token", "Token used", state, found, left or "none",
        "The command was not run on the robot, or the robot does not reach this host.",
        "Run it on the robot. `no answer` there: compare the address in it with this host's, and the firewall's port.",
    )  # fmt: skip


def _key(facts: Facts) -> Line:
    robot = facts.robot
    state, found = (WAITS, "no key came yet") if robot is None else (WAITS, "a key came; nobody has compared the words")
    if robot is not None and robot.state == ACTIVE:
        state, found = DONE, "the words were compared, and it was accepted"
    elif robot is not None and robot.state not in LET_IN:
        state, found = FAILED, f"it is {robot.state}"
    return Line(
        "key", "Key compared and accepted", state, found, "none: a person compares",
        "Six words stand on the robot and here.", "The same: accept. Others: somebody else used the token, revoke it.",
    )  # fmt: skip


def _broker(facts: Facts, now: float) -> Line:
    came_t = None if facts.robot is None else facts.robot.created_t
    state, found = _waited(came_t, CONNECT_S, now), "it did not connect yet"
    if facts.newest is not None:
        state, found = DONE, "its evidence came by it"
    elif facts.link is not None:
        state = DONE if facts.link.online else LATE
        found = "connected, as it says" if facts.link.online else "its connection has ended"
    return Line(
        "broker", "Broker reached", state, found, f"{CONNECT_S:.0f} s after its key",
        "The agent does not run, or the broker's port does not let it through.",
        "On the robot: `wachhund-agent doctor --config agent.json` says which address answers.",
    )  # fmt: skip


def _evidence(facts: Facts, now: float) -> Line:
    came_t = None if facts.robot is None else facts.robot.created_t
    state, found = _waited(came_t, CONNECT_S + SPEAK_S, now), "none came yet"
    if facts.newest is not None:
        fresh = facts.newest.fresh_t is not None and now - facts.newest.fresh_t < VERIFIED_S
        state = DONE if fresh else LATE
        word = "verified and fresh" if fresh else "verified, but not fresh now"
        found = f"{word}: {facts.newest.tokens} tokens, the last {span(now - facts.newest.received_t)} ago"
    return Line(
        "evidence", "Signed evidence", state, found, f"{CONNECT_S + SPEAK_S:.0f} s after its key",
        "The agent was stopped, its clock or its disk fails, or the host refuses what it sends.",
        "`journalctl -u wachhund-agent` on the robot; the robot's page here tells what was refused.",
    )  # fmt: skip


def _senses(facts: Facts, sensors: Mapping[str, Mapping[str, object]] | None) -> Line:
    if sensors is None:
        state, found = WAITS, "it has not said yet what it sees"
    else:
        blind = sorted(name for name, one in sensors.items() if one.get("state") not in ("event", "poll"))
        told = ", ".join(f"{visible(name)} {visible(str(one.get('state', 'blind')))}" for name, one in sensors.items())
        state, found = (LATE, f"blind: {visible(', '.join(blind))}. All: {told}") if blind else (DONE, told)
    return Line(
        "senses", "Each sensor probed", state, found, "with the first evidence",
        "A kernel without tracing, or an agent that lacks a right, leaves a sense blind.",
        "Read which, on the robot's page: what is blind stays unseen, and the robot's words say so.",
    )  # fmt: skip


def _clock(facts: Facts) -> Line:
    told = None if facts.state is None else facts.state.coverage
    if told is None:
        state, found = WAITS, "it has not told its time yet"
    else:
        off = told.observation.t - told.host_t
        state = DONE if abs(off) <= CLOCK_S else LATE
        found = f"{abs(off):.1f} s {'ahead of' if off > 0 else 'behind'} this host"
    return Line(
        "clock", "Clock", state, found, f"{CLOCK_S:.0f} s apart",
        "A board without a battery clock and without network time begins in the past.",
        "Nothing needs it: this host's time is the ruler, and the robot's stands beside it where it differs.",
    )  # fmt: skip


def _event(facts: Facts) -> Line:
    event = facts.event
    state, found = WAITS, "none was told yet"
    if event is not None:
        delay = max(0.0, event.token_mono - event.observation.mono)
        state, found = DONE, f"{event.observation.kind}, signed {delay:.1f} s after it happened"
    return Line(
        "event", "One real event, end to end", state, found, "as soon as anything happens",
        "Nothing happened on the robot yet.", "Log in by SSH: that login becomes the first row of its story.",
    )  # fmt: skip


def checklist(
    name: str, facts: Facts, sensors: Mapping[str, Mapping[str, object]] | None, address: str, now: float
) -> Checklist:
    """The lines for a robot of that name, as of `now` (host time). `address`: where changes are asked for."""
    lines = [
        _token(facts, now), _key(facts), _broker(facts, now), _evidence(facts, now), _senses(facts, sensors),
        _clock(facts), _event(facts),
    ]  # fmt: skip
    robot = facts.robot
    may_accept = robot is not None and robot.state == NEW and bool(facts.words)
    is_enrolled = {line.key: line.state for line in lines}["evidence"] == DONE
    is_enrolled = is_enrolled and robot is not None and robot.state == ACTIVE
    slots = {"enrol:words": Slot(facts.words), "enrol:whole": Slot(_whole(lines, is_enrolled))}
    for line in lines:
        slots[f"enrol:{line.key}"] = Slot(line.state, tone=line.tone)
        slots[f"enrol:{line.key}:found"] = Slot(visible(line.found))
    rows = {"enrol": ("accept",) if may_accept else ()}
    return Checklist(name, lines, facts.words, may_accept, is_enrolled, LivePage(address, slots, rows))


def _whole(lines: Sequence[Line], is_enrolled: bool) -> str:
    done = sum(line.state == DONE for line in lines)
    return f"{'Enrolled' if is_enrolled else 'Not enrolled yet'}: {done} of {len(lines)} are done"
