"""`wachhund export`: a robot's evidence in one file that somebody else can check."""

import argparse
import os
import time
from pathlib import Path
from typing import Any

from wachhund.keeping.moments import parse_moment
from wachhund_evidence import MisuseError

_MIB = 1024**2


def add_parser(subparsers: Any) -> None:
    """Add `export` to the command line."""
    parser = subparsers.add_parser(
        "export",
        help="hand on a robot's evidence in one file that anybody can check",
        description="Writes a bundle: tokens as the robot signed them, its public keys, how it came here, what was "
        "erased (as hashes), and a manifest signed by the host. `wachhund verify FILE` checks it, also elsewhere and "
        "offline. Times are UTC. It may hold personal data.",
    )
    parser.add_argument("--robot", metavar="ROBOT", help="its name or id")
    parser.add_argument("--incident", metavar="ID", help="an incident: what was seen while it lasted, and it itself")
    parser.add_argument("--from", metavar="T", dest="from_t", help="such as 2026-08-01T14:30 (default: the beginning)")
    parser.add_argument("--to", metavar="T", dest="to_t", help="the end of the span (default: now)")
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="a file that does not exist yet")
    parser.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write it. Raises MisuseError: nothing is left of it then."""
    from wachhund.audit.exporting import Wanted
    from wachhund.fleet.commands import who
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.fleet.host_keys import HostKeys
    from wachhund.ledger import Ledger

    data = DataFolder(args.data or default_data_folder())
    if args.robot is None and args.incident is None:
        raise MisuseError("export: give --robot or --incident")
    from_t = None if args.from_t is None else parse_moment(args.from_t, "--from")
    to_t = None if args.to_t is None else parse_moment(args.to_t, "--to")
    if from_t is not None and to_t is not None and to_t < from_t:
        raise MisuseError("--to: is before --from: give a span that runs forwards")
    if not data.has_ledger():
        raise MisuseError(f"export: {data.path} holds no ledger: give the host's --data folder")
    ledger = Ledger.open(data.ledger)
    try:
        wanted = args.robot
        if args.incident is not None:
            incident = ledger.incident(args.incident)
            if incident is None:
                raise MisuseError(f"incident {args.incident!r}: no such incident: its page's address ends with its id")
            wanted = wanted or str(incident["robot"])
        robot = ledger.robot(wanted)
        made = _write(ledger, Wanted(robot.id, from_t, to_t, args.incident), HostKeys.load_or_create(data), args.out)
        ledger.note_act(robot.id, "export", who(), f"{made.tokens} tokens into {args.out.name}")
    finally:
        ledger.close()
    erased = f", {made.erased} erased as hashes" if made.erased else ""
    print(f"{args.out}: {made.tokens} tokens of {robot.name}{erased}, {made.bytes / _MIB:.1f} MiB")
    return 0


def _write(ledger: Any, wanted: Any, keys: Any, out: Path) -> Any:
    """Into a file beside it first: under its own name it is whole."""
    from wachhund.audit.exporting import export

    unfinished = out.with_name(out.name + ".unfinished")
    try:
        if out.exists():
            raise MisuseError(f"--out: {out}: is there already and is not overwritten: give another name")
        unfinished.unlink(missing_ok=True)
        handle = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "w+b") as stream, ledger.moment() as connection:
                made = export(connection, wanted, keys.key, time.time(), stream)
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.rename(out)
            return made
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        what = error.strerror or str(error)
        raise MisuseError(f"--out: {out}: {what}: nothing was kept; make room, or choose another place") from None
