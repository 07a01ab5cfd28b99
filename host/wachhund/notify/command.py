"""`wachhund notify`: who is told of incidents, by which way; the same service as the pages."""

import argparse
import getpass
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund.keeping.arguments import ledger_of
from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from wachhund.ledger.notify_records import Route, Target
    from wachhund.notify.sealing import Sealer

_MAX_ADDRESS = 4_096
EXIT_NOT_DELIVERED = 1


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "notify",
        help="say who is told of incidents, and by which way",
        description="Targets (e-mail, chat, webhook, SIEM) and the routes by which incidents reach them. A running "
        "host takes up what is changed here at once. docs/notifications.md has the ways, and the rule of delivery.",
    )
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    listing = acts.add_parser("list", help="show targets, their routes, and how the last delivery went")
    add = acts.add_parser(
        "add",
        help="add a target with a route; its address is read from standard input",
        description="Reads the target's address from standard input, since it may hold a password: "
        "mailtos://user:password@mail.example.org?to=ops@example.org, https://example.org/hook, ntfys://topic, "
        "syslog+tls://siem.example.org:6514, ecs+tcp://..., or any other URL of Apprise.",
    )
    add.add_argument("name", metavar="NAME", help="what people call it")
    add.add_argument(
        "--allow-address", metavar="ADDRESS", action="append", default=[],
        help="an address, or a network, of this machine or a local network that it may lead to (repeatable); others "
        "are refused when a message is sent",
    )  # fmt: skip
    add.add_argument("--no-drill", action="store_true", help="the daily DRILL is not sent to it")
    add.add_argument("--no-route", action="store_true", help="make no route: it gets DRILLs and tests only")
    route = acts.add_parser("route", help="add another route to a target")
    route.add_argument("name", metavar="NAME", help="the target")
    for command in (add, route):
        _add_route(command)
    unroute = acts.add_parser("unroute", help="remove a route")
    unroute.add_argument("number", metavar="NUMBER", type=int, help="as `wachhund notify list` shows it")
    test = acts.add_parser("test", help="send a test now, and say what the other side answered")
    test.add_argument("name", metavar="NAME", help="the target")
    remove = acts.add_parser("remove", help="remove a target and its routes; what waits for it is withdrawn")
    remove.add_argument("name", metavar="NAME", help="the target")
    for command, run in (
        (listing, run_list), (add, run_add), (route, run_route), (unroute, run_unroute), (test, run_test),
        (remove, run_remove),
    ):  # fmt: skip
        command.set_defaults(run=run)
        command.add_argument("--json", action="store_true", help="one JSON object instead of lines for people")
        command.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")


def _add_route(command: argparse.ArgumentParser) -> None:
    command.add_argument("--level", default="high", help="from this level on (default high)")
    command.add_argument(
        "--robots", metavar="PATTERN", action="append", default=[],
        help="only robots of that name, such as go1-07 or berlin-* (repeatable; default all)",
    )  # fmt: skip
    command.add_argument("--hours", metavar="FROM-TO", help="only then, such as 08:00-18:00; else it waits for them")
    command.add_argument("--days", metavar="DAYS", help="only on these, such as mon-fri (default every day)")
    command.add_argument("--zone", metavar="NAME", help="the time zone of --hours, such as Europe/Berlin (default UTC)")
    command.add_argument(
        "--after", metavar="MINUTES", type=float, default=0.0,
        help="only when nobody has taken it over so many minutes later: an escalation",
    )  # fmt: skip


def _sealer(args: argparse.Namespace) -> "Sealer":
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.notify.sealing import Sealer

    return Sealer.load_or_make(DataFolder(args.data or default_data_folder()))


def _route_of(args: argparse.Namespace, target: str = "") -> "Route":
    from wachhund.fleet.commands import who
    from wachhund.notify import targets

    return targets.route(
        args.level, args.robots, args.hours, args.days, args.zone, args.after * 60.0, who(), time.time(), target
    )


def run_add(args: argparse.Namespace) -> int:
    """Add a target."""
    from wachhund.fleet.commands import who
    from wachhund.notify import targets

    route = None if args.no_route else _route_of(args)
    with ledger_of(args) as ledger:
        address = _address()
        made = targets.add(
            ledger.notifying, _sealer(args), args.name, address, args.allow_address, route, not args.no_drill, who(),
            time.time(),
        )  # fmt: skip
    if args.json:
        print(json.dumps({"target": _json(made.target, (), {}), "signing_secret": made.signing}))
        return 0
    print(f"target {made.target.name}: {made.target.shown}: added; now: wachhund notify test {args.name!r}")
    if made.signing is not None:
        print(f"its messages are signed with {made.signing} (shown this once): give it to the receiver")
    return 0


