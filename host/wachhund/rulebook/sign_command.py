"""`wachhund rules sign`: make a folder of rules a signed, versioned pack."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def add_parser(commands: Any) -> None:
    """Add `sign` to `wachhund rules`."""
    parser = commands.add_parser(
        "sign",
        help="make a folder of rules a signed, versioned pack",
        description="Writes FOLDER/pack.jws, which names each rule file below FOLDER as it is now. From then on only "
        "those files count, and only unchanged; a later version takes the place of an earlier one.",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="with the pack's *.yml")
    parser.add_argument("--name", metavar="NAME", required=True, help="of the pack: a-z, 0-9, . _ -")
    parser.add_argument("--version", metavar="N", type=int, required=True, help="a whole number, higher each time")
    parser.add_argument("--key", metavar="FILE", type=Path, help="another private key (PEM) than the host's own")
    parser.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder, where its key is")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check the rules and sign them. Returns 0. Raises MisuseError."""
    from wachhund.fleet.host_keys import read_private_key
    from wachhund.judge.rule_file import UnusableFile, read_text
    from wachhund.judge.rule_loading import NO_RULES, files_below, read_file
    from wachhund.judge.signed_packs import MANIFEST, sign_pack
    from wachhund.rulebook import shelf

    files, fault = files_below(args.folder)
    if fault is not None or not files:
        raise MisuseError(f"{args.folder}: {fault or NO_RULES}")
    for file in files:
        for wrong in read_file(file).faults:
            raise MisuseError(f"{file}: {wrong}: mend it first (wachhund rules check)")
    key = read_private_key(args.key or shelf.data_folder(args.data).host_key, "key")
    _forward_only(args, key.public_key())
    try:
        texts = {file.relative_to(args.folder).as_posix(): read_text(file) for file in files}
        sign_pack(args.folder, texts, args.name, args.version, time.time(), key)
    except UnusableFile as error:
        raise MisuseError(str(error)) from None
    print(f"{args.folder / MANIFEST}: {args.name} version {args.version}, {len(files)} files")
    return 0


def _forward_only(args: argparse.Namespace, key: "Ed25519PublicKey") -> None:
    """A host that had a version takes none before it. Raises MisuseError when this key signed such a one here."""
    from wachhund.judge.rule_file import UnusableFile
    from wachhund.judge.signed_packs import MANIFEST, read_pack
    from wachhund_evidence import thumbprint

    try:
        known = read_pack(args.folder / MANIFEST, {thumbprint(key): key})
    except UnusableFile:
        return  # none yet, or somebody else's: it is written anew
    if known.name == args.name and known.version >= args.version:
        raise MisuseError(f"--version: {args.version}: it is version {known.version} already: give a higher one")
