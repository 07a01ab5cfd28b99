"""The vendor's cloud knows the robot: what its own broker keeps says so, and it belongs to the story of the tunnel."""

from wachhund.judge.fact import Fact
from wachhund.judge.incidents import Incident
from wachhund.judge.state import RobotState
from wachhund_evidence import Observation

_IDENTITY = "usys/uuid"  # go1.md: written when the vendor's cloud has taken the robot in
_STORY = ("story", "cloudsail")
_SENTENCE = f"The robot's broker keeps {_IDENTITY}: the vendor's cloud has this robot on its list."


def is_enrolment(observation: Observation) -> bool:
    """Whether an observation says that the vendor's cloud knows this robot."""
    fields = observation.fields
    return (observation.kind, fields.get("name"), fields.get("what"), fields.get("value")) == (
        "config.state", "retained-message", _IDENTITY, True,
    )  # fmt: skip


def enrolled(state: RobotState, fact: Fact) -> None:
    """Take it: told in the tunnel's story, now or when there is one."""
    state.enrolled = fact
    incident = state.incidents.of_story(_STORY, fact.t)
    if incident is not None:
        tell(state, incident)


def tell(state: RobotState, incident: Incident) -> None:
    """Add it to the story of the vendor's tunnel, if it is known."""
    fact = state.enrolled
    if fact is not None:
        incident.story.tell_once(fact.t, "enrolled", _SENTENCE)
        state.mark(incident, fact)
