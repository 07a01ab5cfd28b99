"""`wachhund host-key`: give the host another key, and keep the key that can do it when the host's own is stolen."""

import argparse
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from wachhund_evidence import MisuseError, thumbprint


def add_parser(subparsers: Any) -> None:
    """Add `host-key` to the command line."""
    parser = subparsers.add_parser("host-key", help="change the host's own key, and keep one for recovery")
    commands = parser.add_subparsers(dest="host_key_command", metavar="COMMAND", required=True)
    shown = commands.add_parser("show", help="the host's keys, and which robots do not know the present one yet")
    shown.set_defaults(run=run_show)
    recovery = commands.add_parser(
        "recovery",
        help="make the recovery key, to be kept offline",
        description="Makes a key that can give this host a new key when its own is stolen or lost. FILE belongs on "
        "something that lies in a drawer; the host keeps the public half only. Robots pin it when they enrol: make it "
        "before the first one does.",
    )
    recovery.add_argument("--out", metavar="FILE", type=Path, required=True, help="where the private key goes (0600)")
    recovery.set_defaults(run=run_recovery)
    rotate = commands.add_parser(
        "rotate",
        help="give the host a new key that the present one vouches for",
        description="Stop the host first. Robots take the new key with their next receipt, whenever that is. A backup "
        "from before speaks with the old key: make a new one.",
    )
    rotate.set_defaults(run=run_rotate)
    recover = commands.add_parser(
        "recover",
        help="give the host a new key that the recovery key vouches for: after theft or loss",
        description="Stop the host first. Works without the old key, and on a backup from before a change of it: "
        "robots that pinned the recovery key believe the new key.",
    )
    recover.add_argument("--recovery-key", metavar="FILE", type=Path, required=True, help="what `recovery` wrote")
    recover.set_defaults(run=run_recover)
    for command in commands.choices.values():
        command.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")


def run_recovery(args: argparse.Namespace) -> int:
    """Make the recovery key."""
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.fleet.host_keys import make_recovery_key

    data = DataFolder(args.data or default_data_folder()).make()
    kid = make_recovery_key(data, args.out)
    print(f"recovery key {kid} in {args.out}: move it offline, and keep a second copy; this host does not need it")
    return 0


def run_rotate(args: argparse.Namespace) -> int:
    """Give the host a new key."""
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.fleet.host_key_change import rotate
    from wachhund.fleet.one_host import nobody_else

    data = DataFolder(args.data or default_data_folder())
    if not data.path.is_dir():
        raise MisuseError(f"host key: {data.path} holds none: give the host's --data folder")
    with nobody_else(data):
        kid = rotate(data, time.time())
    _say_changed(kid)
    return 0


def run_recover(args: argparse.Namespace) -> int:
    """Give the host a new key by the recovery key."""
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.fleet.host_key_change import recover
    from wachhund.fleet.one_host import nobody_else

    data = DataFolder(args.data or default_data_folder()).make()
    with nobody_else(data):
        kid = recover(data, args.recovery_key, time.time())
    _say_changed(kid)
    return 0


def _say_changed(kid: str) -> None:
    print(f"host key {kid}: robots take it with their next receipt; `wachhund host-key show` names those who have not")
    print("wachhund: make a new backup: one from before speaks with the old key, which robots believe no more",
          file=sys.stderr)  # fmt: skip


def run_show(args: argparse.Namespace) -> int:
    """Print the host's keys and who pins an earlier one."""
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.fleet.host_keys import HostKeys
    from wachhund.ledger import Ledger
    from wachhund.ledger.roll import LET_IN

    data = DataFolder(args.data or default_data_folder())
    if not data.host_key.exists():
        raise MisuseError(f"host key: {data.path} holds none: give the host's --data folder")
    keys = HostKeys.load_or_create(data)
    print(f"host key {keys.kid}")
    for kid in reversed(list(keys.succession.keys)[:-1]):
        print(f"  before it {kid}")
    print("no recovery key: make one with `wachhund host-key recovery`" if keys.recovery_key is None
          else f"recovery key {thumbprint(keys.recovery_key)}")  # fmt: skip
    if not data.has_ledger() or not keys.succession.statements:
        return 0
    with closing(Ledger.open(data.ledger)) as ledger:
        for robot in ledger.robots():
            pinned = ledger.pinned_host_key(robot.id)
            if robot.state in LET_IN and pinned != keys.kid:
                # What a robot says is no text for a terminal, unless it is a name that we know.
                known = pinned if pinned in keys.succession.keys else "no key of this host that it has named"
                print(f"not yet with {robot.name}: robot {robot.id} pins {known}")
    return 0
