"""The daily drill of an agent becomes an incident that is marked DRILL, of the lowest level, and of a kind of its own.

Only `agent.drill` leads here, and it leads nowhere else: a drill joins no other story, and no other story is taken for
one. Whoever is root on a robot can make drills; they are worth nothing to him.
"""

from wachhund.judge.fact import Fact
from wachhund.judge.state import RobotState

KIND, LEVEL = "drill", "informational"
LEAST_S = 20 * 3600.0  # an agent that is started again soon makes another: it shows nothing new
_STORY = ("drill",)
_ADVICE = (
    "Nothing has happened, and nothing is to be done on the robot.",
    "See below who was told, and whether it arrived: that is what a drill is for.",
    "Close it. The next one comes in a day, and is not put before you any more.",
)
_MEANS = "DRILL: the agent's daily timer ran. Nothing has happened; that you read this shows that the way works."


def told(state: RobotState, fact: Fact) -> None:
    """Take an `agent.drill`. Only a robot's first stays open: somebody should have seen the way once."""
    book = state.incidents
    first, before = not book.knows(_STORY), book.last_of(_STORY)
    if before is not None:
        if fact.t - before.first_t < LEAST_S:
            return
        if before.state != "closed":
            before.state, before.close_reason = "closed", KIND
            book.changed[before.id] = before
    incident = book.begin(_STORY, fact, KIND, LEVEL)
    incident.name(0, f"DRILL: the way of alerts{state.on()}")
    incident.advise(0, _ADVICE)
    incident.rules["drill: the agent's daily timer"] = None
    incident.story.tell(fact.t, "drill", _MEANS)
    book.touched(incident, fact)
    if not first:
        incident.state, incident.close_reason = "closed", KIND
