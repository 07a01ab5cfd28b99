"""Keeps a shared machine's other programs out of what is measured. Nothing here is part of the agent.

Two walls. A network namespace for this process and its children: nobody else's sockets or packets. And, in the kernel,
`set_event_pid` of the agent's own tracefs instances, with `event-fork`: only processes named here, and whatever they
start from then on, make events (Documentation/trace/events.rst). What the agent reads in /proc stays the whole
machine's, because trace events name pids of the root namespace.
"""

import ctypes
import subprocess
from pathlib import Path

_CLONE_NEWNET = 0x40000000
INSTANCES = Path("/sys/kernel/tracing/instances")


def own_network() -> None:
    """Move this process to a network namespace of its own, with loopback up. Call it before any thread is made."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "no network namespace of our own: run it as root")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def threads_below(root: int) -> set[int]:
    """The threads of a process and of all that it started, as far as they are still there."""
    found: set[int] = set()
    try:
        for task in Path(f"/proc/{root}/task").iterdir():
            found.add(int(task.name))
            for child in (task / "children").read_text().split():
                found |= threads_below(int(child))
    except OSError:
        pass  # it ended while we looked
    return found


def _kernel_helpers() -> set[int]:
    """Threads of the kernel in which packets arrive when a processor is busy: their socket events are ours too."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().startswith("ksoftirqd/"):
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


def hear_only(agent: int, root: int) -> str:
    """Confine the running agent's kernel events to the process tree of `root`. Returns in words what was done."""
    pids = _kernel_helpers() | threads_below(agent) | threads_below(root)
    instances = sorted(INSTANCES.glob(f"wachhund-{agent}-*"))
    if not instances:
        raise RuntimeError(f"the agent {agent} has no tracefs instance: is it root?")
    for instance in instances:
        (instance / "options" / "event-fork").write_text("1")
        (instance / "set_event_pid").write_text(" ".join(map(str, sorted(pids))))
    return (
        "kernel events: only of this bench and what it starts (host, broker, agent, noise) and of ksoftirqd, by "
        "set_event_pid and event-fork; sockets and packets: a network namespace of their own; /proc: the whole "
        "machine's"
    )


def is_apart(agent: int) -> bool:
    """Do the agent's instances still hear only whom they were told to? It makes them anew when they fail."""
    instances = sorted(INSTANCES.glob(f"wachhund-{agent}-*"))
    return bool(instances) and all(
        (instance / "set_event_pid").read_text(errors="replace").split()[:1] not in ([], ["no"])
        for instance in instances
    )
