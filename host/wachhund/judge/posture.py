"""How the robot stands: what nobody uses yet, and somebody easily could. One incident a finding, until it is gone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wachhund.judge import led_on
from wachhund.judge.fact import Fact
from wachhund.judge.incident_book import StoryKey
from wachhund.judge.state import RobotState
from wachhund.judge.wording import shown
from wachhund_evidence import Observation

MENDED = "explained"
_IDENTITY = "usys/uuid"  # go1.md: written when the vendor's cloud has taken the robot in
_CLOUDSAIL = ("story", "cloudsail")


@dataclass(frozen=True)
class Finding:
    """What a `config.state` of a name means. `title`, `text`: with the word of `what` in place of {what}."""

    level: str
    title: str
    text: str
    attack: tuple[str, ...]
    advice: tuple[str, ...]


_FINDINGS = {
    "default-password": Finding(
        "medium",
        "The default password of {what} is in use",
        "The account {what} has the password that everybody knows.",
        ("T1078.001",),
        ("Give it another one with passwd(1).", "Switch password logins off: keys only in /etc/ssh/sshd_config."),
    ),
    "tunnel-installed": Finding(
        "low",
        "{what} is installed and idle",
        "{what} lies on the robot and can be started.",
        (),
        ("Take it off the robot, or out of Unitree/autostart/.startlist.sh.", "Keep a copy for those who audit it."),
    ),
    "port-forward": Finding(
        "medium",
        "The robot's firewall forwards a port: {what}",
        "A rule of the firewall leads connections on: {what}. Whoever reaches it reaches what is behind the robot.",
        ("T1090",),
        (
            "Look at the rules: sudo nft list ruleset; sudo iptables-save -t nat",
            "If nobody who looks after this robot set it: keep a copy, then delete the rule.",
        ),
    ),
}
_ENROLLED = Finding(
    "low",
    "The robot is enrolled at the vendor's cloud",
    f"The robot's broker keeps {_IDENTITY}: the vendor's cloud has this robot on its list.",
    (),
    (
        "Ask the vendor who may see that list.",
        "Take the tunnel off the robot: then nobody can reach it by that number.",
    ),
)


def is_finding(observation: Observation) -> bool:
    """Whether an observation says how the robot stands."""
    name = observation.fields.get("name")
    if observation.kind != "config.state" or not isinstance(name, str) or name not in _FINDINGS:
        return False
    # What leads to the robot itself, as sshuttle does it, is a way to no other board.
    return name != "port-forward" or isinstance(observation.fields.get("to"), list)


def found(state: RobotState, fact: Fact) -> None:
    """Take such an observation: something is so, or no longer."""
    fields = fact.observation.fields
    what = fields.get("what")
    word = shown(what, 60) if isinstance(what, str) and what else "an account"
    name = str(fields["name"])
    _tell(state, fact, _FINDINGS[name], *_story_of(name, word, fields), fields.get("value") is True)


def _story_of(name: str, word: str, fields: Mapping[str, Any]) -> tuple[StoryKey, str]:
    """The story that a finding belongs to, and what it is about in words."""
    if name == "port-forward":  # that of whoever comes by it
        proto, port = fields.get("proto"), fields.get("port")
        return led_on.rule_key(proto if type(proto) is str else None, port if type(port) is str else None), word
    product = word.split(" ")[0]  # several files of one tunnel are one finding
    # A tunnel that is installed, runs, or has the robot on its list is one story: that of the rule which names it.
    return ("story", product.lower()) if name == "tunnel-installed" else ("posture", name, word), product


def is_enrolment(observation: Observation) -> bool:
    """Whether an observation says that the vendor's cloud knows this robot."""
    fields = observation.fields
    return (observation.kind, fields.get("name"), fields.get("what"), fields.get("value")) == (
        "config.state", "retained-message", _IDENTITY, True,
    )  # fmt: skip


def enrolled(state: RobotState, fact: Fact) -> None:
    """Take it."""
    _tell(state, fact, _ENROLLED, _CLOUDSAIL, "", True)


def _tell(state: RobotState, fact: Fact, finding: Finding, key: tuple[str, ...], what: str, is_so: bool) -> None:
    incident = state.incidents.of_story(key, float("-inf"))
    if not is_so:
        if incident is not None and incident.state != "closed":
            incident.story.tell(fact.t, "mended", "It is so no longer.")
            state.mark(incident, fact)
            if incident.kind == "posture":
                incident.state, incident.close_reason = "closed", MENDED
        return
    incident = incident or state.incidents.begin(key, fact, "posture", finding.level)
    incident.name(0, f"{finding.title.format(what=what)}{state.on()}")
    incident.story.tell_once(fact.t, f"found {finding.title}", finding.text.format(what=what))
    incident.rules["behaviour: weak posture"] = None
    incident.attack.update(dict.fromkeys(finding.attack))
    incident.advise(0, finding.advice)
    state.mark(incident, fact)
