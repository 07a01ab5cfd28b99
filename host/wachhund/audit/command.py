"""`wachhund verify`: what a ledger proves, checked offline by whoever has been given it."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from wachhund.audit.verifying import Proven

EXIT_NOT_PROVEN = 1
_MAX_KEY_BYTES = 16 * 1024


def add_parser(subparsers: Any) -> None:
    """Add `verify` to the command line."""
    parser = subparsers.add_parser(
        "verify",
        help="check every signature and link of a ledger, offline",
        description="Reads a ledger (also a copy that was handed on), believes nothing in it but the keys, and says "
        "what is proven and what is not. Exit 0: all that is there is proven; 1: something is not; 2: not a ledger.",
    )
    parser.add_argument("ledger", metavar="LEDGER", type=Path, help="the file ledger.sqlite, or the folder it lies in")
    parser.add_argument(
        "--key", metavar="FILE", type=Path, action="append", default=[],
        help="believe this robot key only (PEM, repeatable), not those in the ledger",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check and tell. Raises MisuseError for what cannot be read."""
    from wachhund.audit.verifying import verify_ledger
    from wachhund.ledger.engine import LedgerError, reading_only

    path = args.ledger / "ledger.sqlite" if args.ledger.is_dir() else args.ledger
    pinned = dict(_pinned(file) for file in args.key)
    try:
        with reading_only(path) as connection:
            found = verify_ledger(connection, pinned)
    except LedgerError as error:
        raise MisuseError(str(error)) from None
    if args.json:
        print(json.dumps({"proven": all(one.is_proven for one in found), "robots": [vars(one) for one in found]}))
    else:
        _tell(found, bool(pinned))
    return 0 if all(one.is_proven for one in found) else EXIT_NOT_PROVEN


def _pinned(path: Path) -> "tuple[str, Ed25519PublicKey]":
    from wachhund_evidence import load_public_key_pem, thumbprint

    try:
        with path.open("rb") as stream:
            key = load_public_key_pem(stream.read(_MAX_KEY_BYTES))
    except OSError as error:
        raise MisuseError(f"--key: {path}: {error.strerror}: give a robot's public key file") from None
    except MisuseError as error:
        raise MisuseError(f"--key: {path}: {error}") from None
    return thumbprint(key), key


def _tell(found: "list[Proven]", is_pinned: bool) -> None:
    for one in found:
        print(f"{one.name} (robot {one.robot}): {'proven' if one.is_proven else 'NOT PROVEN'}")
        print(
            f"  {one.signatures} of {one.tokens} tokens signed by the robot, {one.links} links in {one.chains} chains, "
            f"{one.observations} observations as signed"
        )
        print(f"  missing: {one.holes} unstated, {one.stated_lost} stated as lost; forks: {one.forks}")
        print(f"  under: {', '.join(one.keys) or 'no key'}")
        for fault in one.faults:
            print(f"  not proven: {fault}")
        if one.more:
            print(f"  not proven: and {one.more} more")
    if not found:
        print("no robot is in this ledger")
    if not is_pinned and found:
        print(
            "The keys are the ledger's own: compare them with those that the robots show, or give them with --key.",
            file=sys.stderr,
        )
