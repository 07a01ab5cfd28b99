"""What is usual in lines for people, and as JSON. Texts are robots': shown as text, never as anything else."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from wachhund.baseline.learning import Learned
from wachhund.judge.usual import GIVEN_PORTS
from wachhund.judge.wording import endpoint, moment, shown
from wachhund.ledger import Baseline, Usual

_GIVEN = f"any of {GIVEN_PORTS.start}-{GIVEN_PORTS.stop - 1}, which the kernel gives"


def lines_of(usual: Usual, standing: Usual | None = None) -> Iterator[str]:
    """All of it. With one that stands: what that one does not hold is marked with a plus."""
    held = None if standing is None else {key for key, _ in _entries(standing)}
    counts = (len(usual.programs), len(usual.destinations), len(usual.listeners), len(usual.views))
    heads = dict(zip(("program", "destination", "listener", "view"), counts, strict=True))
    words = {"program": "programs", "destination": "destinations on the internet", "listener": "listeners",
             "view": "cameras and microphones"}  # fmt: skip
    entries = list(_entries(usual))
    for what, count in heads.items():
        yield f"{words[what]}: {count}"
        for key, line in entries:
            if key[0] == what:
                yield f"{'  ' if held is None or key in held else '+ '}{line}"
    yield (
        f"volume out a day (UTC): {_amount(usual.median_out)} in the middle, {_amount(usual.largest_out)} at most, of "
        f"{usual.days} days"
    )


def _entries(usual: Usual) -> Iterator[tuple[tuple[object, ...], str]]:
    for program in usual.programs:
        hashes = ", ".join(sha256[:12] for sha256 in (*program.exe_hashes, *program.script_hashes))
        span = f"{moment(program.first_t)} to {moment(program.last_t)}" if program.starts else "before and after"
        yield (
            ("program", program.exe, program.script, program.exe_hashes, program.script_hashes),
            f"{_name(program.exe, program.script)}: {program.starts} starts, {span}; file "
            f"{hashes or 'never hashed: its path is all that is known'}",
        )  # fmt: skip
    for there in usual.destinations:
        behind = f" ({', '.join(map(shown, there.addresses))})" if there.addresses else ""
        yield (
            ("destination", there.exe, there.script, there.place, there.proto, there.port),
            f"{_name(there.exe, there.script)} -> {endpoint(there.place, there.port)} {shown(there.proto)}{behind}: "
            f"{there.connections} connections, at most {_amount(there.out_a_day)} out a day",
        )  # fmt: skip
    for door in usual.listeners:
        port = _GIVEN if door.port is None else str(door.port)
        yield (
            ("listener", door.exe, door.script, door.proto, door.port, door.scope),
            f"{_name(door.exe, door.script)}: {shown(door.proto)} {port}, {shown(door.scope or 'unknown')}",
        )  # fmt: skip
    for view in usual.views:
        yield (
            ("view", view.exe, view.script, view.camera),
            f"{_name(view.exe, view.script)}: {shown(view.camera)}, {view.opened} times",
        )  # fmt: skip


def _name(exe: str | None, script: str | None) -> str:
    if exe is None:
        return "a program that was not seen"
    return f"{shown(exe)} {shown(script)}" if script is not None else shown(exe)


def _amount(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 20 else f"{count / 1024:.1f} KiB"


def line_of(one: Baseline, state: str, names: Mapping[str, str]) -> str:
    """One baseline."""
    held = one.usual
    limited = "; only these destinations" if one.limited else ""
    end = f"; ended by {shown(one.ended_by)}: {shown(one.ended_why or '')}" if one.ended_by is not None else ""
    return (
        f"{one.id} ({state}): {names.get(one.robot, one.robot)}: {len(held.programs)} programs, "
        f"{len(held.destinations)} destinations, {len(held.listeners)} listeners, {len(held.views)} cameras, "
        f"{_amount(held.largest_out)} out a day at most{limited}; seen from {moment(one.since_t)} to "
        f"{moment(one.until_t)}; accepted by {shown(one.author)} on {moment(one.made_t)}: {shown(one.why)}{end}"
    )


def warnings_of(found: Learned) -> Iterator[str]:
    """What a person should know before accepting it."""
    if found.alarms:
        yield (
            f"{found.alarms} open incidents are of this time: what they are about would be taken for usual: look at "
            "them first"
        )
    if found.until_t - found.since_t < 86_400.0 or found.usual.days < 2:
        yield "less than a day was seen: what happens once a day is not in it"
    for what, count in found.left_out.items():
        yield f"too much: {what} ({count} left out)"
    if found.unreadable:
        yield f"{found.unreadable} observations were not as they should be, and are left out"


def json_of(usual: Usual) -> dict[str, Any]:
    """All of it for programs."""
    return asdict(usual)
