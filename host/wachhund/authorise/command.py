"""`wachhund authorise`: say that sessions are wanted, see what that covers, and end it."""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund.keeping.arguments import ledger_of, why_of
from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from wachhund.ledger import Authorisation, Ledger

_UNTIL = "a length such as 30m, 2h or 7d, or a time (UTC); default 2h, longest 30d"


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "authorise",
        help="say which sessions are wanted: they are shown, not alerted",
        description="A session that an authorisation covers in all it names is shown and not alerted; when it ends "
        "while the session goes on, that is alerted then. Each is kept for ever, with who made or ended it and why. A "
        "running host judges anew within seconds.",
    )
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    add = acts.add_parser("add", help="make one")
    preview = acts.add_parser(
        "preview", help="show what one would cover now and in the last 30 days, and which open incidents; makes none"
    )
    for command in (add, preview):
        _add_scope(command)
    incident = acts.add_parser(
        "incident",
        help="make one from an incident",
        description="Takes robot, surface, origin and carrier from the incident's gravest session, and begins with it. "
        "Where nobody came in yet, it allows only that the relay or tunnel is there.",
    )
    incident.add_argument("incident", metavar="ID", help="its page's address ends with it")
    incident.add_argument("--session", metavar="ID", help="another session of it, as `wachhund explain` shows them")
    incident.add_argument(
        "--from", metavar="ADDRESS", dest="sources", action="append", default=[],
        help="an address, a network, or any: instead of the session's (repeatable)",
    )  # fmt: skip
    incident.add_argument("--carrier", metavar="NAME", help="lan, internet, relay, a tunnel's name, or any: instead")
    incident.set_defaults(run=run_incident)
    for command in (add, incident, preview):
        command.add_argument("--until", metavar="T", help=_UNTIL)
        command.add_argument("--who", metavar="NAME", help="whose sessions they are (default: who makes it)")
    for command in (add, incident):
        command.add_argument("--why", metavar="TEXT", required=True, help="kept with who did it and when")
    listing = acts.add_parser("list", help="show those that are valid or planned")
    listing.add_argument("--all", action="store_true", help="also those that are over or were withdrawn")
    end = acts.add_parser("end", help="withdraw one: it ends now")
    end.add_argument("authorisation", metavar="ID", help="as `wachhund authorise list` shows it")
    end.add_argument("--why", metavar="TEXT", required=True, help="kept with who did it and when")
    for command, run in ((add, run_add), (preview, run_preview), (listing, run_list), (end, run_end)):
        command.set_defaults(run=run)
    for command in (add, preview, incident, listing, end):
        command.add_argument("--json", action="store_true", help="one JSON object instead of lines for people")
        command.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")


def _add_scope(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--robot", metavar="ROBOT", action="append", required=True, help="its name or id, or all (repeatable)"
    )
    command.add_argument(
        "--surface", metavar="NAME", action="append", required=True,
        help="ssh, shell, desktop, web, mqtt, udp, ros, camera, microphone, update, or all (repeatable); none: only "
        "that the carrier is there",
    )  # fmt: skip
    command.add_argument(
        "--from", metavar="ADDRESS", dest="sources", action="append", required=True,
        help="an address, a network such as 192.168.12.0/24, or any (repeatable)",
    )  # fmt: skip
    command.add_argument(
        "--carrier", metavar="NAME", default="any",
        help="lan, internet, relay, or a tunnel's name such as CloudSail; any (default) means no relay and no tunnel",
    )  # fmt: skip
    command.add_argument("--begin", metavar="T", help="a time (UTC; default: now)")


def run_add(args: argparse.Namespace) -> int:
    """Make one."""
    why = why_of(args)
    with ledger_of(args) as ledger:
        return _make(ledger, _drafted(ledger, args, why), args)


def run_preview(args: argparse.Namespace) -> int:
    """Show what one would do."""
    with ledger_of(args) as ledger:
        one = _drafted(ledger, args, "preview")
        _warn(one)
        _tell(ledger, None, one, args)
    return 0


