"""`wachhund silence`: hold messages back for a while, and see what is held back."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund.keeping.arguments import ledger_of, why_of

if TYPE_CHECKING:
    from wachhund.alerts.silences import Preview
    from wachhund.ledger.silence_records import Silence

_SHOWN = 20  # incidents of a preview


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "silence",
        help="hold messages about some incidents back for a while",
        description="A silence stops messages only: incidents are made, shown and tagged as before. It covers an "
        "incident only when all of its surfaces, origins and rules lie within what it names.",
    )
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    add = acts.add_parser("add", help="make one")
    preview = acts.add_parser("preview", help="show what one would hold back now, and would have in 30 days")
    for command in (add, preview):
        _add_scope(command)
    listing = acts.add_parser("list", help="show those that hold or are planned, the soonest end first")
    listing.add_argument("--all", action="store_true", help="also those that are over")
    end = acts.add_parser("end", help="end one now")
    end.add_argument("silence", metavar="ID", help="as `wachhund silence list` shows it")
    end.add_argument("--why", metavar="TEXT", required=True, help="kept with who did it and when")
    for command, run in ((add, run_add), (preview, run_preview), (listing, run_list), (end, run_end)):
        command.set_defaults(run=run)
        command.add_argument("--json", action="store_true", help="one JSON object instead of lines for people")
        command.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")


def _add_scope(command: argparse.ArgumentParser) -> None:
    for option, metavar, words in (
        ("robot", "ROBOT", "its name or id, a pattern such as 'go1-*', or group:NAME, as they are now"),
        ("rule", "RULE", "a rule, as incidents list it"), ("kind", "KIND", "a kind of incident, such as tunnel"),
        ("surface", "NAME", "such as ssh"), ("origin", "ADDRESS", "an address, or a network such as 192.168.12.0/24"),
    ):  # fmt: skip
        command.add_argument(
            f"--{option}", metavar=metavar, action="append", default=[], help=f"{words} (repeatable; default: any)"
        )
    command.add_argument("--critical", action="store_true", help="also what is critical: for 4 hours at most")
    command.add_argument(
        "--maintenance", action="store_true", help="somebody works on these robots: their pages say so"
    )
    command.add_argument("--ends-unused", action="store_true", help="it ends itself after 24 hours without a match")
    command.add_argument("--begin", metavar="T", default="", help="a time (UTC; default: now)")
    command.add_argument("--until", metavar="T", default="", help="30m, 2h, 7d or a time (UTC); default 2h")
    command.add_argument("--why", metavar="TEXT", required=True, help="kept with who did it and when")


def run_add(args: argparse.Namespace) -> int:
    """Make one."""
    from wachhund.alerts.silences import preview

    with ledger_of(args) as ledger:
        made = ledger.silencing.make(_drafted(ledger, args))
        found = preview(ledger, made, time.time())
        names = {robot.id: robot.name for robot in ledger.robots()}
    _tell(made, found, names, args)
    return 0


def run_preview(args: argparse.Namespace) -> int:
    """Show what one would do."""
    from wachhund.alerts.silences import preview

    with ledger_of(args) as ledger:
        one = _drafted(ledger, args)
        found = preview(ledger, one, time.time())
        names = {robot.id: robot.name for robot in ledger.robots()}
    _tell(one, found, names, args)
    return 0


def run_list(args: argparse.Namespace) -> int:
    """Show them."""
    from wachhund.alerts.silences import line_of, matches_now
    from wachhund.ledger.incident_rows import Chosen
    from wachhund.ledger.silence_records import IN_THE_WAY

    now = time.time()
    with ledger_of(args) as ledger:
        names = {robot.id: robot.name for robot in ledger.robots()}
        rows = ledger.handling.unsettled(Chosen())
        known = [one for one in ledger.silencing.all() if args.all or one.state(now) in IN_THE_WAY]
    known.sort(key=lambda one: one.ends_t(now))
    if args.json:
        told = [{**one.to_json(), "state": one.state(now), "matches": matches_now(one, rows)} for one in known]
        print(json.dumps({"silences": told}))
        return 0
    for one in known:
        print(f"{line_of(one, names, now)}; matches {matches_now(one, rows)} now")
    if not known:
        print("nothing is silenced")
    return 0


def run_end(args: argparse.Namespace) -> int:
    """End one."""
    from wachhund.fleet.commands import who

    with ledger_of(args) as ledger:
        ended = ledger.silencing.end(args.silence, who(), why_of(args), time.time())
    print(json.dumps({"silence": ended.to_json()}) if args.json else f"silence {ended.id}: ended")
    return 0


def _drafted(ledger: Any, args: argparse.Namespace) -> "Silence":
    from wachhund.alerts.silences import Typed, draft
    from wachhund.fleet.commands import who

    typed = Typed(
        tuple(args.robot), tuple(args.rule), tuple(args.kind), tuple(args.surface), tuple(args.origin), args.critical,
        args.maintenance, args.ends_unused, args.begin, args.until, args.why,
    )  # fmt: skip
    return draft(typed, ledger, who(), time.time())


def _tell(one: "Silence", found: "Preview", names: dict[str, str], args: argparse.Namespace) -> None:
    from wachhund.alerts.silences import line_of, wide_in
    from wachhund.judge.wording import shown

    for words in wide_in(one):
        print(f"wachhund: warning: {words}", file=sys.stderr)
    if args.json:
        counted = {"now": [row.incident["id"] for row in found.now], "past": [row.incident["id"] for row in found.past]}
        print(json.dumps({"silence": one.to_json() if one.id else None, "preview": {**counted, "cut": found.cut}}))
        return
    if one.id:
        print(line_of(one, names, time.time()))
    print(f"holds back {len(found.now)} incidents now; in the last 30 days it would have held back {len(found.past)}")
    for row in found.now[:_SHOWN]:
        print(f"  now: {row.incident['id']} {row.incident['level']}: {shown(str(row.incident['title']))}")
