"""`wachhund hunt`: look for what a Sigma rule describes in what robots told before."""

import argparse
import sys
import time
from collections import deque
from contextlib import closing
from typing import Any

from wachhund.rulebook.arguments import add_looking_back

EXIT_FOUND = 3
SHOWN = 100


def add_parser(subparsers: Any) -> None:
    """Add `hunt` to the command line."""
    parser = subparsers.add_parser(
        "hunt",
        help="look for what a Sigma rule describes in what robots told before",
        description="Runs the rule over the ledger as it would have judged, and shows what matches; nothing is saved. "
        "Exit status: 0 nothing matched, 3 something did, 2 the rule can't be used.",
    )
    add_looking_back(parser, "7d")
    parser.add_argument("--json", action="store_true", help="every match as a JSON object a line, as it is found")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Hunt. Returns the exit status."""
    from wachhund.keeping.moments import parse_since, shown
    from wachhund.rulebook import history, shelf, telling
    from wachhund.rulebook.found import Found

    span = history.Span(parse_since(args.since, time.time()))
    rules = history.seeing(shelf.chosen(args.rule, shelf.data_folder(args.data)), args.rule)
    newest: deque[str] = deque(maxlen=SHOWN)
    found: dict[str | None, int] = {}
    with closing(history.open_ledger(args.data)) as ledger:
        names = {robot.id: robot.name for robot in ledger.robots()}
        robot = ledger.robot(args.robot).id if args.robot is not None else None
        for match in history.look_back(ledger, rules, span, robot):
            found[match.fact.robot] = found.get(match.fact.robot, 0) + 1
            if args.json:
                print(telling.as_json(Found.of(match), names))
            else:
                newest.append(telling.as_line(Found.of(match), names))
    total = sum(found.values())
    if total > len(newest) and not args.json:
        print(f"the newest {len(newest)} of {total} matches:")
    for line in newest:
        print(line)
    told = f"{total} matches on {len(found)} robots in {span.read} observations since {shown(span.since_t)}"
    more = f"; {span.unreadable} observations could not be read" if span.unreadable else ""
    print(told + more, file=sys.stderr if args.json else sys.stdout)
    return EXIT_FOUND if total else 0
