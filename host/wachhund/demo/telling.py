"""The demo's words for people. What came from a robot is shown with its unprintable characters spelt out."""

from collections.abc import Iterator, Mapping
from typing import Any

from wachhund.demo.outcome import Incident, Outcome
from wachhund.demo.world import World


def world(found: World) -> str:
    """Where the outside stands, and why no better."""
    if found.kind == "go1":
        return (
            "robot: a stand-in for a Unitree Go1 in network namespaces, with its real daemons; the agent is on its Pi"
        )
    if found.kind == "root":
        return "outside: a network namespace with a documentation address"
    if found.kind == "user":
        return "outside: not root, so robot and outside stand in a user namespace, with a documentation address"
    return visible(f"outside: none, the chain will end at loopback: {found.why}")


def coverage(sensors: Mapping[str, str]) -> str:
    """How each sense of the agent looks."""
    words = {"event": "kernel events", "poll": "polling", "blind": "nothing: BLIND"}
    said = ", ".join(f"{name} by {words.get(state, state)}" for name, state in sorted(sensors.items()))
    return visible(f"agent looks at: {said or 'it has not said'}")


def incident(found: Incident) -> str:
    """One line as an incident comes or changes."""
    return visible(f"  [{found.get('level')}] {found.get('title')}")


def ending(outcome: Outcome, summary: Mapping[str, Any]) -> Iterator[str]:
    """The last lines: what the host said, what was true, how long it took."""
    if outcome.scene is not None:
        yield visible(f"the host says: {outcome.scene.get('title')}")
        yield visible("  " + " -> ".join(hop(step) for step in outcome.scene.get("origin") or ()))
    times = summary["seconds"]
    yield f"the truth: program {summary['exe']} (pid {summary['pid']}), visitor from {summary['address']}"
    yield f"from connection to alert: {_in(times['suspected'])}, to certainty: {_in(times['certain'])}"
    for what, known in sorted((summary.get("visitors") or {}).items()):
        yield f"{what}: the host {'knows' if known else 'does not know'} who it was"
    for other in outcome.others:
        yield visible(f"also on this machine, not of the scene: [{other.get('level')}] {other.get('title')}")
    yield from (visible(f"FAILED: {reason}") for reason in outcome.why)
    if not outcome.why:
        yield "passed: the right program and nobody else"


def hop(step: Mapping[str, Any]) -> str:
    """One hop of a chain."""
    if step.get("hop") == "address":
        return f"{step.get('address')}:{step.get('port')}"
    if step.get("hop") == "process":
        return f"{step.get('exe')} (pid {step.get('pid')}, {step.get('role')})"
    if step.get("hop") == "service":
        return f"{step.get('name')} (port {step.get('port')})"
    return str(step.get("user") or step.get("why") or step.get("hop"))


def visible(text: str) -> str:
    """Unprintable and direction-changing characters as codes: a program's name may hold terminal commands."""
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)


def _in(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.2f} s"
