"""Files by which something starts by itself, or lets somebody in again: who was there when they changed."""

from wachhund.judge.fact import Fact
from wachhund.judge.state import RobotState
from wachhund.judge.wording import shown

# ATT&CK by class of file (protocol.md, `persistence.change`).
_TECHNIQUES = {
    "vendor-autostart": "T1547",
    "desktop-autostart": "T1547.013",
    "systemd": "T1543.002",
    "cron": "T1053.003",
    "rc": "T1546.004",
    "authorized_keys": "T1098.004",
    "udev": "T1546.017",
    "preload": "T1574.006",
    "pam": "T1556.003",
    "sudoers": "T1548.003",
    "module": "T1547.006",
    "modules": "T1547.006",
    "python-path": "T1546.018",
    "agent": "T1562.001",
}
# What a package's upgrade does not touch, and an owner hardly ever: told by itself.
GRAVE = frozenset({"authorized_keys", "preload", "pam", "sudoers", "vendor-autostart", "python-path", "agent"})
# Where the stock robot writes what the app tells it to run (go1.md, programming.py).
PROGRAMMED = frozenset({"/home/pi/Unitree/autostart/programming/code.py"})
# By these somebody becomes root, or comes in as anybody.
GRAVEST = frozenset({"preload", "pam", "sudoers", "agent"})
# Upgrades of the system write units, timers and rules. By their full paths: a program elsewhere of that name is none.
INSTALLERS = frozenset({"/usr/bin/dpkg", "/usr/bin/apt", "/usr/bin/apt-get", "/usr/bin/unattended-upgrade"})
# What a visitor started goes on when the visitor has left, and a change is told a moment after it was made. Seconds.
LEFT_BEHIND_S = 12.0
# An upgrade of a whole system on a slow card takes so long (seconds) at most; of a longer one the end was missed.
UPGRADE_S = 6 * 3600.0
# A file's change is told so long (seconds) at most after whoever wrote it has ended or left: without file events the
# agent looks each 30 s.
TOLD_WITHIN_S = 35.0
_ADVICE = (
    "Look what is in it, and compare it with a robot that you trust: the path stands in the story.",
    "Ask whoever was logged in at that time.",
    "If nobody knows it: keep a copy as evidence, then take it out.",
)


def changed(state: RobotState, fact: Fact) -> None:
    """Take a `persistence.change`."""
    place_class, path, change = (_told(fact, name) for name in ("class", "path", "change"))
    told = (
        f"{shown(path, 120) if path else 'Many files'} ({shown(place_class or '?', 32)}) was {shown(change or '?', 32)}"
    )
    technique = _technique(place_class, path)
    incident = state.uninvited()
    when = "while somebody who was not allowed to was on the robot"
    if incident is None:
        incident = state.uninvited(left_since=fact.t - LEFT_BEHIND_S)
        when = "a moment after somebody who was not allowed to had left the robot"
    if incident is not None:
        sentence = f"{told}, {when}."
        incident.story.tell(fact.t, f"persistence {path} {change}", sentence)
        incident.rules["behaviour: start-up file changed during a remote session"] = None
        if technique:
            incident.attack[technique] = None
        state.mark(incident, fact)
        return
    down = fact.observation.fields.get("while_down") is True
    if change == "permissions" or (place_class not in GRAVE and (down or _upgrade(state, fact.t))):
        return
    if path in PROGRAMMED and _is_programmed(state, fact.t):
        return  # the app's programs are written there before they run; who sent one is told as his command
    _by_itself(state, fact, place_class, path, told, down)


def _technique(place_class: str | None, path: str | None) -> str | None:
    if path is not None and path.endswith(".timer"):
        return "T1053.006"
    if path is not None and path.startswith(("/etc/rc.local", "/etc/init.d/")):
        return "T1037.004"
    return _TECHNIQUES.get(place_class or "")


def _told(fact: Fact, name: str) -> str | None:
    value = fact.observation.fields.get(name)
    return value if isinstance(value, str) else None


def _by_itself(state: RobotState, fact: Fact, place_class: str | None, path: str | None, told: str, down: bool) -> None:
    # One story a class: an installer writes several files, and one edit writes a file twice.
    key = ("persistence", str(place_class))
    level = "high" if place_class in GRAVEST else "low" if place_class == "desktop-autostart" else "medium"
    kind = "monitor" if place_class == "agent" else "persistence"
    incident = state.incidents.of_story(key, fact.t) or state.incidents.begin(key, fact, kind, level)
    what = shown(path, 80) if path else f"files of the class {shown(place_class or '?', 32)}"
    said = "The agent's own files" if kind == "monitor" else "Something that starts by itself or lets somebody in"
    incident.name(0, f"{said} changed: {what}{state.on()}")
    when = ", while the agent was not running" if down else ""
    incident.story.tell(fact.t, f"persistence {path}", f"{told}{when}.")
    incident.rules["behaviour: start-up file changed"] = None
    technique = _technique(place_class, path)
    if technique:
        incident.attack[technique] = None
    incident.unknown["Which program changed it: this kernel does not tell."] = None
    incident.advise(0, _ADVICE)
    state.mark(incident, fact)


def _upgrade(state: RobotState, t: float) -> bool:
    """Whether the system's own installer runs, or ran a moment ago: by root, for nobody else's can change anything."""
    return any(
        process.exe in INSTALLERS
        and process.user in ("root", "0")
        and process.told_t >= t - UPGRADE_S
        and not _is_over(process.left_t, t)
        for process in state.memory.processes.by_puid.values()
    )


def _is_programmed(state: RobotState, t: float) -> bool:
    """Whether somebody is at the broker, by which the app tells the robot what to run."""
    return any(
        session.service.surface == "mqtt" and not _is_over(session.last_t, t)
        for session in state.sessions.by_id.values()
    )


def _is_over(end_t: float | None, t: float) -> bool:
    return end_t is not None and end_t < t - TOLD_WITHIN_S
