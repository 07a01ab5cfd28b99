"""Tries to log in that fail, and one that then does not."""

from wachhund.judge.fact import Fact
from wachhund.judge.incident_book import QUIET_S
from wachhund.judge.reading_logins import FailedLoginsFact
from wachhund.judge.sessions import Session
from wachhund.judge.state import RobotState
from wachhund.judge.wording import shown

MANY = 10  # in 10 s from one address: people mistype twice
SLOW = 30  # in all, from one address, with no pause of QUIET_S and no login that went through
NO_ACCOUNTS = 2  # a person knows his account's name
MAX_SOURCES = 256  # addresses that are counted, a robot
_ADVICE = (
    "Block the address at the network's edge, or take the robot off that network.",
    "See whether one of the tries went through: last; the robot's page under Sessions.",
    "Change the default passwords and switch password logins off: they are what is guessed.",
)


def failed(state: RobotState, fact: Fact, tries: FailedLoginsFact) -> None:
    """Take a `login.failed`. Counted by address: tries, those for accounts that don't exist, and when the last was."""
    if tries.source is None or tries.count <= 0:
        return
    address = tries.source[0]
    before, unknown = _taken(state, fact, address)
    total, unknown = before + tries.count, unknown + tries.unknown_users
    if len(state.guesses) >= MAX_SOURCES:
        state.guesses.pop(next(iter(state.guesses)))
    state.guesses[address] = (total, unknown, fact.t)
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


def _taken(state: RobotState, fact: Fact, address: str) -> tuple[int, int]:
    """The tries of an address, taken out. Who mistyped weeks ago has guessed nothing today."""
    total, unknown, last_t = state.guesses.pop(address, (0, 0, fact.t))
    return (total, unknown) if fact.t - last_t <= QUIET_S else (0, 0)


def succeeded(state: RobotState, fact: Fact, address: str, session: Session | None) -> None:
    """A login from an address: if its tries were guesses, one of them went through."""
    key = ("guessing", address)
    incident = state.incidents.of_story(key, fact.t)
    total, unknown = _taken(state, fact, address)
    if incident is None and unknown < NO_ACCOUNTS:
        return
    incident = incident or state.incidents.begin(key, fact, "intrusion", "high")
    incident.rise("intrusion", "high")
    by = f" by {shown(session.service.name, 32)}" if session is not None else ""
    user = f" as {shown(session.user)}" if session is not None and session.user else ""
    incident.name(1, f"A login was guessed:{by}{user} from {shown(address, 60)}{state.on()}")
    text = f"A login from there went through after {total} that failed, {unknown} for accounts that don't exist."
    incident.story.tell_once(fact.t, "success", text)
    incident.rules["behaviour: many logins that fail"] = None
    incident.attack.update(dict.fromkeys(("T1110", "T1078")))
    if session is not None and session.incident is None:
        state.attach(incident, session)
    incident.advise(0, _ADVICE)
    state.mark(incident, fact)
