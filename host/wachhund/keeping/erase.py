"""`wachhund erase` and `wachhund rewrite`: what somebody asks to be forgotten, after showing what that takes."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund.keeping.arguments import ledger_of, span_of, why_of
from wachhund.keeping.moments import shown
from wachhund_evidence import MisuseError, WachhundError

if TYPE_CHECKING:
    from wachhund.ledger import Ledger, Robot
    from wachhund.ledger.keeping_records import Act, Erasure, Preview

_MIB = 1024**2


def add_parser(subparsers: Any) -> None:
    """Add the commands to the command line."""
    erase = subparsers.add_parser(
        "erase",
        help="erase what was seen of a robot in a span, on request",
        description="Shows what it would take, asks, and erases: the text of evidence of a span, its observations, and "
        "the incidents and sessions that touch it. Numbers, hashes, who did it and why stay, so that the rest still "
        "proves. Times are UTC. At the end the ledger's file is written anew, so that no remains lie in it.",
    )
    erase.add_argument("--robot", metavar="ROBOT", required=True, help="its name or id")
    erase.add_argument("--from", metavar="T", dest="from_t", help="such as 2026-08-01T14:30 (default: the beginning)")
    erase.add_argument("--to", metavar="T", dest="to_t", help="the end of the span (default: now)")
    erase.add_argument("--why", metavar="TEXT", required=True, help="kept for ever, with who did it and when")
    erase.add_argument(
        "--uncertain", action="store_true",
        help="also what waited on the robot and may be of that span, or of another",
    )  # fmt: skip
    erase.add_argument("--yes", action="store_true", help="don't ask")
    erase.add_argument(
        "--no-rewrite", action="store_true", help="leave the file as it is: remains may lie in half-used pages"
    )
    erase.set_defaults(run=run_erase)
    rewrite = subparsers.add_parser(
        "rewrite",
        help="write the ledger's file anew: as small as can be, without remains of what was erased",
        description="Also while the host serves: nothing is taken in meanwhile, robots keep it. Needs as much free "
        "disk as the ledger has.",
    )
    rewrite.set_defaults(run=run_rewrite)
    for command in (erase, rewrite):
        command.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")


def run_erase(args: argparse.Namespace) -> int:
    """Show what would go, ask, and erase it. 0 when it is gone, also when there was nothing."""
    from wachhund.fleet.commands import who
    from wachhund.ledger.keeping_records import REQUEST, Act

    from_t, to_t = span_of(args)
    why, now = why_of(args), time.time()
    to_t = now if to_t is None else min(to_t, now)
    if from_t is not None and from_t > to_t:
        raise MisuseError("--from: lies in the future: nothing was seen then yet")
    with ledger_of(args) as ledger:
        robot = ledger.robot(args.robot)
        preview = ledger.keeping.preview(robot.id, from_t, to_t)
        _show(robot, preview, from_t, to_t, args.uncertain)
        if preview.held_by:
            first = preview.held_by[0]
            raise MisuseError(f"erase: hold {first.id} ({first.why}): release it first: `wachhund release {first.id}`")
        taken = preview.sure.tokens + (preview.uncertain.tokens if args.uncertain else 0)
        if not taken and not preview.incidents and not preview.sessions:
            return 0
        if not args.yes:
            _ask(robot)
        act = Act(REQUEST, robot.id, from_t, to_t, who(), why, now, args.uncertain)
        done = _erase(ledger, act)
        print(
            f"erased: {done.tokens} tokens with {done.observations} observations, {done.bytes / _MIB:.1f} MiB; "
            f"on record as act {done.id}"
        )
        return 0 if args.no_rewrite or _rewritten(ledger) else 1


def run_rewrite(args: argparse.Namespace) -> int:
    """Write the file anew."""
    with ledger_of(args) as ledger:
        before = ledger.keeping.room().file
        ledger.keeping.rewrite(time.time())
        print(f"written anew: {before / _MIB:.1f} MiB before, {ledger.keeping.room().file / _MIB:.1f} MiB now")
    return 0


def _show(robot: "Robot", preview: "Preview", from_t: float | None, to_t: float, uncertain: bool) -> None:
    total = preview.sure + preview.uncertain if uncertain else preview.sure
    print(f"{robot.name} (robot {robot.id}), {shown(from_t)} to {shown(to_t)}:")
    if total.tokens:
        print(
            f"  {total.tokens} tokens with {total.observations} observations ({total.bytes / _MIB:.1f} MiB), "
            f"which arrived {shown(total.first_t)} to {shown(total.last_t)}"
        )
        print("  a token is taken or left as a whole: up to a minute after the span goes with it")
    else:
        print("  no token of that span is kept")
    for identity, title in preview.incidents:
        print(f"  incident {identity}: {_plain(title)}")
    if preview.more_incidents:
        print(f"  and {preview.more_incidents} more incidents")
    if preview.sessions:
        print(f"  {preview.sessions} sessions")
    if preview.uncertain.tokens and not uncertain:
        print(
            f"  left, unless you say --uncertain: {preview.uncertain.tokens} tokens that waited on the robot and may "
            "be of that span"
        )
    print("  stays: numbers, hashes and links of the tokens, who erased them and why")


def _plain(text: str) -> str:
    """A text that holds a robot's words, for a terminal."""
    return "".join(one if one.isprintable() else "?" for one in text)[:200]


def _ask(robot: "Robot") -> None:
    if not sys.stdin.isatty():
        raise MisuseError("erase: nobody can be asked here: look at what it would take, and say --yes")
    try:
        answer = input(f"This cannot be undone. Type the robot's name ({robot.name}) to erase: ")
    except EOFError:
        answer = ""
    if answer.strip() != robot.name:
        raise MisuseError("erase: that is not the robot's name: nothing was erased")


def _erase(ledger: "Ledger", act: "Act") -> "Erasure":
    from wachhund.judge.forgetting import span_of, without

    erasure = ledger.keeping.request(act, lambda made, version, body: without(version, body, span_of(made)))
    while ledger.keeping.erase_requested(erasure, time.time()):
        pass
    return next(one for one in ledger.keeping.erasures(act.robot, after=erasure.id - 1) if one.id == erasure.id)


def _rewritten(ledger: "Ledger") -> bool:
    try:
        ledger.keeping.rewrite(time.time())
    except WachhundError as error:
        print(
            f"wachhund: erased, but the file was not written anew ({error}): remains may lie in half-used pages until "
            "`wachhund rewrite`",
            file=sys.stderr,
        )
        return False
    return True
