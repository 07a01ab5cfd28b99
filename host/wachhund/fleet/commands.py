"""`wachhund robots`: invite robots, accept them, and say what becomes of them."""

import argparse
import datetime
import getpass
import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund.fleet import labels
from wachhund_evidence import MisuseError, WachhundError

if TYPE_CHECKING:
    from wachhund.ledger import Fault, Ledger

DEFAULT_BROKER = "mqtt://127.0.0.1:18830"
_MAX_KEY_BYTES = 16 * 1024
FIRST = "first"


def add_parser(subparsers: Any) -> None:
    """Add `robots` to the command line."""
    parser = subparsers.add_parser("robots", help="invite robots, and say what becomes of them")
    commands = parser.add_subparsers(dest="robots_command", metavar="COMMAND", required=True)
    invite = commands.add_parser(
        "invite",
        help="make a token by which a new robot enrols",
        description="Prints a token, once. On the robot: `wachhund-agent enrol TOKEN`; then compare the six words and "
        "`wachhund robots accept NAME`.",
    )
    invite.add_argument("wanted", metavar="NAME", help="a label for people; the host makes the robot's id")
    for purpose, what in (
        ("rotate", "make a token by which a robot gets a new key; it stays the same robot"),
        ("replace", "make a token by which another board takes a robot's place"),
    ):
        again = commands.add_parser(purpose, help=what)
        again.add_argument("wanted", metavar="ROBOT", help="its name or id")
        again.set_defaults(purpose=purpose, run=run_invite)
    invite.set_defaults(purpose=FIRST, run=run_invite)
    for act, what in (
        ("accept", "say that the six words were compared: the robot is trusted from now on"),
        ("revoke", "trust a robot no more: it is cut off at once and gets no receipt"),
        ("retire", "take a robot out of service; its evidence stays"),
    ):
        changed = commands.add_parser(act, help=what)
        changed.add_argument("wanted", metavar="ROBOT", help="its name or id")
        changed.add_argument("--why", metavar="TEXT", default="", help="kept with who did it and when")
        changed.set_defaults(act=act, run=run_change)
    labels.add_parser(commands)
    acknowledge = commands.add_parser(
        "acknowledge",
        help="say that faults of a robot's evidence are looked into",
        description="Until then its evidence is broken. Nothing undoes it; a new fault breaks it again. Without "
        "--fault it goes for all that are open: see `wachhund robots show ROBOT` first.",
    )
    acknowledge.add_argument("wanted", metavar="ROBOT", help="its name or id")
    acknowledge.add_argument("--fault", metavar="ID", help="only this one, as `robots show` names it")
    acknowledge.add_argument("--why", metavar="TEXT", required=True, help="what it was: kept with who said it and when")
    acknowledge.set_defaults(run=run_acknowledge)
    shown = commands.add_parser("show", help="one robot: state, keys, faults, what was done to it, what was refused")
    shown.add_argument("wanted", metavar="ROBOT", help="its name or id")
    shown.set_defaults(run=run_show)
    add = commands.add_parser("add", help="register a robot by its public key, on this machine")
    add.add_argument("name", metavar="NAME", help="a label for people; the host makes the robot's id")
    add.add_argument("--key", metavar="FILE", type=Path, required=True, help="the robot's public key (PEM)")
    add.add_argument(
        "--out", metavar="FILE", type=Path, help="write the agent's configuration there, 0600, not printed"
    )
    add.add_argument(
        "--broker-address",
        metavar="URL",
        default=DEFAULT_BROKER,
        help=f"where the robot finds the broker: mqtt://ADDRESS:PORT or unix:PATH (default {DEFAULT_BROKER})",
    )
    add.set_defaults(run=run_add)
    listed = commands.add_parser("list", help="list the robots, and what was refused that was of none of them")
    listed.set_defaults(run=run_list)
    for command in commands.choices.values():
        command.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")


def _check_broker_address(address: str) -> str:
    scheme, _, rest = address.partition(":")
    host, _, port = rest.removeprefix("//").rpartition(":")
    if scheme == "unix" and rest.startswith("/"):
        return address
    if scheme == "mqtt" and rest.startswith("//") and host and port.isdecimal() and 0 < int(port) < 65536:
        return address
    raise MisuseError(f"--broker-address: {address!r}: give mqtt://ADDRESS:PORT or unix:/PATH")


def _read_key(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_MAX_KEY_BYTES)
    except OSError as error:
        raise MisuseError(f"--key: {path}: {error.strerror}: give the robot's public key file") from None


def run_add(args: argparse.Namespace) -> int:
    """Register a robot. Without --out its configuration goes to standard output, as it is shown only once."""
    from wachhund.fleet.data_folder import DataFolder, default_data_folder, write_secret_file
    from wachhund.fleet.host_keys import HostKeys
    from wachhund.fleet.registration import agent_configuration, new_robot
    from wachhund.ledger import Ledger

    broker = _check_broker_address(args.broker_address)
    pem = _read_key(args.key)
    data = DataFolder(args.data or default_data_folder()).make()
    host = HostKeys.load_or_create(data)
    try:
        robot, credentials = new_robot(args.name, pem, host)
    except MisuseError as error:
        where = f"--key: {args.key}: " if str(error).startswith("public key") else ""
        raise MisuseError(f"{where}{error}") from None
    content = json.dumps(dict(agent_configuration(robot, credentials, host, broker)), indent=2) + "\n"
    ledger = Ledger.open(data.ledger)
    try:
        if args.out is None:
            ledger.add_robot(robot)
            print(content, end="")
            return 0
        # The file first: a robot whose password could not be written down would be registered for nothing.
        write_secret_file(args.out, content.encode("ascii"))
        try:
            ledger.add_robot(robot)
        except WachhundError:
            args.out.unlink()
            raise
        print(f"{robot.id} {robot.name}: configuration in {args.out}")
        return 0
    finally:
        ledger.close()


