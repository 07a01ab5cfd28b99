"""`wachhund hold`, `release` and `kept`: what is not to be forgotten, and what was, by whom and why."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund.keeping.arguments import ledger_of, span_of, why_of
from wachhund.keeping.moments import shown
from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from wachhund.ledger.keeping_records import Erasure, Hold

_MIB = 1024**2
_SHOWN = 20  # acts of forgetting


def add_parser(subparsers: Any) -> None:
    """Add the commands to the command line."""
    hold = subparsers.add_parser(
        "hold",
        help="keep a robot's evidence, or an incident's, from being forgotten",
        description="What is held is not forgotten by age or size and cannot be erased, until it is released.",
    )
    hold.add_argument("--robot", metavar="ROBOT", help="its name or id")
    hold.add_argument("--incident", metavar="ID", help="an incident, with all that was seen while it lasted")
    hold.add_argument("--from", metavar="T", dest="from_t", help="begin of the span (default: the beginning)")
    hold.add_argument("--to", metavar="T", dest="to_t", help="end of the span (default: for ever)")
    hold.add_argument("--why", metavar="TEXT", required=True, help="kept with who did it and when")
    hold.set_defaults(run=run_hold)
    release = subparsers.add_parser("release", help="end a hold")
    release.add_argument("hold", metavar="NUMBER", type=int, help="as `wachhund kept` shows it")
    release.add_argument("--why", metavar="TEXT", required=True, help="kept with who did it and when")
    release.set_defaults(run=run_release)
    kept = subparsers.add_parser("kept", help="show what is kept, what is held, and what was forgotten by whom and why")
    kept.set_defaults(run=run_kept)
    for command in (hold, release, kept):
        command.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")


def run_hold(args: argparse.Namespace) -> int:
    """Begin a hold."""
    from wachhund.fleet.commands import who

    from_t, to_t = span_of(args)
    if (args.robot is None) == (args.incident is None):
        raise MisuseError("hold: give --robot or --incident")
    if args.incident is not None and (from_t, to_t) != (None, None):
        raise MisuseError("hold: an incident has its own span: leave out --from and --to, or give --robot")
    with ledger_of(args) as ledger:
        if args.incident is not None:
            incident = ledger.incident(args.incident)
            if incident is None:
                raise MisuseError(f"incident {args.incident!r}: no such incident: its page's address ends with its id")
            robot = ledger.robot(str(incident["robot"]))
        else:
            robot = ledger.robot(args.robot)
        number = ledger.keeping.hold(robot.id, from_t, to_t, args.incident, who(), why_of(args), time.time())
    print(f"hold {number}: {robot.name}, {_held(args.incident, from_t, to_t)}")
    return 0


def _held(incident: str | None, from_t: float | None, to_t: float | None) -> str:
    if incident is not None:
        return f"incident {incident} with its time"
    return (
        "all of it" if from_t is None and to_t is None else f"{shown(from_t)} to {shown(to_t) if to_t else 'the end'}"
    )


def run_release(args: argparse.Namespace) -> int:
    """End a hold."""
    from wachhund.fleet.commands import who

    with ledger_of(args) as ledger:
        ledger.keeping.release(args.hold, who(), why_of(args), time.time())
    print(f"hold {args.hold}: released")
    return 0


def run_kept(args: argparse.Namespace) -> int:
    """Show room, robots, holds and acts of forgetting."""
    with ledger_of(args) as ledger:
        keeping = ledger.keeping
        room, names = keeping.room(), {robot.id: robot.name for robot in ledger.robots()}
        print(f"ledger: {room.used / _MIB:.1f} MiB in use, {room.empty / _MIB:.1f} MiB empty inside the file")
        for robot, weight in keeping.weights():
            oldest = keeping.oldest(robot)
            since = "no text" if oldest is None else f"text since {shown(oldest)}"
            print(f"{names.get(robot, robot)}: {weight / _MIB:.1f} MiB, {since}")
        for hold in keeping.holds():
            print(_hold_line(hold, names))
        rewritten = keeping.rewritten()
        for act in keeping.erasures(limit=_SHOWN):
            left = "" if rewritten is not None and rewritten[1] >= act.id else ", remains possible"
            print(_act_line(act, names) + left)
    return 0


def _hold_line(hold: "Hold", names: dict[str, str]) -> str:
    end = "" if hold.released_t is None else f", released {shown(hold.released_t)} by {hold.released_by}"
    what = _held(hold.incident, hold.from_t, hold.to_t)
    return f"hold {hold.id}: {names.get(hold.robot)}, {what}, since {shown(hold.since_t)} by {hold.by}: {hold.why}{end}"


def _act_line(act: "Erasure", names: dict[str, str]) -> str:
    state = "" if act.finished_t is not None else ", not ended"
    return (
        f"act {act.id}: {shown(act.begun_t)} {names.get(act.robot)}: {act.tokens} tokens ({act.bytes / _MIB:.1f} MiB) "
        f"up to {shown(act.to_t)} by {act.by}: {act.why}{state}"
    )
