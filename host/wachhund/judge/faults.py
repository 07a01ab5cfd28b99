"""Faults of evidence become incidents of kind `monitor`: what was found, what it may mean, and what to do.

The ledger noticed them; what is to be known of a kind stands in ledger.fault_kinds. Faults that tell one story (who
holds the robot's key) are one incident, which is called by what says most.
"""

from wachhund.judge import silences
from wachhund.judge.fact import Fact
from wachhund.judge.state import RobotState
from wachhund.ledger.fault_kinds import BROKEN_LINK, COPIED_CHAIN, FAULT_KINDS, FORK, SILENCED, TWO_SIGNERS
from wachhund_evidence import Observation

KIND = "evidence.fault"
_WHICH = "Which of the two the robot made itself can't be told from the tokens."


def observation(what: str, detail: str, t: float) -> Observation:
    """A fault in the shape in which the judge takes facts. `t`: host time."""
    return Observation(KIND, t, 0.0, "ledger", {"what": what, "detail": detail})


def noticed(state: RobotState, fact: Fact) -> None:
    """Take a fault of the ledger."""
    fields = fact.observation.fields
    what = str(fields["what"])
    if what == SILENCED:
        silences.gone(state, fact)
        return
    kind = FAULT_KINDS[what]
    key = ("evidence", kind.story)
    incident = state.incidents.of_story(key, fact.t) or state.incidents.begin(key, fact, "monitor", kind.level)
    incident.rise("monitor", kind.level)
    incident.name(kind.rank, f"{kind.title}{state.on()}")
    incident.advise(kind.rank, (kind.to_do,) if kind.heals else _steps(state.robot or "ROBOT", kind.to_do))
    incident.rules[f"evidence: {what}"] = None
    incident.attack.update(dict.fromkeys(kind.attack))
    incident.story.tell(fact.t, str(fact.ref), f"{fields['detail']} {kind.may_mean}")
    if what in (FORK, TWO_SIGNERS, COPIED_CHAIN, BROKEN_LINK):
        incident.unknown[_WHICH] = None
    state.incidents.touched(incident, fact)


def _steps(robot: str, to_do: str) -> tuple[str, ...]:
    return (
        "Look at the tokens side by side on the robot's page, under Integrity.",
        to_do,
        f"When it is explained: wachhund robots show {robot}; wachhund robots acknowledge {robot} --why 'what it was'",
    )
