"""Tries to log in that fail, and one that then does not."""

from wachhund.judge.fact import Fact
from wachhund.judge.incidents import Incident
from wachhund.judge.reading_network import FailedLoginsFact
from wachhund.judge.state import RobotState
from wachhund.judge.wording import shown

MANY = 10  # in 10 s from one address: people mistype twice
SLOW = 30  # in all, from one address, within the story's time
MAX_SOURCES = 256  # addresses that are counted, a robot
_ADVICE = (
    "Block the address at the network's edge, or take the robot off that network.",
    "See whether one of the tries went through: last; the robot's page under Sessions.",
    "Change the default passwords and switch password logins off: they are what is guessed.",
)


def failed(state: RobotState, fact: Fact, tries: FailedLoginsFact) -> None:
    """Take a `login.failed`."""
    if tries.source is None or tries.count <= 0:
        return
    address = tries.source[0]
    total = state.guesses.get(address, 0) + tries.count
    if address not in state.guesses and len(state.guesses) >= MAX_SOURCES:
        state.guesses.pop(next(iter(state.guesses)))
    state.guesses[address] = total
    if tries.count < MANY and total < SLOW:
        return
    key = ("guessing", address)
    incident = state.incidents.of_story(key, fact.t) or state.incidents.begin(key, fact, "intrusion", "medium")
    incident.name(0, f"Passwords guessed at {shown(tries.service, 32)} from {shown(address, 60)}{state.on()}")
    incident.story.tell(fact.t, "tries", f"Logins from {shown(address, 60)} fail: {total} by now.")
    incident.rules["behaviour: many logins that fail"] = None
    incident.attack["T1110"] = None
    incident.advise(0, _ADVICE)
    state.mark(incident, fact)


def succeeded(state: RobotState, fact: Fact, address: str) -> Incident | None:
    """A login from an address. The incident of its guesses, which now weighs more; None when there is none."""
    incident = state.incidents.of_story(("guessing", address), fact.t)
    if incident is None:
        return None
    incident.rise("intrusion", "high")
    incident.name(1, f"A password was guessed: login from {shown(address, 60)}{state.on()}")
    incident.story.tell_once(fact.t, "success", "One of the logins from there went through.")
    incident.attack["T1078"] = None
    state.mark(incident, fact)
    return incident