def _address() -> str:
    if sys.stdin is None or sys.stdin.isatty():
        return getpass.getpass("address: ")
    text = sys.stdin.read(_MAX_ADDRESS).strip()
    if not text:
        raise MisuseError("address: none on standard input: echo 'mailtos://...' | wachhund notify add NAME")
    return text


def run_route(args: argparse.Namespace) -> int:
    """Add a route."""
    from wachhund.notify import targets

    with ledger_of(args) as ledger:
        target = ledger.notifying.target(args.name)
        route = _route_of(args, target.id)
        number = ledger.notifying.add_route(route)
    words = targets.route_words(route)
    print(json.dumps({"route": number}) if args.json else f"route {number} to {target.name}: {words}")
    return 0


def run_unroute(args: argparse.Namespace) -> int:
    """Remove a route."""
    with ledger_of(args) as ledger:
        gone = ledger.notifying.remove_route(args.number)
    print(json.dumps({"route": gone.id}) if args.json else f"route {gone.id}: removed")
    return 0


def run_test(args: argparse.Namespace) -> int:
    """Send a test. Returns 1 when it did not arrive."""
    from wachhund.fleet.commands import who
    from wachhund.notify import targets
    from wachhund.notify.service import PAGE_KEY

    with ledger_of(args) as ledger:
        page = ledger.notifying.said(PAGE_KEY) or "http://localhost/"
        answer = targets.test(ledger.notifying, _sealer(args), args.name, who(), page)
    if args.json:
        print(json.dumps({"ok": answer.ok, "words": answer.words}))
    else:
        print(f"target {args.name}: {'taken' if answer.ok else 'NOT delivered'}: {answer.words}")
    return 0 if answer.ok else EXIT_NOT_DELIVERED


def run_remove(args: argparse.Namespace) -> int:
    """Remove a target."""
    with ledger_of(args) as ledger:
        gone = ledger.notifying.remove(args.name, time.time())
    print(json.dumps({"target": gone.name}) if args.json else f"target {gone.name}: removed")
    return 0


def run_list(args: argparse.Namespace) -> int:
    """Show targets, and what is to be mended."""
    from wachhund.notify.repairs import repairs
    from wachhund.notify.targets import route_words

    now = time.time()
    with ledger_of(args) as ledger:
        standing, broken = ledger.notifying.standing(now), repairs(ledger.notifying, now)
    if args.json:
        told = [_json(one, standing.routes, standing.counts) for one in standing.targets]
        print(json.dumps({"targets": told, "repairs": [vars(one) for one in broken]}))
        return 0
    for one in standing.targets:
        print(f"{one.name}: {one.shown}; {_tested(one)}; {_last(one)}")
        for route in standing.routes:
            if route.target == one.id:
                print(f"  route {route.id}: {route_words(route)}")
    for repair in broken:
        print(f"to mend: {repair.what}: {repair.to_do}")
    return 0


def _tested(one: "Target") -> str:
    from wachhund.keeping.moments import shown

    if one.tested_t is None:
        return "NOT TESTED"
    return f"test {shown(one.tested_t)}: {'taken' if one.tested_ok else 'FAILED: ' + str(one.tested_words)}"


def _last(one: "Target") -> str:
    from wachhund.keeping.moments import shown

    if one.last_t is None:
        return "nothing was sent yet"
    return f"last delivery {shown(one.last_t)}: {'taken' if one.last_ok else 'FAILED: ' + str(one.last_words)}"


def _json(one: "Target", routes: Any, counts: Any) -> dict[str, Any]:
    """Without what is sealed."""
    return {
        "name": one.name, "kind": one.kind, "address": one.shown, "allowed": list(one.allowed), "drills": one.drills,
        "tested_t": one.tested_t, "tested_ok": one.tested_ok, "tested_words": one.tested_words, "last_t": one.last_t,
        "last_ok": one.last_ok, "last_words": one.last_words, "failures": one.failures,
        "messages": {state: number for (target, state), number in counts.items() if target == one.id},
        "routes": [vars(route) | {"hours": vars(route.hours) if route.hours else None} for route in routes
                   if route.target == one.id],
    }  # fmt: skip
