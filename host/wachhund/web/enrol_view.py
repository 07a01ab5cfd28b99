"""The checklist of a robot on its way in: each line filled by a fact of the ledger, and none by a promise. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wachhund.ledger import CurrentState, Invited, Link, Newest, Robot, StoredObservation
from wachhund.ledger.roll import ACTIVE, LET_IN, NEW
from wachhund.web.live_page import LivePage, Slot
from wachhund.web.moments import span
from wachhund.web.robot_text import visible
from wachhund.web.said import joined, known, say
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
    """One line. `state`: done, waits, late or failed; `found`: what the ledger says, a robot's text in it made visible;
    `limit`: how long it may take."""

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
    invited, state, found = facts.invited, WAITS, say("it was not used yet")
    if invited is None:
        state, found = (DONE, say("it came in without one")) if facts.robot else (FAILED, say("there is no invitation"))
    elif invited.used_t is not None:
        state, found = DONE, say("used %(span)s ago", span=span(now - invited.used_t))
    elif invited.withdrawn_t is not None:
        state, found = FAILED, say("it was withdrawn")
    elif invited.expires_t <= now:
        state, found = FAILED, say("it has ended, unused")
    left = say("none")
    if invited is not None:
        left_s = invited.expires_t - now
        left = say("%(span)s are left", span=span(left_s)) if left_s > 0 else say("over")
    return Line(
        "token", say("Token used"), state, found, left,
        say("The command was not run on the robot, or the robot does not reach this host."),
        say(
            "Run it on the robot. `no answer` there: compare the address in it with this host's, and the firewall's "
            "port."
        ),
    )  # fmt: skip


def _key(facts: Facts) -> Line:
    robot = facts.robot
    state, found = WAITS, say("no key came yet")
    if robot is not None and robot.state == ACTIVE:
        state, found = DONE, say("the words were compared, and it was accepted")
    elif robot is not None and robot.state not in LET_IN:
        state, found = FAILED, say("it is %(state)s", state=known(visible(robot.state)))
    elif robot is not None:
        found = say("a key came; nobody has compared the words")
    return Line(
        "key", say("Key compared and accepted"), state, found, say("none: a person compares"),
        say("Six words stand on the robot and here."),
        say("The same: accept. Others: somebody else used the token, revoke it."),
    )  # fmt: skip


def _broker(facts: Facts, now: float) -> Line:
    came_t = None if facts.robot is None else facts.robot.created_t
    state, found = _waited(came_t, CONNECT_S, now), say("it did not connect yet")
    if facts.newest is not None:
        state, found = DONE, say("its evidence came by it")
    elif facts.link is not None:
        state = DONE if facts.link.online else LATE
        found = say("connected, as it says") if facts.link.online else say("its connection has ended")
    return Line(
        "broker", say("Broker reached"), state, found, say("%(n)s s after its key", n=int(CONNECT_S)),
        say("The agent does not run, or the broker's port does not let it through."),
        say("On the robot: `wachhund-agent doctor --config agent.json` says which address answers."),
    )  # fmt: skip


def _evidence(facts: Facts, now: float) -> Line:
    came_t = None if facts.robot is None else facts.robot.created_t
    state, found = _waited(came_t, CONNECT_S + SPEAK_S, now), say("none came yet")
    if facts.newest is not None:
        fresh = facts.newest.fresh_t is not None and now - facts.newest.fresh_t < VERIFIED_S
        state = DONE if fresh else LATE
        tokens, last = facts.newest.tokens, span(now - facts.newest.received_t)
        found = (
            say("verified and fresh: %(n)s tokens, the last %(span)s ago", n=tokens, span=last) if fresh
            else say("verified, but not fresh now: %(n)s tokens, the last %(span)s ago", n=tokens, span=last)
        )  # fmt: skip
    return Line(
        "evidence", say("Signed evidence"), state, found, say("%(n)s s after its key", n=int(CONNECT_S + SPEAK_S)),
        say("The agent was stopped, its clock or its disk fails, or the host refuses what it sends."),
        say("`journalctl -u wachhund-agent` on the robot; the robot's page here tells what was refused."),
    )  # fmt: skip


def _senses(facts: Facts, sensors: Mapping[str, Mapping[str, object]] | None) -> Line:
    if sensors is None:
        state, found = WAITS, say("it has not said yet what it sees")
    else:
        blind = sorted(name for name, one in sensors.items() if one.get("state") not in ("event", "poll"))
        told = joined(", ", (_sense(name, str(one.get("state", "blind"))) for name, one in sensors.items()))
        state, found = DONE, told
        if blind:
            state = LATE
            found = say("blind: %(blind)s. All: %(senses)s", blind=visible(", ".join(blind)), senses=told)
    return Line(
        "senses", say("Each sensor probed"), state, found, say("with the first evidence"),
        say("A kernel without tracing, or an agent that lacks a right, leaves a sense blind."),
        say("Read which, on the robot's page: what is blind stays unseen, and the robot's words say so."),
    )  # fmt: skip


def _sense(name: str, state: str) -> str:
    return joined(" ", (visible(name), known(visible(state))))


def _clock(facts: Facts) -> Line:
    told = None if facts.state is None else facts.state.coverage
    if told is None:
        state, found = WAITS, say("it has not told its time yet")
    else:
        off = told.observation.t - told.host_t
        state = DONE if abs(off) <= CLOCK_S else LATE
        apart = f"{abs(off):.1f}"
        found = (
            say("%(n)s s ahead of this host", n=apart) if off > 0
            else say("%(n)s s behind this host", n=apart)
        )  # fmt: skip
    return Line(
        "clock", say("Clock"), state, found, say("%(n)s s apart", n=int(CLOCK_S)),
        say("A board without a battery clock and without network time begins in the past."),
        say("Nothing needs it: this host's time is the ruler, and the robot's stands beside it where it differs."),
    )  # fmt: skip


def _event(facts: Facts) -> Line:
    event = facts.event
    state, found = WAITS, say("none was told yet")
    if event is not None:
        delay = f"{max(0.0, event.token_mono - event.observation.mono):.1f}"
        kind = visible(event.observation.kind)
        state, found = DONE, say("%(kind)s, signed %(n)s s after it happened", kind=kind, n=delay)
    return Line(
        "event", say("One real event, end to end"), state, found, say("as soon as anything happens"),
        say("Nothing happened on the robot yet."), say("Log in by SSH: that login becomes the first row of its story."),
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
        slots[f"enrol:{line.key}"] = Slot(known(line.state), tone=line.tone)
        slots[f"enrol:{line.key}:found"] = Slot(line.found)
    rows = {"enrol": ("accept",) if may_accept else ()}
    return Checklist(name, lines, facts.words, may_accept, is_enrolled, LivePage(address, slots, rows))


def _whole(lines: Sequence[Line], is_enrolled: bool) -> str:
    done = sum(line.state == DONE for line in lines)
    if is_enrolled:
        return say("Enrolled: %(done)s of %(lines)s are done", done=done, lines=len(lines))
    return say("Not enrolled yet: %(done)s of %(lines)s are done", done=done, lines=len(lines))
