"""The robot's wall clock was moved: by more than a clock that is set when the network comes."""

from collections.abc import Mapping
from typing import Any

from wachhund.judge.fact import Fact
from wachhund.judge.state import RobotState
from wachhund.judge.typed import UnreadableFact, number
from wachhund.judge.wording import seconds

# A Go1 has no clock of its own: once a boot it is set, by years. NTP then slews, or steps by less than a second.
BACK_S = 60.0
AGAIN_S = 3_600.0
_STORY = ("clock",)
_ADVICE = (
    "See what sets the clock: timedatectl; journalctl -u systemd-timesyncd",
    "Times in the robot's own logs are in doubt around this moment; those on these pages are the host's.",
)


def read_step(fields: Mapping[str, Any]) -> float:
    """By how many seconds a `clock.step` was. Raises UnreadableFact."""
    by_s = number(fields, "by_s")
    if by_s is None:
        raise UnreadableFact("by_s: missing")
    return by_s


def stepped(state: RobotState, fact: Fact, by_s: float) -> None:
    """Take a `clock.step`, which was moved by `by_s` seconds."""
    first, state.clock_set = not state.clock_set, True
    if by_s > -BACK_S and (first or abs(by_s) < AGAIN_S):
        return
    incident = state.incidents.of_story(_STORY, fact.t) or state.incidents.begin(_STORY, fact, "monitor", "low")
    incident.name(0, f"The robot's clock was moved{state.on()}")
    way = "back" if by_s < 0 else "forward"
    incident.story.tell(fact.t, way, f"Somebody moved the robot's clock {way} by {seconds(abs(by_s))}.")
    incident.rules["behaviour: clock moved"] = None
    incident.attack["T1070.006"] = None
    incident.advise(0, _ADVICE)
    state.mark(incident, fact)
