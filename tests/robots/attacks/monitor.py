"""Group 7: the monitor itself is attacked.

Not here: a stolen key, a journal that was removed and a cut network are seen by a host and not by `judge`; they are
acted out in tests/system/integrity and tests/system/delivery. The clock and the processors are the machine's.
"""

import os
import signal

from tests.robots.attacks.acting import SSH_INSIDE, agent_pid, door_to, implant, linger, put, start, work
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.scene import Scene, Story
from tests.robots.go1 import Go1, visits

_PAUSE_S = 12.0  # longer than the agent may take for a busy machine


def _killed(robot: Go1, draw: Draw) -> None:
    """By somebody's shell; the stage starts it anew, as systemd would."""
    _run_as_root(robot, draw, f"kill -9 {agent_pid(robot)}")
    linger(6)


def _killed_inside(robot: Go1, draw: Draw) -> None:
    with (
        door_to(robot, draw, SSH_INSIDE) as (address, door),
        visits.logs_in(robot, robot.internet, door, address) as session,
    ):
        work(session, draw)
        _run_as_root(robot, draw, f"kill -9 {agent_pid(robot)}")
        linger(4)
        work(session, draw, label="afterwards")


def _run_as_root(robot: Go1, draw: Draw, command: str) -> None:
    script = f"/usr/local/{draw.name('place')}/{draw.name('script')}"
    put(robot, script, f"sleep 0.3\n{command}\nsleep 0.3\n")
    start(robot, ["sh", script]).wait(20)


def _paused(robot: Go1, draw: Draw) -> None:
    pid = agent_pid(robot)
    try:
        _run_as_root(robot, draw, f"kill -STOP {pid}")
        linger(_PAUSE_S)
    finally:
        os.kill(pid, signal.SIGCONT)
    linger(2)


def _traced(robot: Go1, draw: Draw) -> None:
    """A debugger holds it, and lets it run."""
    implant(robot, draw.path("debugger"), "debugger.py", [str(agent_pid(robot)), "5"]).wait(20)


def _blinded(robot: Go1, draw: Draw) -> None:
    """The kernel's events of its processes are switched off."""
    folder = f"/sys/kernel/tracing/instances/wachhund-{agent_pid(robot)}-*life"
    switch = draw.pick("switch", ["tracing_on", "events/sched/sched_process_exit/enable"])
    _run_as_root(robot, draw, f"for one in {folder}/{switch}; do echo 0 > $one; done")
    linger(9)


def _altered(robot: Go1, draw: Draw) -> None:
    """A file of the agent's code is changed: it counts from its next start."""
    file = draw.pick("file", ["senses.py", "sensors/process.py", "sensors/relay_candidates.py"])
    _run_as_root(robot, draw, f"echo '# nothing to see here' >> /usr/local/wachhund/wachhund_agent/{file}")
    linger(4)


def _log_gone(robot: Go1, draw: Draw) -> None:
    """The log of logins is emptied after a visit."""
    with (
        door_to(robot, draw, SSH_INSIDE) as (address, door),
        visits.logs_in(robot, robot.internet, door, address) as session,
    ):
        work(session, draw)
        _run_as_root(robot, draw, draw.pick("how", ["truncate -s 0 /var/log/auth.log", "rm /var/log/auth.log"]))
        work(session, draw, label="afterwards")


def _monitor(word: str, least: str = "high") -> Story:
    return Story("monitor", least, (), (), (word,), ("T1562.001",))


_VISIT = ("{address[outside]}", "{path[relay]}", "ssh", "pi")
SCENES = (
    Scene("agent-killed", 7, "the agent is killed and starts anew", _killed, _monitor("killed", "medium")),
    Scene("agent-killed-by-visitor", 7, "the agent is killed while a visitor through a relay is there", _killed_inside,
          Story("remote-control", "critical", ("ssh",), _VISIT, ("remote control", "ssh"), ("T1572", "T1562.001"))),
    Scene("agent-paused", 7, "the agent is stopped for a while", _paused, _monitor("paused", "medium")),
    Scene("agent-traced", 7, "a debugger holds the agent", _traced, _monitor("traced", "medium")),
    Scene("agent-blinded", 7, "the kernel's events are switched off under the agent", _blinded,
          _monitor("blind", "high")),
    Scene("agent-altered", 7, "the agent's own code is changed", _altered, _monitor("agent", "high")),
    Scene("log-gone", 7, "a visitor through a relay empties the log of logins", _log_gone,
          Story("remote-control", "high", ("ssh",), _VISIT, ("remote control", "ssh"), ("T1572", "T1070.002"))),
)  # fmt: skip
