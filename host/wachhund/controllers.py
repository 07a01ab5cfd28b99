"""`wachhund controllers`: the controller ledger: who controls or looks through which robot, now or at a past moment."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from wachhund.keeping.arguments import ledger_of
from wachhund.keeping.moments import parse_moment, shown
from wachhund_evidence import MisuseError

MOST = 1_000


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "controllers",
        help="say who controls or looks through robots now, or did at a past moment",
        description=(
            "The controller ledger: each session with its surface, its way from the outside inwards, its carrier and "
            "its volume. What could not be known is said so."
        ),
    )
    parser.add_argument("robot", metavar="ROBOT", nargs="?", help="its name or id (default: all)")
    parser.add_argument("--at", metavar="T", help="who was there then, such as 2026-08-01T14:30 (default: now)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the sessions, the newest first."""
    from wachhund.web.hops import short_path
    from wachhund.web.robot_text import visible

    now = time.time()
    at_t = now if args.at is None else parse_moment(args.at, "--at")
    if at_t > now:
        raise MisuseError(f"--at: {args.at!r}: has not come yet: give a time before now")
    with ledger_of(args) as ledger:
        robot = None if args.robot is None else ledger.robot(args.robot).id
        names = {one.id: one.name for one in ledger.robots()}
        found = ledger.sessions(robot, limit=MOST + 1, at_t=at_t)
    for session in found[:MOST]:
        name = names.get(str(session.get("robot")), str(session.get("robot")))
        if args.json:
            print(json.dumps({**session, "robot_name": name}, ensure_ascii=True, separators=(",", ":")))
            continue
        until = "still open" if session["last_t"] is None else f"until {shown(session['last_t'])}"
        moved = f"{session.get('bytes_in', 0)} bytes in, {session.get('bytes_out', 0)} out"
        told = "" if session.get("incident") is None else f", incident {session['incident']}"
        covering = session.get("authorisation")
        allowed = "" if covering is None else f", allowed by {covering['id']} of {covering['who']}"
        way = short_path(session.get("origin"))
        print(
            visible(
                f"{name}: {session['surface']} since {shown(session['first_t'])}, {until}: {way} "
                f"(carrier {session.get('carrier')}, {moved}{told}{allowed})"
            )
        )
    if not found and not args.json:
        print(f"Nobody is in the controller ledger at {shown(at_t)}. What was not seen is on the robots' pages.")
    if len(found) > MOST:
        print(f"wachhund: more than {MOST} sessions were open then: name a robot", file=sys.stderr)
    return 0
