"""`wachhund verify`: what a ledger or a bundle proves, checked offline by whoever has been given it."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund.inspection.recipient import is_report
from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from wachhund.audit.proven import Proven, Word
    from wachhund.audit.verifying_bundle import Checked

EXIT_NOT_PROVEN = 1
_MAX_KEY_BYTES = 16 * 1024
_ZIP = b"PK"  # how every ZIP begins, whatever comes then
_HEAD_BYTES = 32


def add_parser(subparsers: Any) -> None:
    """Add `verify` to the command line."""
    parser = subparsers.add_parser(
        "verify",
        help="check every signature and link of a ledger, a bundle or a report, offline",
        description="Reads a ledger, a bundle that `wachhund export` made, or a report of `wachhund audit`, believes "
        "nothing in it but the keys, and says what is proven and what is not: signatures, identity, order, "
        "completeness, freshness. Exit 0: nothing failed; 1: something is not proven, and which; 2: none of the three.",
    )
    parser.add_argument(
        "file", metavar="FILE", type=Path, help="a bundle, a report, ledger.sqlite, or the folder it lies in"
    )
    parser.add_argument(
        "--key", metavar="FILE", type=Path, action="append", default=[],
        help="believe this key only (PEM, repeatable), a robot's or an auditor's, not one that came along",
    )  # fmt: skip
    parser.add_argument(
        "--host-key", metavar="FILE", type=Path, action="append", default=[],
        help="believe a bundle of this host only (PEM, repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--observations", metavar="FILE", type=Path,
        help="the observations that came with a report: check that it was made from these",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check and tell. Raises MisuseError for what cannot be read."""
    pinned = dict(_pinned(file, "--key") for file in args.key)
    hosts = dict(_pinned(file, "--host-key") for file in args.host_key)
    path = args.file
    try:
        path = path / "ledger.sqlite" if path.is_dir() else path
        head = _head(path)
        if is_report(head):
            return _report(path, pinned, args.observations, args.json)
        if args.observations is not None:
            raise MisuseError("--observations: come with a report of an audit, and this file is none")
        if head.startswith(_ZIP):
            return _bundle(path, pinned, hosts, args.json)
    except OSError as error:
        raise MisuseError(f"verify: {path}: {error.strerror}: give a bundle, a report or a ledger") from None
    if hosts:
        raise MisuseError("--host-key: is for a bundle: a ledger is the host's own")
    return _ledger(path, pinned, args.json)


def _head(path: Path) -> bytes:
    """How a file begins; empty for a ledger on a server, which has none. Raises OSError."""
    from wachhund.ledger.place import address_file

    if not path.exists() and address_file(path).exists():
        return b""
    with path.open("rb") as stream:
        return stream.read(_HEAD_BYTES)


def _report(
    path: Path, pinned: "dict[str, Ed25519PublicKey]", observations: Path | None, as_json: bool
) -> int:  # fmt: skip
    from wachhund.audit.verifying_report import check_report
    from wachhund.inspection.report import in_one_line

    checked = check_report(path, frozenset(pinned), observations)
    if as_json:
        words = {name: {"state": word.state, "why": word.why} for name, word in checked.words.items()}
        print(json.dumps({"proven": checked.is_proven, "key": checked.kid, "sha256": checked.digest, "words": words}))
    else:
        if checked.report is not None:
            print(f"audit of {_plain(checked.report['subject']['name'])}: {in_one_line(checked.report)}")
        for name, word in checked.words.items():
            _tell_word(name, word)
        print(f"  under: {checked.kid or 'no key'}")
    return 0 if checked.is_proven else EXIT_NOT_PROVEN


def _bundle(
    path: Path, pinned: "dict[str, Ed25519PublicKey]", hosts: "dict[str, Ed25519PublicKey]", as_json: bool
) -> int:
    from wachhund.audit.verifying_bundle import verify_bundle

    checked = verify_bundle(path, pinned, hosts)
    if as_json:
        manifest = {"state": checked.manifest.state, "why": checked.manifest.why}
        made = {"made_t": checked.made_t, "host": checked.host, "manifest": manifest}
        print(json.dumps({"proven": checked.is_proven, **made, "robots": [checked.robot.to_json()]}))
    else:
        _tell_manifest(checked)
        _tell([checked.robot])
    return 0 if checked.is_proven else EXIT_NOT_PROVEN


def _ledger(path: Path, pinned: "dict[str, Ed25519PublicKey]", as_json: bool) -> int:
    from wachhund.audit.verifying import verify_ledger
    from wachhund.ledger.database import LedgerError
    from wachhund.ledger.opening import reading_only

    try:
        with reading_only(path) as connection:
            found = verify_ledger(connection, pinned)
    except LedgerError as error:
        raise MisuseError(str(error)) from None
    proven = all(one.is_proven for one in found)
    if as_json:
        print(json.dumps({"proven": proven, "robots": [one.to_json() for one in found]}))
    else:
        _tell(found)
        if not found:
            print("no robot is in this ledger")
    return 0 if proven else EXIT_NOT_PROVEN


def _pinned(path: Path, option: str) -> "tuple[str, Ed25519PublicKey]":
    from wachhund_evidence import load_public_key_pem, thumbprint

    try:
        with path.open("rb") as stream:
            key = load_public_key_pem(stream.read(_MAX_KEY_BYTES))
    except OSError as error:
        raise MisuseError(f"{option}: {path}: {error.strerror}: give a public key file") from None
    except MisuseError as error:
        raise MisuseError(f"{option}: {path}: {error}") from None
    return thumbprint(key), key


def _tell_manifest(checked: "Checked") -> None:
    from wachhund.keeping.moments import shown

    print(f"bundle of host {_plain(checked.host)}, made {shown(checked.made_t)} as it says")
    _tell_word("manifest", checked.manifest)


def _tell(found: "list[Proven]") -> None:
    for one in found:
        verdict = "proven, as far as it was checked" if one.is_proven else "NOT PROVEN"
        print(f"{_plain(one.name)} (robot {_plain(one.robot)}): {verdict}")
        for name, word in one.words.items():
            _tell_word(name, word)
        print(
            f"  {one.signatures} of {one.tokens} tokens signed by the robot, {one.links} links in {one.chains} chains, "
            f"{one.receipts} receipts of the host shown back"
        )
        print(f"  under: {', '.join(one.keys) or 'no key'}")
        for act in one.acts:
            print(f"  erased by {_plain(act['by'])} (act {act['id']}): {_plain(act['why'])}")
        for fault in one.faults:
            print(f"  not proven: {_plain(fault)}")
        if one.more:
            print(f"  not proven: and {one.more} more")
    if found and not found[0].is_pinned:
        print(
            "The keys came with the evidence: compare them with those that the robots show, or give them with --key.",
            file=sys.stderr,
        )


def _tell_word(name: str, word: "Word") -> None:
    print(f"  {name + ':':13} {word.state.upper() if word.state == 'not proven' else word.state}: {_plain(word.why)}")


def _plain(text: object) -> str:
    """What somebody else wrote, and may be no text, for a terminal."""
    return "".join(one if one.isprintable() else "?" for one in str(text)[:500])
