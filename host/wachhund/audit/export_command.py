"""`wachhund export`: a robot's evidence in one file that anybody can check, or an incident for people and programs."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from wachhund.keeping.moments import parse_moment
from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from wachhund.ledger import Ledger

_MIB = 1024**2
_FORMS = ("markdown", "pdf", "json", "ocsf", "stix")


def add_parser(subparsers: Any) -> None:
    """Add `export` to the command line."""
    parser = subparsers.add_parser(
        "export",
        help="hand on a robot's evidence in one file that anybody can check, or an incident for people and programs",
        description="Writes a bundle: tokens as the robot signed them, its public keys, how it came here, what was "
        "erased (as hashes), and a manifest signed by the host. `wachhund verify FILE` checks it, also elsewhere and "
        "offline. With --as: an incident as one document instead, on standard output or into --out (a PDF only "
        "there). Times are UTC. It may hold personal data.",
    )
    parser.add_argument("shown", metavar="INCIDENT", nargs="?", help="with --as: the id of the incident")
    parser.add_argument(
        "--as", dest="form", choices=_FORMS,
        help="markdown, pdf: for people, as its page shows it; json: as the API has it; ocsf: a Detection Finding "
        "(OCSF 1.6.0); stix: a bundle (STIX 2.1)",
    )  # fmt: skip
    parser.add_argument("--robot", metavar="ROBOT", help="its name or id")
    parser.add_argument("--incident", metavar="ID", help="an incident: what was seen while it lasted, and it itself")
    parser.add_argument("--from", metavar="T", dest="from_t", help="such as 2026-08-01T14:30 (default: the beginning)")
    parser.add_argument("--to", metavar="T", dest="to_t", help="the end of the span (default: now)")
    parser.add_argument("--out", metavar="FILE", type=Path, help="a file that does not exist yet (a bundle needs one)")
    parser.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write it. Raises MisuseError: nothing is left of it then."""
    if args.form is not None:
        return _run_incident(args)
    if args.shown is not None:
        forms = f"{', '.join(_FORMS[:-1])} or {_FORMS[-1]}"
        raise MisuseError(f"export: say --as {forms}; a bundle of an incident is --incident ID --out FILE")
    if args.out is None:
        raise MisuseError("export: a bundle needs --out FILE; an incident for people or other programs needs --as")
    return _run_bundle(args)


def _run_incident(args: argparse.Namespace) -> int:
    """An incident as one document."""
    from wachhund.fleet.commands import who
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.ledger import Ledger

    if args.shown is None or (args.robot, args.incident, args.from_t, args.to_t) != (None, None, None, None):
        raise MisuseError("export: with --as give an INCIDENT, and no --robot, --incident, --from or --to")
    if args.form == "pdf" and args.out is None:
        raise MisuseError("export: a PDF needs --out FILE: a terminal can't show it")
    data = DataFolder(args.data or default_data_folder())
    if not data.has_ledger():
        raise MisuseError(f"export: {data.path} holds no ledger: give the host's --data folder")
    ledger = Ledger.open(data.ledger)
    try:
        incident = ledger.incident(args.shown)
        if incident is None:
            raise MisuseError(f"incident {args.shown!r}: no such incident: its page's address ends with its id")
        robot = ledger.robot(str(incident["robot"]))
        document = _document(ledger, incident, robot.name, args.form)
        if args.out is not None:
            _write(args.out, lambda stream: stream.write(document))
        ledger.note_act(robot.id, "export", who(), f"incident {args.shown} as {args.form}")
        if args.out is None:
            sys.stdout.write(document.decode())
    finally:
        ledger.close()
    return 0


def _document(ledger: "Ledger", incident: Mapping[str, Any], robot: str, form: str) -> bytes:
    """The incident in that form."""
    from wachhund import __version__
    from wachhund.alerts.incident_record import incident_record
    from wachhund.exports import ocsf, stix
    from wachhund.exports.markdown import markdown
    from wachhund.exports.pdf import pdf

    if form in ("markdown", "pdf"):
        record = incident_record(ledger, incident, time.time())
        return pdf(record) if form == "pdf" else markdown(record).encode()
    if form == "json":
        made = incident
    else:
        made = ocsf.detection_finding(incident, robot, __version__) if form == "ocsf" else stix.bundle(incident, robot)
    # ASCII: a terminal or log that shows it is drawn on by nobody.
    return (json.dumps(made, indent=2, ensure_ascii=True) + "\n").encode("ascii")


def _run_bundle(args: argparse.Namespace) -> int:
    from wachhund.audit.exporting import Wanted, export
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
        span, key = Wanted(robot.id, from_t, to_t, args.incident), HostKeys.load_or_create(data).key

        def fill(stream: IO[bytes]) -> Any:
            with ledger.moment() as connection:
                return export(connection, span, key, time.time(), stream)

        made = _write(args.out, fill)
        ledger.note_act(robot.id, "export", who(), f"{made.tokens} tokens into {args.out.name}")
    finally:
        ledger.close()
    erased = f", {made.erased} erased as hashes" if made.erased else ""
    print(f"{args.out}: {made.tokens} tokens of {robot.name}{erased}, {made.bytes / _MIB:.1f} MiB")
    return 0


def _write(out: Path, fill: Callable[[IO[bytes]], Any]) -> Any:
    """Into a file beside it first: under its own name it is whole. Returns what `fill` returns."""
    if not out.name:
        raise MisuseError(f"--out: {str(out)!r}: is a folder: give the name of a file that does not exist yet")
    unfinished = out.with_name(out.name + ".unfinished")
    try:
        if out.exists():
            raise MisuseError(f"--out: {out}: is there already and is not overwritten: give another name")
        unfinished.unlink(missing_ok=True)
        handle = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "w+b") as stream:
                made = fill(stream)
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.rename(out)
            return made
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        what = error.strerror or str(error)
        raise MisuseError(f"--out: {out}: {what}: nothing was kept; make room, or choose another place") from None
