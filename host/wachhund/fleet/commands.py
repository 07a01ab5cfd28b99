"""`wachhund robots`: register robots and list them."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from wachhund_evidence import MisuseError, WachhundError

DEFAULT_BROKER = "mqtt://127.0.0.1:18830"
_MAX_KEY_BYTES = 16 * 1024


def add_parser(subparsers: Any) -> None:
    """Add `robots` to the command line."""
    parser = subparsers.add_parser("robots", help="register robots, or list them")
    commands = parser.add_subparsers(dest="robots_command", metavar="COMMAND", required=True)
    add = commands.add_parser("add", help="register a robot by its public key")
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
    listed = commands.add_parser("list", help="list the registered robots")
    listed.set_defaults(run=run_list)
    for command in (add, listed):
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
    try:
        robot, credentials = new_robot(args.name, pem)
    except MisuseError as error:
        where = f"--key: {args.key}: " if str(error).startswith("public key") else ""
        raise MisuseError(f"{where}{error}") from None
    data = DataFolder(args.data or default_data_folder()).make()
    host = HostKeys.load_or_create(data)
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


def run_list(args: argparse.Namespace) -> int:
    """Print id, when it was registered, key and name of each robot, one a line."""
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.ledger import Ledger

    data = DataFolder(args.data or default_data_folder())
    if not data.ledger.exists():
        print(f"wachhund: no robots yet: {data.path} holds no ledger", file=sys.stderr)
        return 0
    ledger = Ledger.open(data.ledger)
    try:
        for robot in ledger.robots():
            registered = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(robot.created_t))
            print(f"{robot.id}  {registered}  {robot.kid}  {robot.name}")
    finally:
        ledger.close()
    return 0
