"""Senses that went blind while the agent ran, and records of logins that were cut: somebody who hides."""

from collections.abc import Mapping
from typing import Any

from wachhund.judge.coverage import MAX_SENSORS
from wachhund.judge.fact import Fact
from wachhund.judge.incident import Incident
from wachhund.judge.state import RobotState
from wachhund.judge.wording import shown
from wachhund_evidence import Observation

SEEING = ("event", "poll")
# A sense that lost its source (a broker that restarts) finds it again within this time, or was taken away. Seconds.
SETTLE_S = 10.0
_STORY = ("blinding",)
_ADVICE = (
    "wachhund-agent doctor on the robot says what the sense misses and what would help.",
    "Look what ran at that time: the robot's page, and what stands beside this incident.",
    "If it was an upgrade or a restart of the kernel's events, nothing is wrong once the sense sees again.",
)


def coverage_told(state: RobotState, fact: Fact, before: Mapping[str, Any] | None) -> None:
    """A `coverage` was taken; `before`: the senses as they stood."""
    now = state.coverage.sensors()
    if before is None or now is None:
        return
    for name, sensor in now.items():
        was, is_now = before.get(name, {}).get("state"), sensor.get("state")
        if was in SEEING and is_now == "blind" and len(state.blinded) < MAX_SENSORS:
            state.blinded.setdefault(name, fact.t)
        elif is_now in SEEING and state.blinded.pop(name, None) is None and was == "blind":
            _seeing(state, fact, name)


def settle(state: RobotState, fact: Fact) -> None:
    """Time passed: what has been blind for long enough is told."""
    now = state.coverage.sensors() or {}
    for name, since_t in list(state.blinded.items()):
        if fact.t < since_t + SETTLE_S:
            continue
        del state.blinded[name]
        why = now.get(name, {}).get("why")
        because = f": {shown(why)}" if isinstance(why, str) and why else ""
        incident = _incident(state, fact, "medium")
        incident.name(0, f"A sense went blind: {shown(name, 40)}{state.on()}")
        incident.story.tell(since_t, f"blind {name}", f"The {shown(name, 40)} sense saw before and is blind{because}.")
        state.mark(incident, fact)


def is_hiding(observation: Observation) -> bool:
    """Whether an observation says that kernel events were switched off, or that records of logins were cut."""
    fields = observation.fields
    if observation.kind != "config.state":
        return False
    return (fields.get("name") == "kernel-events" and fields.get("value") is False) or (
        fields.get("name") == "login-records" and fields.get("value") in ("log-truncated", "log-deleted")
    )


def hidden(state: RobotState, fact: Fact) -> None:
    """Take such an observation."""
    fields = fact.observation.fields
    what = shown(fields["what"], 160) if isinstance(fields.get("what"), str) else ""
    if fields["name"] == "kernel-events":
        incident = _incident(state, fact, "high")
        incident.name(2, f"The agent was blinded: the kernel's events were switched off{state.on()}")
        incident.story.tell(
            fact.t, "events", f"The kernel tells no more of what begins and ends: {what or 'no reason told'}."
        )
        incident.attack["T1562.006"] = None
    else:
        incident = _incident(state, fact, "high")
        did = "emptied" if fields["value"] == "log-truncated" else "deleted"
        incident.name(1, f"Records of logins were {did}: {what}{state.on()}")
        incident.story.tell(fact.t, f"records {what}", f"{what} was {did}.")
        incident.attack["T1070.002"] = None
    state.mark(incident, fact)


def _incident(state: RobotState, fact: Fact, level: str) -> Incident:
    incident = state.uninvited() or state.incidents.of_story(_STORY, fact.t)
    incident = incident or state.incidents.begin(_STORY, fact, "monitor", level)
    incident.rise("monitor", level)
    incident.rules["behaviour: senses or records taken away"] = None
    incident.attack["T1562.001"] = None
    incident.advise(0, _ADVICE)
    return incident


def _seeing(state: RobotState, fact: Fact, name: str) -> None:
    incident = state.incidents.of_story(_STORY, fact.t)
    if incident is not None:
        incident.story.tell(fact.t, f"sees {name}", f"The {shown(name, 40)} sense sees again.")
        state.mark(incident, fact)