def run_invite(args: argparse.Namespace) -> int:
    """Print a token for a robot, once."""
    from wachhund.fleet import doors
    from wachhund.fleet.authority import Authority
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.fleet.host_keys import HostKeys
    from wachhund.fleet.inviting import HOURS, invite
    from wachhund.ledger import Ledger

    data = DataFolder(args.data or default_data_folder())
    reached = doors.load(data.doors)
    keys = HostKeys.load_or_create(data)
    authority = Authority.load_or_create(data, (), datetime.datetime.now(datetime.UTC))
    with closing(Ledger.open(data.ledger)) as ledger:
        made = invite(ledger, keys, authority, args.wanted, reached.enrol, who(), time.time(), args.purpose)
    print(f"robot {made.robot} ({made.name}): one key may enrol with this token within {HOURS:.0f} h:", file=sys.stderr)
    print(made.text)
    return 0


def run_change(args: argparse.Namespace) -> int:
    """Accept, revoke or retire a robot."""
    with closing(open_ledger(args)) as ledger:
        robot = ledger.change_robot(args.wanted, args.act, who(), args.why)
    print(f"{robot.id} {robot.name}: {robot.state}")
    return 0


def run_acknowledge(args: argparse.Namespace) -> int:
    """Acknowledge faults of a robot's evidence."""
    with closing(open_ledger(args)) as ledger:
        for fault in ledger.integrity.acknowledge(args.wanted, who(), args.why, args.fault):
            print(f"{fault.id}: {fault.detail}")
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Print all that is known of one robot beside its evidence."""
    from wachhund import assurance
    from wachhund.fleet import refused

    with closing(open_ledger(args)) as ledger:
        robot = ledger.robot(args.wanted)
        keys, acts = ledger.robot_keys(robot.id), ledger.robot_acts(robot.id)
        started = ledger.current_state(robot.id).started
        faults = [(fault, ledger.integrity.since(fault)) for fault in ledger.integrity.all(robot.id)]
        counted = refused.of_robot(ledger.rejections().values(), robot.id)
        link = ledger.link(robot.id)
    print(f"{robot.name}: robot {robot.id}, {robot.state}, ueid {robot.ueid}")
    print(f"agent: {assurance.build_word(started and started.observation.fields.get('build_sha256'))}")
    print(f"assurance: {assurance.LEVEL}: {assurance.MEANING}")
    if link is not None:
        print(f"connection: {'began' if link.online else 'ended'} {_moment(link.t)} (as it says: a hint, no proof)")
    for key in keys:
        until = "now" if key.until_t is None else _moment(key.until_t)
        print(f"key {key.kid}  {_moment(key.since_t)} to {until}")
    for act in acts:
        print(f"{_moment(act.t)}  {act.act} by {act.by}" + (f": {act.detail}" if act.detail else ""))
    for fault, since in faults:
        _print_fault(fault, since)
    for line in refused.lines(counted):
        print(line)
    return 0


def _print_fault(fault: "Fault", since: str) -> None:
    answer = fault.acknowledged
    print(f"fault {fault.id}  {_moment(fault.since_t)}  {fault.kind.level}: {fault.kind.title}")
    print(f"  {fault.detail} {since}".rstrip())
    if answer is None:
        print(f"  May mean: {fault.kind.may_mean}")
        print(f"  To do: {fault.kind.to_do}")
    else:
        print(f"  acknowledged {_moment(answer.t)} by {answer.by}: {answer.why}")


def open_ledger(args: argparse.Namespace) -> "Ledger":
    """The ledger of the data folder that was given. Raises MisuseError when there is none."""
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.ledger import Ledger

    data = DataFolder(args.data or default_data_folder())
    if not data.has_ledger():
        raise MisuseError(f"no robots yet: {data.path} holds no ledger: give the host's --data folder")
    return Ledger.open(data.ledger)


def _moment(t: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))


def who() -> str:
    """Who sits at the command line, as the system knows them."""
    return f"{getpass.getuser()} at the command line"


def run_list(args: argparse.Namespace) -> int:
    """Print id, since when, key, state, refusals and name of each robot, one a line; at last what nobody's was."""
    from wachhund.fleet import refused
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.ledger import Ledger

    data = DataFolder(args.data or default_data_folder())
    if not data.has_ledger():
        print(f"wachhund: no robots yet: {data.path} holds no ledger", file=sys.stderr)
        return 0
    ledger = Ledger.open(data.ledger)
    try:
        counted = list(ledger.rejections().values())
        for robot in ledger.robots():
            times = sum(one.count for one in counted if one.robot == robot.id)
            told = f"{robot.id}  {_moment(robot.created_t)}  {robot.kid}  {robot.state:7}"
            print(f"{told}  refused {times:<6}  {robot.name}")
        for line in refused.lines(refused.of_robot(counted, refused.NOBODY)):
            print(f"of no robot: {line}")
    finally:
        ledger.close()
    return 0
