"""An agent that hangs: a step of a walk."""

from tests.robots.virtual.state import LOOK_S, TOLD_S, UNIT, Walk
from tests.waiting import until

_ENDED_S = 180.0  # a minute without a sign of life, then what systemd gives it to end


def hang(walk: Walk) -> str:
    """Its processor is taken from it (SIGSTOP): systemd's watchdog ends it and starts it anew."""
    pid, restarts = _shown(walk, "MainPID"), int(_shown(walk, "NRestarts"))
    starts = len(walk.host.told("agent.start"))
    walk.robot.run(f"kill -STOP {pid}")
    until(lambda: int(_shown(walk, "NRestarts")) > restarts, _ENDED_S, "systemd has started it again", LOOK_S)
    said = walk.robot.run(f"journalctl --no-pager --boot --unit {UNIT}").stdout
    assert "Watchdog timeout" in said, said[-2000:]
    until(lambda: len(walk.host.told("agent.start")) > starts, TOLD_S, "it tells that it started", LOOK_S)
    until(lambda: walk.word == "verified", TOLD_S, "the host says verified", LOOK_S)
    assert _shown(walk, "MainPID") != pid
    why = next(line.partition(": ")[2] for line in said.splitlines() if "Watchdog timeout" in line)
    return f"{why}; verified again"


def _shown(walk: Walk, name: str) -> str:
    return walk.robot.run(f"systemctl show --property={name} --value {UNIT}").stdout.strip()
