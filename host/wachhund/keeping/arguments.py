"""What the commands of keeping share: the ledger of a data folder, a span, a reason."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wachhund.keeping.moments import parse_moment
from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from wachhund.ledger import Ledger

MAX_WHY_CHARS = 500  # it stays for ever


@contextmanager
def ledger_of(args: argparse.Namespace) -> "Iterator[Ledger]":
    """The host's ledger, open. Raises MisuseError when there is none."""
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.ledger import Ledger

    data = DataFolder(args.data or default_data_folder())
    if not data.has_ledger():
        raise MisuseError(f"{args.command}: {data.path} holds no ledger: give the host's --data folder")
    ledger = Ledger.open(data.ledger)
    try:
        yield ledger
    finally:
        ledger.close()


def span_of(args: argparse.Namespace) -> tuple[float | None, float | None]:
    """--from and --to. Raises MisuseError."""
    from_t = None if args.from_t is None else parse_moment(args.from_t, "--from")
    to_t = None if args.to_t is None else parse_moment(args.to_t, "--to")
    if from_t is not None and to_t is not None and to_t < from_t:
        raise MisuseError("--to: is before --from: give a span that runs forwards")
    return from_t, to_t


def why_of(args: argparse.Namespace) -> str:
    """--why. Raises MisuseError."""
    why = str(args.why).strip()
    if not why or not why.isprintable() or len(why) > MAX_WHY_CHARS:
        raise MisuseError(f"--why: give a reason in 1 to {MAX_WHY_CHARS} printable characters: it stays on record")
    return why