def run_incident(args: argparse.Namespace) -> int:
    """Make one from a session of an incident, or from its way in."""
    from wachhund.authorise.drafting import begin_of, end_of, from_session, from_way, who_of
    from wachhund.fleet.commands import who
    from wachhund.judge.authorisations import told_way
    from wachhund.ledger import Authorisation

    now, why = time.time(), why_of(args)
    with ledger_of(args) as ledger:
        incident = ledger.incident(args.incident)
        if incident is None or incident["robot"] is None:
            raise MisuseError(f"incident {args.incident!r}: no such incident: its page's address ends with its id")
        session = _session_of(incident, args.session)
        if session is not None:
            scope, first_t = from_session(session, incident, args.sources, args.carrier), float(session["first_t"])
        elif told_way(incident, now) is not None:
            scope, first_t = from_way(incident, args.sources, args.carrier), float(incident["first_t"])
        else:
            raise MisuseError(f"incident {args.incident}: it is about no session and no way in: nothing to allow")
        until_t = end_of(args.until, now)
        surfaces, sources, carrier = scope
        one = Authorisation(
            "", who_of(args.who or who()), (str(incident["robot"]),), surfaces, sources, carrier,
            min(now, begin_of(first_t, until_t)), until_t, why, who(), now,
        )  # fmt: skip
        return _make(ledger, one, args)


def _session_of(incident: dict[str, Any], wanted: str | None) -> "Mapping[str, Any] | None":
    """The session that is meant: the one that gave the incident its origin, or another by its id."""
    from wachhund.authorise.prefilling import gravest_session

    found = gravest_session(incident, wanted)
    if found is None and wanted is not None:
        raise MisuseError(f"--session: {wanted!r}: the incident has none of that id: see `wachhund explain`")
    return found


def run_list(args: argparse.Namespace) -> int:
    """Show authorisations, the oldest first."""
    from wachhund.authorise.telling import line_of
    from wachhund.ledger.authorisation_records import MAY_BE_ENDED

    now = time.time()
    with ledger_of(args) as ledger:
        names = {robot.id: robot.name for robot in ledger.robots()}
        known = [one for one in ledger.authorisations.all() if args.all or one.state(now) in MAY_BE_ENDED]
        covers = _covers(ledger)
    if args.json:
        told = [{**one.to_json(), "state": one.state(now), "covers": covers.get(one.id, 0)} for one in known]
        print(json.dumps({"authorisations": told}))
        return 0
    for one in known:
        print(line_of(one, names, now, covers.get(one.id, 0)))
    if not known:
        print("nothing is allowed: every session that is not the robot's own alerts")
    return 0


def _covers(ledger: "Ledger") -> dict[str, int]:
    """How many open sessions each covers now, as the judge said."""
    from wachhund.authorise.preview import MAX_SESSIONS

    counted: dict[str, int] = {}
    for session in ledger.sessions(open_only=True, limit=MAX_SESSIONS):
        if session["authorisation"] is not None:
            name = session["authorisation"]["id"]
            counted[name] = counted.get(name, 0) + 1
    return counted


def run_end(args: argparse.Namespace) -> int:
    """Withdraw one."""
    from wachhund.fleet.commands import who

    with ledger_of(args) as ledger:
        covers = _covers(ledger).get(args.authorisation, 0)
        ended = ledger.authorisations.end(args.authorisation, who(), why_of(args), time.time())
    if args.json:
        print(json.dumps({"authorisation": ended.to_json()}))
    else:
        alerted = f"; {covers} open sessions are alerted now, unless another covers them" if covers else ""
        print(f"authorisation {ended.id}: withdrawn{alerted}")
    return 0


def _drafted(ledger: "Ledger", args: argparse.Namespace, why: str) -> "Authorisation":
    from wachhund.authorise.drawing_up import Typed, draw_up
    from wachhund.fleet.commands import who

    typed = Typed(
        tuple(args.robot), tuple(args.surface), tuple(args.sources), args.carrier, args.until or "",
        args.who or who(), why, args.begin or "",
    )  # fmt: skip
    return draw_up(typed, ledger.robot, who(), time.time())


def _make(ledger: "Ledger", one: "Authorisation", args: argparse.Namespace) -> int:
    _warn(one)
    made = ledger.authorisations.make(one)
    _tell(ledger, made, made, args)
    return 0


def _warn(one: "Authorisation") -> None:
    from wachhund.authorise.drafting import wide_in

    for words in wide_in(one):
        print(f"wachhund: warning: {words}", file=sys.stderr)


def _tell(ledger: "Ledger", made: "Authorisation | None", one: "Authorisation", args: argparse.Namespace) -> None:
    from wachhund.authorise.preview import preview
    from wachhund.authorise.telling import json_of, line_of, lines_of

    now = time.time()
    names = {robot.id: robot.name for robot in ledger.robots()}
    found = preview(ledger, one, now)
    if args.json:
        print(json.dumps({"authorisation": None if made is None else made.to_json(), "preview": json_of(found)}))
        return
    if made is not None:
        print(line_of(made, names, now, len(found.now)))
    for line in lines_of(found, names):
        print(line)
