"""`wachhund baseline`: look what is usual on a robot, accept it, and end that."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund.keeping.arguments import ledger_of, why_of
from wachhund.keeping.moments import parse_since
from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from wachhund.baseline.learning import Learned
    from wachhund.ledger import Ledger, Robot


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "baseline",
        help="say what is usual on a robot: it is quiet, and what is not in it can be told",
        description="What a robot did in a span is learned from the ledger, shown, and counts only when a person "
        "accepts it. Then regular calls, long connections and volume to its destinations are quiet, and listeners, "
        "programs at cameras and volume that are not in it are told. A program is one with its path and, where told, "
        "the hash of its file. A running host judges anew within seconds.",
    )
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    show = acts.add_parser("show", help="show what a robot did; changes nothing")
    show.add_argument("--accepted", action="store_true", help="instead: the baseline that counts")
    accept = acts.add_parser("accept", help="take it for usual, in the place of the robot's baseline before")
    accept.add_argument("--why", metavar="TEXT", required=True, help="kept with who did it and when")
    accept.add_argument(
        "--limit-destinations", action="store_true",
        help="each connection to the internet that is not in it is told",
    )  # fmt: skip
    for command in (show, accept):
        command.add_argument("robot", metavar="ROBOT", help="its name or id")
        command.add_argument(
            "--since", metavar="T", default="7d", help="a span such as 7d or 36h, or a time (UTC); default 7d"
        )
    listing = acts.add_parser("list", help="show the baselines that count")
    listing.add_argument("--all", action="store_true", help="also those that were replaced or ended")
    end = acts.add_parser("end", help="end one: nothing is usual on that robot then")
    end.add_argument("baseline", metavar="ID", help="as `wachhund baseline list` shows it")
    end.add_argument("--why", metavar="TEXT", required=True, help="kept with who did it and when")
    for command, run in ((show, run_show), (accept, run_accept), (listing, run_list), (end, run_end)):
        command.set_defaults(run=run)
        command.add_argument("--json", action="store_true", help="one JSON object instead of lines for people")
        command.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")


def run_show(args: argparse.Namespace) -> int:
    """Show what was learned, or what counts."""
    from wachhund.baseline.telling import json_of, line_of, lines_of
    from wachhund.judge.wording import moment
    from wachhund.ledger.baseline_records import STANDING

    with ledger_of(args) as ledger:
        robot = ledger.robot(args.robot)
        standing = ledger.baselines.standing(robot.id)
        if args.accepted:
            if standing is None:
                raise MisuseError(f"{args.robot}: no baseline counts: see `wachhund baseline list --all`")
            if args.json:
                print(json.dumps({"baseline": standing.to_json(), "usual": json_of(standing.usual)}))
                return 0
            print(line_of(standing, STANDING, {robot.id: robot.name}))
            print(*lines_of(standing.usual), sep="\n")
            return 0
        found = _learned(ledger, robot, args)
    if args.json:
        told = {"since_t": found.since_t, "until_t": found.until_t, "read": found.read, "left_out": found.left_out}
        told |= {"unreadable": found.unreadable, "open_incidents": found.alarms, "usual": json_of(found.usual)}
        print(json.dumps({"robot": robot.id, **told, "baseline": standing and standing.to_json()}))
        return 0
    span = f"{moment(found.since_t)} to {moment(found.until_t)}"
    print(f"{robot.name}: seen from {span}, {found.read} observations")
    print(*lines_of(found.usual, None if standing is None else standing.usual), sep="\n")
    if standing is None:
        print("nothing of this is accepted: it keeps nothing quiet and tells nothing")
    else:
        print(f"{standing.id} counts, accepted on {moment(standing.made_t)}; + marks what it does not hold")
    return 0


def run_accept(args: argparse.Namespace) -> int:
    """Put it on record."""
    from wachhund.baseline.telling import line_of, lines_of
    from wachhund.fleet.commands import who
    from wachhund.ledger import Baseline
    from wachhund.ledger.baseline_records import STANDING

    why = why_of(args)
    with ledger_of(args) as ledger:
        robot = ledger.robot(args.robot)
        found = _learned(ledger, robot, args)
        if found.left_out:
            raise MisuseError(f"{robot.name}: too much for one baseline: {', '.join(found.left_out)}: shorten --since")
        if not found.read:
            raise MisuseError(f"{robot.name}: nothing was seen in that time: give an earlier --since")
        one = Baseline(
            "", robot.id, found.since_t, found.until_t, args.limit_destinations, found.usual, why, who(),
            found.until_t,
        )  # fmt: skip
        before = ledger.baselines.standing(robot.id)
        made = ledger.baselines.accept(one)
    if args.json:
        print(json.dumps({"baseline": made.to_json(), "replaced": before and before.id}))
        return 0
    print(*lines_of(made.usual, None if before is None else before.usual), sep="\n")
    print(line_of(made, STANDING, {robot.id: robot.name}))
    if before is not None:
        print(f"{before.id} counts no more; + marks what it did not hold")
    return 0


def run_list(args: argparse.Namespace) -> int:
    """Show baselines, the oldest first."""
    from wachhund.baseline.telling import line_of
    from wachhund.ledger.baseline_records import STANDING

    with ledger_of(args) as ledger:
        names = {robot.id: robot.name for robot in ledger.robots()}
        known = [(one, state) for one, state in ledger.baselines.all() if args.all or state == STANDING]
    if args.json:
        print(json.dumps({"baselines": [{**one.to_json(), "state": state} for one, state in known]}))
        return 0
    for one, state in known:
        print(line_of(one, state, names))
    if not known:
        print("no baseline counts: nothing is taken for usual")
    return 0


def run_end(args: argparse.Namespace) -> int:
    """End one."""
    from wachhund.fleet.commands import who

    with ledger_of(args) as ledger:
        ended = ledger.baselines.end(args.baseline, who(), why_of(args), time.time())
    if args.json:
        print(json.dumps({"baseline": ended.to_json()}))
    else:
        print(f"baseline {ended.id}: ended: what it kept quiet is told again")
    return 0


def _learned(ledger: "Ledger", robot: "Robot", args: argparse.Namespace) -> "Learned":
    from wachhund.baseline.learning import learn
    from wachhund.baseline.telling import warnings_of

    now = time.time()
    since_t = parse_since(args.since, now)
    if since_t >= now:
        raise MisuseError(f"--since: {args.since!r}: is not over yet: give a time before now")
    found = learn(ledger, robot.id, since_t, now)
    for words in warnings_of(found):
        print(f"wachhund: warning: {words}", file=sys.stderr)
    return found
