"""`wachhund incidents`: see what needs somebody, and say who is on it, at the command line."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund.keeping.arguments import ledger_of

if TYPE_CHECKING:
    from wachhund.alerts.listing import Entry
    from wachhund.ledger import Ledger

EXIT_REFUSED = 1
CAMPAIGNS_LISTED = 100  # the newest; /api/v1/campaigns has all


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "incidents",
        help="see what needs somebody; acknowledge, assign, comment, close",
        description="What people say about incidents is kept for ever, beside what the judge found. An acknowledgement "
        "holds messages back for 30 minutes; a new surface, origin or robot rings at once. What was closed comes back "
        "by whatever was not there then.",
    )
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    listing = acts.add_parser("list", help="list them, the gravest first")
    listing.add_argument(
        "--tab", metavar="TAB", default="needs-you", help="needs-you (default), acknowledged, came-back or closed"
    )
    for field, example in (
        ("level", "critical"), ("robot", "its name"), ("surface", "ssh"), ("kind", "tunnel"),
        ("assignee", "a person's name, or nobody"),
    ):  # fmt: skip
        listing.add_argument(
            f"--{field}", metavar=field.upper(), action="append", default=[],
            help=f"only with this {field} ({example}); --{field}=-{field.upper()}: only without (repeatable)",
        )  # fmt: skip
    listing.add_argument(
        "--sort", metavar="ORDER", default="", help="gravest (default), newest (default of closed) or oldest"
    )
    listing.add_argument("--page", metavar="N", type=int, default=1, help="100 are on one (default: 1)")
    listing.set_defaults(run=run_list)
    campaigns = acts.add_parser("campaigns", help="list who was on several robots at a time, and nobody allowed it")
    campaigns.set_defaults(run=run_campaigns)
    show = acts.add_parser("show", help="show one: where it stands, what to do, what was done")
    show.add_argument("incident", metavar="ID", help="its page's address ends with it")
    show.set_defaults(run=run_show)
    for act, words in (
        ("ack", "say that you are on it: no message for 30 minutes"),
        ("assign", "say whose it is"),
        ("comment", "write something beside it"),
        ("close", "say that it is done with, and why"),
        ("reopen", "open again what was closed or acknowledged"),
    ):
        command = acts.add_parser(act, help=words)
        command.add_argument("incidents", metavar="ID", nargs="+", help="as `wachhund incidents list` shows it")
        if act == "assign":
            command.add_argument("--to", metavar="NAME", required=True, help="a person of this host, or nobody")
        if act == "close":
            command.add_argument(
                "--reason", metavar="REASON", required=True,
                help="real, 'false alarm', test, 'allowed afterwards' or 'cannot tell'",
            )  # fmt: skip
        command.add_argument(
            "--why" if act != "comment" else "--text", dest="text", metavar="TEXT", required=act == "comment",
            default="", help="kept with who did it and when",
        )  # fmt: skip
        command.set_defaults(run=run_act)
    for command in acts.choices.values():
        command.add_argument("--json", action="store_true", help="one JSON object instead of lines for people")
        command.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")


def run_list(args: argparse.Namespace) -> int:
    """List them."""
    from wachhund.alerts.listing import FIELDS, asked, listing, q_of

    now = time.time()
    terms = [(field, value) for field in FIELDS for value in getattr(args, field)]
    wanted = asked(args.tab, q_of(terms), args.sort, args.page)
    with ledger_of(args) as ledger:
        names = {robot.id: robot.name for robot in ledger.robots()}
        found = listing(ledger, wanted, now, names)
    if args.json:
        told = [_json(entry, names) for entry in found.entries]
        print(json.dumps({"incidents": told, "found": found.found, "page": found.page, "counts": dict(found.counts)}))
        return 0
    for entry in found.entries:
        print(_line(entry, names))
    if not found.entries:
        print(f"none ({', '.join(f'{tab}: {count}' for tab, count in found.counts.items())})")
    elif found.pages > 1:
        print(f"page {found.page} of {found.pages}; {found.found} in all")
    return 0


def run_campaigns(args: argparse.Namespace) -> int:
    """List campaigns, the newest sign first, with the robots of each."""
    from wachhund.judge.wording import moment, shown

    with ledger_of(args) as ledger:
        names = {robot.id: robot.name for robot in ledger.robots()}
        found, one_of = ledger.campaigns.page(CAMPAIGNS_LISTED)[1], ledger.campaigns.robots
        on = {one["id"]: [{**row, "robot": names.get(row["robot"])} for row in one_of(one["id"])] for one in found}
    if args.json:
        fields = ("id", "who", "place", "title", "level", "first_t", "last_t", "goes_on")
        listed = [{**{name: one[name] for name in fields}, "robots": on[one["id"]]} for one in found]
        print(json.dumps({"campaigns": listed}))
        return 0
    for one in found:
        print(f"{one['id']} {one['level']}: {shown(one['title'])} (last sign {moment(one['last_t'])})")
        for row in on[one["id"]]:
            last = "goes on" if row["last_t"] is None else f"until {moment(row['last_t'])}"
            told = f"; incidents {', '.join(row['incidents'])}" if row["incidents"] else ""
            print(f"  {row['robot'] or 'no robot'}: since {moment(row['first_t'])}, {last}{told}")
    if not found:
        print("none")
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Show one."""
    from wachhund.alerts.handling import told
    from wachhund.alerts.ringing import ringing
    from wachhund.judge.wording import shown
    from wachhund_evidence import MisuseError

    now = time.time()
    with ledger_of(args) as ledger:
        incident = ledger.incident(args.incident)
        if incident is None:
            raise MisuseError(f"incident {args.incident!r}: there is none: `wachhund incidents list` shows them")
        life, acts = ledger.handling.life(args.incident), ledger.handling.acts(args.incident)
        found = ringing(incident, life, ledger.silencing.valid(now), now)
        names = {robot.id: robot.name for robot in ledger.robots()}
    if args.json:
        told_acts = [{**vars(act)} for act in acts]
        print(json.dumps({"incident": incident, **_standing_json(found, life.assignee), "acts": told_acts}))
        return 0
    print(f"{shown(str(incident['title']))} ({incident['level']}, on {names.get(str(incident['robot']), 'no robot')})")
    print(f"{found.standing.state}: {shown(found.standing.because, 400)}{_held_words(found)}")
    print(f"owner: {shown(found.owner) if found.owner else 'nobody'}")
    for heading, lines in (("what to do", incident["advice"]), ("what happened", incident["story"])):
        print(f"{heading}:")
        for line in lines:
            print(f"  {shown(str(line), 600)}")
    print("notes:" if acts else "notes: none")
    for act in acts:
        print(f"  {told(act)}")
    return 0


