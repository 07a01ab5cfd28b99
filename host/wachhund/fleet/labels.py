"""`wachhund robots label`: where robots stand, and what people call them by."""

import argparse
from contextlib import closing
from typing import Any


def add_parser(commands: Any) -> None:
    """Add `label` to `wachhund robots`."""
    parser = commands.add_parser(
        "label",
        help="name the site and the tags of robots, by which the fleet page filters and counts",
        description="Robots have no word in it: only people at this host name a site or a tag.",
    )
    parser.add_argument("robots", metavar="ROBOT", nargs="+", help="name or id, several at once")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--site", metavar="NAME", help="where they stand: one a robot")
    where.add_argument("--no-site", action="store_true", help="they stand nowhere in particular")
    parser.add_argument("--tag", metavar="TAG", action="append", default=[], help="add a tag (repeatable)")
    parser.add_argument("--untag", metavar="TAG", action="append", default=[], help="take a tag away (repeatable)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Change the labels of all of them, or of none. Raises MisuseError."""
    from wachhund.fleet.commands import open_ledger, who
    from wachhund.ledger.labels import Relabel

    wanted = Relabel("" if args.no_site else args.site, tuple(args.tag), tuple(args.untag))
    with closing(open_ledger(args)) as ledger:
        ledger.labels.change(args.robots, wanted, who())
        for name in args.robots:
            robot = ledger.robot(name)
            labels = ledger.labels.of(robot.id)
            tags = ", ".join(labels.tags) or "none"
            print(f"{robot.id} {robot.name}: site {labels.site or 'none'}, tags {tags}")
    return 0
