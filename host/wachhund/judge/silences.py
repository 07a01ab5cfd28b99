"""The watcher silenced: the agent killed, paused or traced.

From what the ledger noticed when it was gone, and from what the agent says when it is back.

One incident a story: an agent that is gone is first only gone; that it was killed follows when it begins again in the
same boot without having been asked to stop.
"""

from wachhund.judge.fact import Fact
from wachhund.judge.incident import Incident
from wachhund.judge.state import RobotState
from wachhund.judge.wording import seconds, shown
from wachhund.ledger.fault_kinds import FAULT_KINDS, SILENCED
from wachhund_evidence import Observation

# Evidence that comes so long (seconds, host time) after the silence, without a new start of the agent: only its
# connection was cut. A start is told at once.
BACK_AFTER_S = 20.0
STARVED_S = 15.0  # an upgrade on a slow card starves for a few; seconds
_STORY, _STARVED_STORY = ("silence",), ("starved",)
_GONE, _KILLED, _TRACED = range(3)  # what says most gives the title
_ATTACK = ("T1562.001",)
_WHY_GONE = "Why the agent is gone can't be told before it is back."
_ADVICE = (
    FAULT_KINDS[SILENCED].to_do,
    "Look at what was open on the robot when it happened, on its page under Now.",
    "On the robot: journalctl -u wachhund-agent says how it ended, and last who was logged in at that time.",
)

_STARVED_ADVICE = (
    "See what takes the processor: top; the robot's page shows what was started at that time.",
    "If an upgrade or a build did it, nothing is wrong.",
)


def gone(state: RobotState, fact: Fact) -> None:
    """The ledger noticed that the robot's agent is gone without a word."""
    kind = FAULT_KINDS[SILENCED]
    incident = _incident(state, fact)
    incident.name(_GONE, f"{kind.title}{state.on()}")
    incident.unknown[_WHY_GONE] = None
    incident.rules["behaviour: agent gone without a word"] = None
    incident.story.tell(fact.t, "gone", f"{fact.observation.fields['detail']} {kind.may_mean}")
    _mark(state, incident, fact)
    state.silent_since = fact.t


def began(state: RobotState, fact: Fact, same_boot: bool) -> None:
    """The agent began to look again. Told before anything else of the new run is taken."""
    fields = fact.observation.fields
    since_t = state.silent_since
    if since_t is not None and fact.t >= since_t:
        state.silent_since = None
    # It was here in this run of the system: a journal that is new has lost the old one, and how that ended.
    lost = same_boot and fields.get("reason") == "first start"
    asked = (fields.get("clean") is True and not lost) or (fact.boot is not None and fact.boot == state.stopped_boot)
    killed = same_boot and not asked and (lost or fields.get("clean") is False)
    state.stopped_boot = None
    if killed:
        incident = _incident(state, fact)
        incident.name(_KILLED, f"Agent killed{state.on()}")
        incident.unknown.pop(_WHY_GONE, None)
        incident.rules["behaviour: agent began again unasked"] = None
        incident.story.tell(
            fact.t, "killed",
            "The agent began again in the same run of the system, and nobody had asked it to stop: it was killed, or "
            f"it crashed{', and what it had kept was deleted' if lost else ''}.",
        )  # fmt: skip
        _mark(state, incident, fact)
    elif since_t is not None:
        why = "The system was started anew"
        if same_boot:
            why = "The agent had been asked to stop" if asked else "The same run of the agent goes on in a new chain"
        _explained(state, fact, f"{why}: it is back.")


def stopped(state: RobotState, fact: Fact) -> None:
    """The agent said that it was asked to stop."""
    state.stopped_boot = fact.boot


def passes(state: RobotState, fact: Fact) -> None:
    """A fact of a robot that was gone: after a while without a new start, its agent had run all the time."""
    if state.silent_since is not None and fact.t > state.silent_since + BACK_AFTER_S:
        state.silent_since = None
        _explained(state, fact, "The same run of the agent is back: only its connection was cut.")


def paused(state: RobotState, fact: Fact) -> None:
    """The agent found that it had not run for a while: made to stop, or not let by others."""
    fields = fact.observation.fields
    if fields.get("reason") == "starved":
        _starved(state, fact, fields.get("starved_s"))
    if fields.get("reason") == "stopped":
        incident = _incident(state, fact)
        incident.name(_KILLED, f"Agent paused{state.on()}")
        incident.rules["behaviour: agent was stopped"] = None
        lasted = fields.get("duration_s")
        span = seconds(lasted) if isinstance(lasted, (int, float)) else "an unknown time"
        incident.story.tell(
            fact.t, "paused", f"The agent was stopped for {span} (a signal, a debugger, or the system slept)."
        )
        _mark(state, incident, fact)


def _starved(state: RobotState, fact: Fact, starved_s: object) -> None:
    """A busy board is no attack; but who takes the whole processor for long hides what he does meanwhile."""
    if not isinstance(starved_s, (int, float)) or starved_s < STARVED_S:
        return
    incident = state.incidents.of_story(_STARVED_STORY, fact.t)
    incident = incident or state.incidents.begin(_STARVED_STORY, fact, "monitor", "low")
    incident.name(0, f"Agent starved of processor time{state.on()}")
    incident.rules["behaviour: agent was starved"] = None
    incident.attack["T1499"] = None
    text = f"The agent was ready to run and was not let for {seconds(starved_s)}: something took the whole processor."
    incident.story.tell(fact.t, "starved", text)
    incident.advise(0, _STARVED_ADVICE)
    state.mark(incident, fact)


def traced(state: RobotState, fact: Fact) -> None:
    """`config.state` of agent-traced: somebody attached to the agent, and can make it say what he wants."""
    fields = fact.observation.fields
    if fields.get("value") is True:
        incident = _incident(state, fact)
        incident.rise("monitor", "high")
        incident.name(_TRACED, f"Agent traced by another program{state.on()}")
        incident.rules["behaviour: agent is traced"] = None
        exe = fields.get("exe")
        who = shown(exe, 120) if isinstance(exe, str) and exe else "A program that could not be read"
        incident.story.tell(fact.t, "traced", f"{who} attached to the agent: what it says from then on is in doubt.")
        _mark(state, incident, fact)


def is_tracing(observation: Observation) -> bool:
    """Whether an observation says that the agent is traced, or no more."""
    return observation.kind == "config.state" and observation.fields.get("name") == "agent-traced"


def _incident(state: RobotState, fact: Fact) -> Incident:
    incident = state.uninvited() or state.incidents.of_story(_STORY, fact.t)
    return incident or state.incidents.begin(_STORY, fact, "monitor", FAULT_KINDS[SILENCED].level)


def _mark(state: RobotState, incident: Incident, fact: Fact) -> None:
    incident.attack.update(dict.fromkeys(_ATTACK))
    incident.advise(0, _ADVICE)
    here = [one for one in state.sessions.by_id.values() if one.last_t is None and one.is_forbidden()]
    if here:
        incident.rise("monitor", "high")
        incident.story.tell_once(fact.t, "session", "Somebody who was not allowed to was on the robot at that time.")
    state.incidents.touched(incident, fact)


def _explained(state: RobotState, fact: Fact, why: str) -> None:
    incident = state.incidents.of_story(_STORY, fact.t)
    if incident is not None:
        incident.unknown.pop(_WHY_GONE, None)
        incident.story.tell(fact.t, "back", why)
        state.incidents.touched(incident, fact)
        if incident.title_rank == _GONE:
            incident.state, incident.close_reason = "closed", "explained"
