"""`wachhund explain`: why an incident is one."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from wachhund.keeping.arguments import ledger_of
from wachhund_evidence import MisuseError


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "explain",
        help="say why an incident is one: what was seen, which rule, what was allowed, what would have been silent",
        description="Names the observations that an incident rests on with their places in the evidence, the rules and "
        "behaviours, each authorisation that was considered and why it did not cover it, and what would have made it "
        "silent. From the ledger only; nothing is changed.",
    )
    parser.add_argument("incident", metavar="INCIDENT", help="its id: its page's address ends with it")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines for people")
    parser.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print it."""
    from wachhund.explain.explaining import explain
    from wachhund.explain.telling import json_of, lines_of
    from wachhund.rulebook import shelf

    with ledger_of(args) as ledger:
        incident = ledger.incident(args.incident)
        if incident is None:
            raise MisuseError(f"incident {args.incident!r}: no such incident: its page's address ends with its id")
        # The operators' own too: an incident that one of them made is explained by it.
        pack = shelf.in_use(shelf.data_folder(args.data)).look()
        found = explain(ledger, incident, pack.rules if pack is not None else (), time.time())
    if args.json:
        print(json.dumps(json_of(found)))
    else:
        print("\n".join(lines_of(found)))
    return 0