def run_act(args: argparse.Namespace) -> int:
    """Do an act to one or several."""
    from wachhund.alerts.handling import Shown, Wanted, handle_many
    from wachhund.fleet.commands import who
    from wachhund.ledger.handling_records import ACKNOWLEDGE

    act = ACKNOWLEDGE if args.act == "ack" else args.act
    detail = args.reason if act == "close" else ("" if args.to == "nobody" else args.to) if act == "assign" else ""
    wanted: Wanted = Wanted(act, who(), time.time(), args.text, detail)
    with ledger_of(args) as ledger:
        done = handle_many(ledger, [Shown(name) for name in args.incidents], wanted, _is_person(ledger))
    if args.json:
        print(json.dumps({"done": [{"id": one.id, "refused": one.refused} for one in done]}))
    else:
        for one in done:
            if one.refused is None:
                print(f"incident {one.id}: {args.act}: done")
            else:
                print(f"wachhund: {one.refused}", file=sys.stderr)
    return EXIT_REFUSED if any(one.refused is not None for one in done) else 0


def _is_person(ledger: "Ledger") -> Any:
    return lambda name: ledger.people.person(name) is not None


def _line(entry: "Entry", names: dict[str, str]) -> str:
    from wachhund.judge.wording import moment, shown

    incident, found = entry.row.incident, entry.ringing
    robot = names.get(str(incident["robot"]), "no robot")
    owner = f", {shown(found.owner)}" if found.owner else ""
    tag = f", {entry.tag.by} {entry.tag.id}" if entry.tag is not None else ""
    state = f"{found.standing.state}{owner}{tag}"
    title, last = shown(str(incident["title"])), moment(incident["last_t"])
    return f"{incident['id']} {incident['level']} {robot}: {title} ({state}; last sign {last})"


def _held_words(found: Any) -> str:
    from wachhund.judge.wording import moment, shown

    if found.held is None or found.held.until_t is None:
        return ""
    who = f" by {shown(found.held.who)}" if found.held.who else ""
    return f"; no message until {moment(found.held.until_t)} ({found.held.by}{who})"


def _standing_json(found: Any, assignee: str | None) -> dict[str, Any]:
    standing = {"state": found.standing.state, "because": found.standing.because, "since_t": found.standing.since_t}
    held = None if found.held is None else vars(found.held)
    return {**standing, "rings": found.rings, "held": held, "owner": found.owner, "assignee": assignee}


def _json(entry: "Entry", names: dict[str, str]) -> dict[str, Any]:
    incident = entry.row.incident
    fields = ("id", "kind", "title", "level", "surface", "first_t", "last_t")
    return {
        **{name: incident.get(name) for name in fields}, "robot": names.get(str(incident["robot"])),
        **_standing_json(entry.ringing, entry.row.life.assignee),
        "silence": None if entry.tag is None else entry.tag.id,
    }  # fmt: skip
