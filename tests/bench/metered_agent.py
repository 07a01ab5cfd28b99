"""`python -m tests.bench.metered_agent ARGUMENTS`: the agent as it is, with a meter around each of its senses.

Runs under the robot's Python too. On SIGUSR1 it writes to the file named by WACHHUND_METER what each part has used so
far: CPU seconds and calls by name, and CPU seconds of each thread.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund_agent import budget, cli, rounds, sensing
from wachhund_agent.kernel import sock_diag, tracefs
from wachhund_agent.sensors import process, relay, tcp
from wachhund_agent.sensors.sense import Sense

if TYPE_CHECKING:  # the robot's Python can't take this one's arguments
    from collections.abc import Callable

_spent: dict[str, int] = {}
_calls: dict[str, int] = {}
_inner: list[int] = []  # of each call under way: ns that other metered calls took inside it


def _metered(label: str, call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def timed(*arguments: Any, **named: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            return call(*arguments, **named)
        _inner.append(0)
        began = time.thread_time_ns()
        try:
            return call(*arguments, **named)
        finally:
            took = time.thread_time_ns() - began
            _spent[label] = _spent.get(label, 0) + took - _inner.pop()
            _calls[label] = _calls.get(label, 0) + 1
            if _inner:
                _inner[-1] += took

    return timed


def _meter(owner: Any, name: str, label: str) -> None:
    setattr(owner, name, _metered(label, getattr(owner, name)))


def meter_everything() -> None:
    """A meter around whatever the loop calls. A sense's name is what coverage calls it."""
    for sense in Sense.__subclasses__():
        for name in ("start", "look"):
            _meter(sense, name, sense.name)
    for name in ("on_exec", "on_lifecycle", "poll", "tick", "existing"):
        _meter(process.ProcessSensor, name, "process")
    for name in ("drain", "existing"):
        _meter(tcp.TcpSensor, name, "tcp")
    for name in ("hear", "tick"):
        _meter(relay.RelaySensor, name, "relay")
    for name in ("read", "lost", "switched_off"):
        _meter(tracefs.TraceInstance, name, "kernel events")
    _meter(sock_diag.DestroyFeed, "read", "kernel events")
    _meter(budget.Budget, "look", "budget")
    _meter(rounds.Rounds, "look", "rounds")
    _meter(sensing.Sensing, "_say_coverage", "coverage")


def _write(_number: int, _frame: Any) -> None:
    threads = {
        thread.name: time.clock_gettime(time.pthread_getcpuclockid(thread.ident)) for thread in threading.enumerate()
    }
    spent = {name: took / 1e9 for name, took in _spent.items()}
    made = {"spent": spent, "calls": _calls, "threads": threads}
    path = Path(os.environ["WACHHUND_METER"])
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(made))
    fresh.replace(path)


if __name__ == "__main__":
    meter_everything()
    signal.signal(signal.SIGUSR1, _write)
    sys.exit(cli.main())
