"""`wachhund report`: the signed report of an enrolled robot and a span, from this host's ledger."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from wachhund.keeping.moments import parse_moment
from wachhund_evidence import MisuseError

_DAY_S = 86_400.0


def add_parser(subparsers: Any) -> None:
    """Add `report` to the command line."""
    parser = subparsers.add_parser(
        "report",
        help="a signed report of an enrolled robot and a span, for a reader who never saw Wachhund",
        description="Checks the evidence of the span as a recipient would, answers from it, signs with this host's key "
        "and keeps the report: it is on the page Reports too. Writes it as .json, .html and .pdf. Times are UTC. Exit "
        "0: nothing high was found and all was seen; 3: something high; 4: something was not seen; 2: unusable.",
    )
    parser.add_argument("robot", metavar="ROBOT", help="its name or id")
    parser.add_argument("--from", metavar="T", dest="from_t", help="such as 2026-08-01T14:30 (default: a day ago)")
    parser.add_argument("--to", metavar="T", dest="to_t", help="the end of the span (default: now)")
    parser.add_argument("--challenge", metavar="TEXT", help="a text chosen by the reader, to show that it is fresh")
    parser.add_argument("--out", metavar="FOLDER", type=Path, default=Path(), help="where it goes (default: here)")
    parser.add_argument("--json", action="store_true", help="print the signed report instead of lines for people")
    parser.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make it and write it. Raises MisuseError."""
    from wachhund.fleet.commands import who
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.fleet.host_keys import HostKeys
    from wachhund.inspection.report import exit_status
    from wachhund.inspection.report_files import write_report
    from wachhund.inspection.report_page import findings
    from wachhund.inspection.sealed_report import open_sealed
    from wachhund.judge.wording import shown
    from wachhund.ledger import Ledger
    from wachhund.reports.making import Reports

    data, now = DataFolder(args.data or default_data_folder()), time.time()
    from_t = now - _DAY_S if args.from_t is None else parse_moment(args.from_t, "--from")
    to_t = now if args.to_t is None else parse_moment(args.to_t, "--to")
    if not data.has_ledger():
        raise MisuseError(f"report: {data.path} holds no ledger: give the host's --data folder")
    ledger = Ledger.open(data.ledger)
    try:
        robot = ledger.robot(args.robot)
        makes = Reports(ledger, HostKeys.load_or_create(data).key, data.path)
        made = makes.make(robot.id, from_t, to_t, who(), args.challenge)
        held = ledger.reports.find(made.id)
    finally:
        ledger.close()
    if held is None:
        raise MisuseError("report: somebody removed it at once: see the log of acts")
    report = open_sealed(held[1]).report
    written = write_report(held[1], robot.name, args.out)
    if args.json:
        sys.stdout.write(held[1].decode("ascii"))
    else:
        print(f"{shown(robot.name)}: {made.outcome}")
        for finding in findings(report):
            print(f"  {finding['level']:13} {finding['title']}")
        print(f"report: {', '.join(map(str, written))}")
    return exit_status(report)
