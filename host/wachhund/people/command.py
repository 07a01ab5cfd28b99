"""`wachhund people`: who may log in and with which roles; also when nobody can log in any more."""

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund.keeping.arguments import ledger_of, why_of
from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from wachhund.ledger import Person

_LINK_DAYS = 1.0


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "people",
        help="who may log in, and what they may do",
        description="The same as Settings, People on the pages, for whoever may write the host's data folder. Every "
        "change is in the log of acts. A running host knows of it at once.",
    )
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    listing = acts.add_parser("list", help="everybody, with their roles")
    listing.add_argument("--json", action="store_true", help="one JSON object a line instead of lines for people")
    listing.set_defaults(run=run_list)
    invite = acts.add_parser("invite", help="add a person, and print the one-time link by which they set a password")
    reset = acts.add_parser(
        "reset", help="print a one-time link to set a new password; using it also ends the second factor and all logins"
    )
    role = acts.add_parser("role", help="give a person these roles instead of those that they have")
    disable = acts.add_parser("disable", help="let a person in no more, at once")
    enable = acts.add_parser("enable", help="let a person in again")
    for command, run in (
        (invite, run_invite), (reset, run_reset), (role, run_role), (disable, run_disable), (enable, run_enable),
    ):  # fmt: skip
        command.add_argument("name", metavar="NAME", help="the name that they log in with")
        command.add_argument("--why", metavar="TEXT", required=True, help="kept with who did it and when")
        command.set_defaults(run=run)
    for command in (invite, role):
        command.add_argument(
            "--role", metavar="ROLE[:GROUP]", dest="roles", action="append", required=True,
            help="viewer, auditor, operator or admin, for a group of robots (default: all; repeatable)",
        )  # fmt: skip
    for command in (invite, reset):
        command.add_argument("--days", metavar="N", type=float, default=_LINK_DAYS, help="how long the link holds (1)")
    for command in (listing, invite, reset, role, disable, enable):
        command.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")


def run_list(args: argparse.Namespace) -> int:
    """Print everybody."""
    with ledger_of(args) as ledger:
        for person in ledger.people.all():
            if args.json:
                told = {"name": person.name, "roles": dict(person.grants), "state": _state(person)}
                print(json.dumps({**told, "since_t": person.created_t}))
            else:
                roles = ", ".join(f"{role} of {group}" for group, role in person.grants.items())
                print(f"{person.name}  {_state(person)}  {roles or 'no role'}")
    return 0


def _state(person: "Person") -> str:
    if person.disabled_t is not None:
        return "disabled"
    return "active" if person.password_hash else "invited"


def run_invite(args: argparse.Namespace) -> int:
    """Add a person, and print their link."""
    from wachhund.fleet.commands import who
    from wachhund.people.inviting import invite

    why, roles = why_of(args), _roles(args.roles)
    with ledger_of(args) as ledger:
        _say(invite(ledger, args.name, roles, args.days, by=who(), why=why, t=time.time()), args)
    return 0


def run_reset(args: argparse.Namespace) -> int:
    """Print a link to set a new password."""
    from wachhund.fleet.commands import who
    from wachhund.people.inviting import reset

    why = why_of(args)
    with ledger_of(args) as ledger:
        _say(reset(ledger, args.name, args.days, by=who(), why=why, t=time.time()), args)
    return 0


def run_role(args: argparse.Namespace) -> int:
    """Give a person these roles."""
    from wachhund.fleet.commands import who
    from wachhund.people.inviting import checked_roles

    why, roles = why_of(args), checked_roles(_roles(args.roles))
    with ledger_of(args) as ledger:
        ledger.people.change_roles(args.name, roles, by=who(), why=why, t=time.time())
    return 0


def run_disable(args: argparse.Namespace) -> int:
    """Let a person in no more."""
    from wachhund.fleet.commands import who

    with ledger_of(args) as ledger:
        ledger.people.disable(args.name, by=who(), why=why_of(args), t=time.time())
    return 0


def run_enable(args: argparse.Namespace) -> int:
    """Let a person in again."""
    from wachhund.fleet.commands import who

    with ledger_of(args) as ledger:
        ledger.people.enable(args.name, by=who(), why=why_of(args), t=time.time())
    return 0


def _roles(given: list[str]) -> dict[str, str]:
    roles: dict[str, str] = {}
    for one in given:
        role, _, group = one.partition(":")
        if (group or "all") in roles:
            raise MisuseError(f"--role {one}: one role for a group: {roles[group or 'all']} was given already")
        roles[group or "all"] = role
    return roles


def _say(code: str, args: argparse.Namespace) -> None:
    print(f"wachhund: for {args.name}, once, within {args.days:g} days: /welcome#{code} on this host's pages")
